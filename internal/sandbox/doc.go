// Package sandbox runs one function of ours where it can't touch the host: in user, mount, pid, ipc, uts and network namespaces of its own, as
// a root that is nobody outside, with a view of the file system that holds the host's programs read-only and nothing else of it.
//
// The program starts itself anew in two stages. The first stage gets the namespaces and the subordinate ids, builds the view and
// watches that the caller still lives. The second runs the function in one more user and mount namespace, and by that every mount
// of the view is locked: what is read-only there stays so, even for a root that may mount. When the first stage ends, the
// kernel kills every process in the sandbox.
//
// What belongs to packages, images or builds never belongs here: the function and its files are the caller's.
package sandbox

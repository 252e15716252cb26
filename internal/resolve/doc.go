// Package resolve turns a Plan into a Lock: every input pinned by digest. dnf solves the dependencies, natively on the host, through one small
// Python helper that speaks JSON; this package asks it, checks what it answers, and fetches what a Lock names. It installs
// nothing, and it knows nothing of machines or disks.
package resolve

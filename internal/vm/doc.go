// Package vm is the room of the machine: it starts QEMU for any of the architectures, listens to the agent in it, watches
// deadlines, and says what went wrong when a machine dies or falls silent. It also finds out whether KVM really works, and adds
// files to an initramfs.
//
// A machine belongs to the process that started it. It has no socket in the file system: its monitor and its events come
// over socket pairs that it inherits, so nobody else can connect and nothing is left behind, whatever ends either side.
//
// What a machine is for never belongs here: jobs are made by install, checks of a booted image by verify.
package vm

package vm

import "regexp"

// symptom is what a failed machine prints and what it usually means.
type symptom struct {
	sign  *regexp.Regexp
	cause string
}

// symptoms are in order of how much they explain: a panic is often only the last consequence of what is above it here.
func symptoms() []symptom {
	table := []struct{ sign, cause string }{
		{`KVM internal error|kvm run failed|KVM: entry failed`, "KVM does not work on this host although /dev/kvm is there; use --accel tcg"},
		{`Could not access KVM kernel module|failed to initialize kvm`, "/dev/kvm can't be used by this user; join the group kvm or use --accel tcg"},
		{`cannot set up guest memory|Cannot allocate memory`, "this host has too little memory free for the machine"},
		{`Failed to get "?write"? lock|Failed to get shared "write" lock`, "another machine is using the same disk"},
		{`Out of memory: Killed process|Out of memory and no killable processes|oom-kill:|invoked oom-killer`, "the guest ran out of memory; give the machine more"},
		{`No space left on device`, "a disk is full: the guest's, or the host's where the image is written"},
		{`VFS: Unable to mount root fs|Cannot open root device|No root device|dracut.*[Cc]ould not boot|/dev/disk/by-uuid/\S+ does not exist|ALERT!.*does not exist`,
			"the root file system was not found: a missing driver in the initramfs, or a wrong root= on the kernel's command line"},
		{`Initramfs unpacking failed|junk (within|at the end of) compressed archive|invalid magic at start of compressed`, "the initramfs is damaged or of a kind that this kernel can't unpack"},
		{`No working init found|Failed to execute /\S+ \(error|Requested init \S+ failed`, "the kernel could not start the program named by rdinit= or init=: absent, or of another architecture"},
		{`(?i)no bootable device|Boot failed: not a bootable disk|BdsDxe: failed to (load|start)|No bootable option or device was found`, "the firmware found nothing to boot on the disk: boot loader missing, or made for other firmware"},
		{`grub rescue>|error: (no such device|unknown filesystem|file .* not found|disk .* not found)`, "the boot loader did not find its files"},
		{`soft lockup|rcu_sched self-detected stall|rcu_preempt detected stalls|blocked for more than \d+ seconds`, "the guest stood still for long: the host is overloaded, or emulation is too slow for it"},
		{`Entering emergency mode|You are in emergency mode|emergency\.target`, "the guest's systemd gave up and went into emergency mode, mostly for a mount of /etc/fstab that failed"},
		{`I/O error, dev |Buffer I/O error|XFS .*Corruption|EXT4-fs error|SQUASHFS error`, "a disk can't be read: a damaged image or download"},
		{`CPU does not support|requires a CPU with|Fatal glibc error: CPU`, "the emulated CPU is older than the guest demands; see the CPU table in internal/arch"},
		{`Kernel panic - not syncing`, "the guest's kernel panicked"},
	}
	var out []symptom
	for _, row := range table {
		out = append(out, symptom{regexp.MustCompile(row.sign), row.cause})
	}
	return out
}

// LikelyCause guesses from the last lines of a console, or of QEMU's own messages, why a machine failed; "" is no idea. It is a
// pure function.
func LikelyCause(lines []string) string {
	for _, s := range symptoms() {
		for _, line := range lines {
			if s.sign.MatchString(line) {
				return s.cause
			}
		}
	}
	return ""
}

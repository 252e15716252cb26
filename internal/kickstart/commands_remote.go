package kickstart

// remoteStorageCommands are the commands that attach disks which aren't simply there.
func remoteStorageCommands() []*Spec {
	return []*Spec{
		{
			Names: []string{"iscsi"}, Priority: 71, Repeats: true,
			Help: "Attaches an iSCSI target.",
			Options: []Option{
				text("--ipaddr").need(), text("--target"), number("--port").implied(int64(3260)), text("--iface"), text("--user"), text("--password").secret(),
				text("--reverse-user"), text("--reverse-password").secret(),
			},
		},
		{
			Names: []string{"iscsiname"}, Priority: 70,
			Help: "Names this machine for iSCSI.",
			Args: []Option{positional("<iqn>")},
		},
		{
			Names: []string{"fcoe"}, Priority: 71, Repeats: true,
			Help:    "Attaches disks over Fibre Channel over Ethernet.",
			Options: []Option{text("--nic").need(), flag("--dcb"), flag("--autovlan")},
			check:   func(c *call) { c.duplicate("FCoE device", "nic") },
		},
		{
			Names: []string{"zfcp"}, Priority: 71, Repeats: true,
			Help: "Attaches disks over Fibre Channel on s390x.",
			Options: []Option{
				text("--devnum").need(), text("--wwpn").need().until(RHEL8), text("--fcplun").need().until(RHEL8),
				text("--wwpn").since(RHEL9), text("--fcplun").since(RHEL9),
			},
			check: checkZFCP,
		},
		{
			Names: []string{"nvdimm"}, Priority: 80, Repeats: true, Removed: RHEL10,
			Help: "Uses or reconfigures NVDIMM devices.",
			Args: []Option{positional("action").oneOf("reconfigure", "use")},
			Options: []Option{
				text("--namespace"), list("--blockdevs"), text("--mode").oneOf("sector"), number("--sectorsize"),
			},
			check: checkNVDIMM,
		},
		{
			Names: []string{"driverdisk"}, Repeats: true,
			Help:    "Loads drivers from a disk or from the network.",
			Args:    []Option{positional("partition").kind(Rest)},
			Options: []Option{text("--source"), text("--biospart")},
			check:   checkDriverDisk,
		},
	}
}

// ignoredCommands are those that no longer do anything.
func ignoredCommands() []*Spec {
	return []*Spec{
		{Names: []string{"install"}, Ignored: RHEL8, Removed: RHEL9, Help: "Installing is what happens anyway: leave the command out."},
		{Names: []string{"device"}, Ignored: RHEL8, Removed: RHEL9, Help: "Kernel modules load by themselves: leave the command out."},
		{Names: []string{"deviceprobe"}, Ignored: RHEL8, Removed: RHEL9, Help: "Devices are found by themselves: leave the command out."},
		{Names: []string{"dmraid"}, Ignored: RHEL8, Removed: RHEL9, Help: "Firmware RAID is found by itself: leave the command out."},
		{Names: []string{"multipath"}, Ignored: RHEL8, Removed: RHEL9, Help: "Multipath devices are found by themselves: leave the command out."},
		{Names: []string{"btrfs"}, Ignored: RHEL8, Removed: RHEL10, Help: "Btrfs isn't supported in Enterprise Linux."},
		{
			Names: []string{"autostep"}, Ignored: RHEL9, Removed: RHEL10,
			Help:    "Steps through the screens of the installer.",
			Options: []Option{flag("--autoscreenshot")},
		},
		{
			Names: []string{"method"}, Ignored: RHEL9, Removed: RHEL10,
			Help: "Say the source with url, nfs, harddrive or cdrom.",
			parse: func(c *call) {
				c.fail("", "method can't be used by itself", "use url, nfs, harddrive or cdrom")
			},
		},
	}
}

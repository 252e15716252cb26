package kickstart

// luksOptions are the options that everything that can be encrypted has.
func luksOptions() []Option {
	return []Option{
		flag("--encrypted"), text("--passphrase").secret().with("encrypted"), text("--cipher").with("encrypted"),
		text("--escrowcert").with("encrypted"), flag("--backuppassphrase").with("encrypted", "escrowcert"),
		text("--luks-version").resets().with("encrypted"), text("--pbkdf").resets().with("encrypted"),
		number("--pbkdf-memory").resets().with("encrypted").above0(), number("--pbkdf-time").resets().with("encrypted").above0(),
		number("--pbkdf-iterations").resets().with("encrypted").above0(),
	}
}

// fsOptions are the options that everything that can carry a file system has.
func fsOptions() []Option {
	return []Option{
		text("--fstype"), text("--label"), text("--fsoptions"), text("--mkfsoptions"), text("--fsprofile"),
		off("format", "--noformat"),
	}
}

func mountPoint() Option { return positional("<mntpoint>").read(readMountPoint) }

func storageCommands() []*Spec {
	return []*Spec{
		{
			Names: []string{"part", "partition"}, Attr: "partition", Priority: 130, Repeats: true,
			Help:      "Makes a partition, or uses one that exists.",
			Conflicts: []string{"autopart", "mount"},
			Args:      []Option{mountPoint()},
			Options: concat([]Option{
				number("--size").above0(), flag("--grow"), number("--maxsize").above0(), flag("--recommended"), flag("--hibernation"), flag("--resize"),
				text("--ondisk", "--ondrive"), text("--onpart", "--usepart").read(readDevice), text("--onbiosdisk"),
				flag("--asprimary"), flag("--active").until(RHEL8).deprecated(RHEL8, "it has no effect"),
			}, named(fsOptions(), "--fstype", "--type"), luksOptions()),
			check: checkPartition,
		},
		{
			Names: []string{"raid"}, Priority: 131, Repeats: true,
			Help:      "Makes a software RAID device of partitions.",
			Conflicts: []string{"autopart", "mount"},
			Args:      []Option{mountPoint(), rest("<partitions*>").to("members").need()},
			Options: concat([]Option{
				text("--device").need().read(readRAIDDevice), text("--level").read(readRAIDLevel), number("--spares"), number("--chunksize"),
				flag("--useexisting"),
			}, fsOptions(), luksOptions()),
			loose: true, check: checkRAID,
		},
		{
			Names: []string{"volgroup"}, Priority: 132, Repeats: true,
			Help:      "Makes an LVM volume group of physical volumes.",
			Conflicts: []string{"autopart", "mount"},
			Args:      []Option{positional("<name>").kind(Rest), rest("<partitions*>").to("members")},
			Options: []Option{
				off("format", "--noformat"), flag("--useexisting"), number("--pesize").resets(),
				number("--reserved-space"), number("--reserved-percent"),
			},
			loose: true, check: checkVolGroup,
		},
		{
			Names: []string{"logvol"}, Priority: 133, Repeats: true,
			Help:      "Makes an LVM logical volume.",
			Conflicts: []string{"autopart", "mount"},
			Args:      []Option{mountPoint()},
			Options: concat([]Option{
				text("--vgname").need(), text("--name").need(), number("--size").above0(), number("--percent"), flag("--grow"), number("--maxsize").above0(),
				flag("--recommended"), flag("--hibernation"), flag("--resize"), flag("--useexisting"),
				flag("--thinpool"), flag("--thin"), text("--poolname").with("thin"), number("--chunksize"), number("--metadatasize"), text("--profile"),
				number("--cachesize"), list("--cachepvs"), text("--cachemode"),
			}, fsOptions(), luksOptions()),
			check: checkLogVol,
		},
		{
			Names: []string{"snapshot"}, Priority: 140, Repeats: true,
			Help: "Makes an LVM snapshot before or after the installation.",
			Args: []Option{positional("<originVG/originLV>").to("origin")},
			Options: []Option{
				text("--name").need(), text("--when").need().read(readWhen),
			},
			check: checkSnapshot,
		},
		{
			Names: []string{"autopart"}, Priority: 100,
			Help:      "Partitions the disks by the installer's own scheme.",
			Conflicts: []string{"partition", "raid", "volgroup", "logvol", "reqpart"},
			Options: concat([]Option{
				text("--type").read(readAutoPartType), set("type", "plain", "--nolvm").hidden(), text("--fstype"),
				flag("--nohome"), flag("--noboot"), flag("--noswap"), flag("--hibernation").since(RHEL10),
			}, luksOptions()),
			check: checkAutoPart,
		},
		{
			Names: []string{"reqpart"}, Priority: 100,
			Help:      "Makes the partitions that the platform needs.",
			Conflicts: []string{"autopart", "mount"},
			Options:   []Option{flag("--add-boot")},
		},
		{
			Names: []string{"mount"}, Repeats: true,
			Help:      "Mounts a block device that exists.",
			Conflicts: []string{"autopart", "partition", "raid", "volgroup", "logvol", "reqpart"},
			Args:      []Option{positional("<device>"), mountPoint()},
			Options: []Option{
				text("--reformat").kind(Optional), text("--mkfsoptions"), text("--mountoptions"),
			},
			check: checkMount,
		},
		{
			Names: []string{"clearpart"}, Priority: 120,
			Help: "Removes partitions before new ones are made.", Key: []string{"type"},
			Options: []Option{
				set("type", "all", "--all"), set("type", "linux", "--linux"), set("type", "none", "--none"),
				list("--list"), list("--drives"), flag("--initlabel"), text("--disklabel").resets(), flag("--cdl"),
			},
			check: checkClearPart,
		},
		{
			Names: []string{"ignoredisk"},
			Help:  "Leaves disks alone.",
			Options: []Option{
				list("--drives"), list("--only-use"), flag("--interactive").until(RHEL8).deprecated(RHEL8, "it has no effect"),
			},
			check: func(c *call) {
				state := c.merged()
				c.need(state.empty("drives") != state.empty("only_use"), "", "exactly one of --drives and --only-use is needed")
			},
		},
		{Names: []string{"zerombr"}, Priority: 110, Help: "Initialises disks whose partition table can't be read."},
		{
			Names: []string{"zipl"}, Priority: 10,
			Help: "Sets up the boot loader of s390x.", Key: []string{"secure_boot"},
			Options: []Option{
				set("secure_boot", "auto", "--secure-boot"), set("secure_boot", "force", "--force-secure-boot"),
				set("secure_boot", "no", "--no-secure-boot"),
			},
		},
		{
			Names: []string{"bootloader"}, Priority: 10,
			Help: "Sets up the boot loader.",
			Options: []Option{
				text("--location").oneOf("mbr", "partition", "none", "boot").resets().unless("disabled"), text("--append"), text("--timeout").kind(Int),
				text("--default"), list("--driveorder"), text("--boot-drive").resets(), flag("--leavebootorder"),
				text("--password").secret().resets(), flag("--iscrypted"), text("--md5pass").secret(),
				flag("--extlinux"), flag("--disabled"), flag("--nombr"), flag("--sdboot").since(RHEL10),
				flag("--upgrade").until(RHEL8).deprecated(RHEL8, "it has no effect"),
			},
			check: checkBootloader,
		},
	}
}

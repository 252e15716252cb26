package kickstart

// sourceCommands are the commands that say where packages and the installer come from.
func sourceCommands() []*Spec {
	tls := func() []Option {
		return []Option{flag("--noverifyssl"), text("--sslcacert"), text("--sslclientcert"), text("--sslclientkey")}
	}
	return []*Spec{
		{
			Names: []string{"url"},
			Help:  "Installs from a tree on a server.",
			Options: concat([]Option{
				text("--url"), text("--mirrorlist"), text("--metalink"), text("--proxy"),
			}, tls()),
			check: checkURL,
		},
		{
			Names: []string{"repo"}, Repeats: true,
			Help: "Adds a package repository.",
			Options: concat([]Option{
				text("--name").need(), text("--baseurl"), text("--mirrorlist"), text("--metalink"), number("--cost"),
				list("--includepkgs"), list("--excludepkgs"), text("--proxy"), flag("--install"),
				yesNo("--ignoregroups").implied(false).until(RHEL9).deprecated(RHEL9, "it has no effect"),
			}, tls()),
			check: checkRepo,
		},
		{
			Names: []string{"nfs"},
			Help:  "Installs from a tree on an NFS server.",
			Options: []Option{
				text("--server").need(), text("--dir").need(), text("--opts"),
			},
		},
		{
			Names: []string{"harddrive"},
			Help:  "Installs from a tree on a local disk.",
			Options: []Option{
				text("--dir").need(), text("--partition").until(RHEL8).empty(), text("--biospart").until(RHEL8), text("--partition").need().since(RHEL9),
			},
			check: checkHardDrive,
		},
		{Names: []string{"cdrom"}, Help: "Installs from the first optical drive.", loose: true, check: noArguments},
		{Names: []string{"hmc"}, Help: "Installs from the hardware management console of s390x.", loose: true, check: noArguments},
		{
			Names: []string{"liveimg"},
			Help:  "Installs the file system of an image instead of packages.",
			Options: []Option{
				text("--url").need(), text("--proxy"), flag("--noverifyssl").keeps(), text("--checksum"),
			},
		},
		{
			Names: []string{"ostreesetup"}, Conflicts: []string{"ostreecontainer", "bootc"}, ConflictsSince: RHEL10,
			Help: "Installs from an OSTree repository.", Key: []string{"osname"},
			Options: []Option{
				text("--osname").need(), text("--remote"), text("--url").need(), text("--ref").need(), flag("--nogpg"),
			},
			check: checkOSTree,
		},
		{
			Names: []string{"ostreecontainer"}, Since: RHEL9, Conflicts: []string{"ostreesetup", "bootc"},
			Help: "Installs an OSTree commit from a container image.",
			Options: []Option{
				text("--url").need(), text("--stateroot"), text("--transport"), text("--remote"), flag("--no-signature-verification"),
			},
			check: func(c *call) { c.otherwise("remote", c.values.Text("stateroot")) },
		},
		{
			Names: []string{"bootc"}, Since: RHEL10, Conflicts: []string{"ostreesetup", "ostreecontainer"},
			Help: "Installs a bootable container image.",
			Options: []Option{
				text("--source-imgref").need(), text("--target-imgref"), text("--stateroot").resets(),
			},
			check: func(c *call) {
				c.otherwise("stateroot", "default")
				c.otherwise("target_imgref", c.values.Text("source_imgref"))
			},
		},
		{
			Names: []string{"module"}, Repeats: true, Ignored: RHEL10,
			Help:    "Enables or disables a module stream.",
			Options: []Option{text("--name").need(), text("--stream"), flag("--disable")},
			loose:   true, check: rejectAnyExtra,
		},
		{
			Names: []string{"updates"},
			Help:  "Loads updates of the installer.",
			Args:  []Option{rest("[URL]").to("url").until(RHEL8), positional("[URL]").to("url").since(RHEL9)},
			check: checkUpdates, loose: true,
		},
		{Names: []string{"mediacheck"}, Help: "Checks the installation medium."},
	}
}

package kickstart

// systemCommands are the commands that configure the installed system.
func systemCommands() []*Spec {
	return []*Spec{
		{
			Names:   []string{"lang"},
			Help:    "Sets the system's language.",
			Args:    []Option{positional("<lang>")},
			Options: []Option{list("--addsupport")},
		},
		{
			Names:   []string{"keyboard"},
			Help:    "Sets the keyboard layouts of console and desktop.",
			Args:    []Option{rest("<keymap>").to("keyboard")},
			Options: []Option{text("--vckeymap").resets(), list("--xlayouts"), list("--switch")},
			check:   checkKeyboard, print: printKeyboard,
		},
		{
			Names: []string{"timezone"},
			Help:  "Sets the time zone and what the hardware clock holds.",
			Args:  []Option{rest("<timezone>")},
			Options: []Option{
				flag("--isUtc").to("utc").until(RHEL8), flag("--utc"),
				flag("--isUtc").to("utc").since(RHEL9).until(RHEL9).deprecated(RHEL9, "use --utc"),
				flag("--nontp").until(RHEL9).deprecated(RHEL9, "use timesource --ntp-disable"),
				list("--ntpservers").until(RHEL9).deprecated(RHEL9, "use timesource --ntp-server=NAME, one each"),
			},
			check: checkTimezone,
		},
		{
			Names: []string{"timesource"}, Since: RHEL9, Repeats: true,
			Help: "Sets where the time comes from.",
			Options: []Option{
				text("--ntp-server"), text("--ntp-pool"), flag("--ntp-disable"), flag("--nts"),
			},
			check: func(c *call) {
				c.exactlyOne("ntp_server", "ntp_pool", "ntp_disable")
			},
		},
		{
			Names: []string{"rootpw"},
			Help:  "Sets or locks root's password.",
			Args:  []Option{positional("<password>").kind(Rest).secret()},
			Options: []Option{
				set("crypted", true, "--iscrypted").resets(), set("crypted", false, "--plaintext").resets(), flag("--lock"), flag("--allow-ssh").since(RHEL9),
			},
			loose: true, check: checkRootPassword,
		},
		{
			Names: []string{"user"}, Repeats: true,
			Help: "Makes a user.", Key: []string{"name"},
			Options: []Option{
				text("--name").need(), list("--groups"), text("--homedir"), text("--shell"), text("--gecos"), number("--uid"), number("--gid"),
				text("--password").secret(), set("crypted", true, "--iscrypted"), set("crypted", false, "--plaintext").hidden(), flag("--lock"),
			},
			check: func(c *call) { c.duplicate("user", "name") },
		},
		{
			Names: []string{"group"}, Repeats: true,
			Help:    "Makes a group.",
			Options: []Option{text("--name").need(), number("--gid")},
			check:   func(c *call) { c.duplicate("group", "name") },
		},
		{
			Names: []string{"sshkey"}, Repeats: true,
			Help:    "Lets a key log in as a user.",
			Args:    []Option{positional("<key>")},
			Options: []Option{text("--username").need()},
			check:   func(c *call) { c.duplicate("SSH key of user", "username") },
		},
		{
			Names: []string{"firewall"},
			Help:  "Sets up the firewall.",
			Options: []Option{
				set("enabled", true, "--enabled", "--enable"), set("enabled", false, "--disabled", "--disable"),
				text("--service").kind(Extend), member("service", "ftp", "--ftp"), member("service", "http", "--http"),
				member("service", "smtp", "--smtp"), member("service", "ssh", "--ssh"),
				text("--port").kind(Extend).read(readPorts), text("--trust").kind(Collect), text("--remove-service").kind(Extend),
				flag("--use-system-defaults"),
			},
			check: checkFirewall, print: printFirewall,
		},
		{
			Names: []string{"selinux"},
			Help:  "Sets the mode of SELinux.", Key: []string{"mode"},
			Options: []Option{
				set("mode", "disabled", "--disabled"), set("mode", "enforcing", "--enforcing"), set("mode", "permissive", "--permissive"),
			},
			check: func(c *call) {
				if !c.values.Has("mode") {
					c.warn(0, "selinux without an option says nothing", "use --enforcing, --permissive or --disabled")
				}
			},
		},
		{
			Names:   []string{"services"},
			Help:    "Enables and disables services.",
			Options: []Option{list("--disabled"), list("--enabled")},
			check: func(c *call) {
				state := c.merged()
				c.need(!state.empty("enabled") || !state.empty("disabled"), "", "--enabled or --disabled is needed, with names")
			},
		},
		{Names: []string{"auth", "authconfig"}, Attr: "authconfig", Removed: RHEL10, Help: "Use authselect.", parse: parseAuthconfig, print: printRaw,
			Key: []string{"args"}},
		{Names: []string{"authselect"}, Help: "Runs authselect with these arguments.", parse: parseAuthselect, print: printRaw,
			Key: []string{"args"}},
		{
			Names: []string{"realm"}, Help: "Joins a realm or domain: realm join [OPTIONS] REALM.",
			Options: realmOptions(), parse: parseRealm, print: printRealm,
		},
		{
			Names: []string{"firstboot"},
			Help:  "Says whether the set-up assistant starts at the first boot.", Key: []string{"mode"},
			Options: []Option{
				set("mode", "disable", "--disable", "--disabled"), set("mode", "enable", "--enable", "--enabled"), set("mode", "reconfig", "--reconfig"),
			},
		},
		{Names: []string{"skipx"}, Help: "Doesn't set up the X Window System."},
		{
			Names: []string{"xconfig"},
			Help:  "Sets up the X Window System.", Key: []string{"defaultdesktop", "startxonboot"},
			Options: []Option{text("--defaultdesktop"), flag("--startxonboot")},
		},
		{
			Names: []string{"syspurpose"},
			Help:  "Says what the system is for, to the subscription service.", Key: []string{"role", "sla", "usage", "addon"},
			Options: []Option{
				text("--role"), text("--sla"), text("--usage"), text("--addon").kind(Collect),
			},
		},
		{
			Names: []string{"rhsm"},
			Help:  "Registers the system with Red Hat.",
			Options: []Option{
				text("--organization").need(), text("--activation-key").secret().need().kind(Collect), flag("--connect-to-insights"), text("--proxy"),
				text("--server-hostname"), text("--rhsm-baseurl"), text("--flatpak-registry-url").since(RHEL10),
			},
			check: checkRHSM,
		},
		{
			Names:   []string{"eula"},
			Help:    "Agrees to the licence.",
			Options: []Option{flag("--agreed", "--agree", "--accepted", "--accept")},
			check:   func(c *call) { c.need(c.values.Bool("agreed"), "", "eula needs --agreed") },
		},
	}
}

func realmOptions() []Option {
	return []Option{
		text("--computer-ou"), flag("--no-password"), text("--one-time-password").secret(),
		text("--client-software"), text("--server-software"), text("--membership-software"),
	}
}

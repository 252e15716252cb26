package kickstart

// installerCommands are the commands that steer the installer itself.
func installerCommands() []*Spec {
	var specs []*Spec
	for _, action := range []string{"halt", "poweroff", "reboot", "shutdown"} {
		printAs := action
		if action == "poweroff" {
			printAs = "shutdown"
		}
		specs = append(specs, &Spec{
			Names: []string{action}, Attr: "reboot", PrintAs: printAs,
			Help:    "Says how the installation ends.",
			Options: []Option{flag("--eject"), flag("--kexec")},
			check:   func(c *call) { c.values["action"] = c.name },
		})
	}
	for _, mode := range []string{"cmdline", "graphical", "text"} {
		specs = append(specs, &Spec{
			Names: []string{mode}, Attr: "displaymode",
			Help:    "Says how the installer shows itself.",
			Options: []Option{flag("--non-interactive")},
			check:   checkDisplayMode,
		})
	}
	return append(specs,
		&Spec{
			Names: []string{"vnc"}, Ignored: RHEL10,
			Help:    "Shows the installer over VNC.",
			Options: []Option{text("--host"), text("--port").with("host"), text("--password").secret()},
		},
		&Spec{
			Names: []string{"rdp"}, Since: RHEL10,
			Help:    "Shows the installer over RDP.",
			Options: []Option{text("--username"), text("--password").secret()},
		},
		&Spec{
			Names: []string{"sshpw"}, Repeats: true,
			Help: "Makes a user of the installer, for SSH.",
			Args: []Option{rest("<password>").secret()},
			Options: []Option{
				text("--username").need(), flag("--sshkey"), set("crypted", true, "--iscrypted").resets(), set("crypted", false, "--plaintext").resets(), flag("--lock"),
			},
			loose: true, check: checkSSHPassword,
		},
		&Spec{
			Names: []string{"logging"},
			Help:  "Sends the installer's log to a server.", Key: []string{"host", "level"},
			Options: []Option{
				text("--host"), text("--port"),
				text("--level").oneOf("debug", "info", "warning", "error", "critical").until(RHEL8).standard("info"),
				text("--level").to("ignored_level").hidden().since(RHEL9).until(RHEL9).deprecated(RHEL9, "it has no effect"),
			},
			check: func(c *call) {
				if c.version == RHEL8 {
					c.otherwise("level", "info")
				}
				c.need(c.values.empty("port") || !c.values.empty("host"), "port", "--port needs --host")
			},
		},
		&Spec{
			Names:   []string{"rescue"},
			Help:    "Starts the rescue mode.",
			Options: []Option{flag("--nomount"), flag("--romount")},
			check:   func(c *call) { c.apart("nomount", "romount") },
		},
		networkCommand(),
	)
}

func networkCommand() *Spec {
	return &Spec{
		Names: []string{"network"}, Repeats: true,
		Help: "Sets up a network device, or the host name.",
		Options: []Option{
			text("--bootproto").oneOf("dhcp", "bootp", "static", "query", "ibft").standard("dhcp").unless("noipv4"), text("--device"), yesNo("--onboot").implied(true),
			flag("--activate").keeps(), off("activate", "--no-activate").keeps(), text("--hostname"),
			text("--ip"), text("--netmask"), text("--gateway"), text("--nameserver"), flag("--nodns"), flag("--nodefroute"),
			flag("--noipv4"), flag("--noipv6"), text("--ipv6"), text("--ipv6gateway"),
			text("--ipv4-dns-search").since(RHEL9), text("--ipv6-dns-search").since(RHEL9),
			flag("--ipv4-ignore-auto-dns").since(RHEL9), flag("--ipv6-ignore-auto-dns").since(RHEL9),
			text("--mtu"), text("--ethtool"), text("--dhcpclass"), flag("--notksdevice"),
			text("--essid"), text("--wepkey").secret(), text("--wpakey").secret(),
			text("--vlanid"), text("--interfacename"), text("--bondslaves"), text("--bondopts"),
			text("--bridgeslaves"), text("--bridgeopts"), text("--bindto").oneOf("mac"),
			text("--teamslaves").deprecated(RHEL10, "use a bond"), text("--teamconfig").deprecated(RHEL10, "use a bond"),
		},
		check: checkNetwork,
	}
}

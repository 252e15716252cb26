package kickstart

import (
	"fmt"
	"strings"
)

func noArguments(c *call) {
	if len(c.words) > 0 {
		c.report(c.words[0].at, c.name+" takes no arguments", "")
	}
}

func rejectAnyExtra(c *call) { c.rejectExtra() }

func checkKeyboard(c *call) {
	v := c.values
	maps := v.List("keyboard")
	delete(v, "keyboard")
	switch {
	case len(maps) > 1:
		c.fail("keyboard", "keyboard takes one keymap", "use --xlayouts='us','de' for several layouts")
	case len(maps) == 1:
		v["keyboard"] = maps[0]
	}
	if v.empty("keyboard") && v.empty("vckeymap") && v.empty("xlayouts") {
		c.fail("", "keyboard needs a keymap, --vckeymap or --xlayouts")
	}
}

func checkTimezone(c *call) {
	v := c.values
	zones := v.List("timezone")
	delete(v, "timezone")
	switch {
	case len(zones) > 1:
		c.fail("timezone", "timezone takes one time zone")
	case len(zones) == 1:
		v["timezone"] = zones[0]
	case len(v) == 0:
		c.fail("", "timezone needs a time zone or an option")
	}
	c.apart("nontp", "ntpservers")
}

func checkRootPassword(c *call) {
	v := c.values
	passwords := v.List("password")
	delete(v, "password")
	c.rejectExtra()
	switch {
	case len(passwords) > 1:
		c.fail("password", "rootpw takes one password", "a password with spaces needs quotation marks")
		return
	case len(passwords) == 1:
		v["password"] = passwords[0]
	}
	c.need(v.Bool("lock") || !v.empty("password"), "", "rootpw needs a password or --lock")
	if !v.empty("password") && !v.Has("crypted") {
		v["crypted"] = false
	}
}

func checkSSHPassword(c *call) {
	v := c.values
	c.rejectExtra()
	password := strings.Join(v.List("password"), " ")
	c.need(password != "", "", "sshpw needs a password")
	v["password"] = password
	if !v.Has("crypted") && !v.Bool("sshkey") {
		v["crypted"] = false
	}
	c.duplicate("SSH user", "username")
}

// readPorts reads a list of ports, whose protocol is tcp unless said otherwise.
func readPorts(text string, _ Version) (any, error) {
	var ports []string
	for _, port := range splitList(text) {
		if !strings.Contains(port, ":") {
			port += ":tcp"
		}
		ports = append(ports, port)
	}
	return ports, nil
}

func printRaw(p *printer, v Values) { p.words = append(p.words, v.Text("args")) }

func printRealm(p *printer, v Values) {
	p.word("join")
	p.options(realmOptions(), v, 0)
	p.word(v.Text("realm"))
}

// printKeyboard leaves the bare keymap out when the newer options say the same, and more.
func printKeyboard(p *printer, v Values) {
	if v.empty("vckeymap") && v.empty("xlayouts") {
		if looksLikeOption(v.Text("keyboard")) {
			p.word("--")
		}
		p.word(v.Text("keyboard"))
		return
	}
	if !v.empty("vckeymap") {
		p.option("--vckeymap", v.Text("vckeymap"))
	}
	if !v.empty("xlayouts") {
		p.option("--xlayouts", strings.Join(v.List("xlayouts"), ","))
	}
	if !v.empty("switch") {
		p.option("--switch", strings.Join(v.List("switch"), ","))
	}
}

// printFirewall writes only what has an effect: nothing goes with --use-system-defaults or --disabled.
func printFirewall(p *printer, v Values) {
	switch {
	case v.Bool("use_system_defaults"):
		p.flag("--use-system-defaults")
		return
	case !v.Bool("enabled"):
		p.flag("--disabled")
		return
	}
	p.flag("--enabled")
	for _, list := range []struct{ option, dest string }{
		{"--service", "service"}, {"--port", "port"}, {"--trust", "trust"}, {"--remove-service", "remove_service"},
	} {
		if items := v.List(list.dest); len(items) > 0 {
			p.option(list.option, strings.Join(items, ","))
		}
	}
}

func checkFirewall(c *call) {
	if !c.values.Has("enabled") {
		c.values["enabled"] = true
	}
}

func parseAuthconfig(c *call) {
	c.values["args"] = c.after
	c.warn(0, c.name+" is deprecated", "use authselect")
}

func parseAuthselect(c *call) { c.values["args"] = c.after }

func parseRealm(c *call) {
	words, err := splitPlain(c.after)
	switch {
	case err != nil:
		c.fail("", err.Error())
		return
	case c.start > 0:
		c.fail("", "realm doesn't stand at the beginning of the line", "the installer misreads it otherwise")
		return
	case len(words) > len(c.words):
		c.fail("", "realm can't have a comment on its line", "the installer takes it for arguments")
		return
	}
	words = c.words
	if len(words) == 0 {
		c.fail("", "realm needs a command", "write: realm join REALM")
		return
	}
	if words[0].text != "join" {
		c.report(words[0].at, fmt.Sprintf("realm has no command %q", words[0].text), "write: realm join REALM")
		return
	}
	var realms []string
	c.names = map[string]*Option{}
	for i := range c.spec.Options {
		c.names[c.spec.Options[i].Names[0]] = &c.spec.Options[i]
	}
	for i := 1; i < len(words); i++ {
		name, value, hasValue := strings.Cut(words[i].text, "=")
		if len(realms) > 0 || !strings.HasPrefix(name, "--") {
			realms = append(realms, words[i].text)
			continue
		}
		o := c.names[name]
		switch {
		case o == nil:
			c.report(words[i].at, "realm join has no option "+name, c.optionHint(name))
		case !o.Kind.takesWord() && hasValue:
			c.report(words[i].at, name+" takes no value", "")
		case !o.Kind.takesWord():
			c.switchOn(o, words[i].at)
		case hasValue:
			c.take(o, name, word{value, words[i].at})
		case i+1 < len(words):
			i++
			c.take(o, name, words[i])
		default:
			c.report(words[i].at, name+" needs a value", "")
		}
	}
	c.need(len(realms) == 1, "", "realm join takes one realm", "options stand before it")
	if len(realms) == 1 {
		c.values["realm"] = realms[0]
	}
}

func checkRHSM(c *call) {
	for _, key := range c.values.List("activation_key") {
		c.need(key != "", "activation_key", "an activation key can't be empty")
	}
}

func checkDisplayMode(c *call) {
	c.values["mode"] = c.name
	c.need(c.name != "cmdline" || !c.values.Bool("non_interactive"), "non_interactive", "cmdline is never interactive",
		"leave --non-interactive out")
}

func checkNetwork(c *call) {
	v := c.values
	if c.version >= RHEL9 {
		for _, dest := range []string{"ipv4_dns_search", "ipv6_dns_search", "ipv4_ignore_auto_dns", "ipv6_ignore_auto_dns"} {
			c.need(v.empty(dest) || !v.empty("device"), dest, c.optionName(dest)+" needs --device")
		}
	}
	if !v.empty("bridgeopts") {
		c.need(!v.empty("bridgeslaves"), "bridgeopts", "--bridgeopts needs --bridgeslaves")
		for option := range strings.SplitSeq(v.Text("bridgeopts"), ",") {
			c.need(strings.Count(option, "=") == 1, "bridgeopts", "--bridgeopts takes KEY=VALUE, separated by commas")
		}
	}
	if v.Text("bindto") == "mac" && v.Has("vlanid") {
		c.need(!v.empty("bondslaves"), "bindto", "--bindto=mac doesn't work with --vlanid")
	}
	c.duplicate("network device", "device")
}

package install

import (
	"strconv"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/kickstart"
)

// configOf carries the configuration commands over, one by one. What the kickstart does not say stays nil or empty.
func configOf(ks *kickstart.File) wire.Config {
	services, firstboot := ks.Services(), ks.Firstboot()
	x := ks.XConfig()
	c := wire.Config{
		Lang:      ks.Lang().System,
		Keymap:    ks.Keyboard().Keymap,
		XLayouts:  ks.Keyboard().XLayouts,
		SELinux:   ks.SELinux().Mode,
		Enable:    services.Enabled,
		Disable:   services.Disabled,
		Firstboot: firstboot.Mode,
		SkipX:     ks.SkipX(),
		Desktop:   x.DefaultDesktop,
		StartX:    x.StartXOnBoot,
		Timezone:  timezoneOf(ks),
		Firewall:  firewallOf(ks),
		Kdump:     kdumpOf(ks),
		RPMMacros: rpmMacrosOf(ks.Packages),
	}
	c.AuthSelect, _ = ks.Authselect()
	c.Auth, _ = ks.AuthConfig()
	if root := ks.RootPassword(); root.Present {
		c.Root = &wire.Password{Value: root.Password, Crypted: root.Crypted, Locked: root.Locked, AllowSSH: root.AllowSSH}
	}
	for _, u := range ks.Users() {
		c.Users = append(c.Users, wire.User{
			Name: u.Name, GECOS: u.GECOS, Home: u.HomeDir, Shell: u.Shell, Groups: u.Groups, UID: u.UID, GID: u.GID,
			Password: wire.Password{Value: u.Password, Crypted: u.Crypted, Locked: u.Locked},
		})
	}
	for _, g := range ks.Groups() {
		c.Groups = append(c.Groups, wire.Group{Name: g.Name, GID: g.GID})
	}
	for _, k := range ks.SSHKeys() {
		c.SSHKeys = append(c.SSHKeys, wire.SSHKey{User: k.User, Key: k.Key})
	}
	for _, n := range ks.Networks() {
		mtu, _ := strconv.Atoi(n.MTU) // the parser has checked it; absent is 0
		c.Networks = append(c.Networks, wire.Network{
			Device: n.Device, BootProto: n.BootProto, Hostname: n.Hostname, IP: n.IP, Netmask: n.Netmask, Gateway: n.Gateway,
			Nameservers: n.Nameservers, IPv6: n.IPv6, NoIPv4: n.NoIPv4, NoIPv6: n.NoIPv6, MTU: mtu, OnBoot: n.OnBoot,
		})
	}
	for _, r := range ks.Repos() {
		if r.Install {
			cost := 0
			if r.Cost != nil {
				cost = *r.Cost
			}
			c.Repos = append(c.Repos, wire.Repo{
				ID: r.Name, BaseURL: r.BaseURL, Mirrors: r.MirrorList, Metalink: r.MetaLink,
				Cost: cost, Exclude: r.ExcludePkgs, Include: r.IncludePkgs,
			})
		}
	}
	return c
}

func timezoneOf(ks *kickstart.File) *wire.Timezone {
	tz := ks.Timezone()
	sources := ks.TimeSources()
	if tz.Name == "" && len(sources) == 0 {
		return nil
	}
	out := &wire.Timezone{Name: tz.Name, UTC: tz.UTC, NTP: tz.NTP, Servers: tz.NTPServers}
	for _, s := range sources {
		if server := s.Server + s.Pool; server != "" {
			out.Servers = append(out.Servers, server)
		}
	}
	return out
}

func firewallOf(ks *kickstart.File) *wire.Firewall {
	f := ks.Firewall()
	if f.Enabled == nil && !f.UseSystemDefaults {
		return nil
	}
	return &wire.Firewall{
		Enabled: f.Enabled == nil || *f.Enabled, Services: f.Services, Ports: f.Ports, Trusts: f.Trusts,
		Remove: f.RemoveServices, Defaults: f.UseSystemDefaults,
	}
}

// kdumpOf reads the addon com_redhat_kdump: --enable, --disable and --reserve-mb=auto|MiB.
func kdumpOf(ks *kickstart.File) *wire.Kdump {
	for _, a := range ks.Addons {
		if a.Name != "com_redhat_kdump" {
			continue
		}
		k := &wire.Kdump{Enabled: true}
		for _, arg := range a.Args {
			name, value, _ := strings.Cut(arg, "=")
			switch name {
			case "--disable":
				k.Enabled = false
			case "--reserve-mb":
				value = strings.Trim(value, `'"`)
				if _, err := strconv.Atoi(strings.TrimSuffix(value, "M")); err == nil || value == "auto" {
					k.Reserve = value
				}
			}
		}
		return k
	}
	return nil
}

// rpmMacrosOf are the transaction settings that outlive the installation, in rpm's macro syntax.
func rpmMacrosOf(p kickstart.Packages) []string {
	var macros []string
	if p.ExcludeDocs {
		macros = append(macros, "%_excludedocs 1")
	}
	if p.InstLangs != nil {
		langs := strings.Join(*p.InstLangs, ":")
		if langs == "" {
			langs = "%{nil}"
		}
		macros = append(macros, "%_install_langs "+langs)
	}
	return macros
}

package kickstart

import "strings"

// Lang is what lang says.
type Lang struct {
	System     string   `json:"system,omitempty"` // such as "en_US.UTF-8"
	AddSupport []string `json:"addSupport,omitempty"`
}

// Lang is what lang says.
func (f *File) Lang() Lang {
	v := f.state("lang")
	return Lang{System: v.Text("lang"), AddSupport: v.List("addsupport")}
}

// Keyboard is what keyboard says.
type Keyboard struct {
	Keymap   string   `json:"keymap,omitempty"` // of the console: --vckeymap, else the bare argument
	XLayouts []string `json:"xLayouts,omitempty"`
	Toggle   []string `json:"toggle,omitempty"` // options that switch between the layouts
}

// Keyboard is what keyboard says.
func (f *File) Keyboard() Keyboard {
	v := f.state("keyboard")
	k := Keyboard{Keymap: v.Text("vckeymap"), XLayouts: v.List("xlayouts"), Toggle: v.List("switch")}
	if k.Keymap == "" {
		k.Keymap = v.Text("keyboard")
	}
	return k
}

// Timezone is what timezone says.
type Timezone struct {
	Name       string   `json:"name,omitempty"`
	UTC        bool     `json:"utc"` // the hardware clock holds UTC
	NTP        bool     `json:"ntp"` // neither timezone --nontp nor timesource --ntp-disable is there
	NTPServers []string `json:"ntpServers,omitempty"`
}

// Timezone is what timezone says.
func (f *File) Timezone() Timezone {
	v := f.state("timezone")
	t := Timezone{Name: v.Text("timezone"), UTC: v.Bool("utc"), NTP: !v.Bool("nontp"), NTPServers: v.List("ntpservers")}
	for _, source := range f.TimeSources() {
		t.NTP = t.NTP && !source.Disable
	}
	return t
}

// TimeSource is one timesource command: a server, a pool, or none at all.
type TimeSource struct {
	Server  string `json:"server,omitempty"`
	Pool    string `json:"pool,omitempty"`
	Disable bool   `json:"disable,omitempty"`
	NTS     bool   `json:"nts,omitempty"`
}

// TimeSources are all timesource commands, in order.
func (f *File) TimeSources() (all []TimeSource) {
	for _, c := range f.all("timesource") {
		v := c.Values
		all = append(all, TimeSource{v.Text("ntp_server"), v.Text("ntp_pool"), v.Bool("ntp_disable"), v.Bool("nts")})
	}
	return all
}

// RootPassword is what rootpw says. The password is a secret: keep it out of logs.
type RootPassword struct {
	Present   bool   `json:"present"`
	Password  string `json:"-"`
	Crypted   bool   `json:"crypted,omitempty"`
	Plaintext bool   `json:"plaintext,omitempty"`
	Locked    bool   `json:"locked,omitempty"`
	AllowSSH  bool   `json:"allowSSH,omitempty"`
}

// RootPassword is what rootpw says.
func (f *File) RootPassword() RootPassword {
	v, present := f.state("rootpw"), f.seen("rootpw")
	return RootPassword{present, v.Text("password"), v.Bool("crypted"), present && !v.Bool("crypted"), v.Bool("lock"), v.Bool("allow_ssh")}
}

// User is a user command. The password is a secret: keep it out of logs.
type User struct {
	Name      string   `json:"name"`
	GECOS     string   `json:"gecos,omitempty"`
	HomeDir   string   `json:"homeDir,omitempty"`
	Shell     string   `json:"shell,omitempty"`
	Password  string   `json:"-"`
	Crypted   bool     `json:"crypted,omitempty"`
	Plaintext bool     `json:"plaintext,omitempty"`
	Locked    bool     `json:"locked,omitempty"`
	Groups    []string `json:"groups,omitempty"` // a name, or "name (GID)"
	UID       *int     `json:"uid,omitempty"`
	GID       *int     `json:"gid,omitempty"`
	Pos       Position `json:"position"`
}

// Users are all user commands, in order.
func (f *File) Users() (all []User) {
	for _, c := range f.all("user") {
		v := c.Values
		all = append(all, User{
			Name: v.Text("name"), GECOS: v.Text("gecos"), HomeDir: v.Text("homedir"), Shell: v.Text("shell"), Password: v.Text("password"),
			Crypted: v.Bool("crypted"), Plaintext: !v.Bool("crypted"), Locked: v.Bool("lock"), Groups: v.List("groups"),
			UID: v.OptInt("uid"), GID: v.OptInt("gid"), Pos: c.Pos,
		})
	}
	return all
}

// UserGroup is a group command.
type UserGroup struct {
	Name string   `json:"name"`
	GID  *int     `json:"gid,omitempty"`
	Pos  Position `json:"position"`
}

// Groups are all group commands, in order.
func (f *File) Groups() (all []UserGroup) {
	for _, c := range f.all("group") {
		all = append(all, UserGroup{c.Values.Text("name"), c.Values.OptInt("gid"), c.Pos})
	}
	return all
}

// SSHKey is a sshkey command.
type SSHKey struct {
	User string   `json:"user"`
	Key  string   `json:"key"` // as in authorized_keys
	Pos  Position `json:"position"`
}

// SSHKeys are all sshkey commands, in order.
func (f *File) SSHKeys() (all []SSHKey) {
	for _, c := range f.all("sshkey") {
		all = append(all, SSHKey{c.Values.Text("username"), c.Values.Text("key"), c.Pos})
	}
	return all
}

// Network is a network command. The keys of wireless networks are left to Values.
type Network struct {
	Device       string   `json:"device,omitempty"`    // a name, a MAC address, "link", "bootif" or ""
	BootProto    string   `json:"bootProto,omitempty"` // "dhcp" unless the command says otherwise
	Hostname     string   `json:"hostname,omitempty"`
	IP           string   `json:"ip,omitempty"`
	Netmask      string   `json:"netmask,omitempty"`
	Gateway      string   `json:"gateway,omitempty"`
	Nameservers  []string `json:"nameservers,omitempty"`
	IPv6         string   `json:"ipv6,omitempty"` // "auto", "dhcp" or an address with its prefix
	IPv6Gateway  string   `json:"ipv6Gateway,omitempty"`
	DNSSearch    []string `json:"dnsSearch,omitempty"` // of IPv4, then of IPv6
	MTU          string   `json:"mtu,omitempty"`
	Ethtool      string   `json:"ethtool,omitempty"`
	VLANID       string   `json:"vlanID,omitempty"`
	Interface    string   `json:"interface,omitempty"` // name of the VLAN device
	BondSlaves   []string `json:"bondSlaves,omitempty"`
	BondOpts     string   `json:"bondOpts,omitempty"`
	BridgeSlaves []string `json:"bridgeSlaves,omitempty"`
	BridgeOpts   string   `json:"bridgeOpts,omitempty"`
	BindToMAC    bool     `json:"bindToMAC,omitempty"`
	NoIPv4       bool     `json:"noIPv4,omitempty"`
	NoIPv6       bool     `json:"noIPv6,omitempty"`
	NoDefRoute   bool     `json:"noDefRoute,omitempty"`
	NoDNS        bool     `json:"noDNS,omitempty"`
	Activate     bool     `json:"activate,omitempty"` // during the installation
	OnBoot       bool     `json:"onBoot"`             // true unless --onboot says no
	HostnameOnly bool     `json:"hostnameOnly,omitempty"`
	Pos          Position `json:"position"`
}

// Networks are all network commands, in order.
func (f *File) Networks() (all []Network) {
	for _, c := range f.all("network") {
		v := c.Values
		n := Network{
			Device: v.Text("device"), BootProto: v.Text("bootproto"), Hostname: v.Text("hostname"), IP: v.Text("ip"),
			Netmask: v.Text("netmask"), Gateway: v.Text("gateway"), Nameservers: splitList(v.Text("nameserver")), IPv6: v.Text("ipv6"),
			IPv6Gateway: v.Text("ipv6gateway"), MTU: v.Text("mtu"), Ethtool: v.Text("ethtool"), VLANID: v.Text("vlanid"),
			DNSSearch: append(splitList(v.Text("ipv4_dns_search")), splitList(v.Text("ipv6_dns_search"))...),
			Interface: v.Text("interfacename"), BondSlaves: splitList(v.Text("bondslaves")), BondOpts: v.Text("bondopts"),
			BridgeSlaves: splitList(v.Text("bridgeslaves")), BridgeOpts: v.Text("bridgeopts"), BindToMAC: v.Text("bindto") == "mac",
			NoIPv4: v.Bool("noipv4"), NoIPv6: v.Bool("noipv6"), NoDefRoute: v.Bool("nodefroute"), NoDNS: v.Bool("nodns"),
			Activate: v.Bool("activate"), OnBoot: !v.Has("onboot") || v.Bool("onboot"), Pos: c.Pos,
		}
		if n.BootProto == "" {
			n.BootProto = "dhcp"
		}
		n.HostnameOnly = v.Has("hostname") && len(v) == 1
		all = append(all, n)
	}
	return all
}

// Firewall is what firewall says.
type Firewall struct {
	Enabled           *bool    `json:"enabled,omitempty"` // nil: the command isn't there
	Services          []string `json:"services,omitempty"`
	RemoveServices    []string `json:"removeServices,omitempty"`
	Ports             []string `json:"ports,omitempty"`  // such as "80:tcp"
	Trusts            []string `json:"trusts,omitempty"` // devices
	UseSystemDefaults bool     `json:"useSystemDefaults,omitempty"`
}

// Firewall is what firewall says.
func (f *File) Firewall() Firewall {
	v := f.state("firewall")
	return Firewall{v.OptBool("enabled"), v.List("service"), v.List("remove_service"), v.List("port"), v.List("trust"), v.Bool("use_system_defaults")}
}

// SELinux is what selinux says.
type SELinux struct {
	Mode string `json:"mode,omitempty"` // "enforcing", "permissive", "disabled" or ""
}

// SELinux is what selinux says.
func (f *File) SELinux() SELinux { return SELinux{f.state("selinux").Text("mode")} }

// Services is what services says. A name has no ".service" added.
type Services struct {
	Enabled  []string `json:"enabled,omitempty"`
	Disabled []string `json:"disabled,omitempty"`
}

// Services is what services says.
func (f *File) Services() Services {
	v := f.state("services")
	return Services{v.List("enabled"), v.List("disabled")}
}

// Authselect is the arguments of authselect; false when it isn't there.
func (f *File) Authselect() ([]string, bool) { return f.rawArguments("authselect") }

// AuthConfig is the arguments of auth or authconfig; false when neither is there.
func (f *File) AuthConfig() ([]string, bool) { return f.rawArguments("authconfig") }

func (f *File) rawArguments(attr string) ([]string, bool) {
	words, err := splitWords(f.state(attr).Text("args"))
	if err != nil {
		return nil, false // can't be: the line was split before
	}
	var args []string
	for _, w := range words {
		args = append(args, w.text)
	}
	return args, f.seen(attr)
}

// Firstboot is what firstboot says.
type Firstboot struct {
	Mode string `json:"mode,omitempty"` // "enable", "disable", "reconfig" or ""
}

// Firstboot is what firstboot says.
func (f *File) Firstboot() Firstboot { return Firstboot{f.state("firstboot").Text("mode")} }

// SkipX reports whether skipx is there.
func (f *File) SkipX() bool { return f.seen("skipx") }

// XConfig is what xconfig says.
type XConfig struct {
	Present        bool   `json:"present"`
	DefaultDesktop string `json:"defaultDesktop,omitempty"` // "GNOME" or "KDE"
	StartXOnBoot   bool   `json:"startXOnBoot,omitempty"`
}

// XConfig is what xconfig says.
func (f *File) XConfig() XConfig {
	v := f.state("xconfig")
	return XConfig{f.seen("xconfig"), strings.ToUpper(v.Text("defaultdesktop")), v.Bool("startxonboot")}
}

// ShutdownAction is how the installation ends: "shutdown", "poweroff", "reboot", "halt", or "" when nothing is said.
func (f *File) ShutdownAction() string { return f.state("reboot").Text("action") }

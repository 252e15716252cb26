package config

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// interfaceName is what a network device may be called: it becomes a file's name.
var interfaceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]{0,31}$`)

// network writes one connection for each network command, the host name and /etc/sysconfig/network.
func network(_ context.Context, t Target, c wire.Config) error {
	if len(c.Networks) == 0 {
		return nil
	}
	for _, n := range c.Networks {
		if n.Hostname != "" {
			if err := t.write("etc/hostname", n.Hostname+"\n", 0o644); err != nil {
				return err
			}
		}
		if n.BootProto == "" && n.IP == "" && n.Device == "" {
			continue // only a host name
		}
		if !anyDevice(n) && !interfaceName.MatchString(n.Device) {
			return fmt.Errorf("--device=%q is no name of a network device", n.Device)
		}
		name, text, err := connection(n, t.atLeast(9))
		if err != nil {
			return err
		}
		if err := t.write(name, text, 0o600); err != nil {
			return err
		}
	}
	if t.has("etc/sysconfig/network") {
		return nil
	}
	return t.write("etc/sysconfig/network", "", 0o644)
}

// anyDevice reports whether the command means "the first one that has a link" and not a device by name. The machine that runs an image is
// not the machine that builds it, so the connection then matches every Ethernet device, at a priority that gives way
// to whatever cloud-init or the kickstart writes.
func anyDevice(n wire.Network) bool {
	return n.Device == "" || n.Device == "link" || n.Device == "bootif" || n.Device == "ibft"
}

func connection(n wire.Network, keyfile bool) (name, text string, err error) {
	id := n.Device
	if anyDevice(n) {
		id = "default"
	}
	id = strings.ReplaceAll(id, ":", "-")
	if keyfile {
		text, err = nmKeyfile(id, n)
		return "etc/NetworkManager/system-connections/" + id + ".nmconnection", text, err
	}
	text, err = ifcfg(id, n)
	return "etc/sysconfig/network-scripts/ifcfg-" + id, text, err
}

// nmKeyfile is a connection of NetworkManager, nm-settings-keyfile(5).
func nmKeyfile(id string, n wire.Network) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "[connection]\nid=%s\ntype=ethernet\n", id)
	if !n.OnBoot {
		b.WriteString("autoconnect=false\n")
	}
	mac, macErr := net.ParseMAC(n.Device)
	switch {
	case anyDevice(n):
		b.WriteString("autoconnect-priority=-100\n")
	case macErr != nil:
		fmt.Fprintf(&b, "interface-name=%s\n", n.Device)
	}
	b.WriteString("\n[ethernet]\n")
	if macErr == nil {
		fmt.Fprintf(&b, "mac-address=%s\n", strings.ToUpper(mac.String()))
	}
	if n.MTU > 0 {
		fmt.Fprintf(&b, "mtu=%d\n", n.MTU)
	}
	b.WriteString("\n[ipv4]\n")
	switch {
	case n.NoIPv4:
		b.WriteString("method=disabled\n")
	case n.IP != "":
		bits, err := prefix(n.Netmask)
		if err != nil {
			return "", err
		}
		address := fmt.Sprintf("%s/%d", n.IP, bits)
		if n.Gateway != "" {
			address += "," + n.Gateway
		}
		fmt.Fprintf(&b, "address1=%s\nmethod=manual\n", address)
	default:
		b.WriteString("method=auto\n")
	}
	if v4 := serversOf(n, false); len(v4) > 0 {
		fmt.Fprintf(&b, "dns=%s;\n", strings.Join(v4, ";"))
	}
	b.WriteString("\n[ipv6]\n")
	switch {
	case n.NoIPv6:
		b.WriteString("method=disabled\n")
	case n.IPv6 == "dhcp":
		b.WriteString("method=dhcp\n")
	case n.IPv6 != "" && n.IPv6 != "auto":
		fmt.Fprintf(&b, "address1=%s\nmethod=manual\n", n.IPv6)
	default:
		b.WriteString("method=auto\n")
	}
	if v6 := serversOf(n, true); len(v6) > 0 {
		fmt.Fprintf(&b, "dns=%s;\n", strings.Join(v6, ";"))
	}
	return b.String(), nil
}

// ifcfg is the same for EL8's network scripts.
func ifcfg(id string, n wire.Network) (string, error) {
	var b strings.Builder
	set := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s=%q\n", key, value)
		}
	}
	yes := func(is bool) string {
		if is {
			return "yes"
		}
		return "no"
	}
	set("NAME", id)
	set("TYPE", "Ethernet")
	if mac, err := net.ParseMAC(n.Device); err == nil {
		set("HWADDR", strings.ToUpper(mac.String()))
	} else if !anyDevice(n) {
		set("DEVICE", n.Device)
	}
	set("ONBOOT", yes(n.OnBoot))
	switch {
	case n.NoIPv4:
		set("BOOTPROTO", "none")
	case n.IP != "":
		bits, err := prefix(n.Netmask)
		if err != nil {
			return "", err
		}
		set("BOOTPROTO", "none")
		set("IPADDR", n.IP)
		set("PREFIX", fmt.Sprint(bits))
		set("GATEWAY", n.Gateway)
	default:
		set("BOOTPROTO", "dhcp")
	}
	for i, server := range n.Nameservers {
		set(fmt.Sprintf("DNS%d", i+1), server)
	}
	set("IPV6INIT", yes(!n.NoIPv6))
	switch n.IPv6 {
	case "", "auto":
	case "dhcp":
		set("DHCPV6C", "yes")
	default:
		set("IPV6ADDR", n.IPv6)
	}
	if n.MTU > 0 {
		set("MTU", fmt.Sprint(n.MTU))
	}
	return b.String(), nil
}

func serversOf(n wire.Network, six bool) []string {
	var out []string
	for _, s := range n.Nameservers {
		if strings.Contains(s, ":") == six {
			out = append(out, s)
		}
	}
	return out
}

// prefix counts the bits of a netmask such as 255.255.255.0.
func prefix(mask string) (int, error) {
	ip := net.ParseIP(mask).To4()
	if ip == nil {
		return 0, fmt.Errorf("--netmask=%q is no netmask", mask)
	}
	ones, bits := net.IPMask(ip).Size()
	if bits == 0 {
		return 0, fmt.Errorf("--netmask=%q is no netmask", mask)
	}
	return ones, nil
}

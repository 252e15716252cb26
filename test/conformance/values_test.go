package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/test/shared"
)

// renamed are the destinations that the reference names otherwise; "COMMAND.NAME" goes before "NAME". "" is left out: the
// reference has nothing like it, or the same twice.
var renamed = map[string]string{
	"mntpoint": "mountpoint", "mount.mntpoint": "mount_point", "asprimary": "primOnly", "maxsize": "maxSizeMB", "ondisk": "disk", "onpart": "onPart",
	"fsoptions": "fsopts", "mkfsoptions": "mkfsopts", "mount.mkfsoptions": "mkfs_opts", "mountoptions": "mount_opts", "useexisting": "preexist",
	"thin": "thin_volume", "thinpool": "thin_pool", "poolname": "pool_name", "chunksize": "chunk_size", "metadatasize": "metadata_size",
	"cachesize": "cache_size", "cachepvs": "cache_pvs", "cachemode": "cache_mode", "volgroup.name": "vgname", "volgroup.members": "physvols",
	"append": "appendLine", "boot_drive": "bootDrive", "crypted": "isCrypted", "iscrypted": "isCrypted", "initlabel": "initAll", "list": "devices",
	"ignoredisk.drives": "ignoredisk", "only_use": "onlyuse", "source_imgref": "sourceImgRef", "target_imgref": "targetImgRef",
	"no_signature_verification": "noSignatureVerification", "port": "port", "firewall.port": "ports", "firewall.service": "services",
	"firewall.trust": "trusts", "remove_service": "remove_services", "keyboard.keyboard": "_keyboard", "vckeymap": "vc_keymap",
	"xlayouts": "x_layouts", "switch": "switch_options", "bootproto": "bootProto", "utc": "isUtc", "reverse_user": "user_in",
	"reverse_password": "password_in", "iqn": "iscsiname", "displaymode.mode": "displayMode", "non_interactive": "nonInteractive",
	"firstboot.mode": "firstboot", "selinux.mode": "selinux", "add_boot": "addBoot", "activation_key": "activation_keys",
	"addon": "addons", "startxonboot": "startX", "authconfig.args": "authconfig", "authselect.args": "authselect", "realm.realm": "join_realm",
	"sshkey.key": "key", "mount.reformat": "", "ignored_level": "level", "disable": "", "teamslaves": "", "computer_ou": "", "no_password": "", "one_time_password": "",
	"client_software": "", "server_software": "", "membership_software": "", "nvdimm.mode": "", "nvdimm.sectorsize": "",
}

// unnamed are attributes of the reference that say nothing of their own: defaults, copies, and that a command is there.
var unnamed = []string{
	"mntpoint", "partitions", "kbd", "join_args", "discover_options", "exclusive_required_options", "_level_provided", "lvm", "teamslaves",
	"autopart", "autostep", "enabled", "enable", "mediacheck", "reqpart", "rescue", "skipx", "zerombr", "mount.format", "mount.reformat", "volgroup.name",
	"sshkey.sshkey", "nvdimm.mode", "nvdimm.sectorsize",
}

// standard are values that the reference fills in; a command that doesn't give them has none here.
var standard = map[string]string{"format": "true", "bootProto": "dhcp", "onboot": "true", "port": "3260", "level": "info", "location": "mbr", "updates.url": "floppy"}

// numbers are what the reference calls its constants.
var numbers = map[string][]string{
	"clearpart.type": {"linux", "all", "none", "list"}, "autopart.type": {"plain", "btrfs", "lvm", "thinp"}, "displaymode.displayMode": {"cmdline", "graphical", "text"},
	"firstboot.firstboot": {"enable", "disable", "reconfig"}, "selinux.selinux": {"disabled", "enforcing", "permissive"},
	"snapshot.when": {"post-install", "pre-install"}, "zipl.secure_boot": {"no", "force", "auto"}, "reboot.action": {"halt", "reboot", "shutdown"},
}

// TestValues compares the typed values of every command in every valid vector.
func TestValues(t *testing.T) {
	all, err := readVectors(filepath.Join(shared.Dir(t), "data", "kickstart-vectors.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	known, err := readDisagreements("testdata/disagreements.txt")
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for _, version := range kickstart.Versions() {
		for _, v := range all {
			file, err := parse(v, version)
			if err != nil || known.take(v.ID, version) != "" {
				continue
			}
			for name, want := range v.Results[version.String()].Commands {
				if c, ok := file.Command(nameOf(file, name)); !ok || c.Spec().State(version) != "" {
					continue // it has no effect
				}
				commands++
				if got := ours(file, name); got != theirs(name, want.Attributes) {
					t.Errorf("%s %s: %q\nhere:      %s\nreference: %s", v.ID, version, v.Input, got, theirs(name, want.Attributes))
				}
			}
		}
	}
	t.Logf("%d commands", commands)
}

// ours are the values that a command has here, under the reference's names.
func ours(file *kickstart.File, attr string) string {
	var lines []string
	if all := file.All(nameOf(file, attr)); len(all) > 0 && all[0].Spec().Repeats {
		for _, c := range all {
			lines = append(lines, valuesText(attr, rename(attr, c.Values)))
		}
	} else {
		lines = append(lines, valuesText(attr, rename(attr, file.Merged(nameOf(file, attr)))))
	}
	return strings.Join(lines, "\n")
}

// nameOf is a command in the file that shares the state called attr.
func nameOf(file *kickstart.File, attr string) string {
	for _, c := range file.Commands {
		if c.Spec().Attr == attr {
			return c.Name
		}
	}
	return attr
}

func rename(attr string, values kickstart.Values) map[string]any {
	out := map[string]any{}
	for dest, value := range values {
		name, ok := renamed[attr+"."+dest]
		if !ok {
			if name, ok = renamed[dest]; !ok {
				name = dest
			}
		}
		if name != "" {
			out[name] = value
		}
	}
	return out
}

func theirs(attr string, attributes map[string]any) string {
	var lines []string
	for _, value := range attributes {
		if list, ok := value.([]any); ok && len(list) > 0 {
			for _, item := range list {
				if values, ok := item.(map[string]any); ok {
					lines = append(lines, valuesText(attr, values))
				}
			}
		}
	}
	if lines == nil {
		lines = []string{valuesText(attr, attributes)}
	}
	return strings.Join(lines, "\n")
}

// valuesText writes values in one form, without those that say nothing.
func valuesText(attr string, values map[string]any) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if slices.Contains(unnamed, name) || slices.Contains(unnamed, attr+"."+name) {
			continue
		}
		text := valueText(attr+"."+name, values[name])
		if text != "" && text != standard[name] && text != standard[attr+"."+name] {
			words = append(words, name+"="+text)
		}
	}
	return strings.Join(words, " ")
}

func valueText(name string, value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case bool:
		if !v {
			return map[bool]string{true: "false"}[strings.HasSuffix(name, ".format") || strings.HasSuffix(name, ".onboot")]
		}
	case string:
		if name == "reboot.action" && v == "poweroff" {
			return "shutdown"
		}
		return strings.TrimRight(v, "\v\f")
	case json.Number:
		if n, err := v.Int64(); err == nil && n >= 0 && n < int64(len(numbers[name])) {
			return numbers[name][n]
		}
		if v.String() == "0" || v.String() == "-1" && name == "zipl.secure_boot" {
			return ""
		}
		return v.String()
	case int64:
		if v == 0 {
			return ""
		}
	case []string:
		return strings.Join(v, "\x00")
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, fmt.Sprint(item))
		}
		return strings.Join(items, "\x00")
	}
	return fmt.Sprint(value)
}

package storage

import (
	"fmt"
	"strings"
)

// groupCalls are the LVM calls that make a volume group and its volumes.
func groupCalls(g Group) []call {
	var calls []call
	for _, d := range g.Devices {
		calls = append(calls, call{args: []string{"lvm", "pvcreate", "--yes", "--force", "--force", d}})
	}
	create := []string{"lvm", "vgcreate", "--physicalextentsize", fmt.Sprintf("%dk", g.Extent), g.Name}
	calls = append(calls, call{args: append(create, g.Devices...)})
	for _, v := range g.Volumes {
		calls = append(calls, call{args: []string{
			"lvm", "lvcreate", "--yes", "--wipesignatures", "y", "--extents", fmt.Sprint(v.Extents), "--name", v.Name, g.Name,
		}})
	}
	return calls
}

// mkfsCall is the call that makes c's file system; nil for raw content. Options of the kickstart come last, where they win.
func mkfsCall(c Content) ([]string, error) {
	var args []string
	flag := func(name, value string) {
		if value != "" {
			args = append(args, name, value)
		}
	}
	switch c.Type {
	case "":
		return nil, nil
	case "xfs":
		args = []string{"mkfs.xfs", "-q", "-f"}
		flag("-L", c.Label)
		if c.UUID != "" {
			args = append(args, "-m", "uuid="+c.UUID)
		}
	case "ext2", "ext3", "ext4":
		args = []string{"mkfs." + c.Type, "-q", "-F"}
		flag("-L", c.Label)
		flag("-U", c.UUID)
	case "vfat":
		args = []string{"mkfs.vfat"}
		flag("-n", strings.ToUpper(c.Label))
		flag("-i", strings.ReplaceAll(c.UUID, "-", ""))
	case "swap":
		args = []string{"mkswap", "-f"}
		flag("-L", c.Label)
		flag("-U", c.UUID)
	default:
		return nil, fmt.Errorf("file system %q is not known", c.Type)
	}
	words, err := splitWords(c.MkfsOptions)
	if err != nil {
		return nil, fmt.Errorf("--mkfsoptions: %w", err)
	}
	return append(append(args, words...), c.Device), nil
}

// splitWords takes options apart as a shell does, as far as quotes go.
func splitWords(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	in := false
	for _, r := range s {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case r == ' ' || r == '\t':
			if in {
				words = append(words, word.String())
				word.Reset()
			}
			in = false
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote is not closed in %q", s)
	}
	if in {
		words = append(words, word.String())
	}
	return words, nil
}

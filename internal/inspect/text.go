package inspect

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	units "github.com/docker/go-units"
)

// Text writes the report for people. Packages are only counted unless all is set.
func (r Report) Text(w io.Writer, all bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	row("File", "%s", r.File)
	row("Format", "%s", r.Format)
	row("Size", "%s (%s on disk)", size(r.Size), size(r.OnDisk))
	if r.VirtualSize > 0 {
		row("Disk", "%s (%d bytes), %s", size(r.VirtualSize), r.VirtualSize, or(strings.ToUpper(r.Table), "no partition table"))
	}
	for _, p := range r.Partitions {
		row(fmt.Sprintf("Partition %d", p.Number), "%s at %s, %s", size(p.Size), size(p.Start), words(p.FileSystem, p.Name, p.Type))
	}
	for _, v := range r.Volumes {
		row("Volume", "%s/%s, %s, %s", v.Group, v.Name, size(v.Size), words(v.FileSystem))
	}
	if m := r.Medium; m != nil {
		row("Volume", "%s, %s%s", m.VolumeID, size(m.Size), prefixed(", for ", m.Arch))
		if s := m.Squashfs; s.Path != "" {
			row("Main image", "%s, %s, %s, blocks of %s, %d inodes", s.Path, size(s.Size), s.Compression, size(s.BlockSize), s.Inodes)
		}
		row("Media check", "%s%s", m.MediaCheck, prefixed(", MD5 ", m.MD5))
	}
	if c := r.Container; c != nil {
		row("Container", "%s/%s, command %q", c.OS, c.Architecture, c.Cmd)
		for _, l := range c.Layers {
			row("Layer", "%s, %s", l.Digest, size(l.Size))
		}
	} else {
		for i, b := range r.Boot {
			row([]string{"Boot", ""}[min(i, 1)], "%s", b)
		}
	}
	row("System", "%s", or(r.OS, "unknown"))
	row("Kernels", "%s", or(strings.Join(r.Kernels, ", "), "none found"))
	if len(r.Packages) > 0 {
		row("Packages", "%d%s", len(r.Packages), recorded(r.Recorded))
	}
	for _, u := range r.Unknown {
		row("Unknown", "%s", u)
	}
	if all {
		for _, p := range r.Packages {
			row("", "%s", p)
		}
	}
	return t.Flush()
}

// recorded puts the source of the packages in words.
func recorded(by string) string {
	if by == "" {
		return ""
	}
	return ", not read but recorded by " + by
}

func size(n int64) string { return units.BytesSize(float64(n)) }

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// prefixed is a text with something in front, or nothing.
func prefixed(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// words describes a file system and what else is known of its place.
func words(f FileSystem, more ...string) string {
	all := []string{or(f.Type, "no known file system")}
	if f.Label != "" {
		all = append(all, fmt.Sprintf("label %q", f.Label))
	}
	if f.UUID != "" {
		all = append(all, "UUID "+f.UUID)
	}
	for _, m := range more {
		if m != "" {
			all = append(all, m)
		}
	}
	return strings.Join(all, ", ")
}

package plan

import (
	"fmt"
	"strings"
	"text/tabwriter"

	units "github.com/docker/go-units"

	"github.com/quarry-project/quarry/internal/redact"
)

// Text is the plan for people, as `quarry plan` prints it: without the passwords of URLs, which the JSON keeps.
func (p Plan) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s for %s\n\n", p.DistroName, p.Version, strings.Trim(p.Image+"-"+p.Variant, "-"), p.Arch)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	row("Kickstart", "%s", p.Kickstart.Path)
	row("  from", "%s", p.Kickstart.origin())
	for i, r := range p.Repositories {
		row(first(i, "Repositories"), "%s  %s", r.ID, r.URL())
	}
	row("Build machine", "%s (%d CPUs, %d MiB, %s)", p.Tree, p.Machine.CPUs, p.Machine.MemoryMiB, choose(p.Machine.Network, "with network", "no network"))
	for i, k := range p.Keys {
		row(first(i, "Signing keys"), "%s%s  %s", k.URL, k.File, choose(k.Fingerprint != "", k.Fingerprint, "not pinned"))
	}
	row(choose(p.Live == nil, "Disk", "File system"), "%s (%d bytes)", units.BytesSize(float64(p.Disk.Size)), p.Disk.Size)
	if l := p.Live; l != nil {
		row("Live", "%q as volume %s, %s", l.Title, l.VolumeID, choose(l.Inner, "an ext4 in a squashfs ("+l.Squash+")", "a squashfs ("+l.Squash+")"))
	}
	for i, o := range p.Outputs {
		row(first(i, "Output"), "%s %s", o.Format, choose(o.Compression+o.Provider != "", "("+o.Compression+o.Provider+")", ""))
	}
	if len(p.Verify.Firmware) > 0 {
		row("Boots under", "%s", strings.Join(p.Verify.Firmware, ", "))
	}
	row("Published", "in the form %q%s", p.Naming, choose(p.Primary, ", also without its variant", ""))
	_ = w.Flush() // to a strings.Builder, which can't fail

	fmt.Fprintf(&b, "\nPackages%s\n", p.Packages.manner())
	for _, reason := range []struct{ id, title string }{{ReasonKickstart, "from the kickstart"}, {ReasonCore, "in every install"}, {ReasonPlatform, "for this platform"}} {
		var names []string
		for _, want := range p.Packages.Install {
			if want.Reason == reason.id {
				names = append(names, want.Name)
			}
		}
		list(&b, reason.title, names)
	}
	list(&b, "left out", names(p.Packages.Exclude))
	list(&b, "groups left out", names(p.Packages.ExcludeGroups))
	list(&b, "at hand for %post", p.Packages.Available)
	for i, warning := range p.Warnings {
		if i == 0 {
			b.WriteString("\nWarnings\n")
		}
		fmt.Fprintf(&b, "  %s\n", warning)
	}
	return redact.Text(b.String())
}

func (k Kickstart) origin() string {
	parts := []string{k.Source}
	if k.Branch != "" {
		parts = append(parts, "branch "+k.Branch)
	}
	if k.Commit != "" {
		parts = append(parts, "commit "+k.Commit[:min(12, len(k.Commit))])
	}
	return strings.Join(parts, ", ")
}

// manner says how packages are installed, where it isn't as usual.
func (p Packages) manner() string {
	var words []string
	for _, o := range []struct {
		set  bool
		word string
	}{
		{p.ExcludeDocs, "without documentation"}, {p.ExcludeWeakDeps, "without weak dependencies"}, {p.IgnoreMissing, "missing ones ignored"},
		{p.IgnoreBroken, "broken ones ignored"}, {p.Multilib, "multilib"},
	} {
		if o.set {
			words = append(words, o.word)
		}
	}
	if p.Languages != nil {
		words = append(words, choose(len(*p.Languages) > 0, "languages "+strings.Join(*p.Languages, ", "), "no languages"))
	}
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, ", ") + ")"
}

func names(wants []Want) (all []string) {
	for _, w := range wants {
		all = append(all, w.Name)
	}
	return all
}

// list writes names as a paragraph of lines of about 100 columns.
func list(b *strings.Builder, title string, names []string) {
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(b, "  %s (%d)\n", title, len(names))
	line := "   "
	for _, n := range names {
		if len(line)+len(n) > 100 {
			b.WriteString(line + "\n")
			line = "   "
		}
		line += " " + n
	}
	b.WriteString(line + "\n")
}

func first(i int, title string) string { return choose(i == 0, title, "") }

func choose(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

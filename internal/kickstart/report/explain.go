package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/quarry-project/quarry/internal/kickstart"
)

// Explain writes what is known of a command or section, and false when there is none of the name.
func Explain(out io.Writer, name string) (bool, error) {
	var b strings.Builder
	for _, section := range kickstart.Sections() {
		if section.Name == name || "%"+name == section.Name {
			explainSection(&b, section)
		}
	}
	for _, spec := range kickstart.Commands() {
		if slices.Contains(spec.Names, name) {
			explainCommand(&b, spec)
		}
	}
	if b.Len() == 0 {
		return false, nil
	}
	_, err := io.WriteString(out, b.String())
	return true, err
}

func explainSection(b *strings.Builder, s kickstart.Section) {
	fmt.Fprintf(b, "%s … %%end: %s\n", s.Name, s.Help)
	if s.Deprecated != 0 {
		fmt.Fprintf(b, "Deprecated since %s.\n", s.Deprecated)
	}
	writeOptions(b, s.Options)
}

func explainCommand(b *strings.Builder, spec *kickstart.Spec) {
	usage := slices.Clone(spec.Names[:1])
	for _, arg := range spec.Args {
		usage = append(usage, arg.Names[0])
	}
	if len(spec.Options) > 0 {
		usage = append(usage, "[OPTIONS]")
	}
	fmt.Fprintf(b, "%s: %s\n", strings.Join(usage, " "), spec.Help)
	if len(spec.Names) > 1 {
		fmt.Fprintf(b, "Also written %s.\n", strings.Join(spec.Names[1:], ", "))
	}
	fmt.Fprintf(b, "Versions: %s.\n", states(spec))
	if spec.Repeats {
		b.WriteString("May be repeated: every line counts for itself.\n")
	}
	if len(spec.Conflicts) > 0 {
		fmt.Fprintf(b, "Can't be used after %s.\n", strings.Join(spec.Conflicts, ", "))
	}
	writeOptions(b, spec.Options)
}

// states is such as "RHEL8, RHEL9 (deprecated), RHEL10 (removed)".
func states(spec *kickstart.Spec) string {
	var all []string
	for _, v := range kickstart.Versions() {
		if state := spec.State(v); state == "" {
			all = append(all, v.String())
		} else {
			all = append(all, fmt.Sprintf("%s (%s)", v, state))
		}
	}
	return strings.Join(all, ", ")
}

func writeOptions(b *strings.Builder, options []kickstart.Option) {
	if len(options) == 0 {
		return
	}
	b.WriteString("Options:\n")
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for i := range options {
		o := &options[i]
		fmt.Fprintf(table, "  %s\t%s\t%s\n", strings.Join(o.Names, ", "), o.Kind, strings.Join(remarks(o), "; "))
	}
	table.Flush() //nolint:errcheck // a strings.Builder takes everything
}

func remarks(o *kickstart.Option) (all []string) {
	if o.Required {
		all = append(all, "required")
	}
	if o.Choices != nil {
		all = append(all, "one of "+strings.Join(o.Choices, ", "))
	}
	if o.Since != 0 || o.Until != 0 {
		all = append(all, kickstart.Span(o.Since, o.Until))
	}
	if o.Deprecated != 0 {
		all = append(all, fmt.Sprintf("deprecated since %s: %s", o.Deprecated, o.Instead))
	}
	return all
}

// Names writes a line per command and section: its name, the versions, what it is for.
func Names(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, spec := range kickstart.Commands() {
		fmt.Fprintf(table, "%s\t%s\t%s\n", strings.Join(spec.Names, ", "), states(spec), spec.Help)
	}
	for _, section := range kickstart.Sections() {
		fmt.Fprintf(table, "%s\t%s\t%s\n", section.Name, kickstart.Span(0, 0), section.Help)
	}
	return table.Flush()
}

// Versions writes what each version has: how many commands work, which are deprecated, which were removed.
func Versions(out io.Writer) error {
	var b strings.Builder
	for _, r := range Releases() {
		fmt.Fprintf(&b, "%s: %d commands\n", r.Version, len(r.Commands))
		if len(r.Deprecated) > 0 {
			fmt.Fprintf(&b, "  deprecated: %s\n", strings.Join(r.Deprecated, " "))
		}
		if len(r.Removed) > 0 {
			fmt.Fprintf(&b, "  removed: %s\n", strings.Join(r.Removed, " "))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

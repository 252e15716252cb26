package kickstart

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// printer collects the words of one line.
type printer struct {
	words []string
}

func (p *printer) word(text string) { p.words = append(p.words, quote(text)) }

func (p *printer) option(name, value string) {
	p.words = append(p.words, name+"="+quote(value))
}

func (p *printer) flag(name string) { p.words = append(p.words, name) }

// String is the canonical text: commands grouped and ordered as the reference prints them, then scripts, addons and
// packages. Comments, repetitions that change nothing and the order of %packages are lost; the meaning isn't.
func (f *File) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "#version=%s\n", f.Version)
	done := map[string]bool{}
	for _, spec := range f.Version.table().specs {
		if attr := spec.attr(); !done[attr] {
			done[attr] = true
			f.printCommands(&out, attr)
		}
	}
	f.printSections(&out)
	return out.String()
}

func (f *File) printCommands(out *strings.Builder, attr string) {
	all := f.all(attr)
	if len(all) == 0 {
		return
	}
	last := all[len(all)-1]
	if !last.spec.Repeats {
		all = []*Command{{Name: last.Name, Values: f.state(attr), spec: last.spec}}
	}
	for _, c := range all {
		if text := c.String(f.Version); text != "" {
			out.WriteString(text + "\n")
		}
	}
}

// String is the command as one canonical line; "" when it says nothing in the version.
func (c *Command) String(v Version) string {
	spec := c.spec
	if spec.Ignored != 0 && v >= spec.Ignored || spec.Key != nil && !slices.ContainsFunc(spec.Key, func(dest string) bool { return !c.Values.empty(dest) }) {
		return ""
	}
	p := &printer{words: []string{cmp.Or(spec.PrintAs, spec.Names[0])}}
	if spec.print != nil {
		spec.print(p, c.Values)
	} else {
		p.table(spec, c.Values, v)
	}
	return strings.Join(p.words, " ")
}

// table writes positional arguments and every option that has a value.
func (p *printer) table(spec *Spec, values Values, v Version) {
	var words []string
	for i := range spec.Args {
		if o := &spec.Args[i]; o.Known(v) {
			switch value := values[o.Dest].(type) {
			case string:
				words = append(words, value)
			case []string:
				words = append(words, value...)
			}
		}
	}
	// Words that look like options stand last, after a mark that there are no more options.
	marked := slices.ContainsFunc(words, looksLikeOption)
	if marked {
		p.options(spec.Options, values, v)
		p.word("--")
	}
	for _, text := range words {
		p.word(text)
	}
	if !marked {
		p.options(spec.Options, values, v)
	}
}

// looksLikeOption reports whether a word would, or might, be read as an option; see arguments.classify.
func looksLikeOption(text string) bool {
	return len(text) > 1 && text[0] == '-' && !isNegativeNumber(text) && (!strings.Contains(text, " ") || strings.Contains(text, "="))
}

func (p *printer) options(options []Option, values Values, v Version) {
	done := map[string]bool{}
	for i := range options {
		o := &options[i]
		if !o.Known(v) || !o.Print.shown(o, values) || done[o.Dest] && o.Kind != Const && o.Kind != Off {
			continue
		}
		done[o.Dest] = true
		p.byKind(o, values)
	}
}

func (how *Printing) shown(o *Option, values Values) bool {
	return !how.Hidden && !slices.ContainsFunc(how.With, values.empty) && (how.Unless == "" || values.empty(how.Unless)) &&
		(how.Implied == nil || values[o.Dest] != how.Implied) && (!how.Above0 || values.Int(o.Dest) > 0)
}

func (p *printer) byKind(o *Option, values Values) {
	name := o.Names[0]
	switch value := values[o.Dest].(type) {
	case nil:
		if o.Print.Standard != "" {
			p.option(name, o.Print.Standard)
		}
	case bool:
		p.bool(o, value)
	case int64:
		p.option(name, fmt.Sprint(value))
	case []string:
		switch {
		case o.Kind == Collect:
			for _, item := range value {
				p.option(name, item)
			}
		case o.Kind != Member && len(value) > 0:
			p.option(name, strings.Join(value, ","))
		}
	case string:
		switch {
		case o.Kind == Const:
			if value == o.Value {
				p.flag(name)
			}
		case value != "" || o.Required || o.Print.Empty:
			p.option(name, value)
		}
	}
}

func (p *printer) bool(o *Option, value bool) {
	name := o.Names[0]
	switch {
	case o.Kind == Bool && value:
		p.option(name, "true")
	case o.Kind == Bool:
		p.option(name, "off")
	case o.Kind == Const && value == o.Value, o.Kind == Off && !value, (o.Kind == Flag || o.Kind == Optional) && value:
		p.flag(name)
	}
}

func (f *File) printSections(out *strings.Builder) {
	kinds := scriptKinds()
	scripts := slices.Clone(f.Scripts)
	slices.SortStableFunc(scripts, func(a, b Script) int { return slices.Index(kinds, a.Kind) - slices.Index(kinds, b.Kind) })
	for _, s := range scripts {
		out.WriteString("\n" + s.String())
	}
	for _, c := range f.Certificates {
		out.WriteString("\n" + c.String())
	}
	for _, a := range f.Addons {
		out.WriteString("\n" + a.String())
	}
	if f.Packages.Seen {
		out.WriteString("\n" + f.Packages.text(f.Version))
	}
}

// section writes a header, a body that ends in a line end, and %end.
func printSection(p *printer, body string) string {
	if body != "" && trimEnd(body) == body {
		body += "\n"
	}
	return strings.Join(p.words, " ") + "\n" + body + "%end\n"
}

// scriptKinds are the kinds of scripts in the order of the canonical text, which is the order in which they run.
func scriptKinds() []string { return []string{"pre", "pre-install", "post", "onerror", "traceback"} }

// String is the section in canonical form.
func (s Script) String() string {
	p := &printer{words: []string{"%" + s.Kind}}
	if s.Interpreter != "/bin/sh" {
		p.option("--interpreter", s.Interpreter)
	}
	if s.NoChroot && s.Kind == "post" {
		p.flag("--nochroot")
	}
	if s.Log != "" {
		p.option("--logfile", s.Log)
	}
	if s.ErrorOnFail {
		p.flag("--erroronfail")
	}
	return printSection(p, s.Body)
}

// String is the section in canonical form.
func (a Addon) String() string {
	p := &printer{words: []string{a.Section}}
	if a.Name != "" || len(a.Args) > 0 && a.Section == "%addon" {
		p.word(a.Name)
	}
	for _, arg := range a.Args {
		p.word(arg)
	}
	return printSection(p, a.Body)
}

// String is the section in canonical form.
func (c Certificate) String() string {
	p := &printer{words: []string{"%certificate"}}
	p.option("--filename", c.Filename)
	if c.Dir != "" {
		p.option("--dir", c.Dir)
	}
	if c.Type != "" {
		p.option("--type", c.Type)
	}
	return printSection(p, c.Body)
}

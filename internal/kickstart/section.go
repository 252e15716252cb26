package kickstart

import (
	"fmt"
	"strings"
)

// section is a section that is open.
type section struct {
	name   string
	line   line // its header
	header *sectionSpec
	values Values
	args   []string
	body   strings.Builder
}

// sectionSpec is the table of one section.
type sectionSpec struct {
	Name       string
	Help       string
	Options    []Option
	Opaque     bool    // its header isn't read by a table
	Deprecated Version // from this version on it warns
	// open checks the header; line takes a line of the body, nil: the body is kept; close takes the whole.
	open  func(*parser, *section)
	line  func(*parser, line)
	close func(*parser, *section)
}

// openSection starts the section whose header this is.
func (p *parser) openSection(l line, words []word) {
	name := words[0].text
	spec := p.table.sections[name]
	if spec == nil {
		hint := "sections: " + strings.Join(p.table.sectionNames(), " ")
		if name == "%end" {
			hint = "no section is open here"
		} else if near := nearest(name, p.table.sectionNames()); near != "" {
			hint = "did you mean " + near + "?"
		}
		p.report(Error, l, words[0].at, "unknown section "+name, hint)
		if name == "%end" || len(name) < 2 {
			return
		}
		spec = &sectionSpec{Name: name, Opaque: true, close: func(*parser, *section) {}}
	}
	s := &section{name: name, line: l, header: spec}
	p.section = s
	if spec.Deprecated != 0 && p.options.Version >= spec.Deprecated {
		p.report(Warning, l, words[0].at, fmt.Sprintf("section %s is deprecated since %s", name, spec.Deprecated), "")
	}
	if spec.Opaque {
		for _, w := range words[1:] {
			s.args = append(s.args, w.text)
		}
		return
	}
	c := &call{arguments: p.newArguments(l, words[1:]), spec: &Spec{Names: []string{name}}, name: name, file: p.file}
	c.parse(nil, spec.Options)
	c.rejectExtra()
	s.values = c.values
	if spec.open != nil {
		spec.open(p, s)
	}
}

// sectionLine handles one line inside a section. Whatever section is open, a line that begins with the name of a section
// ends it, even inside a here-document.
func (p *parser) sectionLine(l line) {
	content := trimLeftSpace(l.text)
	if strings.HasPrefix(content, "%") {
		fields := strings.FieldsFunc(content, isSpace)
		if first := fields[0]; first == "%end" || first == "%include" || p.table.sections[first] != nil {
			if words, ok := p.split(l); ok {
				p.directive(l, words, first)
			}
			return
		}
	}
	if p.section.header.line == nil {
		p.flat.WriteString(l.text) // a script's text is kept to the byte, even where an included file ends without a line end
		p.section.body.WriteString(l.text)
		return
	}
	p.writeFlat(l)
	if !isBlank(l.text) {
		p.section.header.line(p, l)
	}
}

func (p *parser) directive(l line, words []word, first string) {
	s := p.section
	switch words[0].text {
	case "%include":
		p.include(l, words)
	case "%end":
		p.endFlatLine()
		p.writeFlat(l)
		p.section = nil
		s.header.close(p, s)
	case first:
		p.report(Error, s.line, 0, fmt.Sprintf("section %s isn't closed before %s in line %d", s.name, first, l.pos.Line),
			"add a line %end; inside a script no line may begin with the name of a section")
		p.endFlatLine()
		p.section = nil
		p.line(l)
	}
}

// endFlatLine makes sure that the next line of the flat text begins a line.
func (p *parser) endFlatLine() {
	if text := p.flat.String(); text != "" && trimEnd(text) == text {
		p.flat.WriteByte('\n')
	}
}

func scriptOptions() []Option {
	return []Option{
		flag("--erroronfail"),
		text("--interpreter"),
		text("--log", "--logfile"),
	}
}

func closeScript(p *parser, s *section) {
	body := s.body.String()
	if trimSpace(body) == "" {
		return // as in the reference, an empty script is no script
	}
	script := Script{
		Kind: strings.TrimPrefix(s.name, "%"), Interpreter: s.values.Text("interpreter"), Log: s.values.Text("log"),
		ErrorOnFail: s.values.Bool("erroronfail"), NoChroot: s.name != "%post" || s.values.Bool("nochroot"),
		Body: body, Pos: s.line.pos,
	}
	if script.Interpreter == "" {
		script.Interpreter = "/bin/sh"
	}
	p.file.Scripts = append(p.file.Scripts, script)
}

func closeAddon(p *parser, s *section) {
	addon := Addon{Section: s.name, Args: s.args, Body: s.body.String(), Pos: s.line.pos}
	if s.name == "%addon" && len(s.args) > 0 {
		addon.Name, addon.Args = s.args[0], s.args[1:]
	}
	p.file.Addons = append(p.file.Addons, addon)
}

func openCertificate(p *parser, s *section) {
	if s.values.Text("filename") == "" && s.values.Has("filename") {
		p.report(Warning, s.line, 0, "%certificate has no file name", "write --filename=NAME")
	}
	if s.values.Text("dir") == "" && s.values.Text("type") == "" {
		p.report(Error, s.line, 0, "%certificate needs --dir or --type", "")
	}
}

func closeCertificate(p *parser, s *section) {
	body := s.body.String()
	if trimSpace(body) == "" {
		p.report(Error, s.line, 0, "the %certificate section is empty", "")
	}
	v := s.values
	p.file.Certificates = append(p.file.Certificates, Certificate{v.Text("filename"), v.Text("dir"), v.Text("type"), body, s.line.pos})
}

func packagesOptions() []Option {
	return []Option{
		flag("--excludedocs"), flag("--nocore"), flag("--ignoremissing"),
		flag("--default"), flag("--multilib"),
		text("--inst-langs").since(RHEL9),
		text("--instLangs").to("inst_langs").until(RHEL9).deprecated(RHEL9, "use --inst-langs"),
		flag("--exclude-weakdeps").since(RHEL9),
		flag("--excludeWeakdeps").to("exclude_weakdeps").until(RHEL9).deprecated(RHEL9, "use --exclude-weakdeps"),
		number("--timeout"), number("--retries"),
	}
}

func openPackages(p *parser, s *section) {
	v, packages := s.values, &p.file.Packages
	if v.Bool("default") && v.Bool("nocore") {
		p.report(Error, s.line, 0, "--default and --nocore can't be used together", "")
	}
	before := *packages
	*packages = Packages{
		Seen: true, Items: packages.Items,
		ExcludeDocs: v.Bool("excludedocs"), NoCore: v.Bool("nocore"), ExcludeWeakdeps: v.Bool("exclude_weakdeps"),
		MultiLib: v.Bool("multilib"), IgnoreMissing: v.Bool("ignoremissing"), Default: v.Bool("default"),
		InstLangs: before.InstLangs, instLangs: before.instLangs,
		Retries: v.OptInt("retries"), Timeout: v.OptInt("timeout"),
	}
	if v.Has("inst_langs") {
		packages.instLangs = v.Text("inst_langs")
		langs := splitLangs(packages.instLangs)
		packages.InstLangs = &langs
	}
}

// splitLangs splits a list of languages, which real files separate with colons or commas.
func splitLangs(text string) []string {
	return append([]string{}, strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ':' })...)
}

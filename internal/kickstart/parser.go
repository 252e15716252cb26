package kickstart

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// parser is the state of one [Parse].
type parser struct {
	options  Options
	table    *table
	file     *File
	problems Problems // errors
	dropped  bool     // there were more errors than are kept
	sources  []*source
	includes int
	items    int      // commands and packages so far
	left     int64    // bytes that may still be read
	section  *section // nil: among the commands
	flat     strings.Builder
}

// Parse reads a kickstart and everything it includes. The name is its path inside Options.Includes, from which relative
// includes are resolved. Every error of the file is reported: the error is then a [Problems], in the order they were met,
// and the File holds what could be understood. Warnings stand in the File and never make Parse fail.
// Any other error means that src couldn't be read or that the options are wrong, and the File is nil.
func Parse(name string, src io.Reader, o Options) (*File, error) {
	p, err := newParser(name, src, o)
	if err != nil {
		return nil, err
	}
	p.checkText(name, p.sources[0].rest)
	for l, ok := p.next(); ok && !p.dropped; l, ok = p.next() {
		p.line(l)
	}
	if s := p.section; s != nil && !p.dropped {
		p.report(Error, s.line, 0, fmt.Sprintf("section %s isn't closed", s.name), "add a line %end after it")
	}
	p.file.flat = p.flat.String()
	if len(p.problems) > 0 {
		return p.file, p.problems
	}
	return p.file, nil
}

func newParser(name string, src io.Reader, o Options) (*parser, error) {
	if !o.Version.valid() {
		return nil, fmt.Errorf("reading kickstart %s: Options.Version isn't set to a known version", name)
	}
	p := &parser{options: o.withDefaults(), table: o.Version.table()}
	p.left = p.options.MaxBytes
	p.file = &File{Name: name, Version: o.Version, byAttr: map[string][]*Command{}, states: map[string]Values{}, unique: map[string]Position{}}
	text, err := p.readAll(src)
	if err != nil {
		return nil, fmt.Errorf("reading kickstart %s: %w", name, err)
	}
	p.sources = []*source{{name: name, rest: text}}
	return p, nil
}

// checkText reports what no line of a kickstart may hold.
func (p *parser) checkText(name, text string) {
	if strings.HasPrefix(text, "\ufeff") {
		p.report(Error, line{trimFirst(text), Position{name, 1, 1}}, 0, "the file begins with a byte order mark", "save it as UTF-8 without one")
	}
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		return
	}
	for s := (source{name: name, rest: text}); ; {
		l, ok := s.next()
		if !ok || p.dropped {
			return
		}
		if at := strings.IndexByte(l.text, 0); at >= 0 {
			p.report(Warning, l, at, "the line holds a NUL byte", "")
		}
		if !utf8.ValidString(l.text) {
			at := 0
			for r, size := utf8.DecodeRuneInString(l.text); r != utf8.RuneError || size > 1; r, size = utf8.DecodeRuneInString(l.text[at:]) {
				at += size
			}
			p.report(Error, l, at, "the line isn't valid UTF-8", "convert the file to UTF-8")
		}
	}
}

func trimFirst(text string) string { first, _ := nextLine(text); return first }

// line handles one line, by where it stands.
func (p *parser) line(l line) {
	if p.section != nil {
		p.sectionLine(l)
		return
	}
	if isBlank(l.text) {
		p.writeFlat(l)
		return
	}
	words, ok := p.split(l)
	if !ok {
		return
	}
	switch first := words[0].text; {
	case first == "%include":
		p.include(l, words)
	case strings.HasPrefix(first, "%"):
		p.writeFlat(l)
		p.openSection(l, words)
	default:
		p.writeFlat(l)
		p.command(l, words)
	}
}

// writeFlat keeps a line outside sections, which always gets an end of its own.
func (p *parser) writeFlat(l line) {
	p.flat.WriteString(l.text)
	if trimEnd(l.text) == l.text {
		p.flat.WriteByte('\n')
	}
}

func (p *parser) split(l line) ([]word, bool) {
	words, err := splitWords(trimEnd(l.text))
	var bad *lexError
	switch {
	case errors.As(err, &bad):
		p.report(Error, l, bad.at, bad.message, "")
		return nil, false
	case len(words) == 0 || words[0].text == "":
		p.report(Error, l, 0, "the line has no command", "")
		return nil, false
	}
	return words, true
}

func (p *parser) include(l line, words []word) {
	if len(words) < 2 || words[1].text == "" {
		p.report(Error, l, 0, "%include needs the name of a file", "")
		return
	}
	p.enter(words[1].text, l, false)
}

func (p *parser) newArguments(l line, words []word) *arguments {
	return &arguments{
		version: p.options.Version, words: words,
		values: Values{}, given: map[string]int{}, seen: map[*Option]bool{},
		report: func(at int, message, hint string) { p.report(Error, l, at, message, hint) },
		warn:   func(at int, message, hint string) { p.report(Warning, l, at, message, hint) },
	}
}

// command reads one command line.
func (p *parser) command(l line, words []word) {
	if !p.room(l) {
		return
	}
	name, version := words[0].text, p.options.Version
	spec := p.table.commands[name]
	if spec == nil {
		p.report(Error, l, words[0].at, fmt.Sprintf("unknown command %q in %s", name, version), p.table.unknownHint(name))
		return
	}
	if spec.Removed != 0 && version >= spec.Removed {
		p.report(Error, l, words[0].at, fmt.Sprintf("command %s has been removed from %s", name, spec.Removed), spec.Help)
		return
	}
	command := &Command{Name: name, Pos: l.at(words[0].at), spec: spec}
	if spec.Ignored != 0 && version >= spec.Ignored {
		p.report(Warning, l, words[0].at, fmt.Sprintf("command %s has no effect since %s", name, spec.Ignored), spec.Help)
		p.file.add(command)
		return
	}
	c := &call{arguments: p.newArguments(l, words[1:]), spec: spec, name: name, file: p.file, start: words[0].at}
	c.after = trimSpace(trimLeftSpace(l.text)[len(name):])
	base := words[0].at
	c.report = func(at int, message, hint string) {
		c.failed = true
		p.report(Error, l, max(at, base), message, hint)
	}
	for _, other := range spec.Conflicts {
		if version >= spec.ConflictsSince && p.file.seen(other) {
			c.report(base, fmt.Sprintf("%s can't be used together with %s", name, p.file.all(other)[0].Name),
				"which stands at "+p.file.all(other)[0].Pos.String())
		}
	}
	c.run()
	if !c.failed {
		command.Values, command.at = c.values, c.given
		p.file.add(command)
		if c.unique != "" {
			p.file.unique[c.unique] = command.Pos
		}
	}
}

// room reports whether one more command or package may be kept.
func (p *parser) room(l line) bool {
	if p.items++; p.items == p.options.MaxItems+1 {
		p.report(Error, l, 0, fmt.Sprintf("there are more than %d commands and packages", p.options.MaxItems), "")
	}
	return p.items <= p.options.MaxItems
}

// run reads the words by the table and then checks what a table can't say.
func (c *call) run() {
	if c.spec.parse != nil {
		c.spec.parse(c)
		return
	}
	c.parse(c.spec.Args, c.spec.Options)
	if !c.spec.loose {
		c.rejectExtra()
	}
	if c.spec.check != nil && !c.failed {
		c.spec.check(c)
	}
}

// report keeps a problem at the byte offset in the line, up to the bounds for errors and for warnings.
func (p *parser) report(severity Severity, l line, at int, message, hint string) {
	list := (*[]Problem)(&p.problems)
	if severity == Warning {
		list = &p.file.Warnings
	}
	switch kept := len(*list); {
	case kept == p.options.MaxProblems:
		*list = append(*list, Problem{Pos: l.at(at), Severity: severity, Message: "there are more problems, which aren't shown"})
		p.dropped = p.dropped || severity == Error
	case kept < p.options.MaxProblems:
		*list = append(*list, Problem{Pos: l.at(at), Severity: severity, Message: message, Hint: hint, Source: excerpt(l.text)})
	}
}

// excerpt is the line as it is shown, bounded so that reports stay small.
func excerpt(text string) string {
	const most = 1000
	if text = trimEnd(text); len(text) > most {
		return strings.Clone(strings.ToValidUTF8(text[:most], "")) + "…"
	}
	return text
}

package kickstart

import (
	"io"
	"strings"
)

// Format rewrites a kickstart in one style and changes nothing that it means: one space between words, options in full
// and as --option=value, quotation marks only where they are needed, at most one blank line in a row. Comments, includes,
// scripts and the order of lines stay. A line that can't be read stays as it is: [Parse] is there to tell.
func Format(name string, src io.Reader, o Options) (string, error) {
	p, err := newParser(name, src, o)
	if err != nil {
		return "", err
	}
	f := formatter{parser: p}
	for l, ok := p.sources[0].next(); ok; l, ok = p.sources[0].next() {
		f.line(l)
	}
	return f.out.String(), nil
}

// formatter writes the lines of one file.
type formatter struct {
	*parser
	out     strings.Builder
	section string // "": among the commands
	blank   bool   // the last line was blank
}

func (f *formatter) line(l line) {
	content := trimSpace(l.text)
	first := content
	if end := strings.IndexFunc(content, isSpace); end >= 0 {
		first = content[:end]
	}
	if f.section == "" && strings.HasPrefix(first, "%") {
		// Quotation marks may stand within a header's name, as in any word.
		if words, _, err := split(trimEnd(l.text), true); err == nil && len(words) > 0 {
			first = words[0].text
		}
	}
	starts := f.table.sections[first] != nil
	switch {
	case first == "%end" && f.section != "":
		f.section = ""
		f.write("%end")
	case starts, f.section == "":
		if starts {
			f.section = first
		}
		f.write(f.words(l, content))
	case f.section == "%packages":
		f.write(content)
	default:
		f.out.WriteString(l.text)
		f.blank = false
		if trimEnd(l.text) == l.text {
			f.out.WriteByte('\n')
		}
	}
}

// write writes a line, unless it is the second blank one.
func (f *formatter) write(content string) {
	if content != "" || !f.blank {
		f.out.WriteString(content + "\n")
	}
	f.blank = content == ""
}

// words is a command or header by its table, or the line as it stands when it has none or can't be read.
func (f *formatter) words(l line, content string) string {
	words, comment, err := split(trimEnd(l.text), true)
	if err != nil || len(words) == 0 {
		return content
	}
	name := words[0].text
	var args, options []Option
	if spec := f.table.commands[name]; spec != nil && spec.parse == nil && (spec.Ignored == 0 || f.options.Version < spec.Ignored) {
		args, options = spec.Args, spec.Options
	} else if section := f.table.sections[name]; section != nil && !section.Opaque {
		options = section.Options
	} else {
		return content
	}
	ok := true
	a := f.newArguments(l, words[1:])
	a.report = func(int, string, string) { ok = false }
	a.parse(args, options)
	if !ok {
		return content
	}
	parts := append([]string{name}, a.normal...)
	if comment = trimSpace(comment); comment != "" {
		parts = append(parts, comment)
	}
	return strings.Join(parts, " ")
}

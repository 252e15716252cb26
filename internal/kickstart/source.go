package kickstart

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// line is one line of a file, with its end.
type line struct {
	text string
	pos  Position
}

// at is the position of the byte at the offset.
func (l line) at(offset int) Position {
	pos := l.pos
	pos.Column += offset
	return pos
}

// source is a file that is being read.
type source struct {
	name    string
	rest    string
	line    int      // lines read so far
	from    line     // the line that includes it
	section *section // the section that was open when it was included
	splice  bool     // %ksappend: pure text, which may open or close sections
}

func (s *source) next() (line, bool) {
	if s.rest == "" {
		return line{}, false
	}
	var text string
	text, s.rest = nextLine(s.rest)
	s.line++
	return line{text, Position{s.name, s.line, 1}}, true
}

// next is the next line over all files, with %ksappend replaced by what it names.
func (p *parser) next() (line, bool) {
	var joined *line // appended text without a line end runs into the line after %ksappend
	for len(p.sources) > 0 {
		top := p.sources[len(p.sources)-1]
		l, ok := top.next()
		if !ok {
			p.leave(top)
			continue
		}
		if joined != nil {
			l.text, joined = joined.text+l.text, nil
		}
		content := trimSpace(l.text)
		if strings.HasPrefix(content, "%ksappend") {
			p.appendFile(l, content)
			continue
		}
		if top.splice && top.rest == "" && trimEnd(l.text) == l.text && len(p.sources) > 1 && p.sources[len(p.sources)-2].rest != "" {
			joined = &l
			p.report(Warning, l, 0, "the file ends without a line end, so this runs into what follows %ksappend", "end the file with a line end")
			continue
		}
		return l, true
	}
	return line{}, false
}

// leave closes a file that was read to its end.
func (p *parser) leave(s *source) {
	p.sources = p.sources[:len(p.sources)-1]
	if len(p.sources) == 0 || s.splice || p.section == s.section {
		return
	}
	if p.section != nil {
		p.report(Error, p.section.line, 0, fmt.Sprintf("section %s isn't closed in the file that opens it", p.section.name),
			"add %end; the installer would ignore everything after the %include")
	} else {
		p.report(Error, s.from, 0, fmt.Sprintf("the included file closes section %s, which it doesn't open", s.section.name),
			"put %end into the file that opens the section")
	}
	p.section = s.section
}

func (p *parser) appendFile(l line, content string) {
	fields := strings.Split(content, " ")
	if len(fields) < 2 || fields[1] == "" {
		p.report(Error, l, 0, "%ksappend needs one space and the name of a file", "")
		return
	}
	p.enter(fields[1], l, true)
}

// enter continues with another file; what can't be read is reported.
func (p *parser) enter(ref string, l line, splice bool) {
	if len(p.sources) > p.options.MaxDepth {
		p.report(Error, l, 0, fmt.Sprintf("includes are nested deeper than %d", p.options.MaxDepth), "")
		return
	}
	if p.includes++; p.includes > p.options.MaxIncludes {
		p.report(Error, l, 0, fmt.Sprintf("more than %d includes", p.options.MaxIncludes), "")
		return
	}
	name, text, err := p.open(ref, path.Dir(p.sources[len(p.sources)-1].name))
	if err != nil {
		p.missing(ref, l, err)
		return
	}
	for _, s := range p.sources {
		if s.name == name {
			p.report(Error, l, 0, fmt.Sprintf("%s includes itself", name), "")
			return
		}
	}
	p.checkText(name, text)
	p.sources = append(p.sources, &source{name: name, rest: text, from: l, section: p.section, splice: splice})
}

func (p *parser) missing(ref string, l line, err error) {
	at := max(0, strings.Index(l.text, ref))
	if p.options.AllowMissingIncludes && path.IsAbs(ref) && errors.Is(err, fs.ErrNotExist) {
		p.file.Unresolved = append(p.file.Unresolved, Include{ref, l.pos})
		p.report(Warning, l, at, fmt.Sprintf("what %s holds isn't known until install", ref), "")
		p.flat.WriteString(l.text)
		return
	}
	hint := ""
	if path.IsAbs(ref) && errors.Is(err, fs.ErrNotExist) {
		hint = "if %pre writes it, allow missing includes"
	}
	p.report(Error, l, at, fmt.Sprintf("can't include %s: %v", ref, err), hint)
}

// open finds and reads what an include names; dir is the including file's folder.
func (p *parser) open(ref, dir string) (name, text string, err error) {
	if strings.Contains(ref, "://") {
		if p.options.Fetch == nil {
			return "", "", errors.New("including from the network isn't allowed here")
		}
		body, err := p.options.Fetch(ref)
		if err != nil {
			return "", "", err
		}
		defer body.Close()
		text, err = p.readAll(body)
		return ref, text, err
	}
	if p.options.Includes == nil {
		return "", "", errors.New("there is no folder to include from")
	}
	candidates := []string{path.Clean(strings.TrimLeft(ref, "/"))}
	if !path.IsAbs(ref) {
		candidates = append(candidates, path.Join(dir, ref))
	}
	err = errors.New("the path leaves the folder of the kickstarts")
	for _, candidate := range candidates {
		if !fs.ValidPath(candidate) {
			continue
		}
		file, openErr := p.options.Includes.Open(candidate)
		if openErr != nil {
			err = withoutPath(openErr)
			continue
		}
		defer file.Close()
		text, err = p.readAll(file)
		return candidate, text, err
	}
	return "", "", err
}

// withoutPath drops the path of an error whose message repeats it.
func withoutPath(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// readAll reads what the bound for the text of all files still allows.
func (p *parser) readAll(src io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(src, p.left+1))
	if err != nil {
		return "", withoutPath(err)
	}
	if p.left -= int64(len(data)); p.left < 0 {
		p.left = 0
		return "", fmt.Errorf("the kickstart and its includes are larger than %d bytes together", p.options.MaxBytes)
	}
	return string(data), nil
}

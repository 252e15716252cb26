// Package conformance holds Quarry's kickstart parser against the recorded answers of the reference parser. It is test
// code; the recorded answers are shared data and never part of the repository.
package conformance

import (
	"slices"
	"strings"
	"unicode"

	"github.com/quarry-project/quarry/internal/kickstart"
)

// meaning is a canonical text without what doesn't matter: the order of commands and of options, quoting, comments,
// blank lines, and "--option=value" against "--option value".
type meaning struct {
	commands []string // sorted
	sections []string // in order
}

func (m meaning) equal(other meaning) bool {
	return slices.Equal(m.commands, other.commands) && slices.Equal(m.sections, other.sections)
}

func (m meaning) String() string {
	return strings.Join(m.commands, "\n") + "\n" + strings.Join(m.sections, "\n")
}

// butForQuoting reports whether the texts hold the same words once quoting is forgotten.
func (m meaning) butForQuoting(other meaning) bool {
	return slices.Equal(unquoted(m.String()), unquoted(other.String()))
}

func unquoted(text string) []string {
	words := strings.FieldsFunc(strings.NewReplacer(`"`, "", "'", "", `\`, "").Replace(text), func(r rune) bool {
		return r == '=' || r == 0 || unicode.IsSpace(r)
	})
	slices.Sort(words)
	return words
}

// meaningOf reads a canonical text. The lines of an empty file's canonical text count for nothing.
func meaningOf(text, empty string) meaning {
	var m meaning
	nothing := map[string]bool{}
	for line := range strings.SplitSeq(empty, "\n") {
		nothing[line] = true
	}
	text = strings.ReplaceAll(text, "%end%", "%end\n%") // the reference prints opaque sections without a line end
	var section []string
	for line := range strings.SplitSeq(text, "\n") {
		content := strings.TrimSpace(line)
		switch {
		case content == "" || strings.HasPrefix(content, "#"):
		case section != nil && content == "%end":
			m.sections = append(m.sections, strings.Join(section, "\n"))
			section = nil
		case section != nil:
			section = append(section, content)
		case strings.HasPrefix(content, "%"):
			section = []string{tokens(content)}
		case !nothing[line]:
			m.commands = append(m.commands, tokens(line))
		}
	}
	slices.Sort(m.commands)
	return m
}

// tokens is a line as a sorted list of its words.
func tokens(line string) string {
	words, err := kickstart.SplitWords(line)
	if err != nil {
		return line
	}
	var all []string
	for _, word := range words {
		if name, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(word, "--") {
			all = append(all, name, value)
		} else {
			all = append(all, word)
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\x00")
}

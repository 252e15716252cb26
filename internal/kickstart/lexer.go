package kickstart

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is one argument of a line, unquoted.
type word struct {
	text string
	at   int // byte offset in the line
}

// lexError is a line that can't be split; at is the byte offset of the character to blame.
type lexError struct {
	at      int
	message string
}

func (e *lexError) Error() string { return e.message }

// splitWords splits a line as a POSIX shell does, without expanding anything. An unquoted # ends the line even inside
// a word. There is no line continuation: a backslash at the very end is an error.
func splitWords(line string) ([]word, error) {
	words, _, err := split(line, true)
	return words, err
}

// splitPlain is splitWords for text in which # is nothing special.
func splitPlain(line string) ([]word, error) {
	words, _, err := split(line, false)
	return words, err
}

// split also returns the comment that ends the line.
func split(line string, comments bool) ([]word, string, error) {
	var (
		words   []word
		text    strings.Builder
		inWord  bool
		comment string
		start   int
	)
	flush := func() {
		if inWord {
			words = append(words, word{text.String(), start})
			text.Reset()
			inWord = false
		}
	}
	begin := func(at int) {
		if !inWord {
			inWord, start = true, at
		}
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c == '#' && comments {
			comment = line[i:]
			break
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			flush()
		case '\\':
			begin(i)
			if i++; i == len(line) {
				return nil, "", &lexError{i - 1, "the line ends in a backslash, and kickstart has no line continuation"}
			}
			text.WriteByte(line[i])
		case '\'', '"':
			begin(i)
			end, err := readQuoted(line, i, &text)
			if err != nil {
				return nil, "", err
			}
			i = end
		default:
			begin(i)
			text.WriteByte(c)
		}
	}
	flush()
	return words, comment, nil
}

// readQuoted copies a quoted stretch that opens at line[open] and returns the offset of its closing quote. Inside double
// quotes a backslash escapes only itself and the quote.
func readQuoted(line string, open int, text *strings.Builder) (int, error) {
	quote := line[open]
	for i := open + 1; i < len(line); i++ {
		c := line[i]
		switch {
		case c == quote:
			return i, nil
		case c == '\\' && quote == '"' && i+1 < len(line):
			i++
			if next := line[i]; next != '"' && next != '\\' {
				text.WriteByte('\\')
			}
			text.WriteByte(line[i])
		default:
			text.WriteByte(c)
		}
	}
	return 0, &lexError{open, "this quotation mark has no partner on the same line"}
}

// nextLine cuts the first line off text. Lines end where the reference ends them: beside the usual ends also at vertical
// tab, form feed, the ASCII separators, NEL and the Unicode line and paragraph separators. The end belongs to the line.
func nextLine(text string) (line, rest string) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n' || c == '\v' || c == '\f' || c >= 0x1c && c <= 0x1e:
			return text[:i+1], text[i+1:]
		case c == '\r':
			if i+1 < len(text) && text[i+1] == '\n' {
				i++
			}
			return text[:i+1], text[i+1:]
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(text[i:])
			if r == '\u0085' || r == '\u2028' || r == '\u2029' {
				return text[:i+size], text[i+size:]
			}
			i += size - 1
		}
	}
	return text, ""
}

// trimEnd takes the line's end away.
func trimEnd(line string) string {
	if cut, ok := strings.CutSuffix(line, "\r\n"); ok {
		return cut
	}
	r, size := utf8.DecodeLastRuneInString(line)
	switch {
	case r >= '\n' && r <= '\r', r >= 0x1c && r <= 0x1e, r == '\u0085', r == '\u2028', r == '\u2029':
		return line[:len(line)-size]
	}
	return line
}

// isSpace is white space as the reference sees it, which counts the ASCII separators too.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

func trimSpace(text string) string     { return strings.TrimFunc(text, isSpace) }
func trimLeftSpace(text string) string { return strings.TrimLeftFunc(text, isSpace) }

// isBlank is true for a line without content: empty, white space, or a comment.
func isBlank(line string) bool {
	text := trimLeftSpace(line)
	return text == "" || text[0] == '#'
}

// quote writes text so that [splitWords] reads it back as one word.
func quote(text string) string {
	if text != "" && !strings.ContainsFunc(text, needsQuote) {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

func needsQuote(r rune) bool {
	return isSpace(r) || strings.ContainsRune("#'\"\\", r)
}

// SplitWords splits a line into its words as the parser does: POSIX shell quoting without expansion, and # begins a
// comment wherever it isn't quoted. The error says what is wrong with the quoting.
func SplitWords(line string) ([]string, error) {
	words, err := splitWords(trimEnd(line))
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	return texts, nil
}

package kickstart

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		"":                            nil,
		" \t ":                        nil,
		"a  b\tc":                     {"a", "b", "c"},
		"a#b c":                       {"a"},
		"# a":                         nil,
		`a '#' "b#c"`:                 {"a", "#", "b#c"},
		`--x="a b"'c d'e`:             {"--x=a bc de"},
		`"" ''`:                       {"", ""},
		`a\ b \#c \\ \"`:              {"a b", "#c", `\`, `"`},
		`"a\"b\\c\d$"`:                {`a"b\c\d$`},
		`'a\b'`:                       {`a\b`},
		"caf\u00e9 a\u00a0b a\u2003b": {"caf\u00e9", "a\u00a0b", "a\u2003b"},
		"a\x00b":                      {"a\x00b"},
	} {
		if got, err := SplitWords(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q %v, want %q", line, got, err, want)
		}
	}
	for line, at := range map[string]int{`a "b`: 2, `a b'c`: 3, `a b\`: 3, `"a\`: 0} {
		_, err := splitWords(line)
		var bad *lexError
		if !errors.As(err, &bad) || bad.at != at {
			t.Errorf("%q: error %v at %+v, want one at %d", line, err, bad, at)
		}
	}
}

func TestQuoteReadsBack(t *testing.T) {
	for _, word := range []string{"", "a", "a b", "a#b", `a"b`, `a\b`, "a'b", `\`, "$x `y`", "caf\u00e9", "a\u2003b", `"'\#`} {
		if got, err := SplitWords(quote(word)); err != nil || len(got) != 1 || got[0] != word {
			t.Errorf("%q is written %s and read %q (%v)", word, quote(word), got, err)
		}
	}
}

func TestLineEnds(t *testing.T) {
	text := "a\nb\r\nc\rd\ve\ff\x1cg\x1dh\x1ei\u0085j\u2028k\u2029l"
	var lines []string
	for rest := text; rest != ""; {
		var line string
		line, rest = nextLine(rest)
		lines = append(lines, trimEnd(line))
	}
	if got := strings.Join(lines, ""); got != "abcdefghijkl" || len(lines) != 12 {
		t.Errorf("%q", lines)
	}
}

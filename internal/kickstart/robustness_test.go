package kickstart

import (
	"strings"
	"testing"
)

func TestOddText(t *testing.T) {
	for name, c := range map[string]struct{ text, err, warning string }{
		"NUL":              {"lang a\x00b\n", "", "NUL byte"},
		"NUL in a script":  {"%post\na\x00b\n%end\n", "", "NUL byte"},
		"CRLF":             {"lang en\r\n%packages\r\nvim\r\n%end\r\n", "", ""},
		"CR":               {"lang en\rtext\r", "", ""},
		"byte order mark":  {"\ufefflang en\n", "byte order mark", ""},
		"bad UTF-8":        {"lang \xff\n", "valid UTF-8", ""},
		"bad in a script":  {"%post\necho \xe9\n%end\n", "valid UTF-8", ""},
		"long line":        {"lang " + strings.Repeat("x", 1<<20) + "\n", "", ""},
		"long bad line":    {"lang " + strings.Repeat("x ", 1<<19) + "\n", "more arguments don't fit", ""},
		"long option":      {"part / --size=1 --" + strings.Repeat("x", 1<<20) + "\n", "has no option", ""},
		"long script line": {"%post\n" + strings.Repeat("x", 1<<20) + "\n%end\n", "", ""},
		"empty":            {"", "", ""},
		"only a quote":     {`"`, "no partner", ""},
		"empty word":       {`""`, "no command", ""},
		"no line end":      {"%post\necho", "isn't closed", ""},
		"big number":       {"bootloader --timeout=99999999999999999999\n", "whole number", ""},
	} {
		file, err := parseText(t, c.text, Options{})
		switch {
		case c.err == "" && err != nil, c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: error %.200v, want %q", name, err, c.err)
		case c.warning != "" && (len(file.Warnings) == 0 || !strings.Contains(file.Warnings[0].Message, c.warning)):
			t.Errorf("%s: warnings %v, want %q", name, file.Warnings, c.warning)
		case c.warning == "" && len(file.Warnings) > 0:
			t.Errorf("%s: unexpected warnings %v", name, file.Warnings)
		}
	}
	file := mustParse(t, "lang en\r\n%post\r\necho\r\n%end\r\n", Options{})
	if file.Lang().System != "en" || file.Scripts[0].Body != "echo\r\n" {
		t.Errorf("CRLF: %q %q", file.Lang().System, file.Scripts[0].Body)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	_, err := parseText(t, strings.Repeat("bogus\n", 10_000), Options{})
	problems, ok := err.(Problems)
	if !ok || len(problems) != 501 || !strings.Contains(problems[500].Message, "more problems") {
		t.Errorf("%d problems", len(problems))
	}
	// Errors aren't hidden by warnings that came first.
	_, err = parseText(t, strings.Repeat("module --name=x\n", 1000)+"bogus\n", Options{Version: RHEL10})
	if err == nil {
		t.Error("an error is lost behind warnings")
	}
}

// Text that would cost more than linear time or memory in a careless parser ends soon; the test would time out otherwise.
func TestLargeInput(t *testing.T) {
	for name, text := range map[string]string{
		"services":     strings.Repeat("services --enabled=a\n", 20_000),
		"users":        strings.Repeat("user --name=a\n", 20_000),
		"one services": "firewall " + strings.Repeat(" --ftp", 100_000) + "\n",
		"one list":     "firewall " + strings.Repeat(" --service=a", 50_000) + "\n",
		"packages":     "%packages\n" + strings.Repeat("a\n-a\n@b\n-@b\n", 24_000) + "%end\n",
		"blank":        strings.Repeat("\n", 1<<20),
		"script":       "%post\n" + strings.Repeat("%x\n", 1<<18) + "%end\n",
	} {
		file, err := parseText(t, text, Options{})
		if err != nil {
			t.Errorf("%s: %.200v", name, err)
		}
		if file.String() == "" {
			t.Errorf("%s: no canonical text", name)
		}
	}
	if _, err := parseText(t, strings.Repeat("text\n", 100_001), Options{}); err == nil || !strings.Contains(err.Error(), "more than 100000 commands") {
		t.Errorf("too many commands: %.200v", err)
	}
	if _, err := Parse("a.ks", strings.NewReader(strings.Repeat("#", 4<<20+1)), Options{Version: RHEL9}); err == nil {
		t.Error("too many bytes are fine")
	}
}

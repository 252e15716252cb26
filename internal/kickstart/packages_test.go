package kickstart

import (
	"strings"
	"testing"
)

func TestDoubtfulPackageNames(t *testing.T) {
	for line, want := range map[string]string{
		"vim": "", "@core --nodefaults": "", "@Development Tools": "", "@^Server with GUI": "", "-vim": "", "-@core": "", "lib*.i686": "", "vim # editor": "", "vim >= 9": "", "(a if b)": "",
		"vim nano":     `"vim nano" can't be the name`,
		"--nocore":     `"-nocore" can't be the name`,
		"@core --x":    `part of the name "core --x"`,
		"@^server --x": `part of the name "server --x"`,
	} {
		file := mustParse(t, "%packages\n"+line+"\n%end\n", Options{})
		switch {
		case want == "" && len(file.Warnings) > 0:
			t.Errorf("%s: unexpected warnings %v", line, file.Warnings)
		case want != "" && (len(file.Warnings) != 1 || !strings.Contains(file.Warnings[0].Message, want) || file.Warnings[0].Pos.Line != 2):
			t.Errorf("%s: warnings %v, want %q", line, file.Warnings, want)
		}
	}
}

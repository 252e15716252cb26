package plan

import (
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/quarry-project/quarry/internal/kickstart"
)

// packageName is what an RPM may be called, in a word of a script.
var packageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)

// scriptInstalls finds the packages that %post scripts install by name: `dnf install …`. Only what stands there literally is found;
// what comes from variables has to be listed in the pipeline's `available`.
func scriptInstalls(ks *kickstart.File) []string {
	var names []string
	for _, s := range ks.Scripts {
		if s.Kind != "post" || s.NoChroot || !isShell(s.Interpreter) {
			continue
		}
		names = append(names, installsOf(s.Body)...)
	}
	return unique(names)
}

func isShell(interpreter string) bool {
	program, _, _ := strings.Cut(interpreter, " ")
	return slices.Contains([]string{"sh", "bash"}, program[strings.LastIndex(program, "/")+1:])
}

// parsed reads one script. One that can't be parsed to its end yields what stands before the error, or nil.
func parsed(body string) *syntax.File {
	script, _ := syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.RecoverErrors(10)).Parse(strings.NewReader(body), "")
	return script
}

// installsOf finds them in one script.
func installsOf(body string) (names []string) {
	script := parsed(body)
	if script == nil {
		return nil
	}
	syntax.Walk(script, func(node syntax.Node) bool {
		if call, ok := node.(*syntax.CallExpr); ok {
			names = append(names, installed(words(call))...)
		}
		return true
	})
	return names
}

// words are the literal words of a call; one that depends on a variable is empty.
func words(call *syntax.CallExpr) []string {
	var result []string
	for _, w := range call.Args {
		text, _ := literal(w.Parts)
		result = append(result, text)
	}
	return result
}

// literal is the text of a word, and false when it is only known when the script runs.
func literal(parts []syntax.WordPart) (string, bool) {
	var b strings.Builder
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(p.Value)
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			text, ok := literal(p.Parts)
			if !ok {
				return "", false
			}
			b.WriteString(text)
		default:
			return "", false
		}
	}
	return b.String(), true
}

// installed returns the packages of a dnf or yum call that installs by name.
func installed(words []string) (names []string) {
	// Options that take the next word as their value.
	valued := []string{"-c", "-d", "-e", "-x", "--setopt", "--enablerepo", "--disablerepo", "--repo", "--repoid", "--exclude", "--releasever", "--forcearch"}
	if len(words) == 0 || !slices.Contains([]string{"dnf", "yum", "microdnf"}, words[0][strings.LastIndex(words[0], "/")+1:]) {
		return nil
	}
	command := ""
	for i := 1; i < len(words); i++ {
		switch w := words[i]; {
		case slices.Contains(valued, w):
			i++
		case w == "" || strings.HasPrefix(w, "-"):
		case command == "":
			command = w
		case packageName.MatchString(w):
			names = append(names, w)
		}
	}
	if command != "install" && command != "reinstall" {
		return nil
	}
	return names
}

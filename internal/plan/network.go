package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/quarry-project/quarry/internal/kickstart"
)

// remote is a word that names something on another host.
var remote = regexp.MustCompile(`^(https?|ftp)://`)

// checkNetwork warns of scripts that download where the build has no network. Most scripts go on without what they did not get, so that
// nothing else would say why it is not in the image.
func checkNetwork(ks *kickstart.File, network bool) (warnings []string) {
	for _, s := range ks.Scripts {
		if network || !isShell(s.Interpreter) {
			continue
		}
		for _, call := range downloads(s.Body) {
			at := s.Pos
			at.Line += int(call.Pos().Line()) // the body begins on the line after its section's
			at.Column = int(call.Pos().Col())
			w := words(call)
			warnings = append(warnings, fmt.Sprintf("%s: %s can't reach %s: a build has no network, unless its pipeline says machine: {network: true}",
				at, w[0], w[slices.IndexFunc(w, remote.MatchString)]))
		}
	}
	return warnings
}

// downloads finds the calls of a script that name something on another host for a program to get. Of addresses in variables nothing is known.
func downloads(body string) (calls []*syntax.CallExpr) {
	script := parsed(body)
	if script == nil {
		return nil
	}
	syntax.Walk(script, func(node syntax.Node) bool {
		if call, ok := node.(*syntax.CallExpr); ok {
			w := words(call)
			if len(w) > 0 && slices.Contains([]string{"curl", "wget", "git", "dnf", "yum", "rpm"}, w[0][strings.LastIndex(w[0], "/")+1:]) && slices.ContainsFunc(w, remote.MatchString) {
				calls = append(calls, call)
			}
		}
		return true
	})
	return calls
}

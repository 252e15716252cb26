package install

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

func TestStages(t *testing.T) {
	script := func(section string, outside bool) wire.Script {
		return wire.Script{Section: section, NoChroot: outside}
	}
	pre, post, outside, onerror := script("pre", true), script("post", false), script("post", true), script("onerror", true)
	for name, c := range map[string]struct {
		scripts       []wire.Script
		divided       bool
		first, second []wire.Script
	}{
		"no script":                        {nil, false, nil, nil},
		"nothing after the boot loader":    {[]wire.Script{pre}, false, nil, nil},
		"usual":                            {[]wire.Script{pre, post, onerror}, true, []wire.Script{pre, onerror}, []wire.Script{post, onerror}},
		"outside alone":                    {[]wire.Script{outside}, true, []wire.Script{}, []wire.Script{outside}},
		"outside may look for pre's files": {[]wire.Script{pre, post, outside}, false, nil, nil},
	} {
		whole := wire.Job{Kind: wire.Install, Arch: "x86_64", Scripts: c.scripts, Config: wire.Config{Lang: "C"}, Storage: wire.Storage{ZeroMBR: true}}
		first, second, ok := Stages(whole)
		if ok != c.divided {
			t.Errorf("%s: divided %v", name, ok)
			continue
		}
		if !ok {
			if diff := cmp.Diff(whole, first); diff != "" {
				t.Errorf("%s: a whole job has changed: %s", name, diff)
			}
			continue
		}
		if diff := cmp.Diff(c.first, first.Scripts) + cmp.Diff(c.second, second.Scripts); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if first.Stage != wire.Base || second.Stage != wire.Scripts || !first.Storage.ZeroMBR || first.Config.Lang != "C" {
			t.Errorf("%s: %+v, %+v", name, first, second)
		}
		// A change before %post must not reach the second job by another way than the base.
		if diff := cmp.Diff(wire.Config{}, second.Config) + cmp.Diff(wire.Storage{}, second.Storage); diff != "" {
			t.Errorf("%s: the second job depends on more than its scripts: %s", name, diff)
		}
	}
}

package resolve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/plan"
)

func testPlan() plan.Plan {
	return plan.Plan{
		Distro: "test", Release: "9", Image: "GenericCloud", Variant: "Base", Arch: "x86_64",
		Repositories: []plan.Repository{{ID: "baseos", BaseURL: "https://mirror.invalid/baseos"}},
		Packages:     plan.Packages{Install: []plan.Want{{Name: "bash", Reason: plan.ReasonKickstart, File: "a.ks", Line: 3}}},
	}
}

func TestLoadRefuses(t *testing.T) {
	good, err := os.ReadFile("testdata/lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Load("testdata/lock.json"); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	for name, change := range map[string][2]string{
		"another format":          {`"format": 1`, `"format": 2`},
		"an unknown field":        {`"format": 1`, `"format": 1, "extra": true`},
		"a path that leaves":      {`"location": "Packages/bash-1-1.el9.x86_64.rpm"`, `"location": "../../bash.rpm"`},
		"a name with a slash":     {`"name": "bash"`, `"name": "../bash"`},
		"a name like an option":   {`"name": "bash"`, `"name": "-bash"`},
		"an unknown repository":   {`"repo": "baseos"`, `"repo": "other"`},
		"no digest":               {`"digest": "sha256:3333333333333333333333333333333333333333333333333333333333333333"`, `"digest": ""`},
		"a URL of another kind":   {`"url": "https://mirror.invalid/baseos/Packages`, `"url": "gopher://mirror.invalid/baseos/Packages`},
		"a negative size":         {`"size": 1000`, `"size": -1`},
		"a kernel that leaves":    {`"path": "images/vmlinuz"`, `"path": "/boot/vmlinuz"`},
		"not JSON":                {`{`, `[`},
		"a repository's odd name": {`"id": "baseos"`, `"id": "../x"`},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(string(good), change[0], change[1], 1)
			if changed == string(good) {
				t.Fatalf("%q is not in testdata/lock.json", change[0])
			}
			path := filepath.Join(t.TempDir(), "lock.json")
			if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("want an error that names the file, got %v", err)
			}
		})
	}
}

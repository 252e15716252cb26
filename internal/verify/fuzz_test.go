package verify

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/nevra"
)

// What a guest answers is foreign input, and what is made of it stands in reports and on terminals.
func isOneLine(t *testing.T, detail string) {
	t.Helper()
	if i := strings.IndexFunc(detail, unicode.IsControl); i >= 0 {
		t.Errorf("a control character at %d of %q", i, detail)
	}
}

func FuzzJudgeCloudInit(f *testing.F) {
	for _, seed := range []string{
		"", `{"status": "done", "errors": [], "recoverable_errors": {}}`, `{"status":"done","recoverable_errors":{"WARN\u001b[2J":["w\n"]}}`,
		`{"status":"error","detail":"d","errors":["a","b"]}`, "status: done\ntime: Thu\n", "status: \x1b[2Jdone", `{"status":`, `[]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, out string) {
		passed, detail := judgeCloudInit(answer{out: out})
		isOneLine(t, detail)
		if passed && !strings.HasPrefix(detail, "done") {
			t.Errorf("passed with %q", detail)
		}
		failed, err := json.Marshal(map[string]any{"status": "done", "errors": []string{out}})
		if err != nil {
			t.Fatal(err)
		}
		passed, detail = judgeCloudInit(answer{out: string(failed)})
		isOneLine(t, detail)
		if passed {
			t.Errorf("passed with the error %q", out)
		}
	})
}

// A list that is expected as it is passes, and one that lacks a package does not.
func FuzzJudgePackages(f *testing.F) {
	for _, seed := range []string{
		"", "bash 0 5.1 1 x86_64\nkernel 0 5 1 x86_64\n", "openssl 1 3 1 x86_64\ngpg-pubkey 0 1 1 (none)\n", "warning: x\n", "a\x1b[2J 0 1 1 \x9b\n",
		"a 0 1 1 b\na 0 1 1 b", "\n", "a 0 1 1\xff b\n",
	} {
		f.Add(seed)
	}
	// No line can name it: fields have no space.
	ghost := artifact.Package{NEVRA: nevra.NEVRA{Name: "no package", Epoch: "0", Version: "1", Release: "1", Arch: "noarch"}}
	f.Fuzz(func(t *testing.T, out string) {
		var listed []artifact.Package
		valid := true
		for line := range strings.Lines(out) {
			w := strings.Fields(line)
			if len(w) != 5 {
				valid = false
				break
			}
			listed = append(listed, artifact.Package{NEVRA: nevra.NEVRA{Name: w[0], Epoch: w[1], Version: w[2], Release: w[3], Arch: w[4]}})
		}
		if passed, detail := judgePackages(answer{out: out}, listed); passed != valid {
			t.Errorf("judged %v by %q: %q", passed, out, detail)
		}
		passed, detail := judgePackages(answer{out: out}, []artifact.Package{ghost})
		isOneLine(t, detail)
		if passed {
			t.Errorf("a package that %q lacks is not missed", out)
		}
		if most := (maxListed + 1) * 2 * (wire.MaxMessage + 100); len(detail) > most {
			t.Errorf("%d bytes are more than %d", len(detail), most)
		}
	})
}

func FuzzJudgeGrowthText(f *testing.F) {
	for _, seed := range []string{
		"", "disk 2147483648\npart 1048576\npart 2100000000\n  1B-blocks\n2050000000\n", "disk many\n", "disk -1\n", "part\x1b[2J 5\n",
		"disk 9223372036854775807\npart 9223372036854775807\n9223372036854775807\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, out string) {
		passed, detail := judgeGrowth(answer{out: out})
		isOneLine(t, detail)
		if passed && !strings.Contains(out, "disk") {
			t.Errorf("passed without a disk: %q", out)
		}
		if passed, _ := judgeGrowth(answer{out: out + "\ndisk many\n"}); passed {
			t.Errorf("passed with a size that is no number: %q", out)
		}
	})
}

// Whatever the sizes, a full disk passes, and room that is left on the disk or in the partition does not.
func FuzzJudgeGrowthSizes(f *testing.F) {
	f.Add(uint32(1))
	f.Add(uint32(10 << 10))
	f.Add(uint32(1<<32 - 1))
	f.Fuzz(func(t *testing.T, mib uint32) {
		judged := func(disk, part, root int64) bool {
			passed, detail := judgeGrowth(answer{out: fmt.Sprintf("disk %d\npart %d\n1B-blocks\n%d\n", disk, part, root)})
			isOneLine(t, detail)
			return passed
		}
		size := (int64(mib) + 1) << 20
		if !judged(size, size, size) {
			t.Errorf("a full disk of %d bytes fails", size)
		}
		if judged(size+65<<20, size, size) {
			t.Errorf("65 MiB behind a partition of %d bytes pass", size)
		}
		if judged(size, size, size/2) {
			t.Errorf("half a partition of %d bytes passes", size)
		}
	})
}

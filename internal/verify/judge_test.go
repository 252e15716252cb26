package verify

import (
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/nevra"
)

func TestJudgeCloudInit(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer answer
		passed bool
		detail string
	}{
		{"done", answer{out: `{"status": "done", "errors": [], "recoverable_errors": {}}`}, true, "done"},
		{"older, done", answer{out: "status: done\ntime: Thu\ndetail:\nDataSourceNoCloud\n"}, true, "done"},
		{"will go away", answer{out: `{"status":"done","errors":[],"recoverable_errors":{"WARNING":["w"],"DEPRECATED":["old"]}}`, code: 2}, true, "done; DEPRECATED: old; WARNING: w"},
		{"done with errors", answer{out: `{"status":"done","errors":["boom"]}`, code: 1}, false, "boom"},
		{"error", answer{out: `{"status":"error","detail":"d","errors":["a","b"]}`, code: 1}, false, `status "error": d: a: b`},
		{"older, error", answer{out: "status: error\ndetail:\nboom\n", code: 1}, false, "boom"},
		{"off", answer{out: "status: disabled\n"}, false, "disabled"},
		{"absent", answer{stderr: "bash: cloud-init: command not found\n", code: 127}, false, "not found"},
		{"hostile", answer{out: "status: done\x1b[2J \nstatus: \x1b[2Jevil"}, false, "evil"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			passed, detail := judgeCloudInit(tc.answer)
			if passed != tc.passed || !strings.Contains(detail, tc.detail) || strings.ContainsAny(detail, "\x1b\n") {
				t.Errorf("got %v, %q", passed, detail)
			}
		})
	}
}

func TestJudgePackages(t *testing.T) {
	expected := []artifact.Package{
		{NEVRA: nevra.NEVRA{Name: "bash", Epoch: "0", Version: "5.1", Release: "1", Arch: "x86_64"}},
		{NEVRA: nevra.NEVRA{Name: "kernel", Version: "5", Release: "1", Arch: "x86_64"}},
		{NEVRA: nevra.NEVRA{Name: "openssl", Epoch: "1", Version: "3", Release: "1", Arch: "x86_64"}},
	}
	const all = "bash 0 5.1 1 x86_64\nkernel 0 5 1 x86_64\nopenssl 1 3 1 x86_64\n"
	var many strings.Builder
	for range 12 {
		many.WriteString("x")
		many.WriteString(strings.Repeat("y", many.Len()))
		many.WriteString(" 0 1 1 noarch\n")
	}
	for _, tc := range []struct {
		name   string
		answer answer
		passed bool
		detail string
	}{
		{"equal", answer{out: all}, true, "the 3 expected packages"},
		{"keys are no packages", answer{out: all + "gpg-pubkey 0 1 1 (none)\n"}, true, "the 3 expected packages"},
		{"epoch", answer{out: strings.Replace(all, "openssl 1", "openssl 0", 1)}, false, "1 missing: openssl-1:3-1.x86_64; 1 not expected: openssl-3-1.x86_64"},
		{"second kernel", answer{out: all + "kernel 0 6 1 x86_64\n"}, false, "1 not expected: kernel-6-1.x86_64"},
		{"nothing", answer{}, false, "3 missing: bash-5.1-1.x86_64, kernel-5-1.x86_64, openssl-1:3-1.x86_64"},
		{"many", answer{out: all + many.String()}, false, "and 2 more"},
		{"rpm fails", answer{stderr: "rpmdb damaged", code: 1}, false, "rpmdb damaged"},
		{"other text", answer{out: "warning: x\n"}, false, `"warning: x"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			passed, detail := judgePackages(tc.answer, expected)
			if passed != tc.passed || !strings.Contains(detail, tc.detail) {
				t.Errorf("got %v, %q", passed, detail)
			}
		})
	}
}

func TestJudgeGrowth(t *testing.T) {
	const disk = "disk 2147483648\npart 1048576\n"
	for _, tc := range []struct {
		name   string
		out    string
		passed bool
	}{
		{"grown", disk + "part 2100000000\n  1B-blocks\n2050000000\n", true},
		{"partition stays", disk + "part 1000000000\n1B-blocks\n990000000\n", false},
		{"file system stays", disk + "part 2100000000\n1B-blocks\n990000000\n", false},
		{"no disk", "1B-blocks\n990000000\n", false},
		{"no number", "disk many\n", false},
	} {
		if passed, detail := judgeGrowth(answer{out: tc.out}); passed != tc.passed {
			t.Errorf("%s: got %v, %q", tc.name, passed, detail)
		}
	}
	if passed, _ := judgeGrowth(answer{out: disk, code: 1}); passed {
		t.Error("passed without an answer")
	}
}

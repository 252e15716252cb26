package verify

import (
	"slices"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
)

func TestDirectBootSaysWhatItDoesNotShow(t *testing.T) {
	a, err := arch.Lookup("s390x")
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]string{"": "direct", "direct": "direct", "s390-ccw direct": "s390-ccw direct"} {
		if got, err := firmwares(a, artifact.Boot{}, strings.Fields(asked), true); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v", asked, got, err)
		}
	}
	if _, err := firmwares(a, artifact.Boot{}, []string{Direct}, false); err == nil {
		t.Error("a direct boot without a kernel")
	}
	if got := Able(artifact.Boot{PReP: true}, []string{"slof", "uefi"}); !slices.Equal(got, []string{"slof"}) {
		t.Errorf("able of %q", got)
	}
}

func TestDirectBootLeavesTheBootLoaderUnproven(t *testing.T) {
	for _, noLoader := range []bool{false, true} {
		o := testOptions(t)
		o.Kernel, o.NoLoader = &artifact.Kernel{}, noLoader
		r, err := verified(t, healthy(t), testImage(t), o)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Passed || len(r.Boots) != 1 || r.Boots[0].NotSeen == "" || (r.Unproven == "") != noLoader {
			t.Errorf("no loader by design: %v: %+v", noLoader, r)
		}
	}
}

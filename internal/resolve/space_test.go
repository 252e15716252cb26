package resolve

import (
	"errors"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/plan"
)

func TestCheckSpace(t *testing.T) {
	packages := []Package{{Installed: 600 << 20}, {Installed: 400 << 20}}
	if err := checkSpace(plan.Disk{Packages: 1350 << 20}, packages); err != nil {
		t.Errorf("enough room: %v", err)
	}
	err := checkSpace(plan.Disk{Packages: 1349 << 20}, packages)
	if e := new(SpaceError); !errors.As(err, &e) || e.Files != 1000<<20 || e.Need != 1350<<20 {
		t.Fatalf("too little room: %+v", err)
	}
	for _, part := range []string{"2 packages", "1000MiB", "1.318GiB", "1.317GiB", "disk.size"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error doesn't say %q: %v", part, err)
		}
	}
}

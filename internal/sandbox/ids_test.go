package sandbox

import (
	"reflect"
	"testing"
)

func TestSubordinate(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []idRange
	}{
		"usual":      {"a:1:2\nme:100000:65536\n", []idRange{{0, 1001, 1}, {1, 100000, 65535}}},
		"by number":  {"1001:5000:70000", []idRange{{0, 1001, 1}, {1, 5000, 65535}}},
		"two":        {"me:100000:30000\nme:200000:40000\n", []idRange{{0, 1001, 1}, {1, 100000, 30000}, {30001, 200000, 35535}}},
		"none":       {"you:100000:65536\n", []idRange{{0, 1001, 1}}},
		"nonsense":   {"me:-1:5\nme:1\nme:1:x\n\n:::\nme:1:0\n", []idRange{{0, 1001, 1}}},
		"not enough": {"me:100000:10", []idRange{{0, 1001, 1}, {1, 100000, 10}}},
	} {
		if got := subordinate(c.text, []string{"1001", "me"}, 1001); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

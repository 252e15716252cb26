package digest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// The digest of "abc": FIPS 180-2, appendix B.1.
const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

func TestOneSpelling(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, size, err := File(path)
	if err != nil || size != 3 {
		t.Fatal(size, err)
	}
	parsed, err := Parse(strings.ToUpper(abc))
	if err != nil {
		t.Fatal(err)
	}
	prefixed, err := Parse("sha256:" + abc)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]Digest{"bytes": Bytes([]byte("abc")), "file": file, "parsed": parsed, "prefixed": prefixed} {
		if got != "sha256:"+abc || got.Hex() != abc || got.Short() != abc[:12] {
			t.Errorf("%s: %q, %q, %q", name, got, got.Hex(), got.Short())
		}
	}
	if none := Digest(""); none.Hex() != "" || none.Short() != "" {
		t.Error("no digest has digits")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{"", "sha256:", abc[:63], abc + "0", "g" + abc[1:], "md5:" + abc, "../" + abc[3:], abc + "\n"} {
		if d, err := Parse(s); err == nil {
			t.Errorf("%q became %q", s, d)
		}
	}
}

func TestFailuresAreReported(t *testing.T) {
	broken := errors.New("broken")
	if _, _, err := Reader(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, _, err := File(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := JSON(func() {}); err == nil {
		t.Error("a function has a digest")
	}
}

func TestJSONIsStable(t *testing.T) {
	one, err := JSON(map[string]int{"a": 1, "b": 2, "c": 3})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 { // map order is random
		if again, _ := JSON(map[string]int{"c": 3, "b": 2, "a": 1}); again != one {
			t.Fatal("equal values have different digests")
		}
	}
	if other, _ := JSON(map[string]int{"a": 1, "b": 2, "c": 4}); other == one {
		t.Error("different values have the same digest")
	}
}

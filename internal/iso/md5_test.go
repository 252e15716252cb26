package iso

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestImplanted compares with isomd5sum's own programs: the same bytes are implanted, and what is accepted or refused is the same.
func TestImplanted(t *testing.T) {
	needs(t, "implantisomd5", "isomd5sum")
	for name, of := range layouts() {
		if name == "riscv64" {
			continue // as aarch64
		}
		t.Run(name, func(t *testing.T) {
			s := standIns(t, of[0], of[1])
			s.Content = append(s.Content, File{"more", write(t, noise("more", 1<<20))})
			if _, err := Make(t.Context(), s, nil); err != nil {
				t.Fatal(err)
			}
			image := read(t, s.Out)
			theirs := write(t, image)
			prints(t, "implantisomd5", "--force", theirs)
			if !bytes.Equal(read(t, theirs), image) {
				t.Error("implantisomd5 implants something else")
			}
			if ok, out := accepts(t, s.Out); !ok {
				t.Errorf("checkisomd5 refuses it: %s", out)
			}
			for what, at := range map[string]int{"its first byte": 0, "the descriptor": 16*sector + 40, "its middle": len(image) / 2, "the last byte that is summed": len(image) - skipSectors*sector - 1} {
				spoiled := bytes.Clone(image)
				spoiled[at] ^= 1
				path := write(t, spoiled)
				if err := CheckMD5(t.Context(), path, nil); !errors.Is(err, ErrMD5) {
					t.Errorf("%s is spoiled, and the check says %v", what, err)
				}
				if ok, _ := accepts(t, path); ok {
					t.Errorf("%s is spoiled, and checkisomd5 accepts it", what)
				}
			}
			end := bytes.Clone(image)
			end[len(end)-1] ^= 1 // the end isn't in the sum
			if err := CheckMD5(t.Context(), write(t, end), nil); err != nil {
				t.Error(err)
			}
			if err := ImplantMD5(t.Context(), theirs, nil); err != nil || !bytes.Equal(read(t, theirs), image) {
				t.Errorf("implanting again changes the image, %v", err)
			}
		})
	}
}

// accepts has checkisomd5 check an image.
func accepts(t *testing.T, path string) (bool, string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "checkisomd5", path).CombinedOutput()
	return err == nil, string(out)
}

func write(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseImplanted(t *testing.T) {
	sum := strings.Repeat("0123456789abcdef", 2)
	good := implanted{sum: sum, skip: 15, fragments: strings.Repeat("abc", 20), count: 20}
	if got, err := parseImplanted([]byte(good.text() + strings.Repeat(" ", 40))); err != nil || got != good {
		t.Errorf("got %+v, %v", got, err)
	}
	if n := len(good.text()); n > applicationSize {
		t.Errorf("the text has %d bytes", n)
	}
	if _, err := parseImplanted(bytes.Repeat([]byte{' '}, applicationSize)); !errors.Is(err, ErrNoMD5) {
		t.Errorf("got %v for a blank area", err)
	}
	for _, text := range []string{"ISO MD5SUM = xyz;SKIPSECTORS = 15", "ISO MD5SUM = " + sum, "ISO MD5SUM = " + sum + ";SKIPSECTORS = -1", "ISO MD5SUM = " + sum + ";SKIPSECTORS = 99999999999"} {
		if _, err := parseImplanted([]byte(text)); err == nil || errors.Is(err, ErrNoMD5) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// TestSmall: an image that has nothing to be summed is an error and no crash.
func TestSmall(t *testing.T) {
	image := tiny()
	image[16*sector+80] = 14
	if err := ImplantMD5(t.Context(), write(t, image), nil); err == nil {
		t.Error("an image of 14 sectors got a sum")
	}
	if err := CheckMD5(t.Context(), write(t, image), nil); !errors.Is(err, ErrNoMD5) {
		t.Errorf("got %v", err)
	}
}

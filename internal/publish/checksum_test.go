package publish

import (
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/digest"
)

func TestChecksumsAreReadBack(t *testing.T) {
	all := []Checksum{{"b.iso", 12, digest.Bytes([]byte("b"))}, {"a.iso", 0, digest.Bytes(nil)}}
	text := joinChecksums(all)
	want := "# a.iso: 0 bytes\nSHA256 (a.iso) = e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
	if !strings.HasPrefix(text, want) {
		t.Errorf("got %q, want it to begin with %q", text, want)
	}
	got, err := ParseChecksums([]byte(text))
	if err != nil || len(got) != 2 || got[0] != all[1] || got[1] != all[0] {
		t.Errorf("read back as %+v, %v", got, err)
	}
}

func FuzzParseChecksums(f *testing.F) {
	good := Checksum{"Rocky-9.6-x86_64-dvd.iso", 123, digest.Bytes([]byte("x"))}.String()
	for _, seed := range []string{
		"", good, good + good, good[:len(good)-1], strings.Replace(good, "dvd", "../dvd", 2), strings.Replace(good, "dvd", "boot", 1),
		strings.Replace(good, "123", "99999999999999999999", 1), "-----BEGIN PGP SIGNED MESSAGE-----\n" + good,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ParseChecksums([]byte(text))
		if err != nil {
			return
		}
		var back strings.Builder
		for _, c := range all {
			back.WriteString(c.String())
			if strings.ContainsAny(c.Name, "/\n") || strings.HasPrefix(c.Name, ".") {
				t.Errorf("%q became a name", c.Name)
			}
		}
		if back.String() != text {
			t.Errorf("%q was read as %+v, which is written %q", text, all, back.String())
		}
	})
}

package nevra

import "testing"

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text string
		want NEVRA
		back string
	}{
		{"bash-5.1.8-9.el9.x86_64", NEVRA{"bash", "0", "5.1.8", "9.el9", "x86_64"}, "bash-5.1.8-9.el9.x86_64"},
		{"bash-5.1.8-9.el9.x86_64.rpm", NEVRA{"bash", "0", "5.1.8", "9.el9", "x86_64"}, "bash-5.1.8-9.el9.x86_64"},
		{"bash-0:5.1.8-9.el9.x86_64", NEVRA{"bash", "0", "5.1.8", "9.el9", "x86_64"}, "bash-5.1.8-9.el9.x86_64"},
		{"openssl-libs-1:3.0.7-27.el9.i686", NEVRA{"openssl-libs", "1", "3.0.7", "27.el9", "i686"}, "openssl-libs-1:3.0.7-27.el9.i686"},
		{"python3.11-pip-wheel-22.3.1-5.el9.noarch", NEVRA{"python3.11-pip-wheel", "0", "22.3.1", "5.el9", "noarch"}, "python3.11-pip-wheel-22.3.1-5.el9.noarch"},
	} {
		got, err := Parse(test.text)
		if err != nil || got != test.want || got.String() != test.back {
			t.Errorf("%s is %+v, %v, and prints as %s", test.text, got, err, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{
		"", "bash", "bash.x86_64", "bash-5.1.x86_64", "-1-2.noarch", "a--2.noarch", "a-1-.noarch", "a-1-2.", "a-:1-2.noarch", "a-1:-2.noarch",
		"a-x:1-2.noarch", "a-0:1:2-3.noarch", "../a-1-2.noarch", "a b-1-2.noarch", ".rpm",
	} {
		if n, err := Parse(s); err == nil {
			t.Errorf("%q became %+v", s, n)
		}
	}
}

// FuzzParse: what was understood is printed so that it is understood the same way again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"bash-5.1.8-9.el9.x86_64", "a-1:2-3.b.rpm", "a-0:1:2-3.c", "a-00:1-2.c", "-..-", "a-1-2.rpm.rpm"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(n.String()); err != nil || again != n {
			t.Errorf("%q is %+v, printed as %q it is %+v, %v", s, n, n.String(), again, err)
		}
	})
}

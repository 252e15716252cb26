package pebble

import "testing"

func TestMerge(t *testing.T) {
	for in, want := range map[string]string{
		"./bin/sh": "/usr/bin/sh", "/lib64/ld.so": "/usr/lib64/ld.so", "/lib": "/usr/lib", "/library/x": "/library/x",
		"/usr/lib/x": "/usr/lib/x", "./": "/", "/sbin/../etc/x": "/etc/x",
	} {
		if got := merge(in); got != want {
			t.Errorf("merge(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMatches(t *testing.T) {
	patterns := []string{"/usr/share/doc", "/etc/grub.d/0*"}
	for p, want := range map[string]bool{
		"/usr/share/doc": true, "/usr/share/doc/x/y": true, "/usr/share/docs": false, "/etc/grub.d/00_header": true,
		"/etc/grub.d/10_linux": false, "/": false,
	} {
		if got := matches(patterns, p); got != want {
			t.Errorf("matches(%q) = %v", p, got)
		}
	}
}

func TestRule(t *testing.T) {
	all := files{}
	for _, p := range []string{"/a", "/b", "/c/d"} {
		all.add(file{Path: p, Mode: typeFile | 0o644})
	}
	r := rule{Name: "x", Drop: []string{"/c"}, Copy: map[string]string{"/a": "/a1 /a2"}, Move: map[string]string{"/b": "/moved"},
		Links: map[string]string{"/l": "a"}, Modes: map[string]string{"/a": "4750 root:adm cap_net_raw=ep", "/dir/": "1777"}, Ghost: []string{"/g"}}
	if err := r.arrange(all); err != nil {
		t.Fatal(err)
	}
	if err := r.finish(all); err != nil {
		t.Fatal(err)
	}
	for p, mode := range map[string]uint32{"/a": typeFile | 0o4750, "/a1": typeFile | 0o644, "/a2": typeFile | 0o644, "/moved": typeFile | 0o644,
		"/l": typeLink | 0o777, "/dir": typeDir | 0o1777, "/g": typeFile | 0o644} {
		if all[p].Mode != mode {
			t.Errorf("%s has mode %o, want %o", p, all[p].Mode, mode)
		}
	}
	if len(all) != 7 || all["/a"].Group != "adm" || all["/a"].Caps != "cap_net_raw=ep" || !all["/g"].Ghost {
		t.Errorf("files: %+v", all)
	}
	for _, bad := range []rule{{Move: map[string]string{"/no": "/x"}}, {Copy: map[string]string{"/no": "/x"}}} {
		if bad.arrange(files{}) == nil {
			t.Errorf("%+v passed", bad)
		}
	}
	for _, spec := range []string{"", "9", "0644 root", "0644"} {
		if (rule{Modes: map[string]string{"/no": spec}}).finish(files{}) == nil {
			t.Errorf("mode %q of a missing file passed", spec)
		}
	}
}

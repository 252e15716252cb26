package kickstart

import "testing"

func TestDiff(t *testing.T) {
	a := mustParse(t, "lang en\npart / --size=1\npart /a --size=2\n%packages\nvim\nnano\n%end\n%post\necho a\n%end\n%pre\necho pre\n%end\n", Options{})
	same := mustParse(t, "part /a --size 2\npart '/' --size=1 # root\nlang en\n%pre\necho pre\n%end\n%post\necho a\n%end\n%packages\nnano\n# editors\nvim\n%end\n", Options{})
	if changes := Diff(a, same); len(changes) > 0 {
		t.Errorf("order and spelling make a difference: %+v", changes)
	}
	b := mustParse(t, "lang cs\npart /a --size=2\npart /b --size=3\npart /c --size=4\n%packages --nocore\nvim\n-nano\n%end\n%post\necho b\n%end\n", Options{})
	expect(t, "changes", Diff(a, b), []Change{
		{"command", "lang en", "lang cs"},
		{"command", "part / --size=1", ""},
		{"command", "", "part /b --size=3"},
		{"command", "", "part /c --size=4"},
		{"script", "%pre\necho pre\n%end\n", ""},
		{"script", "%post\necho a\n%end\n", "%post\necho b\n%end\n"},
		{"package", "%packages", "%packages --nocore"},
		{"package", "nano", "-nano"},
	})
	one, two := "%post\necho 1\n%end\n", "%post\necho 2\n%end\n"
	if changes := Diff(mustParse(t, one+two, Options{}), mustParse(t, two+one, Options{})); len(changes) != 1 {
		t.Errorf("the order of scripts makes no difference: %+v", changes)
	}
	if changes := Diff(a, a); len(changes) > 0 {
		t.Errorf("a file differs from itself: %+v", changes)
	}
}

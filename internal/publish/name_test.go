package publish

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/plan"
)

// cloud returns the subject of a cloud image; edits change it.
func cloud(edits ...func(*Subject)) Subject {
	s := Subject{
		Kind: Cloud, Form: Wiki, Distro: "Rocky", Release: "9", Version: "9.6", Image: "GenericCloud-Base", Arch: "x86_64", Format: "qcow2",
	}
	for _, edit := range edits {
		edit(&s)
	}
	return s
}

func TestNames(t *testing.T) {
	toolkit := func(s *Subject) { s.Form = Toolkit }
	pi := func(s *Subject) { s.Image, s.Arch, s.Format = "SBC-RaspberryPi", "aarch64", "raw.xz" }
	live := func(s *Subject) { s.Kind, s.Image, s.Format = Live, "Workstation-Lite", "iso" }
	dvd := func(s *Subject) { s.Kind, s.Image, s.Format = Installer, "dvd", "iso" }
	for _, tc := range []struct {
		name  Name
		alias string
		file  string
		links string
	}{
		{
			Name{cloud(), "20260101", 0}, "GenericCloud", "Rocky-9-GenericCloud-Base-9.6-20260101-x86_64.qcow2",
			"Rocky-9-GenericCloud-Base.latest.x86_64.qcow2 Rocky-9-GenericCloud.latest.x86_64.qcow2",
		},
		{Name{cloud(), "20260101", 1}, "", "Rocky-9-GenericCloud-Base-9.6-20260101.1-x86_64.qcow2", "Rocky-9-GenericCloud-Base.latest.x86_64.qcow2"},
		{Name{cloud(toolkit), "20260101", 0}, "", "Rocky-9-GenericCloud-Base-9.6-20260101.0.x86_64.qcow2", "Rocky-9-GenericCloud-Base.latest.x86_64.qcow2"},
		{Name{cloud(toolkit), "20260101", 12}, "", "Rocky-9-GenericCloud-Base-9.6-20260101.12.x86_64.qcow2", "Rocky-9-GenericCloud-Base.latest.x86_64.qcow2"},
		{Name{cloud(pi), "20260101", 0}, "", "Rocky-9-SBC-RaspberryPi-9.6-20260101-aarch64.raw.xz", "Rocky-9-SBC-RaspberryPi.latest.aarch64.raw.xz"},
		{Name{cloud(live), "20260101", 0}, "", "Rocky-9.6-Workstation-Lite-x86_64-20260101.iso", "Rocky-9-Workstation-Lite-x86_64-latest.iso"},
		{Name{cloud(live), "20260101", 2}, "", "Rocky-9.6-Workstation-Lite-x86_64-20260101.2.iso", "Rocky-9-Workstation-Lite-x86_64-latest.iso"},
		{Name{cloud(dvd), "", 0}, "", "Rocky-9.6-x86_64-dvd.iso", "Rocky-x86_64-dvd.iso Rocky-9-latest-x86_64-dvd.iso"},
		{Name{cloud(dvd), "20260101", 0}, "", "Rocky-9.6-20260101-x86_64-dvd.iso", "Rocky-x86_64-dvd.iso Rocky-9-latest-x86_64-dvd.iso"},
		{Name{cloud(dvd), "20260101", 3}, "", "Rocky-9.6-20260101.3-x86_64-dvd.iso", "Rocky-x86_64-dvd.iso Rocky-9-latest-x86_64-dvd.iso"},
	} {
		file, err := tc.name.File()
		if err != nil || file != tc.file {
			t.Errorf("%+v is %q, %v; want %q", tc.name, file, err, tc.file)
		}
		links, err := tc.name.Links(tc.alias)
		if err != nil || strings.Join(links, " ") != tc.links {
			t.Errorf("%s is linked as %q, %v; want %q", tc.file, links, err, tc.links)
		}
		back, err := ParseName(tc.file)
		if err != nil || back != tc.name {
			t.Errorf("%s is read back as %+v, %v; want %+v", tc.file, back, err, tc.name)
		}
		for _, link := range links {
			if n, err := ParseName(link); err == nil && n.Kind != Installer {
				t.Errorf("the link %s was read as the image %+v", link, n)
			}
		}
	}
}

// TestEveryNameIsReadBack makes names of random parts: what can be written can be read, and means the same.
func TestEveryNameIsReadBack(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	seen := map[string]Name{}
	for range 3000 {
		release := pick("8", "9", "10")
		n := Name{
			Subject: Subject{
				Kind: Kind(pick("cloud", "live", "installer")), Form: Wiki, Distro: pick("Rocky", "AlmaLinux", "X1"),
				Release: release, Version: release + pick("", ".0", ".6", ".10", ".6.1"),
				Image: pick("KDE", "GenericCloud-Base", "EC2-LVM", "A-b-c", "dvd", "boot", "latest", "x86"),
				Arch:  pick("x86_64", "aarch64", "s390x", "iso"), Format: pick("qcow2", "raw.xz", "box", "iso", "tar.xz"),
			},
			Date: pick("20260101", "20241231", "20240229"), Serial: random.IntN(3) * random.IntN(2000),
		}
		switch n.Kind {
		case Cloud:
			n.Form = Form(pick("wiki", "toolkit"))
		case Installer:
			n.Image = pick("boot", "minimal", "dvd")
			if random.IntN(2) == 0 {
				n.Date, n.Serial = "", 0
			}
			fallthrough
		default:
			n.Format = "iso"
		}
		file, err := n.File()
		if err != nil {
			t.Fatalf("%+v: %v", n, err)
		}
		back, err := ParseName(file)
		if err != nil || back != n {
			t.Fatalf("%s was made of %+v and read as %+v, %v", file, n, back, err)
		}
		if other, ok := seen[file]; ok && other != n {
			t.Fatalf("%s names %+v and %+v", file, other, n)
		}
		seen[file] = n
	}
	if len(seen) < 2000 {
		t.Errorf("only %d names were tried", len(seen))
	}
}

func TestNamesRefused(t *testing.T) {
	for what, n := range map[string]Name{
		"date":           {cloud(), "20260231", 0},
		"no date":        {cloud(), "", 0},
		"signed year":    {cloud(), "+2026101", 0},
		"serial":         {cloud(), "20260101", -1},
		"large serial":   {cloud(), "20260101", 10000},
		"second release": {cloud(func(s *Subject) { s.Kind, s.Image, s.Format = Installer, "dvd", "iso" }), "", 1},
		"installer type": {cloud(func(s *Subject) { s.Kind, s.Image, s.Format = Installer, "usb", "iso" }), "", 0},
		"live format":    {cloud(func(s *Subject) { s.Kind = Live }), "20260101", 0},
		"toolkit live":   {cloud(func(s *Subject) { s.Kind, s.Format, s.Form = Live, "iso", Toolkit }), "20260101", 0},
		"form":           {cloud(func(s *Subject) { s.Form = "" }), "20260101", 0},
		"kind":           {cloud(func(s *Subject) { s.Kind = "" }), "20260101", 0},
		"path":           {cloud(func(s *Subject) { s.Image = "../../etc/passwd" }), "20260101", 0},
		"hyphen":         {cloud(func(s *Subject) { s.Distro = "Rocky-Linux" }), "20260101", 0},
		"line":           {cloud(func(s *Subject) { s.Format = "qcow2\n" }), "20260101", 0},
		"digits":         {cloud(func(s *Subject) { s.Image = "GenericCloud-9" }), "20260101", 0},
		"version":        {cloud(func(s *Subject) { s.Version = "90.6" }), "20260101", 0},
		"no arch":        {cloud(func(s *Subject) { s.Arch = "" }), "20260101", 0},
		"long":           {cloud(func(s *Subject) { s.Image = strings.Repeat("a", 200) }), "20260101", 0},
	} {
		if file, err := n.File(); err == nil {
			t.Errorf("%s: %+v became %q", what, n, file)
		}
	}
	if links, err := cloud().Links("../x"); err == nil {
		t.Errorf("an alias that is a path became %q", links)
	}
}

func FuzzParseName(f *testing.F) {
	for _, seed := range []string{
		"Rocky-9-GenericCloud-Base-9.6-20260101-x86_64.qcow2", "Rocky-9-GenericCloud-Base-9.6-20260101.0.x86_64.qcow2",
		"Rocky-9.6-KDE-x86_64-20260101.1.iso", "Rocky-9.6-x86_64-dvd.iso", "Rocky-9.6-20260101-x86_64-boot.iso",
		"Rocky-9-SBC-RaspberryPi-9.6-20260101-aarch64.raw.xz", "Rocky-9-GenericCloud.latest.x86_64.qcow2", "../x", "Rocky-9-a-9-00000000-a.a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		n, err := ParseName(file)
		if err != nil {
			return
		}
		back, err := n.File()
		if err != nil || back != file {
			t.Errorf("%q was read as %+v, which is written %q, %v", file, n, back, err)
		}
		if strings.ContainsAny(file, "/\x00\n ") || strings.HasPrefix(file, ".") {
			t.Errorf("%q was taken for a name", file)
		}
	})
}

func TestNamesOfPlan(t *testing.T) {
	p := plan.Plan{
		Distro: "rocky", DistroName: "Rocky", Release: "9", Version: "9.6", Image: "GenericCloud", Variant: "Base", Arch: "x86_64",
		Primary: true, Builder: "disk", Naming: "wiki",
	}
	img := artifact.Image{Format: "qcow2", Arch: "x86_64"}
	got, err := NamesOf(p, img, "20260101", 1)
	if err != nil || got.File != "Rocky-9-GenericCloud-Base-9.6-20260101.1-x86_64.qcow2" ||
		!slices.Equal(got.Links, []string{"Rocky-9-GenericCloud-Base.latest.x86_64.qcow2", "Rocky-9-GenericCloud.latest.x86_64.qcow2"}) {
		t.Errorf("the primary variant is named %+v, %v", got, err)
	}
	p.Primary, p.Variant = false, "LVM"
	if got, err = NamesOf(p, img, "20260101", 0); err != nil || len(got.Links) != 1 {
		t.Errorf("a variant that is not primary is named %+v, %v", got, err)
	}
	live := p
	live.Builder, live.Image, live.Variant, live.Naming = "live", "KDE", "", "toolkit"
	if got, err = NamesOf(live, artifact.Image{Format: "iso", Arch: "x86_64"}, "20260101", 0); err != nil || got.File != "Rocky-9.6-KDE-x86_64-20260101.iso" {
		t.Errorf("a live image is named %+v, %v", got, err)
	}
	for what, edit := range map[string]func(*plan.Plan){
		"rocky-9-GenericCloud-LVM-x86_64": func(p *plan.Plan) { p.Builder = "toaster" },
		"aarch64":                         func(p *plan.Plan) { p.Arch = "aarch64" },
		"a/b":                             func(p *plan.Plan) { p.DistroName = "a/b" },
	} {
		bad := p
		edit(&bad)
		if got, err := NamesOf(bad, img, "20260101", 0); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%+v, %v; want an error with %q", got, err, what)
		}
	}
}

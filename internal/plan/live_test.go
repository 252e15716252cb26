package plan

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/internal/source"
)

const liveRelease = releaseYAML + `live:
  title: Test Linux
  root: ext4
  boot: isolinux
`

const liveImage = `image: XFCE
builder: live
kickstart: image.ks
outputs:
  - format: iso
machine:
  cpus: 2
  memory: 2GiB
verify:
  user: test
`

const livePackages = "%packages\ndracut-live\n%end\n"

// makeLive makes the plan of a live image; edits are pairs of old and new text in its YAML and its release's.
func makeLive(t *testing.T, r Request, text string, edits ...string) (Plan, error) {
	t.Helper()
	edit := strings.NewReplacer(edits...)
	catalog, err := Load(tree(map[string]string{"test/9/release.yaml": edit.Replace(liveRelease), "test/9/live.yaml": edit.Replace(liveImage)}))
	if err != nil {
		return Plan{}, err
	}
	i := slices.IndexFunc(catalog.pipelines, func(p Pipeline) bool { return p.File == "test/9/live.yaml" })
	files := fstest.MapFS{"image.ks": {Data: []byte(text)}, "other-aarch64.ks": {Data: []byte(text)}}
	return Make(catalog.pipelines[i], r, source.Checkout{URL: "https://git.invalid/ks", FS: files})
}

func TestLive(t *testing.T) {
	const text = "part / --size=5120 --fstype=ext4\npart / --size 6144\nbootloader --location=none\n" + livePackages
	inner := Live{VolumeID: "Test-9-6-XFCE", Title: "Test Linux 9.6 XFCE", Squash: "xz", Inner: true, Boot: "isolinux"}
	changed := func(edit func(*Live)) Live { l := inner; edit(&l); return l }
	for name, c := range map[string]struct {
		request Request
		edits   []string
		want    Live
		firm    string
	}{
		"as its release": {Request{Release: "9", Arch: "x86_64"}, nil, inner, "bios uefi"},
		"UEFI alone":     {Request{Release: "9", Arch: "aarch64"}, nil, inner, "uefi"},
		"for Power":      {Request{Release: "9", Arch: "ppc64le"}, nil, inner, "slof"},
		"another minor release": {Request{Release: "9.10", Arch: "x86_64"}, nil, changed(func(l *Live) {
			l.VolumeID, l.Title = "Test-9-10-XFCE", "Test Linux 9.10 XFCE"
		}), "bios uefi"},
		"of its own": {
			Request{Release: "9", Arch: "x86_64"},
			[]string{"image: XFCE\n", "image: XFCE\nvariant: Small\nlive:\n  root: files\n  boot: grub2\n  squash: zstd\n  title: Best_1.0+\n"},
			Live{VolumeID: "Test-9-6-XFCE-Small", Title: "Best_1.0+ 9.6 XFCE Small", Squash: "zstd", Boot: "grub2"}, "bios uefi",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := makeLive(t, c.request, text, c.edits...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, *p.Live); diff != "" {
				t.Error(diff)
			}
			if p.Disk != (Disk{Size: 6144 << 20, Packages: 6144 << 20}) {
				t.Errorf("the disk is %+v: want the last part /", p.Disk)
			}
			if got := strings.Join(p.Verify.Firmware, " "); got != c.firm {
				t.Errorf("it boots under %q, want %q", got, c.firm)
			}
			var install []string
			for _, w := range p.Packages.Install {
				install = append(install, w.Name)
			}
			if want := []string{"@core", "dracut-live", "kernel"}; !slices.Equal(install, want) || p.Packages.Available != nil {
				t.Errorf("it installs %q and may install %q, want %q: no boot loader of its own", install, p.Packages.Available, want)
			}
		})
	}
}

// TestLiveStorage: one file system is made, whatever the kickstart says, and the plan tells what is not made.
func TestLiveStorage(t *testing.T) {
	p, err := makeLive(t, Request{Release: "9", Arch: "x86_64"},
		"clearpart --all\nzerombr\npart / --size=2048\npart /boot --size=512\npart pv.1 --size=10\nvolgroup v pv.1\nlogvol swap --name=s --vgname=v --size=5\n"+
			"bootloader --append=\"rhgb\"\n"+livePackages)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"image.ks:4:1: part /boot is left out: a live image is one file system",
		"image.ks:5:1: part pv.1 is left out: a live image is one file system",
		"image.ks:6:1: volgroup is left out: a live image is one file system",
		"image.ks:7:1: logvol is left out: a live image is one file system",
		"image.ks:8:1: bootloader --append is left out: the ISO's menu has arguments of its own",
	}
	if diff := cmp.Diff(want, p.Warnings); diff != "" {
		t.Error(diff)
	}
}

// TestDuplicateMountPoint: what upstream's live kickstarts may say twice is a mistake for an image with partitions.
func TestDuplicateMountPoint(t *testing.T) {
	_, err := makeOf(t, request(), "part / --size=5120\npart / --size=6144\n")
	var problems kickstart.Problems
	if !errors.As(err, &problems) || !strings.Contains(err.Error(), "image.ks:2:1: error: / is already at image.ks:1:1") {
		t.Errorf("got %v", err)
	}
}

func TestLiveRefuses(t *testing.T) {
	const text = "part / --size=6144\n" + livePackages
	nine := Request{Release: "9", Arch: "x86_64"}
	for name, c := range map[string]struct {
		request Request
		text    string
		edits   []string
		says    []string
	}{
		"no root":        {nine, livePackages, nil, []string{"image.ks:1:1", "part / --size"}},
		"no size":        {nine, "part /\n" + livePackages, nil, []string{"image.ks:1:1", "no size", "--size"}},
		"no initrd":      {nine, "part / --size=6144\n%packages\nkernel\n%end\n", nil, []string{"image.ks:1:1", "add dracut-live"}},
		"excluded":       {nine, "part / --size=6144\n%packages\ndracut-live\n-dracut-live\n%end\n", nil, []string{"add dracut-live"}},
		"long name":      {nine, text, []string{"image: XFCE", "image: A-Very-Long-Desktop-Name"}, []string{"live.yaml:1:8", "Test-9-6-A-Very-Long-Desktop-Name", "33 characters", "room for 32"}},
		"long version":   {Request{Release: "9.100", Arch: "x86_64"}, text, []string{"image: XFCE", "image: Very-Long-Desktop-Name"}, []string{"33 characters", "shorter name"}},
		"disk":           {nine, text, []string{"outputs:", "disk:\n  size: 10GiB\noutputs:"}, []string{"live.yaml:5:7: disk", "part /"}},
		"format":         {nine, text, []string{"format: iso", "format: qcow2"}, []string{"live.yaml:5:13", "qcow2", "want one of iso"}},
		"method":         {nine, text, []string{"user: test\n", "user: test\n  method: ssh\n"}, []string{"verify.method", "live", "ssh"}},
		"no layout":      {nine, text, []string{"  root: ext4\n", ""}, []string{"live.root", "want ext4 or files"}},
		"unknown layout": {nine, text, []string{"root: ext4", "root: xfs"}, []string{"release.yaml:21:9", "live.root", "xfs"}},
		"no loader":      {nine, text, []string{"  boot: isolinux\n", ""}, []string{"live.boot", "isolinux or grub2"}},
		"unknown loader": {nine, text, []string{"boot: isolinux", "boot: lilo"}, []string{"release.yaml:22:9", "lilo"}},
		"compression":    {nine, text, []string{"outputs:", "live:\n  squash: gzip\noutputs:"}, []string{"live.yaml:5:11", "gzip", "xz or zstd"}},
		"odd title":      {nine, text, []string{"Test Linux", `"Test' Linux"`}, []string{"release.yaml:20:10", "title"}},
		"unknown key":    {nine, text, []string{"boot:", "boots:"}, []string{"release.yaml:22:3", "boots"}},
		"not live":       {nine, text, []string{"builder: live", "builder: rootfs\nlive: {root: ext4}\ndisk: {size: 3GiB}", "format: iso", "format: wsl"}, []string{"live.yaml:3:7", "not rootfs"}},
		"architecture":   {nine, text, []string{"outputs:", "kickstarts:\n  vax: a.ks\noutputs:"}, []string{"live.yaml:5:6", "vax"}},
		"path":           {nine, text, []string{"outputs:", "kickstarts:\n  aarch64: ../a.ks\noutputs:"}, []string{"live.yaml:5:10", "../a.ks"}},
	} {
		_, err := makeLive(t, c.request, c.text, c.edits...)
		for _, says := range c.says {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: got %v, want it to say %q", name, err, says)
			}
		}
	}
}

// TestKickstarts: an architecture can have a kickstart of its own, and a request one for all of them.
func TestKickstarts(t *testing.T) {
	const text = "part / --size=6144\n" + livePackages
	own := []string{"outputs:", "kickstarts:\n  aarch64: other-$basearch.ks\noutputs:"}
	for _, c := range []struct{ arch, flag, want string }{
		{"x86_64", "", "image.ks"}, {"aarch64", "", "other-aarch64.ks"}, {"aarch64", "image.ks", "image.ks"}, {"aarch64", "other-$basearch.ks", "other-aarch64.ks"},
	} {
		p, err := makeLive(t, Request{Release: "9", Arch: c.arch, Kickstart: c.flag}, text, own...)
		if err != nil || p.Kickstart.Path != c.want {
			t.Errorf("%+v: got %q, %v", c, p.Kickstart.Path, err)
		}
	}
}

package plan

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/internal/source"
)

const releaseYAML = `distro: test
name: Test
release: "9"
version: "9.6"
efi: test
naming: wiki
architectures: [x86_64, aarch64, ppc64le, riscv64, s390x]
mirror: https://mirror.invalid/test/
tree: $mirror/$version/BaseOS/$basearch/os
repositories:
  - id: baseos
    baseurl: $mirror/$version/BaseOS/$basearch/os
keys:
  - url: $mirror/KEY
    fingerprint: 0123456789ABCDEF0123456789ABCDEF01234567
kickstarts:
  source: test
  version: rhel9
`

const imageYAML = `image: GenericCloud
variant: Base
primary: true
builder: disk
kickstart: image.ks
disk:
  size: 10GiB
outputs:
  - format: qcow2
machine:
  cpus: 2
  memory: 2GiB
verify:
  user: test
`

func tree(files map[string]string) fstest.MapFS {
	all := map[string]string{"test/9/release.yaml": releaseYAML, "test/9/image.yaml": imageYAML}
	maps.Copy(all, files)
	fsys := fstest.MapFS{}
	for name, text := range all {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func request() Request {
	return Request{Distro: "test", Release: "9", Image: "GenericCloud", Arch: "x86_64"}
}

// makeOf makes the plan of a kickstart's text.
func makeOf(t *testing.T, r Request, text string, more ...string) (Plan, error) {
	t.Helper()
	catalog, err := Load(tree(nil))
	if err != nil {
		t.Fatal(err)
	}
	p, err := catalog.Find(r)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"image.ks": {Data: []byte(text)}}
	for i := 0; i+1 < len(more); i += 2 {
		files[more[i]] = &fstest.MapFile{Data: []byte(more[i+1])}
	}
	return Make(p, r, source.Checkout{URL: "https://git.invalid/ks", Branch: "r9", Commit: strings.Repeat("a", 40), FS: files})
}

func TestLoadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		file, old, new string
		says           []string
	}{
		"unknown key":       {"test/9/image.yaml", "primary: true", "primry: true", []string{"test/9/image.yaml:3:1", "primry"}},
		"wrong type":        {"test/9/image.yaml", "cpus: 2", "cpus: two", []string{"test/9/image.yaml:11:9"}},
		"duplicate key":     {"test/9/image.yaml", "variant: Base", "variant: Base\nvariant: LVM", []string{"test/9/image.yaml:3:1"}},
		"no size":           {"test/9/image.yaml", "10GiB", "big", []string{"test/9/image.yaml:7:9", "disk.size", "10GiB"}},
		"unknown builder":   {"test/9/image.yaml", "builder: disk", "builder: floppy", []string{"test/9/image.yaml:4:10", "floppy"}},
		"kickstart outside": {"test/9/image.yaml", "image.ks", "../image.ks", []string{"test/9/image.yaml:5:12"}},
		"odd name":          {"test/9/image.yaml", "image: GenericCloud", "image: a/b", []string{"test/9/image.yaml:1:8", "a/b"}},
		"no unit":           {"test/9/image.yaml", "  user: test", "  user: test\n  may_fail: [\"rm -rf\"]", []string{"verify.may_fail[0]", "rm -rf"}},
		"another's method":  {"test/9/image.yaml", "  user: test", "  user: test\n  method: container", []string{"verify.method", "the builder disk", "container"}},
		"missing key":       {"test/9/image.yaml", "machine:\n  cpus: 2\n  memory: 2GiB\n", "", []string{"test/9/image.yaml", "machine.memory"}},
		"compression":       {"test/9/image.yaml", "format: qcow2", "format: qcow2\n    compression: lzma", []string{"test/9/image.yaml:10:18", "lzma"}},
		"unknown format":    {"test/9/image.yaml", "qcow2", "vdi", []string{"test/9/image.yaml:9:13", "vdi", "raw.xz"}},
		"format of a tree":  {"test/9/image.yaml", "qcow2", "wsl", []string{"test/9/image.yaml:9:13", "wsl"}},
		"format of a disk":  {"test/9/image.yaml", "builder: disk", "builder: rootfs", []string{"test/9/image.yaml:9:13", "qcow2", "oci.tar"}},
		"format twice":      {"test/9/image.yaml", "  - format: qcow2", "  - format: qcow2\n  - format: qcow2", []string{"test/9/image.yaml:10:13", "twice"}},
		"compressed raw":    {"test/9/image.yaml", "format: qcow2", "format: raw\n    compression: zlib", []string{"test/9/image.yaml:10:18", "raw"}},
		"box for nobody":    {"test/9/image.yaml", "format: qcow2", "format: box", []string{"test/9/image.yaml:9:11", "libvirt"}},
		"unknown provider":  {"test/9/image.yaml", "format: qcow2", "format: box\n    provider: hyperv", []string{"test/9/image.yaml:10:15", "hyperv"}},
		"provider of qcow2": {"test/9/image.yaml", "format: qcow2", "format: qcow2\n    provider: libvirt", []string{"test/9/image.yaml:10:15", "box"}},
		"odd label":         {"test/9/image.yaml", "primary: true", "labels: [nightly, No Way]", []string{"test/9/image.yaml:3:19", "No Way"}},
		"wrong folder":      {"test/9/release.yaml", "distro: test", "distro: tost", []string{"test/9/release.yaml:1:9"}},
		"wrong version":     {"test/9/release.yaml", `"9.6"`, `"8.6"`, []string{"test/9/release.yaml:4:10"}},
		"unknown arch":      {"test/9/release.yaml", "s390x]", "vax]", []string{"test/9/release.yaml:7:52", "vax"}},
		"key not pinned":    {"test/9/release.yaml", "\n    fingerprint: 0123456789ABCDEF0123456789ABCDEF01234567", "", []string{"test/9/release.yaml", "trust: mirror"}},
		"odd fingerprint":   {"test/9/release.yaml", "fingerprint: 01", "fingerprint: xx", []string{"test/9/release.yaml:15:18"}},
		"not YAML":          {"test/9/release.yaml", "distro: test", "distro: [", []string{"test/9/release.yaml:"}},
		"empty":             {"test/9/image.yaml", imageYAML, "", []string{"test/9/image.yaml", "empty"}},
		"two documents":     {"test/9/image.yaml", "image:", "---\nimage: x\n---\nimage:", []string{"test/9/image.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := map[string]string{"test/9/image.yaml": imageYAML, "test/9/release.yaml": releaseYAML}[c.file]
			changed := strings.Replace(text, c.old, c.new, 1)
			if changed == text {
				t.Fatalf("%q is not in %s", c.old, c.file)
			}
			_, err := Load(tree(map[string]string{c.file: changed}))
			if err == nil {
				t.Fatal("accepted")
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error doesn't say %q: %v", part, err)
				}
			}
		})
	}
	for what, second := range map[string]string{
		"the same image and variant": strings.Replace(imageYAML, "primary: true\n", "", 1),
		"primary variant already":    strings.Replace(imageYAML, "variant: Base", "variant: LVM", 1),
	} {
		if _, err := Load(tree(map[string]string{"test/9/second.yaml": second})); err == nil || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), "image.yaml") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Load(fstest.MapFS{}); err == nil {
		t.Error("an empty tree was accepted")
	}
}

func TestFind(t *testing.T) {
	lvm := strings.NewReplacer("Base", "LVM", "primary: true\n", "", "builder: disk", "builder: disk\narchitectures: [x86_64]").Replace(imageYAML)
	catalog, err := Load(tree(map[string]string{"test/9/release.yaml": liveRelease, "test/9/lvm.yaml": lvm, "test/9/live.yaml": liveImage}))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Request{request(), {Distro: "test", Release: "9.4", Image: "genericcloud", Variant: "base", Arch: "s390x"}} {
		if p, err := catalog.Find(r); err != nil || p.File != "test/9/image.yaml" {
			t.Errorf("%+v: %s %v", r, p.File, err)
		}
	}
	for what, c := range map[string]struct {
		change func(*Request)
		says   string
	}{
		"distribution": {func(r *Request) { r.Distro = "other" }, "test"},
		"release":      {func(r *Request) { r.Release = "8" }, "9"},
		"image":        {func(r *Request) { r.Image = "Azure" }, "GenericCloud"},
		"variant":      {func(r *Request) { r.Variant = "Tiny" }, "Base, LVM"},
		"architecture": {func(r *Request) { r.Variant, r.Arch = "LVM", "aarch64" }, "x86_64"},
		"no variants":  {func(r *Request) { r.Image, r.Variant = "XFCE", "Base" }, `XFCE has no variants, and so no "Base"`},
		"no variant":   {func(r *Request) { r.Image, r.Arch = "XFCE", "s390" }, `test XFCE is not made for "s390"`},
	} {
		r := request()
		c.change(&r)
		if _, err := catalog.Find(r); !errors.As(err, new(*RequestError)) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, release := range []string{"9.x", "9.", ".9", "", "9.6/../8", "9.6\n", "9..6"} {
		r := request()
		r.Release = release
		if _, err := catalog.Find(r); !errors.As(err, new(*RequestError)) || !strings.Contains(err.Error(), "is no release") {
			t.Errorf("the release %q: %v", release, err)
		}
	}
}

const plain = "part / --size=2000 --fstype=xfs --grow\n"

func TestMakeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		says []string
	}{
		"unknown command":        {plain + "bootloder --timeout=1\n", []string{"image.ks:2:1", "bootloader"}},
		"wrong option":           {plain + "firewall --enable --foo\n", []string{"image.ks:2:", "--foo"}},
		"missing include":        {plain + "%include nowhere.ks\n", []string{"image.ks:2:", "nowhere.ks"}},
		"include written by pre": {plain + "%include /tmp/part-include\n", []string{"image.ks:2:", "/tmp/part-include", "--onpart"}},
		"RAID":                   {plain + "part raid.01 --size=100\npart raid.02 --size=100\nraid /data --level=1 --device=md0 raid.01 raid.02\n", []string{"image.ks:4:1", "raid"}},
		"LUKS":                   {"part / --size=2000 --encrypted --passphrase=secret\n", []string{"image.ks:1:1", "encrypted"}},
		"encrypted volume":       {plain + "part pv.01 --size=3000\nvolgroup vg pv.01\nlogvol /home --vgname=vg --name=home --size=100 --encrypted --passphrase=x\n", []string{"image.ks:4:1", "encrypted"}},
		"thin autopart":          {"autopart --type=thinp\n", []string{"image.ks:1:1", "thinp"}},
		"too small":              {"part / --size=20000\n", []string{"image.ks:1:1", "20002 MiB", "10240 MiB"}},
		"too small with volumes": {"part / --size=2000\npart pv.01 --size=4000 --grow\nvolgroup vg pv.01\nlogvol /srv --vgname=vg --name=srv --size=9000\n", []string{"image.ks:2:1", "11002 MiB", "10240 MiB"}},
		"group too small":        {plain + "part pv.01 --size=500\nvolgroup vg pv.01\nlogvol /srv --vgname=vg --name=srv --size=600\n", []string{"image.ks:3:1", "600 MiB", "500 MiB"}},
		"too many of the old":    {"clearpart --all --disklabel=msdos\n" + plain + "part /a --size=1\npart /b --size=1\npart /c --size=1\npart /d --size=1\n", []string{"image.ks:6:1", "4 partitions", "gpt"}},
		"no such disk":           {plain + "part /srv --size=10 --ondisk=sdb\n", []string{"image.ks:2:1", "sdb", "vda", "disk.device"}},
		"no such partition":      {"part / --onpart=sda1\n", []string{"image.ks:1:1", "sda1", "disk.device"}},
		"partition for a disk":   {plain + "part /srv --size=10 --ondisk=/dev/vda1\n", []string{"image.ks:2:1"}},
		"boot from elsewhere":    {plain + "bootloader --boot-drive=sda\n", []string{"image.ks:2:1", "sda"}},
		"only the other disk":    {plain + "ignoredisk --only-use=sda\n", []string{"image.ks:2:1", "sda"}},
		"odd file system":        {"part / --fstype=reiserfs --size=2000\n", []string{"image.ks:1:1", "reiserfs", "xfs"}},
		"resized":                {"part / --onpart=vda1 --resize --size=2000\n", []string{"image.ks:1:1", "resize"}},
		"thin pool":              {plain + "part pv.01 --size=3000\nvolgroup vg pv.01\nlogvol none --vgname=vg --name=pool --thinpool --size=100\nlogvol /srv --vgname=vg --name=srv --thin --poolname=pool --size=100\n", []string{"image.ks:4:1", "image.ks:5:1", "thin"}},
		"existing group":         {plain + "part pv.01 --size=3000\nvolgroup vg --useexisting\n", []string{"image.ks:3:1", "anew"}},
		"automatic and not":      {"autopart\npart /srv --size=10\n", []string{"image.ks:2:1", "image.ks:1:1"}},
		"nothing at /":           {"part /home --size=100\n", []string{"image.ks:1:1", "/"}},
		"mounted twice":          {plain + "part / --size=100\n", []string{"image.ks:2:1", "image.ks:1:1"}},
		"no such member":         {plain + "volgroup vg pv.07\n", []string{"image.ks:2:1", "pv.07"}},
		"package file":           {plain + "%packages\nhttps://mirror.invalid/a.rpm\n%end\n", []string{"image.ks:3:1", "repo"}},
		"repo without value":     {plain + "repo --name=extra --baseurl=https://mirror.invalid/$stream/os\n", []string{"image.ks:2:1", "$stream"}},
		"live image":             {plain + "liveimg --url=https://mirror.invalid/x.img\n", []string{"image.ks:2:1", "liveimg"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := makeOf(t, request(), c.text)
			if !errors.As(err, new(kickstart.Problems)) {
				t.Fatalf("want kickstart.Problems, got %v", err)
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error doesn't say %q: %v", part, err)
				}
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error gives a passphrase away: %v", err)
			}
		})
	}
	r := request()
	r.Kickstart = "other.ks"
	if _, err := makeOf(t, r, plain); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "image.ks") {
		t.Errorf("a kickstart that isn't there: %v", err)
	}
}

func TestPackageSpace(t *testing.T) {
	const disk = 10 << 10
	for _, c := range []struct {
		text string
		want int64 // MiB
	}{
		{plain, disk - 2},
		{"part / --size=2000\n", 2000},
		{"part / --size=2000\npart /boot --size=500\npart /var --size=300\npart /home --size=4000\n", 2300},
		{"part / --size=2000\npart /boot --size=500\npart /var/lib --size=300 --grow\npart swap --size=512\n", disk - 2 - 500 - 512},
		{"part / --onpart=vda5\npart /boot --onpart=vda2\n", disk - 2},
		{"part pv.01 --size=5000\nvolgroup vg pv.01\nlogvol / --vgname=vg --name=root --size=1500\nlogvol swap --vgname=vg --name=swap --size=100\n", 1500},
		{"reqpart --add-boot\npart / --size=100 --grow\n", disk - 2 - 205 - 1024},
		{"autopart --type=plain --noboot\n", disk - 2 - 205},
	} {
		p, err := makeOf(t, request(), c.text)
		if err != nil || p.Disk.Packages != c.want<<20 {
			t.Errorf("%q: %d MiB, want %d (%v)", c.text, p.Disk.Packages>>20, c.want, err)
		}
	}
}

func TestMakeOverrides(t *testing.T) {
	r := request()
	r.Release, r.Mirror, r.KeyFiles = "9.4", "file:///srv/mirror/", []string{"keys/mine"}
	p, err := makeOf(t, r, plain)
	if err != nil {
		t.Fatal(err)
	}
	absolute, _ := filepath.Abs("keys/mine")
	if p.Release != "9" || p.Version != "9.4" || p.Tree != "file:///srv/mirror/9.4/BaseOS/x86_64/os" || p.Repositories[0].BaseURL != p.Tree {
		t.Errorf("%s %s %s %+v", p.Release, p.Version, p.Tree, p.Repositories)
	}
	if diff := cmp.Diff([]Key{{File: absolute}}, p.Keys); diff != "" {
		t.Error(diff)
	}
	for _, mirror := range []string{"/srv/mirror", "ftp://mirror.invalid"} {
		r.Mirror = mirror
		if _, err := makeOf(t, r, plain); !errors.As(err, new(*RequestError)) || !strings.Contains(err.Error(), mirror) {
			t.Errorf("the mirror %s: %v", mirror, err)
		}
	}
}

func TestPasswordsOfURLs(t *testing.T) {
	r := request()
	r.Mirror = "https://me:s3cret@mirror.invalid/test"
	p, err := makeOf(t, r, plain+"repo --name=extra --baseurl=https://me:s3cret@other.invalid/\n")
	if err != nil {
		t.Fatal(err)
	}
	if text := p.Text(); strings.Contains(text, "s3cret") || strings.Count(text, "me:xxxxx@") != 4 {
		t.Error(text)
	}
	if !strings.Contains(p.Tree, "s3cret") {
		t.Errorf("the tree can't be fetched from %s", p.Tree)
	}
}

func TestKickstartRepositories(t *testing.T) {
	p, err := makeOf(t, request(), plain+"repo --name=BaseOS --baseurl=https://other.invalid/BaseOS\n"+
		"repo --name=extra --mirrorlist=https://mirror.invalid/list?repo=$releasever-$basearch --cost=50 --excludepkgs=a,b*\nurl --url=https://other.invalid/os\n")
	if err != nil {
		t.Fatal(err)
	}
	want := Repository{ID: "extra", MirrorList: "https://mirror.invalid/list?repo=9-x86_64", Cost: 50, Exclude: []string{"a", "b*"}, GPGCheck: true, File: "image.ks", Line: 3}
	if diff := cmp.Diff(want, p.Repositories[1]); len(p.Repositories) != 2 || diff != "" {
		t.Errorf("%d repositories\n%s", len(p.Repositories), diff)
	}
	warned := strings.Join(p.Warnings, "\n")
	for _, part := range []string{"image.ks:2:1", "BaseOS", "image.ks:4:1", "url"} {
		if !strings.Contains(warned, part) {
			t.Errorf("no warning says %q: %s", part, warned)
		}
	}
}

func TestDownloadsAreWarnedOf(t *testing.T) {
	p, err := makeOf(t, request(), plain+"%post\n# curl https://comment.invalid/\necho 'wget http://quoted.invalid/'\nif true; then\n  /usr/bin/curl -L -o /tmp/a.iso \"https://a.invalid/a.iso\" || :\nfi\ncurl $URL\n%end\n")
	if err != nil {
		t.Fatal(err)
	}
	if w := strings.Join(p.Warnings, "\n"); !strings.HasPrefix(w, "image.ks:6:3: /usr/bin/curl can't reach https://a.invalid/a.iso") || len(p.Warnings) != 1 {
		t.Errorf("warned: %s", w)
	}
}

const optionalYAML = `
  - id: crb
    baseurl: $mirror/CRB
    aliases: [test9-powertools]
    optional: true
  - id: extra
    baseurl: https://other.invalid/$basearch
    optional: true
    keys:
      - url: https://other.invalid/KEY
        fingerprint: 89ABCDEF0123456789ABCDEF0123456701234567
keys:`

func TestOptionalRepositories(t *testing.T) {
	for _, c := range []struct {
		what, image, text string
		wanted            []string
		repos, keys       string
	}{
		{"nobody names them", "", "", nil, "baseos=https://mirror.invalid/test/9.6/BaseOS/x86_64/os", "KEY"},
		{"the image", "repositories: [extra]\n", "", nil, "baseos=https://mirror.invalid/test/9.6/BaseOS/x86_64/os extra=https://other.invalid/x86_64", "KEY KEY"},
		{"the kickstart, by an alias", "", "repo --name=TEST9-powertools --baseurl=https://staging.invalid/ --cost=7 --excludepkgs=a\n", nil,
			"baseos=https://mirror.invalid/test/9.6/BaseOS/x86_64/os crb=https://mirror.invalid/test/CRB 7 a", "KEY"},
		{"the request has another address", "repositories: [extra]\n", "", []string{"Extra=file:///srv/extra"},
			"baseos=https://mirror.invalid/test/9.6/BaseOS/x86_64/os extra=file:///srv/extra", "KEY KEY"},
		{"the request has one that the image doesn't use", "", "", []string{"EXTRA=file:///srv/extra"}, "baseos=https://mirror.invalid/test/9.6/BaseOS/x86_64/os", "KEY"},
		{"the request leaves one out", "repositories: [extra]\n", "", []string{"extra=none"}, "baseos=https://mirror.invalid/test/9.6/BaseOS/x86_64/os", "KEY"},
	} {
		catalog, err := Load(tree(map[string]string{
			"test/9/release.yaml": strings.Replace(releaseYAML, "\nkeys:", optionalYAML, 1), "test/9/image.yaml": c.image + imageYAML,
		}))
		if err != nil {
			t.Fatal(err)
		}
		r := request()
		r.Repositories = c.wanted
		p, err := Make(catalog.Pipelines()[0], r, source.Checkout{FS: fstest.MapFS{"image.ks": {Data: []byte(plain + c.text)}}})
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		var repos, keys []string
		for _, repo := range p.Repositories {
			repos = append(repos, repo.ID+"="+repo.URL())
			if repo.Cost != 0 {
				repos = append(repos, strconv.Itoa(repo.Cost), strings.Join(repo.Exclude, ","))
			}
		}
		for _, key := range p.Keys {
			keys = append(keys, key.URL[strings.LastIndex(key.URL, "/")+1:])
		}
		if got := strings.Join(repos, " "); got != c.repos || strings.Join(keys, " ") != c.keys {
			t.Errorf("%s: %s with %q", c.what, got, keys)
		}
	}
	for _, wanted := range []string{"nothing=none", "baseos", "baseos=/srv/x", "baseos=ftp://x.invalid"} {
		r := request()
		r.Repositories = []string{wanted}
		if _, err := makeOf(t, r, plain); !errors.As(err, new(*RequestError)) || !strings.Contains(err.Error(), "baseos") {
			t.Errorf("--repository %s: %v", wanted, err)
		}
	}
}

func orElse(a, b string) string { return choose(a != "", a, b) }

func TestBuildersPackages(t *testing.T) {
	for builder, want := range map[string]string{
		"disk":   "@core kernel grub2-pc grub2-pc-modules grub2-tools xfsprogs firewalld",
		"pi":     "@core grub2-pc grub2-pc-modules grub2-tools xfsprogs firewalld",
		"rootfs": "@core firewalld",
	} {
		output := map[string]string{"rootfs": "tar.xz"}[builder]
		catalog, err := Load(tree(map[string]string{"test/9/image.yaml": strings.NewReplacer("builder: disk", "builder: "+builder, "qcow2", orElse(output, "qcow2")).Replace(imageYAML)}))
		if err != nil {
			t.Fatal(err)
		}
		p, err := Make(catalog.Pipelines()[0], request(), source.Checkout{FS: fstest.MapFS{"image.ks": {Data: []byte(plain + "firewall --enabled\n")}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(names(p.Packages.Install), " "); got != want {
			t.Errorf("%s installs %s, want %s", builder, got, want)
		}
		if boots := len(p.Verify.Firmware) > 0; boots != (builder == "disk") || (p.Disk.Label == "msdos") != (builder == "pi") {
			t.Errorf("%s boots under %q on a disk labelled %q", builder, p.Verify.Firmware, p.Disk.Label)
		}
	}
}

func TestPackages(t *testing.T) {
	p, err := makeOf(t, request(), plain+`timezone --utc UTC
lang de_DE.UTF-8
%packages --excludedocs --inst-langs=de,en --exclude-weakdeps
@^server
@games --optional
-@office
vim
-nano
-vim-*
nano
%include more.ks
%end
`, "more.ks", "emacs\n-joe\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []Want{
		{Name: "@^server", Reason: ReasonKickstart, File: "image.ks", Line: 5}, {Name: "@core", Reason: ReasonCore},
		{Name: "@games", Reason: ReasonKickstart, File: "image.ks", Line: 6, GroupTypes: []string{"mandatory", "default", "optional"}},
		{Name: "vim", Reason: ReasonKickstart, File: "image.ks", Line: 8}, {Name: "nano", Reason: ReasonKickstart, File: "image.ks", Line: 11},
		{Name: "emacs", Reason: ReasonKickstart, File: "more.ks", Line: 1}, {Name: "kernel", Reason: ReasonPlatform},
	}
	for _, soft := range []string{"grub2-pc", "grub2-pc-modules", "grub2-tools", "xfsprogs", "chrony", "langpacks-de"} {
		want = append(want, Want{Name: soft, Reason: ReasonPlatform, Soft: true})
	}
	if diff := cmp.Diff(want, p.Packages.Install); diff != "" {
		t.Errorf("install:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"vim-*", "joe"}, names(p.Packages.Exclude)); diff != "" {
		t.Errorf("exclude:\n%s", diff)
	}
	if diff := cmp.Diff([]Want{{Name: "office", Reason: ReasonKickstart, File: "image.ks", Line: 7}}, p.Packages.ExcludeGroups); diff != "" {
		t.Errorf("groups:\n%s", diff)
	}
	if !p.Packages.ExcludeDocs || !p.Packages.ExcludeWeakDeps || p.Packages.Languages == nil || !slices.Equal(*p.Packages.Languages, []string{"de", "en"}) {
		t.Errorf("options: %+v", p.Packages)
	}
	if !slices.Equal(p.Verify.Firmware, []string{"bios"}) || !slices.Contains(p.Packages.Available, "shim-x64") {
		t.Errorf("without an EFI system partition it boots under %q, with %q at hand", p.Verify.Firmware, p.Packages.Available)
	}
	none, err := makeOf(t, request(), plain+"%packages --nocore\nbash\n%end\n")
	if err != nil || slices.Contains(names(none.Packages.Install), "@core") {
		t.Errorf("--nocore: %v %v", names(none.Packages.Install), err)
	}
}

func TestFirmware(t *testing.T) {
	const esp, bios = "part /boot/efi --fstype=efi --size=100\n", "part biosboot --fstype=biosboot --size=1\n"
	for _, c := range []struct {
		name, arch, text string
		want             []string
	}{
		{"UEFI alone", "x86_64", plain + esp, []string{"uefi"}},
		{"BIOS alone", "x86_64", plain + bios, []string{"bios"}},
		{"room for both, one loader", "x86_64", plain + esp + bios, []string{"uefi"}},
		{"both loaders", "x86_64", plain + esp + bios + "%packages\ngrub2-pc\n%end\n", []string{"bios", "uefi"}},
		{"the other by %post", "x86_64", plain + esp + bios + "%post\ndnf -y install grub2-pc\n%end\n", []string{"bios", "uefi"}},
		{"a disk of data", "x86_64", plain + esp + "bootloader --location=none\n", nil},
		{"reqpart", "x86_64", plain + "reqpart\n", []string{"uefi"}},
		{"aarch64", "aarch64", plain + esp, []string{"uefi"}},
		{"s390x", "s390x", plain, []string{"s390-ccw"}},
		{"ppc64le", "ppc64le", plain + "part prepboot --fstype=prepboot --size=4\n", []string{"slof"}},
		{"riscv64", "riscv64", plain + esp, []string{"uefi"}},
	} {
		r := request()
		r.Arch = c.arch
		p, err := makeOf(t, r, c.text)
		if err != nil || !slices.Equal(p.Verify.Firmware, c.want) {
			t.Errorf("%s: %q, want %q (%v)", c.name, p.Verify.Firmware, c.want, err)
		}
	}
}

func TestInstallsOf(t *testing.T) {
	for text, want := range map[string][]string{
		"dnf install grub2-pc-modules grub2-pc -y":                    {"grub2-pc-modules", "grub2-pc"},
		"if [ \"$(arch)\" = x86_64 ]; then\n  yum -y install a;fi":    {"a"},
		"dnf --setopt=a=b -x c install \\\n  a 'b' \"c\" $d \"$e\"f":  {"a", "b", "c"},
		"/usr/bin/dnf install https://x.invalid/a.rpm ./b.rpm a":      {"a"},
		"dnf -C -y remove linux-firmware":                             nil,
		"echo dnf install x\n# dnf install y\nmydnf install z":        nil,
		"cat <<EOF\ndnf install x\nEOF\ndnf reinstall -y a":           {"a"},
		"for i in 1; do x=$(dnf install -y a); done || dnf install b": {"a", "b"},
		"dnf install a\nif then":                                      {"a"},
		"":                                                            nil,
	} {
		if got := installsOf(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(releaseYAML, imageYAML)
	f.Add(liveRelease, liveImage)
	f.Add("distro: [", "a: &a [*a]")
	f.Fuzz(func(t *testing.T, release, image string) {
		catalog, err := Load(tree(map[string]string{"test/9/release.yaml": release, "test/9/image.yaml": image}))
		if err != nil {
			return
		}
		for _, p := range catalog.pipelines {
			if !fs.ValidPath(p.Kickstart("x86_64")) || p.diskSize <= 0 && p.image.Builder != "live" || strings.ContainsAny(p.image.Image+p.image.Variant, "/\\ ") {
				t.Errorf("accepted %+v", p.image)
			}
			if l := p.Outline(Request{Release: p.Release()}).Live; l != nil && !regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`).MatchString(l.VolumeID) {
				t.Errorf("accepted the volume id %q", l.VolumeID)
			}
		}
	})
}

func FuzzInstallsOf(f *testing.F) {
	f.Add("dnf install -y a \"b\" $(c)\ncat <<EOF\nx\nEOF\n")
	f.Fuzz(func(t *testing.T, script string) {
		for _, name := range installsOf(script) {
			if !packageName.MatchString(name) {
				t.Errorf("%q is no package name", name)
			}
		}
	})
}

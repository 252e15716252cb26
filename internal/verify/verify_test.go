package verify

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/nevra"
	"github.com/quarry-project/quarry/internal/qemuimg"
	"github.com/quarry-project/quarry/internal/vm"
)

// testImage is an empty qcow2 of 1 GiB.
func testImage(t *testing.T) artifact.Image {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.qcow2")
	if err := qemuimg.Create(t.Context(), path, "qcow2", 1<<30); err != nil {
		t.Fatal(err)
	}
	sum, size, err := digest.File(path)
	if err != nil {
		t.Fatal(err)
	}
	return artifact.Image{File: artifact.File{Path: path, Size: size, Digest: sum}, Format: "qcow2", Arch: "x86_64"}
}

func testOptions(t *testing.T) Options {
	return Options{
		Release: "9", Dir: filepath.Join(t.TempDir(), "verify"), Accel: vm.TCG, Grow: 1 << 30,
		Packages: []artifact.Package{{NEVRA: nevra.NEVRA{Name: "bash", Version: "5.1", Release: "1.el9", Arch: "x86_64"}}},
	}
}

// verified logs in unless o says otherwise, whatever packages are expected.
func verified(t *testing.T, g *fakeGuest, img artifact.Image, o Options) (Report, error) {
	t.Helper()
	if o.Method == "" {
		o.Method = SSH
	}
	return verifier{start: g.start, pause: time.Millisecond}.image(t.Context(), img, o)
}

func TestImagePasses(t *testing.T) {
	g := healthy(t)
	g.refuses = 3
	img, o := testImage(t), testOptions(t)
	r, err := verified(t, g, img, o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Passed || r.Image.Digest != img.Digest || r.Image.Format != "qcow2" || len(r.Boots) != 2 || len(r.Failures()) != 0 {
		t.Errorf("got %+v", r)
	}
	for i, firmware := range []string{"bios", "uefi"} {
		b, m := r.Boots[i], g.started(firmware)
		if b.Firmware != firmware || !b.Passed || b.Kernel != "5.14.0-570.el9.x86_64" || strings.Contains(b.Cmdline, "\x1b") || b.Error != "" {
			t.Errorf("boot %+v", b)
		}
		var names []string
		for _, c := range b.Checks {
			names = append(names, c.Name)
		}
		if want := "cloud-init systemd root packages growth shutdown"; strings.Join(names, " ") != want {
			t.Errorf("looked at %q, want %s", names, want)
		}
		if m.Firmware != arch.Kind(firmware) || m.Network || m.SSH == 0 || m.Drives[0].Path == img.Path || !m.Drives[1].ReadOnly {
			t.Errorf("machine %+v", m)
		}
		if _, err := os.Stat(b.Console); err != nil {
			t.Error(err)
		}
		for _, d := range m.Drives {
			if _, err := os.Stat(d.Path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is left behind: %v", d.Path, err)
			}
		}
	}
	saved, err := LoadReport(filepath.Join(o.Dir, ReportFile))
	if err != nil || !reflect.DeepEqual(saved, r) {
		t.Errorf("saved %+v, %v\nwant %+v", saved, err, r)
	}
}

func TestImageFails(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(*fakeGuest)
		want []string // in the one line that says so
	}{
		{"degraded", func(g *fakeGuest) {
			g.answers["systemctl is-system-running"] = answer{out: "degraded\n", code: 1}
			g.answers["systemctl list-units --failed"] = answer{out: "kdump.service loaded failed failed Crash recovery\nit's.service loaded failed failed x\n"}
			g.answers["sudo -n journalctl -b --no-pager -o cat -n 10 -u 'kdump.service'"] = answer{out: "No memory reserved for crash kernel\n"}
			g.answers[`sudo -n journalctl -b --no-pager -o cat -n 10 -u 'it'\''s.service'`] = answer{out: "quoted well\n"}
			delete(g.answers, "sudo -n journalctl -b --no-pager -o ")
		}, []string{"systemd: degraded", "kdump.service", "No memory reserved", "quoted well"}},
		{"packages", func(g *fakeGuest) { g.answers["sudo -n rpm -qa"] = answer{out: "bash 0 5.2 1.el9 x86_64\n"} },
			[]string{"packages: 1 missing: bash-5.1-1.el9.x86_64; 1 not expected: bash-5.2-1.el9.x86_64"}},
		{"read-only root", func(g *fakeGuest) {
			g.answers["findmnt"] = answer{out: "/dev/vda4 xfs ro\n", stderr: "mktemp: Read-only file system", code: 1}
		}, []string{"root: ", "can't be written", "Read-only file system"}},
		{"cloud-init", func(g *fakeGuest) {
			g.answers["cloud-init status"] = answer{out: `{"status":"error","detail":"DataSourceNoCloud","errors":["('ssh', boom)"]}`}
		}, []string{"cloud-init: ", "boom"}},
		{"growth", func(g *fakeGuest) {
			g.answers["lsblk"] = answer{out: "disk 2147483648\npart 1000000000\n1B-blocks\n990000000\n"}
		},
			[]string{"growth: ", "do not fill the disk"}},
		{"connection breaks", func(g *fakeGuest) { delete(g.answers, "findmnt") }, []string{"check root", "likely cause: the guest's kernel panicked"}},
		{"never a login", func(g *fakeGuest) { g.dead = true }, []string{"no login as quarry", "the time for it", "kernel panicked", "last lines"}},
		{"nothing to boot", func(g *fakeGuest) { g.dead, g.silent = true, true }, []string{"no login", "the console stayed empty"}},
		{"another program on the port", func(g *fakeGuest) { g.foreign = true }, []string{"no login", "seen enough", "host key mismatch"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			g := healthy(t)
			tc.edit(g)
			o := testOptions(t)
			o.Firmware = []string{"uefi"}
			if g.dead {
				o.Login = 300 * time.Millisecond
			}
			r, err := verified(t, g, testImage(t), o)
			if err != nil {
				t.Fatal(err)
			}
			failures := r.Failures()
			if r.Passed || r.Boots[0].Passed || len(failures) != 1 {
				t.Fatalf("passed: %v, failures %q", r.Passed, failures)
			}
			for _, want := range tc.want {
				if !strings.Contains(failures[0], want) {
					t.Errorf("%q does not say %q", failures[0], want)
				}
			}
			if _, err := LoadReport(filepath.Join(o.Dir, ReportFile)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUnitsThatMayFail(t *testing.T) {
	for _, c := range []struct {
		mayFail string
		passed  bool
	}{{"chronyd.service", true}, {"other.service", false}} {
		g, o := healthy(t), testOptions(t)
		g.answers["systemctl is-system-running"] = answer{out: "degraded\n", code: 1}
		g.answers["systemctl list-units --failed"] = answer{out: "chronyd.service loaded failed failed NTP\n"}
		o.Firmware, o.MayFail = []string{"uefi"}, []string{c.mayFail}
		r, err := verified(t, g, testImage(t), o)
		if err != nil || r.Passed != c.passed || !strings.Contains(r.Boots[0].Checks[1].Detail, "chronyd.service") {
			t.Errorf("%s: %+v, %v", c.mayFail, r, err)
		}
	}
}

func TestPowerButtonWhereSudoIsRefused(t *testing.T) {
	g := healthy(t)
	g.answers["sudo -n systemctl poweroff"] = answer{stderr: "sudo: a password is required", code: 1}
	r, err := verified(t, g, testImage(t), testOptions(t))
	if err != nil || !r.Passed {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestMachineThatEndsEndsTheTrial(t *testing.T) {
	g := healthy(t)
	g.dead = true
	o := testOptions(t)
	o.Firmware, o.Login = []string{"bios"}, time.Hour
	start := func(ctx context.Context, m vm.Machine) (machine, error) {
		running, err := g.start(ctx, m)
		running.(*fakeMachine).fault <- errors.New("no space left on this host")
		return running, err
	}
	r, err := verifier{start: start, pause: time.Millisecond}.image(t.Context(), testImage(t), o)
	if err != nil || len(r.Failures()) != 1 || !strings.Contains(r.Failures()[0], "no space left on this host") {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCannotVerify(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name string
		ctx  context.Context
		edit func(*artifact.Image, *Options)
		want string
	}{
		{"format", t.Context(), func(i *artifact.Image, _ *Options) { i.Format = "rar" }, "rar"},
		{"method", t.Context(), func(_ *artifact.Image, o *Options) { o.Method = Container }, "container"},
		{"not there", t.Context(), func(i *artifact.Image, _ *Options) { i.Path += "x" }, "image.qcow2x"},
		{"changed content", t.Context(), func(i *artifact.Image, _ *Options) { _ = os.WriteFile(i.Path, []byte("x"), 0o600) }, "changed"},
		{"changed", t.Context(), func(i *artifact.Image, _ *Options) { i.Digest = digest.Bytes(nil) }, "changed"},
		{"architecture", t.Context(), func(i *artifact.Image, _ *Options) { i.Arch = "vax" }, "vax"},
		{"firmware", t.Context(), func(_ *artifact.Image, o *Options) { o.Firmware = []string{"coreboot"} }, "coreboot"},
		{"firmware twice", t.Context(), func(_ *artifact.Image, o *Options) { o.Firmware = []string{"bios", "bios"} }, "at most once"},
		{"account", t.Context(), func(_ *artifact.Image, o *Options) { o.User = "a b" }, `"a b"`},
		{"cancelled", ended, func(*artifact.Image, *Options) {}, "canceled"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			img, o := testImage(t), testOptions(t)
			tc.edit(&img, &o)
			r, err := verifier{start: healthy(t).start, pause: time.Millisecond}.image(tc.ctx, img, o)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %+v, %v; want an error with %q", r, err, tc.want)
			}
		})
	}
}

// What is wrong with the file itself is the report's, and then nothing boots.
func TestFileIsNotSound(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(*artifact.Image)
		want string
	}{
		{"another format", func(i *artifact.Image) { i.Format = "raw.xz" }, "raw.xz: "},
		{"not qcow2", func(i *artifact.Image) { _ = os.WriteFile(i.Path, []byte("x"), 0o600) }, "qcow2: "},
		{"backing file", func(i *artifact.Image) {
			over := i.Path + ".over"
			if err := qemuimg.Overlay(t.Context(), over, i.Path, "qcow2", 1<<30); err != nil {
				t.Error(err)
			}
			i.Path = over
		}, "only the difference to another file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			img := testImage(t)
			tc.edit(&img)
			img.Digest = ""
			r, err := verified(t, healthy(t), img, testOptions(t))
			if err != nil {
				t.Fatal(err)
			}
			if f := strings.Join(r.Failures(), "\n"); r.Passed || len(r.Boots) != 0 || !strings.Contains(f, tc.want) {
				t.Errorf("got %+v; want a failure with %q and no boot", r, tc.want)
			}
		})
	}
}

func TestCancelledWhileBooting(t *testing.T) {
	g := healthy(t)
	g.dead = true
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("interrupted")
	start := func(c context.Context, m vm.Machine) (machine, error) {
		running, err := g.start(c, m)
		cancel(stop)
		return running, err
	}
	if _, err := (verifier{start: start, pause: time.Millisecond}).image(ctx, testImage(t), testOptions(t)); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	for _, m := range g.running {
		select {
		case <-m.ended:
		default:
			t.Error("a machine still runs")
		}
	}
}

func TestFirmwares(t *testing.T) {
	for _, tc := range []struct {
		arch  string
		can   artifact.Boot
		asked string
		want  string // empty: refused
	}{
		{"x86_64", artifact.Boot{}, "", "bios uefi"},
		{"x86_64", artifact.Boot{BIOS: true}, "", "bios"},
		{"x86_64", artifact.Boot{BIOS: true, UEFI: true}, "", "bios uefi"},
		{"x86_64", artifact.Boot{BIOS: true}, "uefi", "uefi"},
		{"x86_64", artifact.Boot{ZIPL: true}, "", ""},
		{"aarch64", artifact.Boot{}, "", "uefi"},
		{"aarch64", artifact.Boot{}, "bios", ""},
		{"ppc64le", artifact.Boot{PReP: true}, "", "slof"},
		{"ppc64le", artifact.Boot{}, "bios", ""},
		{"s390x", artifact.Boot{ZIPL: true}, "", "s390-ccw"},
		{"s390x", artifact.Boot{ZIPL: true}, "s390-ccw", "s390-ccw"},
		{"riscv64", artifact.Boot{UEFI: true}, "", "uefi"},
	} {
		a, err := arch.Lookup(tc.arch)
		if err != nil {
			t.Fatal(err)
		}
		got, err := firmwares(a, tc.can, strings.Fields(tc.asked), false)
		if (err != nil) != (tc.want == "") || !slices.Equal(got, strings.Fields(tc.want)) {
			t.Errorf("%+v: got %q, %v", tc, got, err)
		}
	}
}

// A system in emergency mode is not waited for.
func TestEmergencyEndsTheBoot(t *testing.T) {
	for _, method := range []Method{SSH, Console} {
		g := healthy(t)
		g.dead, g.prints = true, "[FAILED] Failed to mount boot-efi.mount - /boot/efi.\nYou are in emergency mode. After logging in, type \"journalctl -xb\" to view\nsystem logs"
		o := testOptions(t)
		o.Method, o.Grow, o.Login = method, 0, time.Hour
		r, err := verified(t, g, testImage(t), o)
		if err != nil {
			t.Fatal(err)
		}
		if f := strings.Join(r.Failures(), "\n"); r.Passed || !strings.Contains(f, "the system did not start: its systemd gave up") || !strings.Contains(f, "boot-efi") {
			t.Errorf("%s: %q", method, f)
		}
	}
}

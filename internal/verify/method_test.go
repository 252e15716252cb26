package verify

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/nevra"
	"github.com/quarry-project/quarry/internal/packaging"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/vm"
)

func TestMethodFor(t *testing.T) {
	cloud := []artifact.Package{{NEVRA: nevra.NEVRA{Name: "bash"}}, {NEVRA: nevra.NEVRA{Name: "cloud-init"}}}
	for _, c := range []struct {
		asked    Method
		format   string
		packages []artifact.Package
		want     Method // "" is an error
	}{
		{"", "qcow2", cloud, SSH}, {"", "box", cloud[:1], Console}, {"", "raw.xz", []artifact.Package{}, Console}, {SSH, "box", cloud[:1], SSH}, {"", "wsl", cloud, Container},
		{"", "qcow2", nil, SSH}, {"", "vhd", nil, SSH}, {"", "tar.xz", nil, Container}, {"", "oci.tar", nil, Container}, {"", "wsl", nil, Container},
		{Console, "box", nil, Console}, {Inspect, "raw.xz", nil, Inspect}, {"", "iso", nil, Live}, {SSH, "iso", nil, ""}, {Live, "qcow2", nil, ""}, {Container, "qcow2", nil, ""}, {SSH, "tar.xz", nil, ""}, {Inspect, "wsl", nil, ""},
	} {
		got, err := methodFor(c.asked, c.format, c.packages)
		if (err != nil) != (c.want == "") || got != c.want {
			t.Errorf("%q for %s: %q, %v; want %q", c.asked, c.format, got, err, c.want)
		}
	}
	for _, m := range Methods() {
		if got, err := ParseMethod(string(m)); got != m || err != nil {
			t.Errorf("%s: %q, %v", m, got, err)
		}
	}
	if _, err := ParseMethod("guess"); err == nil || !strings.Contains(err.Error(), "ssh, console, container, live, inspect") {
		t.Error(err)
	}
}

// looker answers commands by what they look for; "" is an answer too.
func looker(t *testing.T, answers map[string]wire.Answer, seen *Inspection) Looker {
	t.Helper()
	return func(_ context.Context, in Inspection, _ progress.Func) ([]wire.Answer, error) {
		*seen = in
		var all []wire.Answer
		for _, c := range in.Commands {
			a := wire.Answer{Exit: 99, Out: "nothing was prepared for " + c.Script}
			for part, answer := range answers {
				if strings.Contains(c.Script, part) {
					a = answer
				}
			}
			all = append(all, a)
		}
		return all, nil
	}
}

// layerImage is a tar.xz of an almost empty root file system.
func layerImage(t *testing.T) artifact.Image {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "root.tar")
	// A tar of one folder, "./": a header and two blocks of zeros.
	if err := os.WriteFile(root, emptyRoot(t), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(root)
	if err != nil {
		t.Fatal(err)
	}
	tree := artifact.Tree{File: artifact.File{Path: root, Size: info.Size()}, Format: "tar", Arch: "x86_64"}
	img, err := packaging.Make(t.Context(), packaging.Source{Tree: &tree}, plan.Output{Format: "tar.xz"}, filepath.Join(dir, "image.tar.xz"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func healthyContainer() map[string]wire.Answer {
	return map[string]wire.Answer{
		"for d in proc": {}, "-type b": {}, "mktemp": {Out: "x86_64\n"}, "os-release": {Out: "rocky 9.6\n"},
		"rpm -qa": {Out: "bash 0 5.1 1.el9 x86_64\nrpm 0 4 1 x86_64\n"},
	}
}

func containerOptions(t *testing.T) Options {
	o := testOptions(t)
	rpm := artifact.Package{NEVRA: nevra.NEVRA{Name: "rpm", Version: "4", Release: "1", Arch: "x86_64"}}
	o.Packages, o.Grow, o.Provider = append(o.Packages, rpm), 0, "libvirt"
	return o
}

func TestContainer(t *testing.T) {
	img, o := layerImage(t), containerOptions(t)
	var seen Inspection
	o.Look = looker(t, healthyContainer(), &seen)
	r, err := verifier{}.image(t.Context(), img, o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Passed || len(r.Boots) != 1 || len(r.File) != 1 || !r.File[0].Passed {
		t.Fatalf("got %+v: %v", r, r.Failures())
	}
	b := r.Boots[0]
	var names []string
	for _, c := range b.Checks {
		names = append(names, c.Name)
	}
	if strings.Join(names, ",") != "mount points,devices,shell,os-release,packages" {
		t.Errorf("looked at %v", names)
	}
	if b.Method != Container || b.By == "" || b.NotSeen == "" || b.Firmware != "" || b.Login != 0 || b.Kernel != "" {
		t.Errorf("the report claims a boot, or does not say what did it: %+v", b)
	}
	if !seen.Layer || seen.Format != "raw" || seen.Room < 1<<30 || seen.Path == img.Path {
		t.Errorf("was to look at %+v", seen)
	}
	if _, err := os.Stat(seen.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the unpacked tar is left behind: %v", err)
	}
	if saved, err := LoadReport(filepath.Join(o.Dir, ReportFile)); err != nil || saved.Boots[0].Method != Container {
		t.Errorf("%+v, %v", saved, err)
	}
}

func TestContainerFails(t *testing.T) {
	for name, c := range map[string]struct {
		command string
		answer  wire.Answer
		want    string
	}{
		"a device":        {"-type b", wire.Answer{Out: "/mnt/image/etc/null\n"}, "container: devices: found /mnt/image/etc/null"},
		"full /proc":      {"for d in proc", wire.Answer{Out: "/proc/1\n"}, "mount points: found /proc/1"},
		"no bash":         {"mktemp", wire.Answer{Out: "no such file", Exit: 127}, "shell: ended with 127"},
		"another release": {"os-release", wire.Answer{Out: "rocky 8.10\n"}, "release 9 was to be built"},
		"no os-release":   {"os-release", wire.Answer{Exit: 1}, "no ID and VERSION_ID"},
		"another package": {"rpm -qa", wire.Answer{Out: "rpm 0 4 1 x86_64\n"}, "1 missing: bash"},
	} {
		t.Run(name, func(t *testing.T) {
			answers := healthyContainer()
			answers[c.command] = c.answer
			o := containerOptions(t)
			o.Look = looker(t, answers, new(Inspection))
			r, err := verifier{}.image(t.Context(), layerImage(t), o)
			if err != nil {
				t.Fatal(err)
			}
			if f := strings.Join(r.Failures(), "\n"); r.Passed || !strings.Contains(f, c.want) {
				t.Errorf("got %q; want %q", f, c.want)
			}
		})
	}
}

// Without a machine to look in, nothing can be said; what the agent in it reports is the image's failure.
func TestContainerWithoutMachine(t *testing.T) {
	o := containerOptions(t)
	if _, err := (verifier{}).image(t.Context(), layerImage(t), o); !errors.Is(err, errNoLooker) {
		t.Errorf("got %v", err)
	}
	fails := func(err error) Looker {
		return func(context.Context, Inspection, progress.Func) ([]wire.Answer, error) { return nil, err }
	}
	stop := errors.New("no QEMU")
	o.Look = fails(stop)
	if _, err := (verifier{}).image(t.Context(), layerImage(t), o); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	o.Look = fails(&vm.GuestError{Failure: wire.Failure{Phase: "open", Message: "tar: bad"}})
	r, err := verifier{}.image(t.Context(), layerImage(t), o)
	if err != nil || r.Passed || !strings.Contains(strings.Join(r.Failures(), ""), "tar: bad") {
		t.Errorf("%+v %v", r, err)
	}
}

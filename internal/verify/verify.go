package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/packaging"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/qemuimg"
	"github.com/quarry-project/quarry/internal/vm"
)

// ReportFile is the name of the report in Options.Dir.
const ReportFile = "report.json"

// Direct stands for a firmware where QEMU loads the image's kernel itself: what such a boot shows is the system, and nothing of its boot loader.
const Direct = "direct"

// Options say how an image is tried. Release, Dir and Accel are needed; the zero value of the others is a sensible choice.
type Options struct {
	Method Method // how to look at it; empty: as is usual for its format and for what is known of its packages
	Look   Looker // for Inspect, and for Container where the host has no container runtime; nil: there is none
	// TakeKernel takes the kernel out of a disk, into files in Inspection.Dir: with it, Inspect also starts what can be started; nil: it does not.
	TakeKernel func(context.Context, Inspection, progress.Func) (artifact.Kernel, error)
	Provider   string             // of a Vagrant box; other formats have none
	Release    string             // major release of the image: chooses the emulated CPU
	Arch       string             // RPM's name; empty: the image's
	Firmware   []string           // kinds of firmware of package arch: one boot each; empty: what the image says it can, or all that its architecture has
	Kernel     *artifact.Kernel   // of the image: makes Direct possible
	NoLoader   bool               // it has no boot loader and isn't meant to have one: Direct shows all that it needs to start
	Media      []vm.Medium        // of an ISO; empty: CD, and USB where the architecture has it
	User       string             // account that the seed makes; empty: "quarry". Of an ISO: whose session has to come up; empty: anybody's may
	MayFail    []string           // units whose failure is told and forgiven: they can only start in the image's own cloud
	Packages   []artifact.Package // what has to be installed, neither more nor less; nil: not compared
	Grow       int64              // bytes by which the disk is larger than the image, which then has to fill it; 0: not tried
	Dir        string             // folder for the report and the consoles, a sub-folder per firmware
	Accel      vm.Accel           // vm.KVM or vm.TCG
	CPUs       int                // 0: 2, and 1 for an emulated live system
	MemoryMiB  int                // 0: 2048, and 3072 for a live system
	Login      time.Duration      // from start to login; 0: three minutes with KVM, ten without, and three times that for a live system
	Report     progress.Func
}

// Image looks at img by its method, for one that boots once per firmware, and reports what it saw, also as Dir/report.json. Of img only the
// path and the format (one of packaging's) are needed; a digest, if there is one, has to be the file's. An image that does not boot or
// fails a check is a Report that has not passed; an error means that nothing can be said about the image.
func Image(ctx context.Context, img artifact.Image, o Options) (Report, error) {
	return verifier{start: startMachine, pause: 2 * time.Second, podman: "podman"}.image(ctx, img, o)
}

// verifier is what tests replace: the machine, the time between two tries, and the program that runs containers.
type verifier struct {
	start  func(context.Context, vm.Machine) (machine, error)
	pause  time.Duration
	podman string
}

func (v verifier) image(ctx context.Context, img artifact.Image, o Options) (Report, error) {
	fail := func(err error) (Report, error) { return Report{}, fmt.Errorf("verifying %s: %w", img.Path, err) }
	s, err := prepare(img, o)
	if err != nil {
		return fail(err)
	}
	report := Report{Image: s.subject, Started: time.Now().UTC().Truncate(time.Second)}
	work, err := os.MkdirTemp(s.Dir, "unpacked-*")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(work)
	report.File = []Check{s.file(ctx, work)}
	if ctx.Err() != nil {
		return fail(context.Cause(ctx))
	}
	if report.Passed = report.File[0].Passed; report.Passed {
		if report.Boots, err = v.look(ctx, s, work); err != nil {
			return fail(err)
		}
	}
	for _, b := range report.Boots {
		report.Passed = report.Passed && b.Passed
		if b.Firmware == Direct && !s.NoLoader && s.Method != Inspect { // whose disks have none
			report.Unproven = "its boot loader: it was started without one"
		}
	}
	if err := report.Save(filepath.Join(s.Dir, ReportFile)); err != nil {
		return Report{}, err
	}
	return report, nil
}

// file sees that the file is a sound one of its format.
func (s setup) file(ctx context.Context, work string) Check {
	c := Check{Name: s.subject.Format, Passed: true, Detail: "structure and checksums are those of its format"}
	out := plan.Output{Format: s.subject.Format}
	if out.Format == "box" {
		out.Provider = s.Provider
	}
	if err := packaging.Check(ctx, s.path, work, out); err != nil {
		c.Passed, c.Detail = false, err.Error()
	}
	s.told(c.Name, c.Passed, c.Detail, 1, 1)
	return c
}

// look gets at what is in the file and looks at it by the method.
func (v verifier) look(ctx context.Context, s setup, work string) ([]Boot, error) {
	in, err := packaging.Unpack(ctx, s.path, s.subject.Format, work, s.Report)
	if err != nil {
		return nil, err
	}
	if in.Tree != nil {
		b, err := v.container(ctx, s, in.Tree.File, work)
		return []Boot{b}, err
	}
	if in.Medium != nil {
		s.disk, s.size = in.Medium.Path, in.Medium.Size
		return v.boots(ctx, s)
	}
	info, err := qemuimg.Read(ctx, in.Disk.Path, in.Disk.Format)
	if err != nil {
		return nil, err
	}
	if err := info.Alone(); err != nil {
		return nil, err
	}
	s.disk, s.diskFormat, s.size = in.Disk.Path, in.Disk.Format, info.VirtualSize
	if s.Method == Inspect {
		return v.inspectDisk(ctx, s)
	}
	return v.boots(ctx, s)
}

// boots starts the image in each way, as many side by side as the host has CPUs for: more would gain little, and systems that start
// too slowly run into their own time-outs. The result is in the order of s.launches.
func (v verifier) boots(ctx context.Context, s setup) ([]Boot, error) {
	all := launches(s.Method, s.Firmware, s.Media)
	boots := make([]Boot, len(all))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide(s.CPUs))
	for i, l := range all {
		group.Go(func() error {
			b, err := v.boot(ctx, s, l)
			if err != nil {
				return fmt.Errorf("firmware %s: %w", l.firmware, err)
			}
			boots[i] = b
			return nil
		})
	}
	return boots, group.Wait()
}

// launches are the boots of an image: one with each firmware. An ISO is a CD with each; a stick has nothing that depends on the firmware but what
// it finds there first, so with one of them it is a stick, too: UEFI where there is a choice, which is how people start one today. The first
// boot is by the menu's default entry, which checks the medium.
func launches(m Method, firmware []string, media []vm.Medium) []launch {
	if m != Live {
		media = []vm.Medium{vm.Disk}
	}
	var all []launch
	for i, medium := range media {
		for j, f := range firmware {
			if i == 0 || j == len(firmware)-1 {
				all = append(all, launch{firmware: f, medium: medium, check: m == Live && len(all) == 0})
			}
		}
	}
	return all
}

// setup is an image that can be looked at, with all choices made.
type setup struct {
	Options
	subject    Subject
	path       string // of the file, absolute
	disk       string // of the disk in it: the same path, or another one where QEMU can't read the file
	diskFormat string // QEMU's name
	size       int64  // bytes of the disk
	noButton   bool   // Console does not ask the system to power off
	arch       arch.Arch
}

// prepare checks the image and the options and fills in what was left open.
func prepare(img artifact.Image, o Options) (setup, error) {
	s := setup{Options: o}
	_, err := packaging.Lookup(img.Format)
	if err != nil {
		return s, err
	}
	if s.Method, err = methodFor(o.Method, img.Format, o.Packages); err != nil {
		return s, err
	}
	if s.path, err = filepath.Abs(img.Path); err != nil {
		return s, err
	}
	if s.Dir, err = filepath.Abs(o.Dir); err != nil {
		return s, err
	}
	if s.Arch == "" {
		s.Arch = img.Arch
	}
	if s.arch, err = arch.Lookup(s.Arch); err != nil {
		return s, err
	}
	if s.Method.boots() {
		if s.Firmware, err = firmwares(s.arch, img.Boot, o.Firmware, o.Kernel != nil); err != nil {
			return s, err
		}
	}
	if err := s.choose(); err != nil {
		return s, err
	}
	if s.User != "" && !regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`).MatchString(s.User) {
		return s, fmt.Errorf("%q is no name for an account", s.User)
	}
	sum, size, err := digest.File(s.path)
	if err != nil {
		return s, err
	}
	if img.Digest != "" && img.Digest != sum {
		return s, fmt.Errorf("%s has changed since it was made: its SHA-256 is %s, not %s; remove %s and build again",
			s.path, sum.Hex(), img.Digest.Hex(), filepath.Dir(s.path))
	}
	s.subject = Subject{File: filepath.Base(s.path), Digest: sum, Size: size, Format: img.Format, Arch: s.Arch}
	return s, os.MkdirAll(s.Dir, 0o755)
}

// choose fills in what depends on the method.
func (s *setup) choose() error {
	s.CPUs, s.MemoryMiB = machineSize(s.Method, s.Options)
	login := 10 * time.Minute
	if s.Accel == vm.KVM {
		login = 3 * time.Minute
	}
	switch {
	case s.Method == Live:
		login *= 3 // a desktop, and all of the medium is read
		if len(s.Media) == 0 {
			s.Media = []vm.Medium{vm.CD}
			if s.arch.USB != "" {
				s.Media = append(s.Media, vm.USB)
			}
		}
	case len(s.Media) > 0:
		return fmt.Errorf("only an ISO is started from a choice of media, not what is looked at by %q", s.Method)
	case s.User == "":
		s.User = "quarry"
	}
	s.Login = cmp.Or(s.Login, login)
	return nil
}

// firmwares chooses the boots: as asked, else as the image says, else all that the architecture has.
func firmwares(a arch.Arch, can artifact.Boot, asked []string, direct bool) ([]string, error) {
	var has []string
	for _, kind := range a.Kinds() {
		has = append(has, string(kind))
	}
	if direct && len(asked) == 0 {
		return []string{Direct}, nil
	}
	if direct {
		has = append(has, Direct)
	}
	if len(asked) > 0 {
		for i, firmware := range asked {
			if !slices.Contains(has, firmware) || slices.Contains(asked[:i], firmware) {
				return nil, fmt.Errorf("firmware %q: want each of %v at most once on %s", firmware, has, a.Name)
			}
		}
		return asked, nil
	}
	if can == (artifact.Boot{}) {
		return has, nil
	}
	chosen := Able(can, has)
	if len(chosen) == 0 {
		return nil, errors.New("the image says that it has no boot loader for its architecture")
	}
	return chosen, nil
}

// Able returns those of the firmwares that an image says it has a boot loader for.
func Able(can artifact.Boot, firmware []string) []string {
	said := map[arch.Kind]bool{arch.BIOS: can.BIOS, arch.UEFI: can.UEFI, arch.SLOF: can.PReP, arch.IPL: can.ZIPL}
	return slices.DeleteFunc(slices.Clone(firmware), func(f string) bool { return !said[arch.Kind(f)] })
}

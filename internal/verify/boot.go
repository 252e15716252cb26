package verify

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/qemuimg"
	"github.com/quarry-project/quarry/internal/vm"
)

const (
	// newsTime is how often people hear of a machine that is still starting.
	newsTime = 10 * time.Second
	// powerOffTime is how long a system may take to stop its services.
	powerOffTime = 3 * time.Minute
)

// machine is what verifying needs of *vm.Running.
type machine interface {
	Fault() <-chan error
	Ended() <-chan struct{}
	Wait(context.Context) error
	Stop(context.Context) error
	Kill()
	ConsoleTail(n int) []string
	Evidence() vm.Evidence
	Command() string
	Screen(context.Context) (*image.RGBA, error)
	Press(context.Context, vm.Key) error
	Read(context.Context) (int64, error)
	Guest() net.Conn
}

func startMachine(ctx context.Context, m vm.Machine) (machine, error) { return vm.Start(ctx, m) }

// launch is one way to start an image.
type launch struct {
	firmware string
	medium   vm.Medium
	check    bool // an ISO's default entry, which checks the medium
}

// boot starts the image, and once more where it got stuck under emulation, which a busy host may be to blame for; the report tells of it.
func (v verifier) boot(ctx context.Context, s setup, l launch) (Boot, error) {
	first, err := v.bootOnce(ctx, s, l)
	if err != nil || !first.stuck || s.Accel != vm.TCG {
		return first, err
	}
	b, err := v.bootOnce(ctx, s, l)
	b.Again, b.Screenshots = firstLine(first.Error), append(first.Screenshots, b.Screenshots...)
	return b, err
}

// bootOnce starts the image once. What the image does wrong is in the Boot; what keeps us from looking is an error.
func (v verifier) bootOnce(ctx context.Context, s setup, l launch) (Boot, error) {
	b := Boot{Method: s.Method, Firmware: l.firmware, Medium: string(l.medium), Accel: string(s.Accel)}
	if l.firmware == Direct {
		b.NotSeen = "the boot loader: QEMU loaded the image's own kernel"
	}
	dir := filepath.Join(s.Dir, b.Name())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return b, err
	}
	t := trial{verifier: v, setup: s, launch: l, boot: &b}
	m, err := t.describe(ctx, dir)
	defer os.Remove(overlayIn(dir))
	defer os.Remove(seedIn(dir))
	if err != nil {
		return b, err
	}
	t.started = time.Now()
	if t.machine, err = v.start(ctx, m); err != nil {
		return b, err
	}
	defer t.machine.Kill()
	b.Console, b.Command = filepath.Join(dir, vm.ConsoleLog), t.machine.Command()
	err = t.run(ctx)
	b.Seconds = seconds(t.started)
	if ctx.Err() != nil {
		return b, context.Cause(ctx)
	}
	if err != nil {
		b.Error = explain(err, t.machine.Evidence(), s.Method != Live)
	}
	b.Passed = b.Error == "" && allPassed(b.Checks)
	return b, nil
}

func overlayIn(dir string) string { return filepath.Join(dir, "overlay.qcow2") }
func seedIn(dir string) string    { return filepath.Join(dir, "seed.iso") }

// describe makes the machine of the boot and its drives: an overlay, so that the image stays as it is, and the seed. An ISO can't be written
// anyway.
func (t *trial) describe(ctx context.Context, dir string) (vm.Machine, error) {
	m := vm.Machine{
		Arch: t.arch, Release: t.Release, CPUs: t.CPUs, MemoryMiB: t.MemoryMiB, Accel: t.Accel, Firmware: arch.Kind(t.launch.firmware), Dir: dir,
	}
	if t.Method == Live {
		m.Drives, m.Seat, m.Guest = []vm.Drive{{Medium: t.launch.medium, Path: t.disk, Format: "raw", ReadOnly: true}}, true, true
		return m, nil
	}
	if t.launch.firmware == Direct {
		m.Firmware, m.Kernel, m.Initrd, m.Append = vm.Direct, t.Kernel.Path, t.Kernel.Initrd.Path, t.Kernel.Cmdline
	}
	m.Drives = []vm.Drive{{Path: overlayIn(dir), Format: "qcow2", Serial: "target", Unsafe: true}}
	if err := qemuimg.Overlay(ctx, overlayIn(dir), t.disk, t.diskFormat, t.size+t.Grow); err != nil {
		return m, err
	}
	if t.Method == Console { // which has nobody to give an account to
		return m, nil
	}
	var err error
	if t.id, err = newIdentity(t.User); err != nil {
		return m, err
	}
	if m.SSH, err = freePort(ctx); err != nil {
		return m, err
	}
	m.Drives = append(m.Drives, vm.Drive{Path: seedIn(dir), Format: "raw", Serial: "seed", ReadOnly: true})
	t.port = m.SSH
	return m, writeSeed(seedIn(dir), t.id)
}

// explain puts what is known of a failed boot into one text. A system whose console was told to be a serial one should have printed something.
func explain(err error, e vm.Evidence, prints bool) string {
	var b strings.Builder
	b.WriteString(err.Error())
	if e.Cause != "" {
		b.WriteString("; likely cause: " + e.Cause)
	}
	if len(e.QEMU) > 0 {
		b.WriteString("\nQEMU said:\n  " + strings.Join(e.QEMU, "\n  "))
	}
	switch {
	case len(e.Console) > 0:
		b.WriteString("\nthe console's last lines:\n  " + strings.Join(e.Console, "\n  "))
	case prints:
		b.WriteString("; the console stayed empty: the firmware found nothing to start, or the kernel does not write to the serial console")
	}
	return b.String()
}

// trial is one boot while it runs.
type trial struct {
	verifier
	setup
	launch  launch
	boot    *Boot
	machine machine
	id      identity
	port    int
	started time.Time
}

// run follows the machine from its start to its power-off.
func (t trial) run(ctx context.Context) error {
	alive, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go t.watch(alive, cancel)
	switch t.Method {
	case Console:
		return t.console(ctx, alive)
	case Live:
		return t.live(ctx, alive)
	}
	g, err := t.login(alive)
	if err != nil {
		return err
	}
	defer g.close()
	if err := t.look(alive, g); err != nil {
		return err
	}
	return t.shutdown(ctx, alive, g)
}

// Why a trial ends before its time.
var (
	errEnded     = errors.New("the machine powered off by itself")
	errEmergency = errors.New("the system did not start: its systemd gave up and wants to be mended")
)

// emergency is what systemd's emergency and rescue shells print.
var emergency = regexp.MustCompile(`^You are in (emergency|rescue) mode\.`)

// watch ends the trial when its machine, or the system on it, can't go on.
func (t trial) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	for {
		select {
		case err := <-t.machine.Fault():
			cancel(err)
			return
		case <-t.machine.Ended():
			err := t.machine.Wait(ctx)
			if err == nil {
				err = errEnded
			}
			cancel(err)
			return
		case <-time.After(t.pause):
			if slices.ContainsFunc(t.machine.ConsoleTail(consoleLines), emergency.MatchString) {
				cancel(errEmergency)
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// login waits for the first login and tells people what the console shows meanwhile.
func (t trial) login(ctx context.Context) (*guest, error) {
	t.log("boots with firmware %s (%s)", t.boot.Firmware, t.boot.Accel)
	ctx, cancel := context.WithTimeoutCause(ctx, t.Login, fmt.Errorf("the time for it, %s, is over", t.Login))
	defer cancel()
	go t.news(ctx)
	g, err := login(ctx, t.port, t.id, t.pause)
	if err != nil {
		return nil, err
	}
	t.boot.Login = seconds(t.started)
	t.log("login after %.0f s", t.boot.Login)
	return g, nil
}

func (t trial) news(ctx context.Context) {
	ticker := time.NewTicker(newsTime)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if line := t.machine.ConsoleTail(1); len(line) > 0 {
				t.log("%.0f s: %s", seconds(t.started), line[0])
			}
		case <-ctx.Done():
			return
		}
	}
}

// look runs the checks. Their time is that of a login again.
func (t trial) look(ctx context.Context, g remote) error {
	ctx, cancel := context.WithTimeoutCause(ctx, t.Login, fmt.Errorf("the checks took longer than %s", t.Login))
	defer cancel()
	uname, err := g.run(ctx, "uname -r; cat /proc/cmdline")
	if err != nil {
		return err
	}
	kernel, cmdline, _ := strings.Cut(uname.out, "\n")
	t.boot.Kernel, t.boot.Cmdline = printable(kernel), printable(cmdline)
	all := t.checks()
	for i, c := range all {
		passed, detail, err := c.look(ctx, g)
		if err != nil {
			return fmt.Errorf("check %s: %w", c.name, err)
		}
		t.check(c.name, passed, detail)
		t.Report.Count(t.boot.Name(), int64(i+1), int64(len(all)), "checks")
	}
	return nil
}

// shutdown asks the guest to power off, over SSH or, where that is refused, by the power button.
func (t trial) shutdown(ctx, alive context.Context, g remote) error {
	asked := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, powerOffTime, fmt.Errorf("it did not within %s", powerOffTime))
	defer cancel()
	a, err := g.run(alive, "sudo -n systemctl poweroff")
	if err == nil && a.code != 0 {
		err = t.machine.Stop(ctx)
	} else {
		// A connection that broke is what powering off looks like.
		err = t.machine.Wait(ctx)
	}
	if err != nil {
		return fmt.Errorf("the system was asked to power off: %w", err)
	}
	t.check("shutdown", true, fmt.Sprintf("powered off in %.0f s", seconds(asked)))
	return nil
}

func (t trial) log(format string, args ...any) {
	t.Report.Report(progress.Event{Kind: progress.Log, Phase: t.boot.Name(), Message: fmt.Sprintf(format, args...)})
}

func seconds(since time.Time) float64 {
	return time.Since(since).Round(100 * time.Millisecond).Seconds()
}

package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quarry-project/quarry/internal/guestagent"
)

// Pictures, one a pause, that decide something while a system starts.
const (
	settledPictures = 5   // without a change: the screen stands still
	quietPictures   = 60  // at least, without a change and without a session: somebody is being waited for
	slowness        = 3   // times as many where instructions are emulated
	stuckPictures   = 300 // without a change while nothing is read from the medium: the system has stopped
	stuckQuestions  = 2   // without an answer from an agent that has answered before: the same
	askEvery        = 3   // pictures from one question for sessions to the next
)

// live sees a live system start: what its screen shows, and what QEMU's guest agent in it says. It is booted as it is, without a word added
// to its kernel's command line.
func (t trial) live(ctx, alive context.Context) (err error) {
	cam := &camera{trial: t}
	defer func() {
		if err != nil {
			name := "last"
			if errors.Is(err, errStuck) {
				name, t.boot.stuck = "stuck", true
			}
			err = errors.Join(err, cam.keep(name))
		}
	}()
	t.log("boots from %s with firmware %s (%s)", t.boot.Medium, t.boot.Firmware, t.boot.Accel)
	g := &liveGuest{Client: guestagent.New(t.machine.Guest()), pause: t.pause}
	if err := t.untilUp(alive, cam, g); err != nil {
		return err
	}
	if err := t.greet(alive, g); err != nil {
		return err
	}
	if err := t.untilSession(alive, cam, g); err != nil {
		return err
	}
	if err := t.units(alive, g); err != nil {
		return err
	}
	return t.powerOff(ctx, alive, g)
}

// untilUp gets past the menu and waits until the guest's agent answers.
func (t trial) untilUp(ctx context.Context, cam *camera, g *liveGuest) error {
	ctx, cancel := context.WithTimeoutCause(ctx, t.Login, fmt.Errorf("the time for it, %s, is over", t.Login))
	defer cancel()
	up := make(chan error, 1)
	go func() { up <- g.Connect(ctx) }()
	p := &pilot{first: !t.launch.check}
	err := t.fly(ctx, cam, p, up)
	t.boot.Entry = p.entry()
	if err != nil {
		return fmt.Errorf("the guest agent of the live system did not answer: %w", err)
	}
	t.boot.Agent = seconds(t.started)
	t.notSeen(p.trouble())
	return t.judgeMedium(ctx)
}

// fly shows the pilot what is on the screen, until the guest is up.
func (t trial) fly(ctx context.Context, cam *camera, p *pilot, up <-chan error) error {
	news, checked := time.Now(), false
	var still stillness
	var before int64
	for {
		select {
		case err := <-up:
			return t.because(ctx, err)
		case <-time.After(t.pause):
		}
		picture, err := cam.look(ctx)
		if err != nil {
			return t.because(ctx, err)
		}
		if err := t.obey(ctx, cam, p.see(picture)); err != nil {
			return err
		}
		read, err := t.machine.Read(ctx)
		if err != nil {
			return err
		}
		if read != before {
			still, before = stillness{}, read
		}
		if still.see(picture); still.count > stuckPictures {
			return fmt.Errorf("%w: the screen stood still for long, and nothing was read from the medium", errStuck)
		}
		// Loader, kernel and initramfs are a small part of the medium: who reads half of it is checking it.
		if t.launch.check && !checked && read > t.size/2 {
			checked = true
			if err := cam.keep("media-check"); err != nil {
				return err
			}
		}
		if time.Since(news) > newsTime {
			news = time.Now()
			t.log("%.0f s: %d of %d MiB read from the %s", seconds(t.started), read>>20, t.size>>20, t.boot.Medium)
		}
	}
}

// errStuck is a system that has stopped. Emulated ones do so at times. On a busy host, a PC may panic while it starts: Linux looks whether the timer's
// interrupts come and gives them 40 ms (which cloud images avoid by no_timer_check on the kernel's command line). And QEMU 7.2 was seen to loop for good in
// its own bookkeeping of translated code.
var errStuck = errors.New("the system has stopped")

// obey does what the pilot wants.
func (t trial) obey(ctx context.Context, cam *camera, a act) error {
	if a.keep != "" {
		if err := cam.keep(a.keep); err != nil {
			return err
		}
	}
	for _, k := range a.press {
		if err := t.machine.Press(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// judgeMedium holds what was read of the medium against its size. The initramfs goes on only when the digest that is implanted in the medium is
// right, so that a system that came up after all of it was read has passed its check.
func (t trial) judgeMedium(ctx context.Context) error {
	read, err := t.machine.Read(ctx)
	if err != nil {
		return err
	}
	detail := fmt.Sprintf("%d of %d MiB were read until the system was up", read>>20, t.size>>20)
	if t.launch.check {
		const skipped = 100 // parts; the check leaves out the image's last sectors
		t.check("media check", read >= t.size-t.size/skipped, "the default entry was started; "+detail)
	} else {
		t.check("medium", true, fmt.Sprintf("the menu's %s entry was started; %s", t.boot.Entry, detail))
	}
	return nil
}

// greet asks the guest what it is, and which questions it answers.
func (t trial) greet(ctx context.Context, g *liveGuest) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, agentTime, errAgentSilent)
	defer cancel()
	if g.commands, err = g.Commands(ctx); err != nil {
		return err
	}
	if !g.obeys("guest-get-osinfo") {
		t.check("agent", true, fmt.Sprintf("answers after %.0f s", t.boot.Agent))
		return nil
	}
	s, err := g.System(ctx)
	if err != nil {
		return err
	}
	t.boot.Kernel = printable(s.Kernel)
	t.check("agent", true, fmt.Sprintf("%s answers after %.0f s", printable(s.Name), t.boot.Agent))
	return nil
}

// units asks systemd, where the guest lets its agent run programs: Enterprise Linux doesn't.
func (t trial) units(ctx context.Context, g *liveGuest) error {
	if !g.obeys("guest-exec") || !g.obeys("guest-exec-status") {
		t.notSeen("units: the guest forbids its agent to run programs")
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, t.Login, fmt.Errorf("the checks took longer than %s", t.Login))
	defer cancel()
	list := []check{{"systemd", t.systemd}}
	if len(t.boot.Users) == 0 {
		list = append(list, check{"login", ask(loginUnits, judgeLogin)})
	}
	for _, c := range list {
		passed, detail, err := c.look(ctx, g)
		if err != nil {
			return fmt.Errorf("check %s: %w", c.name, err)
		}
		t.check(c.name, passed, detail)
	}
	return nil
}

// loginUnits says which of the units that ask for a login is active.
const loginUnits = `for u in display-manager.service getty@tty1.service; do systemctl -q is-active $u && echo $u && exit; done; exit 1`

func judgeLogin(a answer) (bool, string) {
	if a.code != 0 {
		return false, "no display manager and no getty is active: " + printable(a.both())
	}
	return true, printable(a.out) + " is active"
}

// powerOff asks the agent for it: the power button only opens a question on many desktops.
func (t trial) powerOff(ctx, alive context.Context, g *liveGuest) error {
	if !g.obeys("guest-shutdown") {
		t.notSeen("powering off: the guest's agent is not allowed to")
		return nil
	}
	asked := time.Now()
	if err := g.PowerOff(alive); err != nil && alive.Err() == nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, powerOffTime, fmt.Errorf("it did not within %s", powerOffTime))
	defer cancel()
	if err := t.machine.Wait(ctx); err != nil {
		return fmt.Errorf("the system was asked to power off: %w", err)
	}
	t.check("shutdown", true, fmt.Sprintf("powered off in %.0f s", seconds(asked)))
	return nil
}

// because is the reason for an error of the machine's: where that has just ended, its end, which is known a moment later.
func (t trial) because(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(endTime):
		return err
	}
}

// endTime is how long after its conversations the end of a machine may come.
const endTime = time.Second

// notSeen notes what this boot leaves open.
func (t trial) notSeen(what string) {
	if what != "" {
		t.boot.NotSeen = strings.TrimPrefix(t.boot.NotSeen+"; "+what, "; ")
	}
}

const agentTime = 5 * time.Minute // for an answer of an agent that has answered before

var errAgentSilent = fmt.Errorf("the guest agent did not answer within %s", agentTime)

// liveGuest is the agent of a guest that is up.
type liveGuest struct {
	*guestagent.Client
	commands []string
	pause    time.Duration
}

func (g *liveGuest) obeys(command string) bool { return slices.Contains(g.commands, command) }

// run runs a shell command as root.
func (g *liveGuest) run(ctx context.Context, command string) (answer, error) {
	r, err := g.Run(ctx, g.pause, "/bin/sh", "-c", command)
	return answer{out: r.Out, stderr: r.Err, code: r.Code}, err
}

package verify

import (
	"context"
	"errors"
	"image"
	"image/png"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/vm"
	"github.com/quarry-project/quarry/test/guestagent"
)

// liveSystem stands in for machines with a live system: what their screens show goes by the number of pictures and by keys.
type liveSystem struct {
	t        *testing.T
	users    []string
	commands map[string]bool
	black    bool // shows nothing when it is up
	dead     bool // never comes up
	skips    bool // does not read the medium although it was told to
	failed   string

	mu       sync.Mutex
	machines []*liveMachine
}

type liveMachine struct {
	*fakeMachine
	sys  *liveSystem
	what vm.Machine
	host net.Conn

	mu       sync.Mutex
	pictures int // since the start, and since the menu was left
	entry    int
	counting bool
	left     bool
	up       chan struct{}
}

// allowed is what Enterprise Linux's agent may do.
func allowed() map[string]bool {
	return map[string]bool{"guest-get-osinfo": true, "guest-get-users": true, "guest-shutdown": true, "guest-exec": false, "guest-exec-status": false}
}

func (s *liveSystem) start(_ context.Context, m vm.Machine) (machine, error) {
	if err := os.WriteFile(filepath.Join(m.Dir, vm.ConsoleLog), nil, 0o600); err != nil {
		return nil, err
	}
	f := &fakeMachine{fakeGuest: &fakeGuest{t: s.t, silent: true}, ended: make(chan struct{}), fault: make(chan error, 1)}
	l := &liveMachine{fakeMachine: f, sys: s, what: m, entry: 1, counting: true, up: make(chan struct{})}
	host, port := net.Pipe()
	l.host = host
	s.mu.Lock()
	s.machines = append(s.machines, l)
	s.mu.Unlock()
	g := &guestagent.Guest{
		Commands: s.commands, System: map[string]string{"pretty-name": "Rocky Linux\x1b[2J 9.6", "kernel-release": "5.14.0"},
		Users: func() []string { return s.users }, PowerOff: f.end,
		Exec: func(argv []string) (int, string) {
			switch command := argv[len(argv)-1]; {
			case strings.Contains(command, "is-system-running"):
				return 1, map[bool]string{true: "running", false: "degraded"}[s.failed == ""] + "\n"
			case strings.Contains(command, "--failed"):
				return 0, s.failed + " loaded failed failed x\n"
			}
			return 0, "display-manager.service\n"
		},
	}
	go func() {
		select {
		case <-l.up:
			_ = g.Serve(port)
		case <-f.ended:
		}
		port.Close()
	}()
	return l, nil
}

func (l *liveMachine) Guest() net.Conn { return l.host }

func (l *liveMachine) Screen(context.Context) (*image.RGBA, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pictures++
	switch n := l.pictures; {
	case !l.left && n < 5:
		return firmwareScreen(n % 2), nil
	case !l.left:
		return menuScreen(l.entry, 60-n, l.counting), nil
	case n < 10:
		return kernelScreen(n), nil
	}
	if l.pictures == 10 && !l.sys.dead {
		close(l.up)
	}
	if l.sys.black {
		return painted(vga()), nil
	}
	return painted(image.Pt(320, 200), image.Rect(0, 0, 320, 30)), nil
}

func (l *liveMachine) Press(_ context.Context, k vm.Key) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counting = false
	if k == vm.Home {
		l.entry = 0
	} else {
		l.left, l.pictures = true, 0
	}
	return nil
}

func (l *liveMachine) Read(context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	info, err := os.Stat(l.what.Drives[0].Path)
	if err != nil || !l.left || l.pictures < 5 || l.entry == 0 || l.sys.skips {
		return 1 << 10, err
	}
	return info.Size(), nil
}

// boots looks at a file as if it was a live image.
func (s *liveSystem) boots(t *testing.T, o Options) ([]Boot, setup) {
	t.Helper()
	s.t = t
	path := filepath.Join(t.TempDir(), "live.iso")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := arch.Lookup("x86_64")
	if err != nil {
		t.Fatal(err)
	}
	o.Method, o.Dir, o.Release, o.Accel = Live, t.TempDir(), "9", vm.TCG
	if len(o.Firmware) == 0 {
		o.Firmware = []string{"bios", "uefi"}
	}
	set := setup{Options: o, disk: path, size: 1 << 20, arch: a}
	if err := set.choose(); err != nil {
		t.Fatal(err)
	}
	boots, err := verifier{start: s.start, pause: time.Millisecond}.boots(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the image is gone: %v", err)
	}
	return boots, set
}

func checkNames(b Boot) string {
	var names []string
	for _, c := range b.Checks {
		names = append(names, c.Name)
	}
	return strings.Join(names, " ")
}

func TestLive(t *testing.T) {
	s := &liveSystem{users: []string{"liveuser"}, commands: allowed()}
	boots, set := s.boots(t, Options{User: "liveuser"})
	var names []string
	for _, b := range boots {
		names = append(names, b.Name()+" "+b.Entry)
		if !b.Passed || b.Error != "" || b.Kernel != "5.14.0" || !slices.Equal(b.Users, []string{"liveuser"}) || !strings.Contains(b.NotSeen, "units") {
			t.Errorf("boot %+v", b)
		}
		for _, shot := range b.Screenshots {
			text, err := os.ReadFile(filepath.Join(set.Dir, shot.File))
			if err != nil || digest.Bytes(text) != shot.Digest {
				t.Errorf("%+v: %v", shot, err)
			}
			if _, err := png.Decode(strings.NewReader(string(text))); err != nil {
				t.Error(err)
			}
		}
	}
	if want := []string{"bios-cd default", "uefi-cd first", "uefi-usb first"}; !slices.Equal(names, want) {
		t.Errorf("boots %q, want %q", names, want)
	}
	if got := checkNames(boots[0]); got != "media check agent session screen shutdown" {
		t.Errorf("looked at %q", got)
	}
	for _, l := range s.machines {
		d := l.what.Drives[0]
		if !d.ReadOnly || !l.what.Seat || !l.what.Guest || l.what.Network || l.what.SSH != 0 || l.what.Append != "" {
			t.Errorf("machine %+v", l.what)
		}
	}
	var shots []string
	for _, shot := range append(boots[0].Screenshots, boots[1].Screenshots...) {
		shots = append(shots, shot.File)
	}
	if want := "bios-cd/menu.png bios-cd/media-check.png bios-cd/session.png uefi-cd/menu.png uefi-cd/session.png"; strings.Join(shots, " ") != want {
		t.Errorf("kept %q, want %s", shots, want)
	}
}

func TestLiveFails(t *testing.T) {
	for _, c := range []struct {
		name string
		sys  *liveSystem
		user string
		want string
	}{
		{"nobody logs in", &liveSystem{commands: allowed()}, "liveuser", "session: liveuser was not logged in"},
		{"somebody else", &liveSystem{commands: allowed(), users: []string{"root"}}, "liveuser", "session: liveuser was not logged in"},
		{"black", &liveSystem{commands: allowed(), users: []string{"liveuser"}, black: true}, "", "nothing to see"},
		{"never up", &liveSystem{dead: true}, "liveuser", "did not answer"},
		{"no media check", &liveSystem{commands: allowed(), users: []string{"liveuser"}, skips: true}, "", "media check: the default entry was started; 0 of 1 MiB"},
		{"failed unit", &liveSystem{commands: map[string]bool{"guest-exec": true, "guest-exec-status": true}, failed: "livesys.service"}, "", "livesys.service"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := Options{User: c.user, Media: []vm.Medium{vm.CD}, Firmware: []string{"bios"}}
			if c.user != "" { // what never comes is waited for until the time is over
				o.Login = 3 * time.Second
			}
			boots, _ := c.sys.boots(t, o)
			failures := strings.Join(Report{Boots: boots[:1]}.Failures(), "\n")
			if boots[0].Passed || !strings.Contains(failures, c.want) {
				t.Errorf("%q does not say %q", failures, c.want)
			}
			shots := boots[0].Screenshots
			if len(shots) == 0 || shots[len(shots)-1].Name == "menu" {
				t.Errorf("kept %+v", shots)
			}
		})
	}
}

// A system that stops while it starts is started once more, and the report says so.
func TestLiveStuck(t *testing.T) {
	s := &liveSystem{dead: true}
	boots, _ := s.boots(t, Options{Media: []vm.Medium{vm.CD}, Firmware: []string{"bios"}})
	b := boots[0]
	if b.Passed || !strings.Contains(b.Again, errStuck.Error()) || !strings.Contains(b.Error, errStuck.Error()) || len(s.machines) != 2 {
		t.Errorf("%d machines, boot %+v", len(s.machines), b)
	}
}

// Without a session that is demanded, what stands still is taken for a login, and the report does not claim more.
func TestLiveLogin(t *testing.T) {
	s := &liveSystem{commands: map[string]bool{"guest-exec": true, "guest-exec-status": true, "guest-get-users": true}}
	boots, _ := s.boots(t, Options{Media: []vm.Medium{vm.USB}})
	b := boots[0]
	if len(boots) != 2 || b.Name() != "bios-usb" || boots[1].Name() != "uefi-usb" || !b.Passed || b.Entry != entryDefault || b.Login != 0 {
		t.Errorf("boots %+v", boots)
	}
	if got := checkNames(b); got != "media check agent screen systemd login" || !strings.Contains(b.NotSeen, "nobody was logged in") || !strings.Contains(b.NotSeen, "powering off") {
		t.Errorf("looked at %q, not seen %q", got, b.NotSeen)
	}
}

func TestLiveMachineDies(t *testing.T) {
	s := &liveSystem{t: t, dead: true}
	stop := errors.New("no space left on this host")
	start := func(ctx context.Context, m vm.Machine) (machine, error) {
		running, err := s.start(ctx, m)
		running.(*liveMachine).fault <- stop
		return running, err
	}
	a, err := arch.Lookup("x86_64")
	if err != nil {
		t.Fatal(err)
	}
	set := setup{Options: Options{Method: Live, Dir: t.TempDir(), Accel: vm.TCG}, disk: os.Args[0], size: 1 << 20, arch: a}
	if err := set.choose(); err != nil {
		t.Fatal(err)
	}
	b, err := verifier{start: start, pause: time.Millisecond}.boot(t.Context(), set, launch{firmware: "bios", medium: vm.CD})
	if err != nil || !strings.Contains(b.Error, stop.Error()) {
		t.Errorf("%+v, %v", b, err)
	}
}

// How long a picture without a session has to stand still goes by how long the system took to come up.
func TestPatience(t *testing.T) {
	for start, want := range map[int]int{0: 60, 30: 60, 100: 100, 1000: 180} {
		if got := patience(start); got != want {
			t.Errorf("patience(%d) = %d, want %d", start, got, want)
		}
	}
}

// One question without an answer is a guest that is busy; two on end are one that has stopped, whatever came before.
func TestSilence(t *testing.T) {
	var s silence
	other := errors.New("the port is closed")
	for n, c := range []struct{ err, want error }{
		{nil, nil}, {errAgentSilent, nil}, {nil, nil}, {errAgentSilent, nil}, {other, other}, {errAgentSilent, nil}, {errAgentSilent, errStuck},
	} {
		if got := s.judge(c.err); !errors.Is(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("question %d: %v, want %v", n, got, c.want)
		}
	}
}

package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/kdomanski/iso9660"
	"golang.org/x/crypto/ssh"

	"github.com/quarry-project/quarry/internal/vm"
)

// fakeGuest stands in for a machine: it reads the seed as cloud-init would, and serves SSH on the machine's port.
type fakeGuest struct {
	t       *testing.T
	answers map[string]answer // by the beginning of a command
	dead    bool              // never serves SSH
	silent  bool              // prints nothing on its console
	prints  string            // what its console shows; empty: a panic
	foreign bool              // answers with another host key, as another program on the port would
	refuses int               // logins to refuse first

	mu       sync.Mutex
	machines []vm.Machine
	commands []string
	running  []*fakeMachine
}

// fakeMachine is one start of a guest.
type fakeMachine struct {
	*fakeGuest
	ended    chan struct{}
	fault    chan error
	listener net.Listener
}

// healthy answers as a good system does.
func healthy(t *testing.T) *fakeGuest {
	return &fakeGuest{t: t, answers: map[string]answer{
		"uname -r":                             {out: "5.14.0-570.el9.x86_64\nroot=UUID=1 console=ttyS0 \x1b[31mred\n"},
		"cloud-init status":                    {out: `{"status":"done","errors":[]}` + "\n"},
		"systemctl is-system-running":          {out: "running\n"},
		"findmnt":                              {out: "/dev/vda4 xfs rw,relatime\n"},
		"sudo -n rpm -qa":                      {out: "bash 0 5.1 1.el9 x86_64\ngpg-pubkey 0 350d275d 6279464b (none)\n"},
		"lsblk":                                {out: "disk 2147483648\npart 2146435072\n1B-blocks\n2100000000\n"},
		"sudo -n systemctl poweroff":           {},
		"systemctl list-units --failed":        {},
		"sudo -n journalctl -b --no-pager -o ": {},
	}}
}

func (g *fakeGuest) start(_ context.Context, m vm.Machine) (machine, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, d := range m.Drives {
		if _, err := os.Stat(d.Path); err != nil {
			return nil, err
		}
	}
	g.machines = append(g.machines, m)
	f := &fakeMachine{fakeGuest: g, ended: make(chan struct{}), fault: make(chan error, 1)}
	g.running = append(g.running, f)
	if err := os.WriteFile(m.Dir+"/"+vm.ConsoleLog, []byte("login:\n"+g.prints), 0o644); err != nil || g.dead {
		return f, err
	}
	config, err := g.serverConfig(m.Drives[1].Path)
	if err != nil {
		return nil, err
	}
	if f.listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", m.SSH)); err != nil {
		return nil, err
	}
	go f.serve(f.listener, config)
	return f, nil
}

// serverConfig takes the keys out of the seed.
func (g *fakeGuest) serverConfig(seed string) (*ssh.ServerConfig, error) {
	files, err := readSeed(seed)
	if err != nil {
		return nil, err
	}
	body, ok := strings.CutPrefix(files["user-data"], "#cloud-config\n")
	if !ok || !strings.Contains(files["meta-data"], "instance-id") {
		return nil, fmt.Errorf("cloud-init would not take the seed %q", files)
	}
	var data struct {
		Users []json.RawMessage `json:"users"`
		Keys  map[string]string `json:"ssh_keys"`
	}
	var user struct {
		Name string   `json:"name"`
		Keys []string `json:"ssh_authorized_keys"`
	}
	if err := errors.Join(json.Unmarshal([]byte(body), &data), json.Unmarshal(data.Users[1], &user)); err != nil {
		return nil, err
	}
	host, err := ssh.ParsePrivateKey([]byte(data.Keys["ed25519_private"]))
	if err != nil {
		return nil, err
	}
	allowed, _, _, _, err := ssh.ParseAuthorizedKey([]byte(user.Keys[0]))
	if err != nil {
		return nil, err
	}
	if g.foreign {
		if host, _, err = newKey(); err != nil {
			return nil, err
		}
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.refuses--; g.refuses >= 0 {
			return nil, errors.New("the system is booting up")
		}
		if c.User() != user.Name || string(key.Marshal()) != string(allowed.Marshal()) {
			return nil, errors.New("unknown key")
		}
		return nil, nil
	}}
	config.AddHostKey(host)
	return config, nil
}

// readSeed returns the files of the seed by their names.
func readSeed(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	img, err := iso9660.OpenImage(f)
	if err != nil {
		return nil, err
	}
	label, err := img.Label()
	if err != nil || label != seedLabel {
		return nil, fmt.Errorf("the label is %q, %w", label, err)
	}
	root, err := img.RootDir()
	if err != nil {
		return nil, err
	}
	children, err := root.GetChildren()
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, c := range children {
		b, err := io.ReadAll(c.Reader())
		if err != nil {
			return nil, err
		}
		files[c.Name()] = string(b)
	}
	return files, nil
}

func (g *fakeMachine) serve(l net.Listener, config *ssh.ServerConfig) {
	var tries atomic.Int32
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			_, channels, requests, err := ssh.NewServerConn(conn, config)
			if err != nil {
				if g.foreign && tries.Add(1) == 2 {
					g.fault <- errors.New("the test has seen enough") // the first try has been noted by now
				}
				return // refused
			}
			go ssh.DiscardRequests(requests)
			for c := range channels {
				channel, requests, err := c.Accept()
				if err != nil {
					return
				}
				go g.session(channel, requests)
			}
		}()
	}
}

func (g *fakeMachine) session(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for r := range requests {
		var exec struct{ Command string }
		if r.Type != "exec" || ssh.Unmarshal(r.Payload, &exec) != nil {
			_ = r.Reply(false, nil)
			continue
		}
		_ = r.Reply(true, nil)
		a, ok := g.answer(exec.Command)
		if !ok {
			return // as if the connection broke
		}
		_, _ = io.WriteString(channel, a.out)
		_, _ = io.WriteString(channel.Stderr(), a.stderr)
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(a.code)}))
		if strings.Contains(exec.Command, "poweroff") && a.code == 0 {
			g.end()
		}
		return
	}
}

func (g *fakeGuest) answer(command string) (answer, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.commands = append(g.commands, command)
	for beginning, a := range g.answers {
		if strings.HasPrefix(command, beginning) {
			return a, true
		}
	}
	return answer{}, false
}

func (g *fakeMachine) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.ended:
	default:
		close(g.ended)
	}
	if g.listener != nil {
		g.listener.Close()
	}
}

func (g *fakeMachine) Fault() <-chan error    { return g.fault }
func (g *fakeMachine) Ended() <-chan struct{} { return g.ended }
func (g *fakeMachine) Kill()                  { g.end() }
func (g *fakeGuest) Command() string          { return "qemu-system-x86_64 -again" }
func (g *fakeGuest) ConsoleTail(int) []string {
	if g.silent {
		return nil
	}
	if g.prints != "" {
		return strings.Split(g.prints, "\n")
	}
	return []string{"Kernel panic - not syncing"}
}

func (g *fakeGuest) Evidence() vm.Evidence {
	tail := g.ConsoleTail(1)
	return vm.Evidence{Cause: vm.LikelyCause(tail), Console: tail}
}

var errNoSeat = errors.New("this machine has no screen and no keyboard")

func (g *fakeMachine) Screen(context.Context) (*image.RGBA, error) { return nil, errNoSeat }
func (g *fakeMachine) Press(context.Context, vm.Key) error         { return errNoSeat }
func (g *fakeMachine) Read(context.Context) (int64, error)         { return 0, errNoSeat }
func (g *fakeMachine) Guest() net.Conn                             { return nil }

func (g *fakeMachine) Stop(context.Context) error {
	g.end()
	return nil
}

func (g *fakeMachine) Wait(ctx context.Context) error {
	select {
	case <-g.ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// started is the machine that was started with a firmware; the boots of an image run side by side, in no order.
func (g *fakeGuest) started(firmware string) vm.Machine {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.machines {
		if string(m.Firmware) == firmware {
			return m
		}
	}
	return vm.Machine{}
}

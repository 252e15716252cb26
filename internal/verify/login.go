package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// handshakeTime is how long one try to log in may take; emulated guests need seconds for their side of the key exchange.
	handshakeTime = 60 * time.Second
	// maxOutput is how many bytes of a command's output are kept; the package list of a large system is some 200 KiB.
	maxOutput = 4 << 20
)

// remote runs commands in the guest.
type remote interface {
	run(ctx context.Context, command string) (answer, error)
}

// answer is what a command said; an exit code other than 0 is an answer, not an error.
type answer struct {
	out, stderr string
	code        int
}

// both is all output, for people.
func (a answer) both() string { return strings.TrimSpace(a.out + a.stderr) }

// freePort finds a port on 127.0.0.1 that nobody listens on. Another process may take it before the machine does; the machine then does not
// start, and a wrong host key would show whoever answered in its place.
func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// login tries until it is in or ctx ends; the error then holds the last reason.
func login(ctx context.Context, port int, id identity, pause time.Duration) (*guest, error) {
	config := &ssh.ClientConfig{
		User: id.user, Auth: []ssh.AuthMethod{ssh.PublicKeys(id.login)},
		HostKeyCallback: ssh.FixedHostKey(id.host.PublicKey()), HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	}
	var last error
	for {
		client, err := dial(ctx, port, config)
		if err == nil {
			return &guest{client}, nil
		}
		if last == nil || ctx.Err() == nil {
			last = err // a try that the end of the time cut off tells nothing
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, fmt.Errorf("no login as %s over SSH: %w; the last try: %w", id.user, context.Cause(ctx), last)
		}
	}
}

// dial makes one try.
func dial(ctx context.Context, port int, config *ssh.ClientConfig) (*ssh.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	c, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if !stop() {
		err = fmt.Errorf("the guest did not answer: %w", context.Cause(ctx))
	}
	if err != nil {
		return nil, errors.Join(err, closed(conn))
	}
	return ssh.NewClient(c, channels, requests), nil
}

// closed closes conn; that it was closed already is fine.
func closed(conn net.Conn) error {
	if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// guest is a login over SSH.
type guest struct{ client *ssh.Client }

func (g *guest) close() { _ = g.client.Close() }

// run runs a command in the login shell. It is an error if the connection broke, the output was too long or ctx ended.
func (g *guest) run(ctx context.Context, command string) (answer, error) {
	fail := func(err error) (answer, error) {
		return answer{}, fmt.Errorf("running %.60q in the guest: %w", command, err)
	}
	// A guest that hangs answers nothing: with ctx the connection goes, and every wait with it.
	stop := context.AfterFunc(ctx, g.close)
	defer stop()
	session, err := g.client.NewSession()
	if err != nil {
		return fail(errors.Join(err, context.Cause(ctx)))
	}
	defer session.Close()
	var stdout, stderr bounded
	session.Stdout, session.Stderr = &stdout, &stderr
	err = session.Run(command)
	a := answer{out: stdout.String(), stderr: stderr.String()}
	var exit *ssh.ExitError
	switch {
	case ctx.Err() != nil:
		return fail(context.Cause(ctx))
	case errors.As(err, &exit):
		a.code = exit.ExitStatus()
	case err != nil:
		return fail(err)
	}
	return a, nil
}

// bounded keeps up to maxOutput bytes; more is an error, so that a guest can't fill the host's memory.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("the guest wrote more than %d bytes", maxOutput)
	}
	return b.Buffer.Write(p)
}

// quoted protects s from the guest's shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

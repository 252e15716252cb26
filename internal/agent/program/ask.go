package program

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"syscall"

	"github.com/quarry-project/quarry/internal/command"
)

// unstartable is the exit code of a program that can't be started, as shells have it.
const unstartable = 127

// Ask runs a program with root as its root directory and returns what it printed on both outputs, limit bytes of it at most, and its exit
// code. That it fails, or can't be started, is an answer too; an error is only that ctx has ended.
func Ask(ctx context.Context, root string, limit int, args ...string) (out string, exit int, err error) {
	b := &bounded{limit: limit}
	c := command.Cmd{Args: args, Dir: "/", Env: Environment(), Stdout: b, Stderr: b}
	if root != "/" {
		c.Attr = &syscall.SysProcAttr{Chroot: root}
	}
	err = Finished(command.Run(ctx, c))
	var failed *command.Error
	switch {
	case ctx.Err() != nil:
		return b.String(), 0, context.Cause(ctx)
	case errors.As(err, &failed) && failed.ExitCode >= 0:
		return b.String(), failed.ExitCode, nil
	case err != nil:
		return err.Error(), unstartable, nil //nolint:nilerr // it is the answer
	}
	return b.String(), 0, nil
}

// bounded keeps the beginning of what is written and drops the rest. Both outputs of a program write to it.
type bounded struct {
	mu    sync.Mutex
	kept  bytes.Buffer
	limit int
}

func (b *bounded) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept.Write(p[:min(len(p), b.limit-b.kept.Len())])
	return len(p), nil
}

func (b *bounded) String() string { return b.kept.String() }

package timings

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Build runs `quarry build --json` with more arguments and reads its result, which is there for a failed build, too. Its events go to the file
// called log, whose folder is made. A context that ends interrupts quarry as Ctrl-C does and waits for it.
func Build(ctx context.Context, quarry, log string, args ...string) (Result, error) {
	var r Result
	args = append([]string{"build", "--json"}, args...)
	fmt.Fprintf(os.Stderr, "%s %s\n", quarry, strings.Join(args, " "))
	if err := os.MkdirAll(filepath.Dir(log), 0o755); err != nil {
		return r, err
	}
	events, err := os.Create(log)
	if err != nil {
		return r, err
	}
	defer events.Close()
	cmd := exec.CommandContext(ctx, quarry, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, events
	failure := cmd.Run()
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return r, errors.Join(failure, fmt.Errorf("quarry's answer: %w (its events: %s)", err, log))
	}
	if failure != nil {
		return r, fmt.Errorf("%w: %s (its events: %s)", failure, r.Error, log)
	}
	return r, nil
}

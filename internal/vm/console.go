package vm

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sync"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// Limits of what is kept of a console: a guest that prints without end fills neither the disk nor the memory.
const (
	maxLog    = 64 << 20 // bytes of console.log
	maxTail   = 200      // lines in memory
	maxColumn = 4 << 10  // bytes of a line in memory
)

// console keeps what a guest prints: all of it in a file, the last lines in memory.
type console struct {
	mu      sync.Mutex
	file    *os.File
	written int64
	lines   []string // complete ones, newest last
	part    []byte   // the line that is being printed
}

func newConsole(path string) (*console, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("keeping the console: %w", err)
	}
	return &console{file: file}, nil
}

// Write never fails for the sake of the file: a guest must not stop because its log can't be written.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if room := maxLog - c.written; room > 0 {
		n, _ := c.file.Write(p[:min(int64(len(p)), room)])
		c.written += int64(n)
		if c.written == maxLog {
			_, _ = c.file.WriteString("\n(cut here: the console printed more than is kept)\n")
		}
	}
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		rest = after
		if room := maxColumn - len(c.part); room > 0 {
			c.part = append(c.part, line[:min(len(line), room)]...)
		}
		if ended {
			c.lines = append(c.lines, string(c.part))
			c.part = c.part[:0]
		}
	}
	if extra := len(c.lines) - maxTail; extra > 0 {
		c.lines = slices.Delete(c.lines, 0, extra)
	}
	return len(p), nil
}

// tail returns the last n lines, the unfinished one too, safe to print.
func (c *console) tail(n int) []string {
	c.mu.Lock()
	lines := slices.Clone(c.lines)
	if len(c.part) > 0 {
		lines = append(lines, string(c.part))
	}
	c.mu.Unlock()
	var out []string
	for _, line := range lines {
		if line = printable(line); line != "" {
			out = append(out, line)
		}
	}
	return out[max(0, len(out)-n):]
}

func (c *console) close() { c.file.Close() }

// escapes are terminal control sequences (ECMA-48: CSI, OSC and two-character ones).
var escapes = regexp.MustCompile(`\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[ -/]*[0-~])`)

func printable(line string) string { return wire.Clean(escapes.ReplaceAllString(line, "")) }

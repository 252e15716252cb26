package squash

import (
	"bytes"
	"regexp"
	"strconv"
)

// bar reads mksquashfs's progress bar, which it draws again and again over the same line: "[===/   ] 4800/16384  29%".
type bar struct {
	line []byte
	tell func(done, total int64)
}

// maxLine bounds what is kept of a line; longer ones are no bar.
const maxLine = 4 << 10

var counts = regexp.MustCompile(`^\[[^\]]*\]\s+(\d+)/(\d+)\s+\d+%$`)

func (b *bar) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		i := bytes.IndexAny(rest, "\r\n")
		if i < 0 {
			b.line = append(b.line, rest[:min(len(rest), maxLine-len(b.line))]...)
			break
		}
		b.line = append(b.line, rest[:min(i, maxLine-len(b.line))]...)
		b.end()
		rest = rest[i+1:]
	}
	return len(p), nil
}

// end is a line's.
func (b *bar) end() {
	if m := counts.FindSubmatch(bytes.TrimSpace(b.line)); m != nil {
		done, err := strconv.ParseInt(string(m[1]), 10, 64)
		total, err2 := strconv.ParseInt(string(m[2]), 10, 64)
		if err == nil && err2 == nil {
			b.tell(done, total)
		}
	}
	b.line = b.line[:0]
}

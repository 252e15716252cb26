package qemuimg

import (
	"bytes"
	"strconv"
)

// maxPending bounds what is kept while waiting for the end of a progress report, which is some twenty bytes long.
const maxPending = 256

// percentReader understands what `qemu-img -p` prints: "(12.34/100%)" again and again, with carriage returns between.
type percentReader struct {
	report  func(float64)
	pending []byte
}

func (p *percentReader) Write(b []byte) (int, error) {
	p.pending = append(p.pending, b...)
	for {
		end := bytes.IndexByte(p.pending, ')')
		if end < 0 {
			break
		}
		if v, ok := parsePercent(p.pending[:end]); ok {
			p.report(v)
		}
		p.pending = p.pending[end+1:]
	}
	if extra := len(p.pending) - maxPending; extra > 0 {
		p.pending = p.pending[extra:]
	}
	return len(b), nil
}

// parsePercent reads "…(12.34/100%".
func parsePercent(b []byte) (float64, bool) {
	number, ok := bytes.CutSuffix(b[bytes.LastIndexByte(b, '(')+1:], []byte("/100%"))
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(number), 64)
	return v, err == nil && v >= 0 && v <= 100
}

package packaging

import (
	"context"
	"io"
	"runtime"

	"github.com/klauspost/pgzip"
)

// codec compresses streams with all CPUs of the host, to bytes that don't depend on their number: each cuts its input into blocks of a
// fixed size and compresses them side by side.
type codec interface {
	compress(ctx context.Context, dst io.Writer, src io.Reader) error
	// decompress has use read what src holds. It fails if src is damaged, unless use fails before.
	decompress(ctx context.Context, src io.Reader, use func(io.Reader) error) error
}

// allOr is how many CPUs a codec uses.
func allOr(cpus int) int {
	if cpus > 0 {
		return cpus
	}
	return runtime.NumCPU()
}

// gzip is the format of RFC 1952.
type gzip struct {
	fast bool // for what is compressed already
	cpus int
}

// gzipBlock is the size of a block in bytes, pgzip's own.
const gzipBlock = 1 << 20

func (g gzip) compress(_ context.Context, dst io.Writer, src io.Reader) error {
	level := 6
	if g.fast {
		level = pgzip.BestSpeed
	}
	w, err := pgzip.NewWriterLevel(dst, level)
	if err != nil {
		return err
	}
	if err := w.SetConcurrency(gzipBlock, 2*allOr(g.cpus)); err != nil {
		return err
	}
	_, err = io.Copy(w, src)
	if closed := w.Close(); err == nil { // also after an error, to end its goroutines
		err = closed
	}
	return err
}

func (gzip) decompress(ctx context.Context, src io.Reader, use func(io.Reader) error) error {
	r, err := pgzip.NewReader(src)
	if err != nil {
		return err
	}
	defer r.Close()
	return use(meter(func(float64) {}).reader(ctx, r, 0))
}

// piped has use read what write writes. What one of them complains about first is the error.
func piped(use func(io.Reader) error, write func(io.Writer) error) error {
	r, w := io.Pipe()
	result := make(chan error, 1)
	go func() {
		err := write(w)
		w.CloseWithError(err) // nil is the end of the stream
		result <- err
	}()
	err := use(r)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	r.CloseWithError(err)
	if wrote := <-result; err == nil {
		err = wrote
	}
	return err
}

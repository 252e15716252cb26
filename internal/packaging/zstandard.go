package packaging

import (
	"context"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"
)

// zstandard is the format of RFC 8878. Each block is a frame of its own, as pzstd makes them, which every reader takes one after the other.
type zstandard struct{ cpus int }

// zstdBlock is the size of a block in bytes: four windows of the level, so that little is lost by their being apart.
const zstdBlock = 32 << 20

func (z zstandard) compress(ctx context.Context, dst io.Writer, src io.Reader) error {
	cpus := allOr(z.cpus)
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(cpus))
	if err != nil {
		return err
	}
	defer encoder.Close()
	group, ctx := errgroup.WithContext(ctx)
	frames := make(chan chan []byte, cpus) // in the order of the input; it bounds what is held in memory
	group.Go(func() error {
		defer close(frames)
		for {
			block := make([]byte, zstdBlock)
			n, err := io.ReadFull(src, block)
			if n > 0 {
				frame := make(chan []byte, 1)
				select {
				case frames <- frame:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
				group.Go(func() error {
					frame <- encoder.EncodeAll(block[:n], nil)
					return nil
				})
			}
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
	group.Go(func() error {
		for frame := range frames {
			if _, err := dst.Write(<-frame); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

func (zstandard) decompress(ctx context.Context, src io.Reader, use func(io.Reader) error) error {
	r, err := zstd.NewReader(src, zstd.WithDecoderMaxWindow(128<<20))
	if err != nil {
		return err
	}
	defer r.Close()
	return use(meter(func(float64) {}).reader(ctx, r, 0))
}

package packaging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/quarry-project/quarry/internal/command"
)

// xz is the format of XZ Utils, made by its own program: Go has no encoder with its ratio. Level 6 takes 100 MB of memory a CPU.
type xz struct{ cpus int } // 0: all; so for all codecs

// xzBlock is the size of a block in bytes: three times level 6's dictionary, as the program itself would choose.
const xzBlock = 24 << 20

// compress writes what the program would write of all of src, but gives it only the first of the blocks that are nothing but zeros: xz takes
// 13 CPU seconds for a GiB of them, always with the same result, and they are most of a disk.
func (x xz) compress(ctx context.Context, dst io.Writer, src io.Reader) error {
	blocks := &xzBlocks{}
	in := &xzInput{src: src, blocks: blocks, block: make([]byte, xzBlock), zeros: make([]byte, xzBlock)}
	return piped(
		func(made io.Reader) error { return joinXZ(dst, made, blocks) },
		func(made io.Writer) error {
			err := command.Run(ctx, command.Cmd{Args: xzArgs(allOr(x.cpus)), Env: xzEnv(os.Environ()), Stdin: in, Stdout: made})
			if err != nil {
				return fmt.Errorf("compressing with xz: %w", err)
			}
			return nil
		})
}

// xzArgs is the command line for a number of CPUs. A single thread would write blocks of another form: their headers then lack sizes.
func xzArgs(cpus int) []string {
	return []string{"xz", "--compress", "--stdout", "--quiet", "-6", "--check=crc64", "--block-size=" + strconv.Itoa(xzBlock),
		"--threads=" + strconv.Itoa(max(2, cpus))}
}

// xzEnv leaves out the options that xz would take from its environment.
func xzEnv(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(v string) bool {
		return strings.HasPrefix(v, "XZ_DEFAULTS=") || strings.HasPrefix(v, "XZ_OPT=")
	})
}

func (xz) decompress(ctx context.Context, src io.Reader, use func(io.Reader) error) error {
	threads := "--threads=" + strconv.Itoa(runtime.NumCPU())
	return piped(use, func(dst io.Writer) error {
		cmd := command.Cmd{Args: []string{"xz", "--decompress", "--stdout", "--quiet", threads}, Env: xzEnv(os.Environ()), Stdin: src, Stdout: dst}
		if err := command.Run(ctx, cmd); err != nil {
			return fmt.Errorf("decompressing with xz: %w", err)
		}
		return nil
	})
}

// xzBlocks is what the two ends of the program know of its blocks. Whatever it has been given is noted before it can be written.
type xzBlocks struct {
	mu      sync.Mutex
	repeats []int // after each of the program's blocks: how many blocks of zeros were kept from it
	zero    int   // number of the program's block that is of zeros, from 1; 0: there is none
}

// next notes the next block of the input and reports whether the program has to see it.
func (b *xzBlocks) next(zeros bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if zeros && b.zero > 0 {
		b.repeats[len(b.repeats)-1]++
		return false
	}
	b.repeats = append(b.repeats, 0)
	if zeros {
		b.zero = len(b.repeats)
	}
	return true
}

// after tells how many blocks of zeros follow the program's block i, which is final once the block after it, or the end, was written.
func (b *xzBlocks) after(i int) (repeats int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i < len(b.repeats) {
		repeats = b.repeats[i]
	}
	return repeats
}

// isZero reports whether the program's block i is the one of zeros.
func (b *xzBlocks) isZero(i int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.zero == i+1
}

// xzInput reads src by whole blocks, without those that the program needn't see.
type xzInput struct {
	src    io.Reader
	blocks *xzBlocks
	block  []byte // of xzBlock bytes; so is zeros
	zeros  []byte
	rest   []byte // of block, not read yet
}

func (x *xzInput) Read(p []byte) (int, error) {
	for len(x.rest) == 0 {
		n, err := io.ReadFull(x.src, x.block)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // which is the last block, a short one
			return 0, err
		}
		if x.blocks.next(bytes.Equal(x.block[:n], x.zeros)) {
			x.rest = x.block[:n]
		}
	}
	n := copy(p, x.rest)
	x.rest = x.rest[n:]
	return n, nil
}

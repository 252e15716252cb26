package packaging

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestXZOfZeros holds what is made of disks with blocks of zeros to what the program itself makes of all their bytes.
func TestXZOfZeros(t *testing.T) {
	text, zeros := words(1<<20), make([]byte, xzBlock)
	full := append(bytes.Clone(text), zeros[len(text):]...)
	for name, blocks := range map[string][][]byte{
		"nothing":        {},
		"text":           {text},
		"zeros":          {zeros},
		"first and last": {zeros, full, zeros, zeros},
		"within":         {full, zeros, zeros, text},
		"a short end":    {zeros, zeros, zeros[:4096]},
	} {
		t.Run(name, func(t *testing.T) {
			data := bytes.Join(blocks, nil)
			var got bytes.Buffer
			if err := (xz{}).compress(t.Context(), &got, bytes.NewReader(data)); err != nil {
				t.Fatal(err)
			}
			args := xzArgs(2)
			cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
			cmd.Env, cmd.Stdin = xzEnv(os.Environ()), bytes.NewReader(data)
			want, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%d bytes, xz makes other %d", got.Len(), len(want))
			}
		})
	}
}

// TestXZSeesOneBlockOfZeros counts what the program is given of a disk.
func TestXZSeesOneBlockOfZeros(t *testing.T) {
	disk := io.MultiReader(io.LimitReader(zeroes{}, 40*xzBlock), bytes.NewReader(words(100)))
	in := &xzInput{src: disk, blocks: &xzBlocks{}, block: make([]byte, xzBlock), zeros: make([]byte, xzBlock)}
	n, err := io.Copy(io.Discard, in)
	if err != nil || n != xzBlock+100 {
		t.Errorf("xz is given %d bytes, %v", n, err)
	}
	if got := in.blocks.after(0); got != 39 {
		t.Errorf("%d blocks are to be repeated", got)
	}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestJoinXZRefuses(t *testing.T) {
	var good bytes.Buffer
	if err := (xz{}).compress(t.Context(), &good, bytes.NewReader(words(1<<20))); err != nil {
		t.Fatal(err)
	}
	noSizes := bytes.Clone(good.Bytes())
	noSizes[xzEdge+1] &^= xzHasSizes
	for what, stream := range map[string][]byte{
		"ended": good.Bytes()[:xzEdge], "block ended": good.Bytes()[:1000], "begins": []byte(strings.Repeat("quarry", 100)), "sizes": noSizes, "header": nil,
	} {
		if what == "header" {
			stream = bytes.Clone(good.Bytes())
			copy(stream[xzEdge+xzSizesAt:], bytes.Repeat([]byte{0xff}, 10))
		}
		if err := joinXZ(io.Discard, bytes.NewReader(stream), &xzBlocks{}); err == nil {
			t.Errorf("%s: was taken", what)
		} else if strings.HasSuffix(what, "ended") && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

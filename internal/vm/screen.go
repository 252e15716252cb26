package vm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"

	"github.com/digitalocean/go-qemu/qmp/raw"
)

// maxSide is how many pixels a screen may be wide or high: the guest chooses.
const maxSide = 8192

// Screen returns what the guest's screen shows. A machine without Machine.Seat has none.
func (r *Running) Screen(ctx context.Context) (*image.RGBA, error) {
	// PPM is what every QEMU writes; PNG came with 7.1.
	f, err := os.CreateTemp(r.machine.Dir, "screen-*.ppm")
	if err != nil {
		return nil, fmt.Errorf("taking a picture of the screen: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := r.typed(ctx).Screendump(f.Name()); err != nil {
		return nil, fmt.Errorf("taking a picture of the screen: %w", err)
	}
	picture, err := decodePPM(f)
	if err != nil {
		return nil, fmt.Errorf("taking a picture of the screen: %w", err)
	}
	return picture, nil
}

// decodePPM reads the one kind of PPM that QEMU writes: "P6", width, height and 255 between single white space, then three bytes a pixel
// (netpbm, ppm(5)).
func decodePPM(r io.Reader) (*image.RGBA, error) {
	in := bufio.NewReader(io.LimitReader(r, 64+3*maxSide*maxSide))
	var width, height, depth int
	if _, err := fmt.Fscanf(in, "P6\n%d %d\n%d\n", &width, &height, &depth); err != nil {
		return nil, fmt.Errorf("QEMU wrote what is no picture: %w", err)
	}
	if width < 1 || height < 1 || width > maxSide || height > maxSide || depth != 255 {
		return nil, fmt.Errorf("QEMU wrote a picture of %d x %d pixels with %d shades", width, height, depth)
	}
	line := make([]byte, 3*width)
	var picture *image.RGBA // made when there is a first line, so that a heading alone takes no memory
	for y := range height {
		if _, err := io.ReadFull(in, line); err != nil {
			return nil, fmt.Errorf("the picture ends in line %d of %d: %w", y, height, err)
		}
		if picture == nil {
			picture = image.NewRGBA(image.Rect(0, 0, width, height))
		}
		to := picture.Pix[y*picture.Stride:]
		for x := range width {
			to[4*x], to[4*x+1], to[4*x+2], to[4*x+3] = line[3*x], line[3*x+1], line[3*x+2], 0xff
		}
	}
	return picture, nil
}

// Key is a key of the guest's keyboard.
type Key int

// The keys that somebody presses.
const (
	Enter Key = iota
	Home
)

// Press presses a key of the guest's keyboard and lets it go.
func (r *Running) Press(ctx context.Context, k Key) error {
	code, ok := map[Key]raw.QKeyCode{Enter: raw.QKeyCodeRet, Home: raw.QKeyCodeHome}[k]
	if !ok {
		return errors.New("pressing a key that no keyboard has")
	}
	return r.typed(ctx).SendKey([]raw.KeyValue{raw.KeyValueQcode(code)}, nil)
}

// Read returns how many bytes the guest has read of the machine's first drive, by boot loader, kernel and all.
func (r *Running) Read(ctx context.Context) (int64, error) {
	all, err := r.typed(ctx).QueryBlockstats(nil)
	if err != nil {
		return 0, err
	}
	for _, s := range all {
		if s.Device != nil && *s.Device == driveID(0) {
			return s.Stats.RdBytes, nil
		}
	}
	return 0, errors.New("QEMU does not know the machine's first drive")
}

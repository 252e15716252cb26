package vm

import (
	"bytes"
	"image/color"
	"strings"
	"testing"
)

func TestDecodePPM(t *testing.T) {
	// The first bytes of the pixels are white space, which belongs to the picture.
	picture, err := decodePPM(strings.NewReader("P6\n2 2\n255\n\n \x01\x02\x03\x04\xff\xff\xff\x00\x00\x00"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		x, y int
		want color.RGBA
	}{{0, 0, color.RGBA{'\n', ' ', 1, 255}}, {1, 0, color.RGBA{2, 3, 4, 255}}, {0, 1, color.RGBA{255, 255, 255, 255}}, {1, 1, color.RGBA{0, 0, 0, 255}}} {
		if got := picture.RGBAAt(p.x, p.y); got != p.want {
			t.Errorf("%d,%d is %v, want %v", p.x, p.y, got, p.want)
		}
	}
	for _, bad := range []string{"", "P6\n2 2\n255\nabc", "P6\n0 2\n255\n", "P6\n9000 1\n255\n", "P6\n1 1\n65535\nabcdef", "PNG"} {
		if _, err := decodePPM(bytes.NewReader([]byte(bad))); err == nil {
			t.Errorf("%q is a picture", bad)
		}
	}
}

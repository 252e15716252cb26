package verify

import (
	"image"
	"image/color"
	"image/draw"
	"testing"
)

// painted is a black screen with white boxes.
func painted(size image.Point, boxes ...image.Rectangle) *image.RGBA {
	p := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(p, p.Rect, image.NewUniform(color.Black), image.Point{}, draw.Src)
	for _, b := range boxes {
		draw.Draw(p, b, image.NewUniform(color.White), image.Point{}, draw.Src)
	}
	return p
}

func vga() image.Point { return image.Pt(640, 480) }

func TestChanges(t *testing.T) {
	base := painted(vga(), image.Rect(0, 0, 10, 10))
	for _, c := range []struct {
		name  string
		other *image.RGBA
		want  image.Rectangle
		small bool
	}{
		{"none", painted(vga(), image.Rect(0, 0, 10, 10)), image.Rectangle{}, true},
		{"a detail", painted(vga(), image.Rect(0, 0, 10, 10), image.Rect(100, 200, 120, 216)), image.Rect(100, 200, 120, 216), true},
		{"one pixel in the last corner", painted(vga(), image.Rect(0, 0, 10, 10), image.Rect(639, 479, 640, 480)), image.Rect(639, 479, 640, 480), true},
		{"far from each other", painted(vga(), image.Rect(630, 470, 640, 480)), image.Rect(0, 0, 640, 480), false},
		{"a wide line", painted(vga(), image.Rect(0, 0, 640, 16)), image.Rect(0, 0, 640, 16), false},
		{"another size", painted(image.Pt(720, 400)), image.Rect(0, 0, 720, 480), false},
	} {
		got := changes(base, c.other)
		if got != c.want || isSmall(got, base) != c.small {
			t.Errorf("%s: %v, small %v", c.name, got, isSmall(got, base))
		}
	}
}

func TestShows(t *testing.T) {
	for _, c := range []struct {
		name string
		p    *image.RGBA
		want bool
	}{
		{"black", painted(vga()), false},
		{"white", painted(vga(), image.Rect(0, 0, 640, 480)), false},
		{"QEMU's own line", painted(vga(), image.Rect(200, 224, 440, 240)), false},
		{"a cursor", painted(vga(), image.Rect(300, 220, 324, 250)), false},
		{"a login prompt", painted(vga(), image.Rect(0, 0, 300, 16), image.Rect(0, 48, 130, 64)), true},
		{"a desktop", painted(vga(), image.Rect(0, 0, 640, 24)), true},
		{"one pixel high", painted(image.Pt(1, 1)), false},
	} {
		if got := shows(c.p); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestStillness(t *testing.T) {
	var s stillness
	clock := func(n int) *image.RGBA {
		return painted(vga(), image.Rect(0, 0, 640, 30), image.Rect(600, 50, 600+n, 60))
	}
	for n := range 5 {
		s.see(clock(n))
	}
	if s.count != 5 {
		t.Errorf("a clock counts as %d", s.count)
	}
	if s.see(painted(vga(), image.Rect(0, 0, 640, 480))); s.count != 1 {
		t.Errorf("another picture counts as %d", s.count)
	}
}

package verify

import (
	"fmt"
	"image"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/vm"
)

// menuScreen is a boot menu of three lines, with a countdown unless it was stopped.
func menuScreen(entry, seconds int, counting bool) *image.RGBA {
	line := func(i int) image.Rectangle { return image.Rect(40, 60+20*i, 600, 76+20*i) }
	boxes := []image.Rectangle{image.Rect(40, 20, 300, 36), image.Rect(40, line(entry).Min.Y, 600, line(entry).Max.Y)}
	if counting {
		boxes = append(boxes, image.Rect(40, 400, 200, 416), image.Rect(210, 400, 220+seconds, 416))
	}
	return painted(vga(), boxes...)
}

func firmwareScreen(blink int) *image.RGBA {
	return painted(vga(), image.Rect(0, 0, 200, 32), image.Rect(0, 40, 8*blink, 42))
}

func kernelScreen(lines int) *image.RGBA { return painted(vga(), image.Rect(0, 0, 500, 16*lines)) }

// barScreen is a firmware that waits before it boots, and shows by a bar how long.
func barScreen(part, of int) *image.RGBA {
	return painted(vga(), image.Rect(280, 150, 420, 200), image.Rect(0, 380, 720*part/of, 396))
}

// flight shows a pilot pictures until its menu is gone, and notes what it does. The menu loses the first lost keys.
func flight(p *pilot, entry, lost int) string {
	counting, left, gone := true, 60, false
	var done []string
	for n := 0; n < 80; n++ {
		picture := firmwareScreen(n % 2)
		switch {
		case gone:
			picture = kernelScreen(n % 20)
		case n > 8:
			if counting {
				left--
			}
			if gone = left == 0; gone {
				done = append(done, fmt.Sprintf("timeout takes %d", entry))
			}
			picture = menuScreen(entry, left, counting)
		}
		a := p.see(picture)
		if a.keep != "" {
			done = append(done, a.keep)
		}
		for _, k := range a.press {
			if lost--; lost >= 0 {
				done = append(done, "lost")
				continue
			}
			counting = false
			switch k {
			case vm.Home:
				entry = 0
				done = append(done, "home")
			case vm.Enter:
				done = append(done, fmt.Sprintf("enter takes %d", entry))
				gone = true
			}
		}
	}
	return strings.Join(done, ", ")
}

func TestPilot(t *testing.T) {
	for _, c := range []struct {
		name    string
		first   bool
		marked  int // the default entry
		lost    int
		want    string
		entry   string
		trouble bool
	}{
		{"the default", false, 1, 0, "menu, enter takes 1", entryDefault, false},
		{"the first", true, 1, 0, "home, menu, enter takes 0", entryFirst, false},
		{"a lost key", true, 1, 1, "lost, home, menu, enter takes 0", entryFirst, false},
		{"two lost keys, by the default", false, 1, 2, "menu, lost, lost, enter takes 1", entryDefault, false},
		{"the default is the first", true, 0, 0, "home, menu, enter takes 0", entryFirst, false},
		{"no keyboard", true, 1, 99, strings.Repeat("lost, ", maxPresses) + "menu, " + strings.Repeat("lost, ", maxPresses) + "timeout takes 1", entryDefault, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &pilot{first: c.first}
			if got := flight(p, c.marked, c.lost); got != c.want {
				t.Errorf("did %q, want %q", got, c.want)
			}
			if p.entry() != c.entry || (p.trouble() != "") != c.trouble {
				t.Errorf("says %s, trouble %q", p.entry(), p.trouble())
			}
		})
	}
}

// The bar of a firmware is no menu: keys that are pressed there would be missed in the menu, and the report would be wrong about its entry.
func TestPilotAtAFirmwareThatWaits(t *testing.T) {
	for _, parts := range []int{3, 5, 10, 20} {
		p := &pilot{first: true}
		for part := range parts {
			if a := p.see(barScreen(part, parts)); a.press != nil {
				t.Fatalf("pressed %v when %d of %d parts were over", a.press, part, parts)
			}
		}
		if got, want := flight(p, 1, 0), "home, menu, enter takes 0"; got != want {
			t.Errorf("after %d parts: did %q, want %q", parts, got, want)
		}
	}
}

// A menu that nobody recognises is left to its timeout.
func TestPilotWithoutAMenu(t *testing.T) {
	p := &pilot{first: true}
	for n := range 200 {
		picture := firmwareScreen(n % 2)
		if n > 100 {
			picture = kernelScreen(n % 20)
		}
		if a := p.see(picture); a.keep != "" || a.press != nil {
			t.Fatalf("picture %d: %+v", n, a)
		}
	}
	if p.entry() != entryDefault || p.trouble() == "" {
		t.Errorf("says %s, trouble %q", p.entry(), p.trouble())
	}
}

package verify

import (
	"bytes"
	"image"
)

// A picture is what a screen showed at some moment. The functions here are pure: they compare pictures, and know nothing of machines.

// changes is the smallest box that holds all in which two pictures differ; it is empty where they are the same. Pictures of different sizes
// differ in everything.
func changes(a, b *image.RGBA) image.Rectangle {
	if a.Rect != b.Rect {
		return a.Rect.Union(b.Rect)
	}
	var box image.Rectangle
	for y := range a.Rect.Dy() {
		p, q := a.Pix[y*a.Stride:][:4*a.Rect.Dx()], b.Pix[y*b.Stride:][:4*b.Rect.Dx()]
		if bytes.Equal(p, q) {
			continue
		}
		left, right := 0, a.Rect.Dx()-1
		for ; bytes.Equal(p[4*left:4*left+4], q[4*left:4*left+4]); left++ {
		}
		for ; bytes.Equal(p[4*right:4*right+4], q[4*right:4*right+4]); right-- {
		}
		box = box.Union(image.Rect(left, y, right+1, y+1))
	}
	return box
}

// isSmall reports whether a box is a detail of a picture: a countdown, a clock, a cursor that blinks.
func isSmall(box image.Rectangle, of *image.RGBA) bool {
	size, whole := box.Size(), of.Rect.Size()
	return 12*size.Y <= whole.Y && 50*size.X*size.Y <= whole.X*whole.Y
}

// What QEMU itself shows where the guest shows nothing is one line of text in the middle; a cursor on a black screen is nothing either.
const (
	textHeight   = 16
	cursorWidth  = 48
	cursorHeight = 48
)

// shows reports whether there is something to see in a picture: more than one colour, and more than a cursor or the line by which QEMU
// says that nothing is shown.
func shows(p *image.RGBA) bool {
	blank := image.NewRGBA(p.Rect)
	for i := 0; i < len(blank.Pix); i += 4 {
		copy(blank.Pix[i:], p.Pix[:4]) // the colour of a corner is the background's
	}
	seen := changes(p, blank)
	middle := (p.Rect.Dy()/textHeight - 1) / 2 * textHeight
	isLine := seen.Min.Y >= middle && seen.Max.Y <= middle+textHeight
	isCursor := seen.Dx() <= cursorWidth && seen.Dy() <= cursorHeight
	return !seen.Empty() && !isLine && !isCursor
}

// stillness counts for how many pictures on end nothing but details has changed.
type stillness struct {
	first *image.RGBA
	count int
}

func (s *stillness) see(p *image.RGBA) {
	if s.first == nil || !isSmall(changes(s.first, p), p) {
		s.first, s.count = p, 0
	}
	s.count++
}

// countdown finds a picture that stands still but for a few digits which go on changing: a menu that waits. A cursor that blinks changes, too, but
// between two pictures only, and the bar of a firmware that waits grows across the screen.
type countdown struct {
	seen []*image.RGBA // different ones, of one run
	box  image.Rectangle
}

// menuPictures is how many different pictures make a countdown.
const menuPictures = 3

// digitsPart is the part of a line that the digits of a countdown take at most.
const digitsPart = 12

func (c *countdown) see(p *image.RGBA) (found bool) {
	if len(c.seen) > 0 {
		box := c.box.Union(changes(c.seen[0], p))
		if !isSmall(box, p) || digitsPart*box.Dx() > p.Rect.Dx() {
			c.seen, c.box = nil, image.Rectangle{}
		} else {
			c.box = box
		}
	}
	for _, old := range c.seen {
		if changes(old, p).Empty() {
			return false
		}
	}
	c.seen = append(c.seen, p)
	return len(c.seen) >= menuPictures
}

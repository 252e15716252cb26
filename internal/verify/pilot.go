package verify

import (
	"image"

	"github.com/quarry-project/quarry/internal/vm"
)

// What a boot menu may be made to start.
const (
	entryDefault = "default"
	entryFirst   = "first"
)

// pilot gets a machine past its boot menu, by what its screen shows and never by the clock: keys that come too early or too late would tell
// nothing. It is a pure state machine: it sees pictures and says what to do.
type pilot struct {
	first   bool // the first entry is wished, not the default
	came    bool // the key that goes there has come through
	menu    *image.RGBA
	counts  countdown
	state   pilotState
	waited  int // pictures since the last key
	presses int
	before  *image.RGBA // the picture before, while moving
	same    int         // how often it was the same
}

type pilotState int

const (
	atFirmware pilotState = iota // no menu yet
	moving                       // to the first entry
	entering
	past    // the menu is gone
	ignored // the menu does not mind keys
)

const (
	keyPictures = 3 // after which a key that changed nothing is pressed again
	maxPresses  = 8
)

// act is what a pilot wants to be done.
type act struct {
	keep  string // a name for the picture; empty: it isn't kept
	press []vm.Key
}

// see takes the next picture.
func (p *pilot) see(picture *image.RGBA) act {
	switch p.state {
	case atFirmware:
		if !p.counts.see(picture) || !shows(picture) {
			return act{}
		}
		p.menu = picture
		if p.first {
			p.state = moving
			return p.press(vm.Home)
		}
		p.state = entering
		a := p.press(vm.Enter)
		a.keep = "menu"
		return a
	case moving:
		if p.came = p.moved(picture); !p.came {
			if a := p.again(vm.Home); p.state == moving {
				return a
			}
		}
		// A menu that does not mind one key may mind the other: it must not stand there for good.
		p.state, p.presses = entering, 0
		p.menu = picture
		a := p.press(vm.Enter)
		a.keep = "menu"
		return a
	case entering:
		if !isSmall(changes(p.menu, picture), picture) {
			p.state = past
			return act{}
		}
		return p.again(vm.Enter)
	}
	return act{}
}

// moved reports whether the key has come through: another line is marked, or at least the countdown has ended, as it does with any key.
func (p *pilot) moved(picture *image.RGBA) bool {
	if p.before != nil && changes(p.before, picture).Empty() {
		p.same++
	} else {
		p.same = 0
	}
	p.before = picture
	return p.same >= keyPictures-1 || !isSmall(changes(p.menu, picture), picture)
}

func (p *pilot) press(k vm.Key) act {
	p.waited = 0
	p.presses++
	return act{press: []vm.Key{k}}
}

// again presses a key once more where it may have been lost.
func (p *pilot) again(k vm.Key) act {
	if p.waited++; p.waited < keyPictures {
		return act{}
	}
	if p.presses == maxPresses {
		p.state = ignored
		return act{}
	}
	return p.press(k)
}

// entry says what was started, as far as the pilot knows.
func (p *pilot) entry() string {
	if p.came && p.state == past {
		return entryFirst
	}
	return entryDefault
}

// trouble says why the wished entry was not started; "" is none.
func (p *pilot) trouble() string {
	switch {
	case p.state == past && p.first == p.came:
		return ""
	case p.state == atFirmware:
		return "the boot menu, which was not recognised in the pictures"
	}
	return "whether keys choose an entry of the boot menu: it did not mind them"
}

package vm

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// Whatever a guest prints, in whatever pieces it comes, the tail is the same, bounded, and safe on a terminal.
func FuzzConsole(f *testing.F) {
	for _, seed := range []string{
		"", "[\x1b[0;32m  OK  \x1b[0m] Started\r\n", "\x1b]0;owned\x07title\n", "\x1b[2J\x1b[H\x1b[?25lclear", "tab\there\x00\x9b31m\n\n\n",
		"\xc3\n\xa4", "\u202eevil\n", strings.Repeat("x", maxColumn+5) + "\nend", strings.Repeat("l\n", maxTail+5),
	} {
		f.Add(seed, uint(len(seed)/2))
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = null.Close() })
	f.Fuzz(func(t *testing.T, text string, at uint) {
		whole, pieces := &console{file: null}, &console{file: null}
		at = min(at, uint(len(text)))
		for _, w := range []struct {
			to   *console
			text string
		}{{whole, text}, {pieces, text[:at]}, {pieces, text[at:]}} {
			if n, err := w.to.Write([]byte(w.text)); n != len(w.text) || err != nil {
				t.Fatalf("wrote %d of %d: %v", n, len(w.text), err)
			}
		}
		tail := whole.tail(maxTail)
		if other := pieces.tail(maxTail); !slices.Equal(tail, other) {
			t.Errorf("%q, but cut at %d %q", tail, at, other)
		}
		if len(tail) > maxTail {
			t.Errorf("%d lines", len(tail))
		}
		for _, line := range tail {
			if len(line) > maxColumn || strings.ContainsFunc(line, unicode.IsControl) || printable(line) != line {
				t.Errorf("%q is not safe to print", line)
			}
		}
	})
}

// A cause is one that the table knows, and neither the order of the lines nor noise around them hides it.
func FuzzLikelyCause(f *testing.F) {
	for _, seed := range []string{
		"", "login: ", "[ 1.0] Kernel panic - not syncing: x\nNo space left on device", "KVM internal error. Suberror: 1",
		"error: file `/vmlinuz' not found\ngrub rescue> ", "ALERT! /dev/vda9 does not exist", "\xff\x00I/O error, dev vda",
	} {
		f.Add(seed)
	}
	known := []string{""}
	for _, s := range symptoms() {
		known = append(known, s.cause)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		cause := LikelyCause(lines)
		if !slices.Contains(known, cause) {
			t.Errorf("%q is in no row", cause)
		}
		slices.Reverse(lines)
		if other := LikelyCause(append(lines, "login: ")); other != cause {
			t.Errorf("%q, but the other way round %q", cause, other)
		}
	})
}

// Whatever is said to be a picture, reading it takes no more memory than the picture has bytes.
func FuzzDecodePPM(f *testing.F) {
	f.Add([]byte("P6\n2 1\n255\n \n\x00abc"))
	f.Add([]byte("P6\n8192 8192\n255\n"))
	f.Add([]byte("P6\n-1 2\n255\n"))
	f.Add([]byte("P5\n1 1\n255\na"))
	f.Add([]byte("P6 1 1 255 abc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		picture, err := decodePPM(bytes.NewReader(b))
		if err != nil {
			return
		}
		if s := picture.Rect.Size(); 3*s.X*s.Y >= len(b) {
			t.Errorf("%v of %d bytes", s, len(b))
		}
	})
}

package verify

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"path/filepath"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
)

// Screenshot is a picture of the screen that is kept with the report, as PNG.
type Screenshot struct {
	Name    string        `json:"name"` // what it shows: "menu", "media-check", "session", "login", "stuck", "last"
	File    string        `json:"file"` // path, relative to the report's folder
	Digest  digest.Digest `json:"digest"`
	Seconds float64       `json:"seconds"` // since the start
}

// camera takes pictures of one machine, and keeps some.
type camera struct {
	trial
	last  *image.RGBA // the newest one
	taken int         // how many there were
}

// look takes a picture.
func (c *camera) look(ctx context.Context) (*image.RGBA, error) {
	p, err := c.machine.Screen(ctx)
	if err != nil {
		return nil, err
	}
	c.last = p
	c.taken++
	return p, nil
}

// keep writes the newest picture beside the boot's console, in place of an older one of that name.
func (c *camera) keep(name string) error {
	if c.last == nil {
		return nil
	}
	var b bytes.Buffer
	if err := png.Encode(&b, c.last); err != nil {
		return fmt.Errorf("keeping a picture of the screen: %w", err)
	}
	path := filepath.Join(filepath.Dir(c.boot.Console), name+".png")
	if err := durable.WriteFile(path, b.Bytes()); err != nil {
		return fmt.Errorf("keeping a picture of the screen: %w", err)
	}
	file, err := filepath.Rel(c.Dir, path)
	if err != nil {
		return err
	}
	shot := Screenshot{Name: name, File: file, Digest: digest.Bytes(b.Bytes()), Seconds: seconds(c.started)}
	for i, old := range c.boot.Screenshots {
		if old.Name == name {
			c.boot.Screenshots[i] = shot
			return nil
		}
	}
	c.boot.Screenshots = append(c.boot.Screenshots, shot)
	return nil
}

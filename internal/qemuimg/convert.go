package qemuimg

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/quarry-project/quarry/internal/command"
)

// Conversion says what Convert makes of what.
type Conversion struct {
	From, FromFormat string
	To, ToFormat     string
	Compress         bool     // write compressed clusters, where ToFormat has them
	Options          []string // of ToFormat, KEY=VALUE
	Size             int64    // bytes of the new disk, which is zero behind From's end; 0: From's size
}

// Convert writes the image To; percent, which may be nil, gets 0 to 100 as it goes. The same disk becomes the same bytes, apart from what a format
// itself makes up (the ids in a vmdk and a vpc). On failure To may be half-written.
func Convert(ctx context.Context, c Conversion, percent func(float64)) error {
	var out io.Writer
	if percent != nil {
		out = &percentReader{report: percent}
	}
	for _, args := range convertArgs(c) {
		if err := command.Run(ctx, command.Cmd{Args: args, Stdout: out}); err != nil {
			return fmt.Errorf("converting %s to %s: %w", c.From, c.ToFormat, err)
		}
	}
	return nil
}

// convertArgs are Convert's command lines. Sixteen requests at once keep every processor compressing. They are written in order: out of order (-W)
// takes a quarter less time, but then clusters lie in the order in which they became ready, which is another one each time.
func convertArgs(c Conversion) [][]string {
	convert := []string{program, "convert", "-p", "-m", "16", "-f", c.FromFormat, "-O", c.ToFormat}
	if c.Compress {
		convert = append(convert, "-c")
	}
	var options []string
	for _, o := range c.Options {
		options = append(options, "-o", o)
	}
	if c.Size == 0 {
		return [][]string{append(append(convert, options...), "--", c.From, c.To)}
	}
	create := append([]string{program, "create", "-q", "-f", c.ToFormat}, options...)
	return [][]string{
		append(create, "--", c.To, strconv.FormatInt(c.Size, 10)),
		append(convert, "-n", "--target-is-zero", "--", c.From, c.To),
	}
}

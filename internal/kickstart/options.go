package kickstart

import (
	"cmp"
	"io"
	"io/fs"
)

// Options say how to read a kickstart.
type Options struct {
	Version Version // whose syntax is meant; must be set
	// Includes is where %include and %ksappend find their files. A name is looked up from its root, then beside the
	// including file; "/" is the root. Names that leave it are errors. Nil: every include is an error.
	// Use os.Root.FS when symbolic links must not lead out either.
	Includes fs.FS
	// Fetch reads an include that is a URL; nil: such an include is an error.
	Fetch func(url string) (io.ReadCloser, error)
	// AllowMissingIncludes makes an include of an absolute path that isn't there a warning: %pre may write it.
	AllowMissingIncludes bool

	MaxBytes    int64 // bound for the text of all files together; 0: 4 MiB
	MaxDepth    int   // bound for includes inside includes; 0: 20
	MaxIncludes int   // bound for the number of includes; 0: 1000
	MaxItems    int   // bound for the number of commands and packages; 0: 100000
	MaxProblems int   // bound for the errors kept, and for the warnings; 0: 500
}

func (o Options) withDefaults() Options {
	o.MaxBytes = cmp.Or(o.MaxBytes, 4<<20)
	o.MaxDepth = cmp.Or(o.MaxDepth, 20)
	o.MaxIncludes = cmp.Or(o.MaxIncludes, 1000)
	o.MaxItems = cmp.Or(o.MaxItems, 100_000)
	o.MaxProblems = cmp.Or(o.MaxProblems, 500)
	return o
}

package watch

import (
	"io/fs"

	"github.com/quarry-project/quarry/internal/kickstart"
)

// made is what an image's kickstart consists of at one commit.
type made struct {
	files []string // all that were looked for, there or not: one that appears may be included instead of another
	text  string   // with includes resolved
	ok    bool     // the kickstart is there and can be read
}

// read reads an image's kickstart and what it includes.
func read(files fs.FS, image Image) made {
	r := &recorder{FS: files}
	text, err := r.Open(image.Kickstart)
	if err != nil {
		return made{files: r.names}
	}
	defer text.Close()
	ks, err := kickstart.Parse(image.Kickstart, text, kickstart.Options{Version: image.Version, Includes: r, AllowMissingIncludes: true})
	if err != nil {
		return made{files: r.names}
	}
	return made{files: r.names, text: ks.Flat(), ok: true}
}

// recorder remembers the names that are opened.
type recorder struct {
	fs.FS
	names []string
}

// Open implements fs.FS.
func (r *recorder) Open(name string) (fs.File, error) {
	r.names = append(r.names, name)
	return r.FS.Open(name)
}

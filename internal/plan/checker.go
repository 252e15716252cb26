package plan

import (
	"fmt"

	units "github.com/docker/go-units"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/strictyaml"
)

// checker collects what is wrong with the values of a file.
type checker struct {
	file string
	data []byte
	errs []error
}

func (c *checker) need(ok bool, at, format string, args ...any) {
	if !ok {
		c.errs = append(c.errs, strictyaml.At(c.file, c.data, at, fmt.Sprintf(format, args...)))
	}
}

func (c *checker) size(at, text string) int64 {
	n, err := units.RAMInBytes(text)
	c.need(err == nil && n >= 1<<20, at, "%q is no size: write it like 10GiB", text)
	return n
}

func (c *checker) architectures(names []string, needed bool) {
	c.need(len(names) > 0 || !needed, "$.architectures", "none is given")
	for i, name := range names {
		_, err := arch.Lookup(name)
		c.need(err == nil, fmt.Sprintf("$.architectures[%d]", i), "%v", err)
	}
}

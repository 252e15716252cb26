package resolve

import (
	"github.com/quarry-project/quarry/internal/artifact"
)

// Inputs is everything a Lock names, fetched and checked.
type Inputs struct {
	// RPMs are the packages of the installed and the available set, by Package.Key.
	RPMs                   map[string]artifact.File
	Comps                  map[string]artifact.File // groups files, by Repository.ID
	Modules                map[string]artifact.File // modules.yaml, by Repository.ID
	Kernel, Initrd, Stage2 artifact.File
}

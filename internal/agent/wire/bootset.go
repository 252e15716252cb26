package wire

// BootSpec says what to make and to collect for a medium that starts the system of a package tree.
type BootSpec struct {
	Dracut Dracut     `json:"dracut"`
	Files  []BootFile `json:"files"`
	Make   []BootMade `json:"make,omitempty"`
}

// Dracut says what the initramfs of the medium has beside what dracut takes on its own.
type Dracut struct {
	Add      []string `json:"add"`                // modules that have to be there
	Optional []string `json:"optional,omitempty"` // modules that are added where a package has brought them
	Omit     []string `json:"omit,omitempty"`
}

// BootFile is a file of the tree, or a folder's files, to be copied out.
type BootFile struct {
	Name     string   `json:"name"`  // of the copy: a plain file name
	Globs    []string `json:"globs"` // below the root, of path.Match; of the first one that matches anything, the first match is taken
	All      bool     `json:"all,omitempty"`
	Package  string   `json:"package"`            // that brings it, for the error where it is missing
	Optional bool     `json:"optional,omitempty"` // it may be missing
}

// BootMade is a file that a program of the tree makes.
type BootMade struct {
	Name    string   `json:"name"`    // of the file, which the program has to write into BootOut
	Args    []string `json:"args"`    // the program and its arguments, in the tree
	Needs   string   `json:"needs"`   // a path below the root that the program reads
	Package string   `json:"package"` // that brings it
}

// BootOut is where programs of the tree leave what they make, in the tree.
const BootOut = "/quarry-bootset"

// Names of what every boot set has.
const (
	BootKernel = "vmlinuz"
	BootInitrd = "initrd.cpio" // not compressed: that is the host's affair
)

// BootResult is what a boot set has.
type BootResult struct {
	Kernel  string   `json:"kernel"`            // its version
	Files   []string `json:"files"`             // names, "NAME/FILE" for those of a BootFile with All; sorted
	Missing []string `json:"missing,omitempty"` // names of optional files that are not there
}

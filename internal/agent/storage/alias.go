package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// Alias gives the disk a second name in dir, which is /dev: scripts written for machines with a disk of another kind find it, and each of its
// partitions once it is made, under the name that they know.
func Alias(dir, disk, name string) error {
	if name == "" || name == filepath.Base(disk) {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
		return fmt.Errorf("the disk can't be called %s too: there is one already", name)
	}
	links := map[string]string{name: disk}
	for n := 1; n <= maxAliased; n++ {
		links[Part(name, n)] = Part(disk, n)
	}
	for link, target := range links {
		if err := os.Symlink(filepath.Base(target), filepath.Join(dir, link)); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("call the disk %s too: %w", name, err)
		}
	}
	return nil
}

// maxAliased is for how many partitions Alias makes names.
const maxAliased = 16

// renamed is s with the disk's own name where the kickstart has another for it.
func renamed(s wire.Storage, disk string) wire.Storage {
	if s.Device == "" {
		return s
	}
	own := func(name string) string {
		if rest, ok := strings.CutPrefix(strings.TrimPrefix(name, "/dev/"), s.Device); ok {
			return filepath.Base(disk) + rest
		}
		return name
	}
	s.Partitions, s.ClearList = slices.Clone(s.Partitions), slices.Clone(s.ClearList)
	for i := range s.Partitions {
		s.Partitions[i].OnPart = own(s.Partitions[i].OnPart)
		s.Partitions[i].OnDisk = own(s.Partitions[i].OnDisk)
	}
	for i := range s.ClearList {
		s.ClearList[i] = own(s.ClearList[i])
	}
	return s
}

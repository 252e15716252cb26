package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/quarry-project/quarry/internal/progress"
)

// state is what the tree says of itself.
type state struct {
	sums  map[string]Checksum // by published name, links included
	bad   map[string]error    // by published name: why its checksum is not in sums
	links map[string]string   // what symbolic links say, by name
	names []string            // all, in order, without Quarry's own
	text  string              // the folder's CHECKSUM
}

// all returns the checksums as CHECKSUM has them.
func (s state) all() string {
	var all []Checksum
	for _, c := range s.sums {
		all = append(all, c)
	}
	return joinChecksums(all)
}

// read reads the tree's checksums. One that does not describe its file is left alone, and out of CHECKSUM.
func (t *tree) read(report progress.Func) (state, error) {
	now := state{sums: map[string]Checksum{}, bad: map[string]error{}, links: map[string]string{}}
	entries, err := os.ReadDir(t.dir)
	if err != nil {
		return now, err
	}
	for _, e := range entries {
		if e.Name() == private {
			continue
		}
		now.names = append(now.names, e.Name())
		if e.Type() == fs.ModeSymlink {
			if now.links[e.Name()], err = os.Readlink(t.path(e.Name())); err != nil {
				return now, err
			}
		}
		name, ok := strings.CutSuffix(e.Name(), checksumSuffix)
		if !ok || name == "" {
			continue
		}
		sum, err := t.readChecksum(name)
		if err != nil {
			report.Warn(fmt.Sprintf("%s is left out of CHECKSUM: %v", e.Name(), err))
			now.bad[name] = err
			continue
		}
		now.sums[name] = sum
	}
	b, err := os.ReadFile(t.path(checksumAll))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return now, err
	}
	now.text = string(b)
	return now, nil
}

// readChecksum reads the checksum of a published name: its own file's, which has to agree with what the name means now.
func (t *tree) readChecksum(name string) (Checksum, error) {
	sum, err := t.parseChecksum(name)
	if err != nil {
		return Checksum{}, err
	}
	info, err := os.Lstat(t.path(name))
	if err != nil {
		return Checksum{}, err
	}
	switch info.Mode().Type() {
	case 0:
		if info.Size() != sum.Size {
			return Checksum{}, fmt.Errorf("%s has %d bytes, not %d", name, info.Size(), sum.Size)
		}
	case fs.ModeSymlink:
		target, err := os.Readlink(t.path(name))
		if err != nil {
			return Checksum{}, err
		}
		if _, err := ParseName(target); err != nil {
			return Checksum{}, err
		}
		meant, err := t.parseChecksum(target)
		if err != nil {
			return Checksum{}, err
		}
		if meant.Size != sum.Size || meant.Digest != sum.Digest {
			return Checksum{}, fmt.Errorf("%s means %s, which has another checksum", name, target)
		}
	default:
		return Checksum{}, fmt.Errorf("%s is no file", name)
	}
	return sum, nil
}

// parseChecksum reads NAME.CHECKSUM.
func (t *tree) parseChecksum(name string) (Checksum, error) {
	path := t.path(name + checksumSuffix)
	info, err := os.Lstat(path)
	if err != nil {
		return Checksum{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxChecksum {
		return Checksum{}, fmt.Errorf("%s is no checksum file", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Checksum{}, err
	}
	all, err := ParseChecksums(b)
	if err != nil {
		return Checksum{}, err
	}
	if len(all) != 1 || all[0].Name != name {
		return Checksum{}, fmt.Errorf("%s does not hold the checksum of %s alone", path, name)
	}
	return all[0], nil
}

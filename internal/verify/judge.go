package verify

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/nevra"
)

// judgeCloudInit reads `cloud-init status`, as JSON (cloud-init 22.3 and later) or in its own lines. What cloud-init calls recoverable, such as
// an option that will go away, is told and forgiven.
func judgeCloudInit(a answer) (bool, string) {
	var status struct {
		Status      string              `json:"status"`
		Detail      string              `json:"detail"`
		Errors      []string            `json:"errors"`
		Recoverable map[string][]string `json:"recoverable_errors"`
	}
	if err := json.NewDecoder(strings.NewReader(a.out)).Decode(&status); err != nil {
		for line := range strings.Lines(a.out) {
			if word, ok := strings.CutPrefix(line, "status: "); ok {
				status.Status = strings.TrimSpace(word)
			}
		}
		status.Detail = a.both()
	}
	if status.Status == "done" && len(status.Errors) == 0 {
		detail := "done"
		for _, level := range slices.Sorted(maps.Keys(status.Recoverable)) {
			detail += fmt.Sprintf("; %s: %s", printable(level), printable(strings.Join(status.Recoverable[level], ", ")))
		}
		return true, detail
	}
	return false, printable(strings.Join(append([]string{"status " + strconv.Quote(status.Status), status.Detail}, status.Errors...), ": "))
}

// judgeRoot reads findmnt's line; the exit code is that of writing.
func judgeRoot(a answer) (bool, string) {
	mount, _, _ := strings.Cut(a.out, "\n")
	if a.code != 0 {
		return false, "the root file system can't be written: " + printable(a.both())
	}
	return true, "written to " + printable(mount)
}

// queryPackages lists what is installed, as root: to read a database that nobody has open, SQLite has to write beside it.
const queryPackages = `rpm -qa --qf '%{NAME} %{EPOCHNUM} %{VERSION} %{RELEASE} %{ARCH}\n'`

// importedKey is what rpm calls a key in its database: it looks like a package and is none.
const importedKey = "gpg-pubkey"

// judgePackages compares rpm's list with what is expected.
func judgePackages(a answer, expected []artifact.Package) (bool, string) {
	if a.code != 0 {
		return false, "rpm failed: " + printable(a.both())
	}
	want, got := map[nevra.NEVRA]bool{}, map[nevra.NEVRA]bool{}
	for _, p := range expected {
		n := p.NEVRA
		if n.Epoch == "" {
			n.Epoch = "0"
		}
		want[n] = n.Name != importedKey
	}
	for line := range strings.Lines(a.out) {
		f := strings.Fields(line)
		if len(f) != 5 {
			return false, "rpm's list has a line that is no package: " + strconv.Quote(printable(line))
		}
		got[nevra.NEVRA{Name: f[0], Epoch: f[1], Version: f[2], Release: f[3], Arch: f[4]}] = f[0] != importedKey
	}
	missing, extra := lacking(want, got), lacking(got, want)
	if len(missing) == 0 && len(extra) == 0 {
		return true, fmt.Sprintf("the %d expected packages", len(lacking(want, nil)))
	}
	var parts []string
	if len(missing) > 0 {
		parts = append(parts, fmt.Sprintf("%d missing: %s", len(missing), listed(missing)))
	}
	if len(extra) > 0 {
		parts = append(parts, fmt.Sprintf("%d not expected: %s", len(extra), listed(extra)))
	}
	return false, strings.Join(parts, "; ")
}

// judgeGrowth reads lsblk's types and sizes, and df's size of the root file system, which is on the largest partition.
func judgeGrowth(a answer) (bool, string) {
	if a.code != 0 {
		return false, "lsblk and df failed: " + printable(a.both())
	}
	var disk, partitions, largest, root int64
	for line := range strings.Lines(a.out) {
		f := strings.Fields(line)
		switch {
		case len(f) == 2:
			size, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil || size < 0 {
				return false, "lsblk printed " + strconv.Quote(printable(line))
			}
			switch f[0] {
			case "disk":
				disk = size
			case "part":
				partitions += size
				largest = max(largest, size)
			}
		case len(f) == 1: // df's heading is no number
			if size, err := strconv.ParseInt(f[0], 10, 64); err == nil {
				root = size
			}
		}
	}
	detail := fmt.Sprintf("disk %d MiB, partitions %d MiB, root file system %d MiB", disk>>20, partitions>>20, root>>20)
	switch {
	case disk == 0 || disk-partitions > 64<<20: // tables and alignment take a few MiB
		return false, detail + ": the partitions do not fill the disk"
	case root < largest/8*7: // ext4 shows up to a tenth less than it has
		return false, detail + ": the file system does not fill its partition"
	}
	return true, detail
}

// lacking lists, sorted, the packages that are in a and not in b.
func lacking(a, b map[nevra.NEVRA]bool) []string {
	var names []string
	for n, is := range a {
		if is && !b[n] {
			names = append(names, printable(n.String()))
		}
	}
	slices.Sort(names)
	return names
}

package storage

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/program"
)

// Read tells what is on the disk at path, with sfdisk where it has a label.
func Read(ctx context.Context, run program.Runner, path string) (Disk, error) {
	disk := Disk{Path: path, SectorSize: 512}
	sys := filepath.Join("/sys/class/block", filepath.Base(path))
	sectors, err := readInt(filepath.Join(sys, "size")) // always in units of 512 bytes
	if err != nil {
		return Disk{}, fmt.Errorf("read the size of %s: %w", path, err)
	}
	disk.MiB = sectors * 512 / MiB
	if n, err := readInt(filepath.Join(sys, "queue/logical_block_size")); err == nil && n >= 512 {
		disk.SectorSize = n
	}
	labelled, err := hasLabel(path, disk.SectorSize)
	if err != nil || !labelled {
		return disk, err
	}
	out, err := run.Output(ctx, "sfdisk", "--json", path)
	if err != nil {
		return Disk{}, fmt.Errorf("read the partition table of %s: %w", path, err)
	}
	disk.Label, disk.Partitions, err = parseTable(out)
	if err != nil {
		return Disk{}, fmt.Errorf("read the partition table of %s: %w", path, err)
	}
	return disk, nil
}

// hasLabel looks for the signatures of both kinds of label, as sfdisk fails on a disk without one.
func hasLabel(path string, sector int64) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 2*sector)
	if _, err := io.ReadFull(f, head); err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	gpt := string(head[sector:sector+8]) == "EFI PART"
	return gpt || binary.LittleEndian.Uint16(head[510:]) == 0xaa55, nil
}

// parseTable reads what "sfdisk --json" prints.
func parseTable(out []byte) (label string, slots []Slot, err error) {
	var doc struct {
		Table struct {
			Label      string `json:"label"`
			Partitions []struct {
				Node  string `json:"node"`
				Start int64  `json:"start"`
				Size  int64  `json:"size"`
				Type  string `json:"type"`
			} `json:"partitions"`
		} `json:"partitiontable"`
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		return "", nil, err
	}
	for _, p := range doc.Table.Partitions {
		number, err := strconv.Atoi(p.Node[strings.LastIndexFunc(p.Node, func(r rune) bool { return r < '0' || r > '9' })+1:])
		if err != nil || p.Start < 0 || p.Size < 0 {
			return "", nil, fmt.Errorf("sfdisk names a partition %q that starts at %d and has %d sectors", p.Node, p.Start, p.Size)
		}
		slots = append(slots, Slot{Number: number, Start: p.Start, Size: p.Size, Type: p.Type})
	}
	return doc.Table.Label, slots, nil
}

func readInt(path string) (int64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
}

// call is a program to run, with its standard input.
type call struct {
	args  []string
	stdin string
}

// tableCalls are the sfdisk calls that bring the partition table of l about.
func tableCalls(l Layout) []call {
	var calls []call
	if len(l.Remove) > 0 {
		args := []string{"sfdisk", "--delete", l.Disk}
		for _, n := range l.Remove {
			args = append(args, itoa(n))
		}
		calls = append(calls, call{args: args})
	}
	if l.Label != "" || len(l.Create) > 0 {
		var b strings.Builder
		args := []string{"sfdisk", "--wipe", "always", "--wipe-partitions", "always"}
		if l.Label != "" {
			fmt.Fprintf(&b, "label: %s\n", l.Label)
		} else {
			args = append(args, "--append")
		}
		b.WriteString("unit: sectors\n")
		for _, s := range l.Create {
			fmt.Fprintf(&b, "%s : start=%d, size=%d, type=%s\n", Part(l.Disk, s.Number), s.Start, s.Size, s.Type)
		}
		calls = append(calls, call{append(args, l.Disk), b.String()})
	}
	for _, s := range l.Retype {
		// The kernel doesn't look at types, and telling it fails while udev holds a partition open.
		calls = append(calls, call{args: []string{"sfdisk", "--no-reread", "--no-tell-kernel", "--part-type", l.Disk, itoa(s.Number), s.Type}})
	}
	return calls
}

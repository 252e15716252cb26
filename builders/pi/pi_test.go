package pi

import (
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

func TestCheck(t *testing.T) {
	good := wire.Job{
		Storage: wire.Storage{DiskLabel: "msdos", Partitions: []wire.Partition{{Mount: "/", FSType: "ext4"}, {Mount: "/boot", FSType: "vfat"}}},
		Boot:    wire.Bootloader{Disabled: true},
	}
	if err := check(good); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*wire.Job){
		"partition table": func(j *wire.Job) { j.Storage.DiskLabel = "gpt" },
		"boot loader":     func(j *wire.Job) { j.Boot.Disabled = false },
		"no FAT":          func(j *wire.Job) { j.Storage.Partitions = []wire.Partition{{Mount: "/boot", FSType: "ext4"}} },
	} {
		j := good
		change(&j)
		if err := check(j); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %q", err, want)
		}
	}
}

package main

import (
	"fmt"
	"os"
	"time"

	units "github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/vm"
)

// makingFlags are those that say how images are made and where they go; build and run have them.
type makingFlags struct {
	publish  []string
	accel    string
	packages string
	date     string
	memory   string
	cpus     int
	noLatest bool
	noVerify bool
	silence  time.Duration
	total    time.Duration
	tellingFlags
}

func (m *makingFlags) register(cmd *cobra.Command) {
	m.tellingFlags.register(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&m.publish, "publish", nil, publishUsage)
	f.StringVar(&m.accel, "accel", "auto", "kvm, tcg (emulation), or auto: try KVM and fall back")
	f.StringVar(&m.packages, "packages", "auto", "where packages are installed: sandbox, machine, or auto")
	f.StringVar(&m.date, "date", "", "date in the published names, `YYYYMMDD` (default: today in UTC)")
	f.BoolVar(&m.noLatest, "no-latest", false, "publish, but leave the latest links where they are")
	f.BoolVar(&m.noVerify, "no-verify", false, "don't boot the image; it can't become latest then")
	f.DurationVar(&m.silence, "silence", 0, "give up on a build machine that says nothing for so long (default 10m)")
	f.DurationVar(&m.total, "deadline", 0, "give up on a build machine that takes longer than this (default 3h)")
	f.IntVar(&m.cpus, "cpus", 0, "CPUs that several builds may use together (default: all of the host's)")
	f.StringVar(&m.memory, "memory", "", "memory that several builds may use together, such as `16GiB` (default: what is available)")
	complete(cmd, "accel", "auto", "kvm", "tcg")
	complete(cmd, "packages", "auto", "sandbox", "machine")
}

// making is what the flags mean.
type making struct {
	makingFlags
	accel     vm.Accel
	packages  install.Method
	date      string
	memoryMiB int
	told      *telling
}

// parse checks the flags; what is wrong with them is a usageError.
func (m makingFlags) parse(now time.Time) (making, error) {
	made := making{makingFlags: m}
	var err error
	if made.accel, err = vm.ParseAccel(m.accel); err != nil {
		return made, usageError{err}
	}
	if made.packages, err = install.ParseMethod(m.packages); err != nil {
		return made, usageError{err}
	}
	if made.date, err = dateOr(m.date, now); err != nil {
		return made, usageError{err}
	}
	if made.told, err = m.tellingFlags.parse(len(m.publish) > 0, os.Getenv); err != nil {
		return made, err
	}
	if m.cpus < 0 {
		return made, usageError{fmt.Errorf("--cpus %d: want 1 or more", m.cpus)}
	}
	if m.memory != "" {
		bytes, err := units.RAMInBytes(m.memory)
		if err != nil || bytes < 1<<20 {
			return made, usageError{fmt.Errorf("--memory %q is no size: write it like 16GiB", m.memory)}
		}
		made.memoryMiB = int(bytes >> 20)
	}
	return made, nil
}

// dateOr checks a date, or takes the day of now.
func dateOr(date string, now time.Time) (string, error) {
	const form = "20060102"
	if date == "" {
		return now.UTC().Format(form), nil
	}
	if _, err := time.Parse(form, date); err != nil {
		return "", fmt.Errorf("--date %q is no day: write it as YYYYMMDD", date)
	}
	return date, nil
}

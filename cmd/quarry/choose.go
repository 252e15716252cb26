package main

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/matrix"
	"github.com/quarry-project/quarry/internal/plan"
)

// chooseFlags say which images a command is about that is about a set of them.
type chooseFlags struct {
	file   string
	since  string
	labels []string
}

func (c *chooseFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&c.file, "file", "f", "", "a run `FILE`: YAML with select, exclude, labels, architectures, publish")
	f.StringSliceVar(&c.labels, "label", nil, "images with one of these labels, such as nightly")
	f.StringVar(&c.since, "since", "", "only images whose kickstart has changed since this `COMMIT|DATE|AGE`: a commit, 2026-01-31, or 24h")
}

// choosing are the flags that narrow a set. They are called as those of one image, and may have several values with commas between them.
func choosing() map[string]string {
	return map[string]string{
		"distro": "distributions", "release": "releases, such as 8,9", "image": "images, such as GenericCloud or Vagrant-Libvirt",
		"variant": "variants", "arch": "architectures, as RPM calls them",
	}
}

// registerChoosing adds those flags without a default.
func registerChoosing(cmd *cobra.Command) {
	for name, what := range choosing() {
		cmd.Flags().String(name, "", "only these "+what)
	}
	complete(cmd, "arch", arch.Names()...)
	complete(cmd, "release", "8", "9", "10")
	complete(cmd, "distro", "rocky", "almalinux", "pebble")
}

// choose returns the builds that are meant, in the catalog's order, and the run file where there is one. What is wrong with the words is a
// usageError.
func (c *chooseFlags) choose(cmd *cobra.Command, selectors []string, catalog plan.Catalog) ([]matrix.Build, matrix.RunFile, error) {
	var file matrix.RunFile
	named := func(flag string) []string {
		if f := cmd.Flags().Lookup(flag); f != nil && f.Changed {
			return strings.Split(f.Value.String(), ",")
		}
		return nil
	}
	asked := matrix.Selection{
		Selectors: selectors, Labels: c.labels, Distros: named("distro"), Releases: named("release"), Images: named("image"),
		Variants: named("variant"), Archs: named("arch"),
	}
	all := catalog.Pipelines()
	if c.file != "" {
		data, err := os.ReadFile(c.file)
		if err != nil {
			return nil, file, err
		}
		if file, err = matrix.ParseRunFile(c.file, data, all); err != nil {
			return nil, file, usageError{err}
		}
	}
	if asked.Empty() && c.file == "" {
		return nil, file, usageError{errors.New("which images? give selectors such as rocky/9/GenericCloud-Base/x86_64, --label nightly, or --file FILE; '*' is all")}
	}
	builds, err := asked.Select(all)
	if err == nil && c.file != "" {
		var listed []matrix.Build
		if listed, err = file.Selection().Select(all); err == nil {
			builds = matrix.Both(listed, builds)
		}
		if err == nil && len(builds) == 0 {
			err = errors.New("no image of " + c.file + " is one that the other words mean")
		}
	}
	if err != nil {
		return nil, file, usageError{err}
	}
	return builds, file, nil
}

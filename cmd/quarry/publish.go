package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/history"
)

func newPublish() *cobra.Command {
	var work, date string
	var trees []string
	var back rollback
	var noLatest, asJSON bool
	cmd := &cobra.Command{
		Use:   "publish BUILD | publish --rollback IMAGE",
		Short: "Publish what a build has made, or go back to the build before",
		Long: `Publish puts the images of an earlier build into a tree under their dated names, with checksums, and moves the latest links. BUILD is the
build's name, as quarry build prints it, its id in quarry history, or the path of a build.json. Links move only for images whose boots passed.

With --rollback, the latest links of IMAGE move to the newest older build whose boots passed instead. IMAGE is the image as file names have
it, such as Rocky-9-GenericCloud-Base, or its last part alone where that is clear.`,
		Example: `  quarry publish rocky-9-GenericCloud-Base-x86_64 --publish /srv/images
  quarry publish ./build.json --publish out --no-latest
  quarry publish --rollback Rocky-9-GenericCloud-Base --arch aarch64 --publish /srv/images`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(trees) == 0 {
				return usageError{errors.New("publish where? say --publish DIR")}
			}
			if (back.image == "") == (len(args) == 0) {
				return usageError{errors.New("publish what? name either a BUILD or --rollback IMAGE")}
			}
			if back.image != "" {
				return back.run(cmd, trees, asJSON)
			}
			if len(back.archs) > 0 {
				return usageError{errors.New("--arch goes with --rollback: a build has one architecture")}
			}
			day, err := dateOr(date, time.Now())
			if err != nil {
				return usageError{err}
			}
			dirs, err := newFolders(work)
			if err != nil {
				return err
			}
			h, err := openHistory(cmd.Context(), dirs)
			if err != nil {
				return err
			}
			defer h.Close()
			build, err := loadBuild(cmd.Context(), h, dirs, args[0])
			if err != nil {
				return err
			}
			outcome := build.Outcome
			view := newView(cmd.ErrOrStderr(), asJSON, false)
			setup := builders.Setup{
				Runner:  &engine.Runner{Report: view.Show},
				Publish: destinations(trees, day, !noLatest),
			}
			err = setup.PublishOutcome(cmd.Context(), &outcome)
			view.Close()
			if len(outcome.Published) == 0 {
				return err
			}
			// Also of a publication that was cut short: what is in a tree is there.
			err = errors.Join(err, h.Published(context.WithoutCancel(cmd.Context()), build.ID, artifactsOf(outcome)))
			if asJSON {
				return errors.Join(err, printJSON(cmd.OutOrStdout(), outcome.Published))
			}
			return errors.Join(err, summary(cmd.OutOrStdout(), outcome, nil, 0))
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&trees, "publish", nil, publishUsage)
	f.StringVar(&back.image, "rollback", "", "move the latest links of `IMAGE` to the build before")
	f.StringSliceVar(&back.archs, "arch", nil, "roll back only these architectures")
	f.StringVar(&date, "date", "", "date in the published names, `YYYYMMDD` (default: today in UTC)")
	f.BoolVar(&noLatest, "no-latest", false, "leave the latest links where they are")
	f.StringVar(&work, "work", "", "the `DIR` that the build kept everything under")
	f.BoolVar(&asJSON, "json", false, "write JSON for machines")
	return cmd
}

// publishUsage explains --publish, which several commands have.
const publishUsage = "publish into the tree `DIR`; can be given several times, and one that fails does not keep the others from being tried"

// destinations are the trees to publish into.
func destinations(dirs []string, date string, latest bool) []builders.Publish {
	var all []builders.Publish
	for _, dir := range dirs {
		all = append(all, builders.Publish{Dir: dir, Date: date, Latest: latest})
	}
	return all
}

// loadBuild reads the record of a build.
func loadBuild(ctx context.Context, h *history.History, dirs folders, name string) (result, error) {
	var r result
	path, err := recordOf(ctx, h, dirs, name)
	if err != nil {
		return r, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("reading the record of build %q: %w", name, err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("%s is no record of a build: %w", path, err)
	}
	if len(r.Images) == 0 {
		return r, fmt.Errorf("%s: that build has no finished images", path)
	}
	return r, nil
}

// recordOf finds the record of a build: name is a file, the name of the last build that made images, or an id in the history.
func recordOf(ctx context.Context, h *history.History, dirs folders, name string) (string, error) {
	for _, path := range []string{name, recordPath(dirs, name)} {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	b, err := h.Build(ctx, name)
	return filepath.Join(b.Logs, recordName), err
}

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/store"
)

func newLock() *cobra.Command {
	var t target
	var output string
	cmd := &cobra.Command{
		Use:   "lock",
		Short: "Solve the dependencies and write the Lock: every input with its checksum",
		Long: `Lock asks dnf which packages the image consists of and writes them down with their checksums and the reason for each, together
with the kickstart's commit, the repositories' and the installer tree's checksums. quarry build --lock FILE builds from it again.`,
		Example: `  quarry lock --release 9 --image GenericCloud -o rocky9.lock.json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dirs, err := newFolders(t.work)
			if err != nil {
				return err
			}
			view := newView(cmd.ErrOrStderr(), t.json, t.verbose)
			defer view.Close()
			p, err := t.plan(cmd.Context(), dirs, nil, view.Show)
			if err != nil {
				return err
			}
			files, err := store.Open(dirs.store())
			if err != nil {
				return err
			}
			defer files.Close()
			setup := builders.Setup{
				Runner: &engine.Runner{Dir: dirs.steps(), Report: view.Show},
				Store:  files, CacheDir: dirs.cache,
			}
			lock, err := setup.LockFor(cmd.Context(), p)
			if err != nil {
				return err
			}
			if output == "-" {
				return printJSON(cmd.OutOrStdout(), lock)
			}
			if output == "" {
				output = p.Name() + ".lock.json"
			}
			if err := lock.Save(output); err != nil {
				return err
			}
			view.Show(progress.Event{Kind: progress.Log, Message: fmt.Sprintf("%s: %d packages to install, %d more for scripts",
				output, len(lock.Packages), len(lock.Available))})
			return nil
		},
	}
	t.register(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE` (default: the plan's name with .lock.json; - is standard output)")
	return cmd
}

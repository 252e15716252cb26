// Command quarry builds the images of an Enterprise Linux distribution from its kickstarts. This package is flags and wiring: each
// subcommand has a file, and what it does is in the rooms below internal/ and builders/.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/sandbox"
)

// version is set by the linker; see the Makefile.
var version = "unknown" //nolint:gochecknoglobals // -X needs a variable

// Exit codes. Scripts may rely on them.
const (
	exitOK          = 0
	exitFailed      = 1   // what was asked for could not be done; of several builds, at least one
	exitUsage       = 2   // the command line makes no sense
	exitVerify      = 3   // the image was made, and booting it showed that it must not be published; of several builds, nothing worse happened
	exitNews        = 10  // quarry watch: new commits touch images
	exitInterrupted = 130 // Ctrl-C or SIGTERM; another run goes on from there
)

func main() {
	sandbox.Enter(install.SandboxFunctions())
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program without its process.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends the program the hard way
	}()
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	code := exitCode(ctx, err)
	var said *reportedError
	switch {
	case err == nil || errors.As(err, &said):
	case wantsJSON(cmd):
		newView(stderr, true, false).Show(progress.Event{Kind: progress.Failed, Message: err.Error()})
	default:
		fmt.Fprintln(stderr, "quarry:", err)
	}
	return code
}

// wantsJSON reports whether the command was called with --json: its errors are events then, too.
func wantsJSON(cmd *cobra.Command) bool {
	flag := cmd.Flags().Lookup("json")
	return flag != nil && flag.Value.String() == "true"
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "quarry",
		Short: "Build, boot and publish Enterprise Linux images from kickstarts",
		Long: `Quarry builds the images of an Enterprise Linux distribution from its kickstarts: every input is pinned, the install runs in a
QEMU machine of the image's architecture, the result is booted, and only what boots becomes "latest". It needs no root.`,
		Example: `  quarry doctor
  quarry build --release 9 --image GenericCloud --publish out
  quarry plan --release 9 --image GenericCloud`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(newRun())
	root.AddCommand(newBuild(), newImages(), newPlan(), newLock(), newVerify(), newInspect(), newPublish(), newPrune(), newFsck(), newWatch(), newGC(),
		newHistory(), newShow(), newLogs(), newDiff(), newDoctor(), newVersion(), newKSCommand())
	argumentsAreUsage(root)
	return root
}

// argumentsAreUsage makes a wrong number of arguments the same kind of error as a wrong flag, in every command.
func argumentsAreUsage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		argumentsAreUsage(sub)
	}
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

// reportedError is an error that the user has been told of already.
type reportedError struct{ error }

func (e *reportedError) Unwrap() error { return e.error }

// Command pebble builds the test distribution and prints the path of its tree.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/test/pebble"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pebble:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("pebble", flag.ContinueOnError)
	var o pebble.Options
	flags.StringVar(&o.Arch, "arch", "x86_64", "architecture, by RPM's name")
	flags.StringVar(&o.Cache, "cache", "", "folder for what is kept (default $XDG_CACHE_HOME/quarry/pebble)")
	flags.IntVar(&o.Jobs, "jobs", 0, "packages made at once (default one per CPU)")
	flags.BoolVar(&o.Refresh, "refresh", false, "ask the archive for newer packages")
	flags.BoolVar(&o.Desktop, "desktop", false, "with what live desktops need")
	out := flags.String("out", "", "a link to make to the tree")
	boot := flags.Bool("boot", false, "make only the installer's kernel and initrd")
	asJSON := flags.Bool("json", false, "print events and the tree as JSON lines")
	if err := flags.Parse(args); err != nil {
		return err
	}
	start := time.Now()
	o.Report = report(*asJSON)
	if *boot {
		root, err := pebble.Boot(ctx, o)
		if err == nil {
			fmt.Println(root)
		}
		return err
	}
	tree, err := pebble.Build(ctx, o)
	if err != nil {
		return err
	}
	if *out != "" {
		if err := link(tree.Root, *out); err != nil {
			return err
		}
	}
	if *asJSON {
		return json.NewEncoder(os.Stdout).Encode(tree)
	}
	fmt.Fprintf(os.Stderr, "Pebble %s for %s is ready after %s\n", tree.Version, tree.Arch, time.Since(start).Round(10*time.Millisecond))
	fmt.Println(tree.Root)
	return nil
}

// report shows progress on standard error, so that standard output holds only the answer; as JSON both go to standard output.
func report(asJSON bool) progress.Func {
	if asJSON {
		var lines sync.Mutex
		enc := json.NewEncoder(os.Stdout)
		return func(e progress.Event) {
			lines.Lock()
			defer lines.Unlock()
			_ = enc.Encode(e) // who reads standard output may have gone; the build goes on
		}
	}
	return func(e progress.Event) {
		switch {
		case e.Total > 0:
			if e.Done%50 == 0 || e.Done == e.Total {
				fmt.Fprintf(os.Stderr, "%s: %d of %d %s\n", e.Phase, e.Done, e.Total, e.Unit)
			}
		case e.Seconds > 0:
			fmt.Fprintf(os.Stderr, "%s: done after %.1f s\n", e.Phase, e.Seconds)
		case e.Message != "":
			fmt.Fprintln(os.Stderr, e.Message)
		}
	}
}

// link points name at the tree, replacing an older link but nothing else.
func link(root, name string) error {
	if info, err := os.Lstat(name); err == nil && info.Mode()&os.ModeSymlink == 0 {
		return fmt.Errorf("--out %s is there and is no link; remove it first", name)
	}
	tmp := name + ".new"
	_ = os.Remove(tmp)
	if err := os.Symlink(root, tmp); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/adrg/xdg"
)

// folders are where Quarry keeps things: under the XDG folders, or all under --work.
type folders struct {
	cache string // can be fetched or made again: mirrors, downloads, results of steps
	state string // logs and records of builds
}

func newFolders(work string) (folders, error) {
	f := folders{cache: filepath.Join(xdg.CacheHome, "quarry"), state: filepath.Join(xdg.StateHome, "quarry")}
	if work != "" {
		abs, err := filepath.Abs(work)
		if err != nil {
			return f, err
		}
		f = folders{cache: filepath.Join(abs, "cache"), state: filepath.Join(abs, "state")}
	}
	for _, dir := range []string{f.cache, f.state} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return f, fmt.Errorf("making Quarry's folder: %w (choose another with --work)", err)
		}
	}
	return f, nil
}

// store is where downloads are.
func (f folders) store() string { return filepath.Join(f.cache, "store") }

// steps is where results of steps are.
func (f folders) steps() string { return filepath.Join(f.cache, "steps") }

// agents is where the programs of build machines are unpacked.
func (f folders) agents() string { return filepath.Join(f.cache, "agents") }

// logs is where each build has a folder of logs.
func (f folders) logs() string { return filepath.Join(f.state, "logs") }

// logDir makes the folder for the logs of one build.
func (f folders) logDir(name string, now time.Time) (string, error) {
	logs := f.logs()
	if err := os.MkdirAll(logs, 0o700); err != nil {
		return "", err
	}
	base := filepath.Join(logs, name+"-"+now.UTC().Format("20060102T150405"))
	dir := base
	for i := 1; ; i++ {
		err := os.Mkdir(dir, 0o700)
		if err == nil || !os.IsExist(err) {
			return dir, err
		}
		dir = fmt.Sprintf("%s.%d", base, i)
	}
}

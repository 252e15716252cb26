package main

import (
	"io"
	"os"

	"golang.org/x/term"

	"github.com/quarry-project/quarry/internal/ui"
)

// newView shows events on w the way that fits it.
func newView(w io.Writer, json, verbose bool) ui.View {
	mode := ui.Plain
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		mode = ui.Bars
	}
	if json {
		mode = ui.JSON
	}
	return ui.New(w, mode, verbose)
}

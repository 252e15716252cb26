package main

import (
	"time"

	"github.com/spf13/cobra"
)

// chosen is a set of images, planned, with the session that works on it. run and plan share it.
type chosen struct {
	*session
	planner *planner
	set     []member
	name    string // of the run file
}

// open chooses and plans the images that selectors and flags mean. Whoever gets the set closes it; on an error there is nothing to close.
func (c chooseFlags) open(cmd *cobra.Command, t *target, flags makingFlags, selectors []string, now time.Time) (ready chosen, err error) {
	made, err := flags.parse(now)
	if err != nil {
		return chosen{}, err
	}
	dirs, err := newFolders(t.work)
	if err != nil {
		return chosen{}, err
	}
	view := newView(cmd.ErrOrStderr(), t.json, t.verbose)
	defer func() {
		if err != nil {
			view.Close()
		}
	}()
	planner, err := t.planner(dirs, view.Show)
	if err != nil {
		return chosen{}, err
	}
	builds, file, err := c.choose(cmd, selectors, planner.catalog)
	if err != nil {
		return chosen{}, err
	}
	if len(made.publish) == 0 {
		made.publish = file.Publish
	}
	s, err := newSession(cmd.Context(), made, dirs, view)
	if err != nil {
		return chosen{}, err
	}
	set, err := planner.members(cmd.Context(), t.request, builds, c.since)
	if err != nil {
		s.close()
		return chosen{}, err
	}
	return chosen{session: s, planner: planner, set: set, name: file.Name}, nil
}

// close ends the session, and with it the view.
func (c chosen) close() {
	c.session.close()
	c.view.Close()
}

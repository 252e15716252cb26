package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/matrix"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/source"
)

// outlook is what a run would do with one image.
type outlook struct {
	Name string `json:"name"`
	matrix.Build
	Action string `json:"action"` // "build", "unchanged" or "error"
	change
	Commits   []source.Commit  `json:"commits,omitempty"`   // of the kickstarts, that touch the image
	Inputs    *builders.Inputs `json:"inputs,omitempty"`    //
	Seconds   float64          `json:"seconds,omitempty"`   // if every step had to run; 0 is not known
	Bytes     int64            `json:"bytes,omitempty"`     // of the published files; 0 is not known
	WorkBytes int64            `json:"workBytes,omitempty"` // that building may fill beside them
	Error     string           `json:"error,omitempty"`
}

// The actions.
const (
	actionBuild     = "build"
	actionUnchanged = "unchanged"
	actionError     = "error"
)

// errUnplanned ends a plan of a set of which some images can't be planned; which, has been printed.
var errUnplanned = errors.New("some images can't be planned")

// planSet tells what a run would do with a set. Dependencies are solved for that; nothing else is done.
func planSet(cmd *cobra.Command, s *session, planner *planner, set []member, asJSON bool) error {
	ctx := cmd.Context()
	h, err := openHistory(ctx, s.dirs)
	if err != nil {
		return err
	}
	defer h.Close()
	all := make([]outlook, len(set))
	var group errgroup.Group
	group.SetLimit(s.jobs())
	for i, m := range set {
		group.Go(func() error {
			all[i] = s.outlook(ctx, h, m)
			return nil
		})
	}
	_ = group.Wait()        // no function returns an error
	for i, m := range set { // the planner is for one goroutine
		if all[i].Action != actionBuild || all[i].Last == "" {
			continue
		}
		if all[i].Commits, err = planner.touching(ctx, m.request, m.plan, all[i].Commit); err != nil {
			return err
		}
	}
	s.view.Close()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if asJSON {
		err = printJSON(cmd.OutOrStdout(), all)
	} else {
		_, err = fmt.Fprint(cmd.OutOrStdout(), outlooks(all, s.limits.CPUs))
	}
	for _, o := range all {
		if o.Action == actionError {
			return errors.Join(err, &reportedError{errUnplanned})
		}
	}
	return err
}

// outlook is that of one image.
func (s *session) outlook(ctx context.Context, h *history.History, m member) outlook {
	o := outlook{Name: m.Name(), Build: m.Build, Action: actionError}
	fail := func(err error) outlook {
		o.Error = err.Error()
		return o
	}
	if m.err != nil {
		return fail(m.err)
	}
	report := progress.Func(func(e progress.Event) {
		e.Build = o.Name
		s.view.Show(e)
	})
	setup := s.setup(&recorder{}, nil, 0)
	setup.Runner = &engine.Runner{Dir: s.dirs.steps(), Report: report, Resources: s.resources}
	defer setup.Runner.Close()
	lock, err := setup.LockFor(ctx, m.plan)
	if err != nil {
		return fail(err)
	}
	in, err := setup.Inputs(m.plan, lock)
	if err != nil {
		return fail(err)
	}
	if o.change, err = s.changed(ctx, h, m.plan, in, lock); err != nil {
		return fail(err)
	}
	o.Inputs = &in
	if len(o.Reasons) == 0 {
		o.Action = actionUnchanged
		return o
	}
	if o.Seconds, _, err = expected(ctx, h, m.Build); err != nil {
		return fail(err)
	}
	sizes, err := h.Sizes(ctx, imageOf(m.plan))
	if err != nil {
		return fail(err)
	}
	for _, size := range sizes {
		o.Bytes += size.Bytes
	}
	o.WorkBytes = builders.Space(lock)
	o.Action = actionBuild
	return o
}

// outlooks are for people: a table, and below it what has changed in each image.
func outlooks(all []outlook, cpus int) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "image\tarch\twhat\ttime\tsize\twhy\n")
	var seconds, longest float64
	var bytes, work int64
	counts := map[string]int{}
	for _, o := range all {
		counts[o.Action]++
		seconds, longest = seconds+o.Seconds, max(longest, o.Seconds)
		bytes, work = bytes+o.Bytes, work+o.WorkBytes
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", o.Title(), o.Arch, o.Action, known(o.Seconds > 0, aboutTime(o.Seconds)), known(o.Bytes > 0, size(o.Bytes)), o.why())
	}
	_ = w.Flush() // to a strings.Builder, which can't fail
	for _, o := range all {
		o.details(&b)
	}
	fmt.Fprintf(&b, "\n%d to build, %d unchanged", counts[actionBuild], counts[actionUnchanged])
	if n := counts[actionError]; n > 0 {
		fmt.Fprintf(&b, ", %d can't be planned", n)
	}
	if counts[actionBuild] > 0 {
		// Most of a build's time its machine has two CPUs.
		wall := max(longest, seconds/float64(max(1, cpus/2)))
		fmt.Fprintf(&b, "; by earlier runs %s, %s published; up to %s of disk while building",
			known(seconds > 0, "about "+aboutTime(wall)), known(bytes > 0, size(bytes)), size(work))
	}
	b.WriteString("\n")
	return b.String()
}

func known(is bool, what string) string {
	if is {
		return what
	}
	return "-"
}

// why is the table's last column.
func (o outlook) why() string {
	switch o.Action {
	case actionError:
		line, _, _ := strings.Cut(o.Error, "\n")
		return wire.Clean(line)
	case actionUnchanged:
		names := ""
		if len(o.Published) > 0 {
			names = "published as " + filepath.Base(o.Published[0])
		}
		return words("the same "+o.Same, names)
	}
	return strings.Join(o.Reasons, "; ")
}

// details are the commits and packages that make an image differ from the published one.
func (o outlook) details(b *strings.Builder) {
	if o.Action != actionBuild || len(o.Commits) == 0 && o.Packages.Empty() {
		return
	}
	fmt.Fprintf(b, "\n%s, since %s\n", o.Name, known(len(o.Published) > 0, filepath.Base(strings.Join(o.Published[:min(1, len(o.Published))], ""))))
	for _, c := range o.Commits { // foreign words
		fmt.Fprintf(b, "  commit   %s %s (%s)\n", short(c.ID), wire.Clean(c.Subject), c.Time.Format("2006-01-02"))
	}
	for _, p := range o.Packages.Added {
		fmt.Fprintf(b, "  added    %s\n", p.NEVRA)
	}
	for _, p := range o.Packages.Removed {
		fmt.Fprintf(b, "  removed  %s\n", p.NEVRA)
	}
	for _, p := range o.Packages.Updated {
		fmt.Fprintf(b, "  updated  %s -> %s\n", p.From.NEVRA, p.To.NEVRA)
	}
}

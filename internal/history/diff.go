package history

import (
	"context"
	"slices"
)

// Diff is how two builds differ.
type Diff struct {
	From      Build            `json:"from"` // with their parts
	To        Build            `json:"to"`
	Fields    []Field          `json:"fields,omitempty"` // what differs of what went in
	Compared  string           `json:"compared"`         // which packages: "installed", "locked", or "" where one build has neither
	Packages  PackageChanges   `json:"packages"`
	Artifacts []ArtifactChange `json:"artifacts,omitempty"` // those of both builds, whether they differ or not
	Steps     []StepChange     `json:"steps,omitempty"`
}

// Field is one property that differs.
type Field struct {
	Name string `json:"name"` // "kickstart commit", "lock", …
	From string `json:"from"`
	To   string `json:"to"`
}

// ArtifactChange is a file of one format. A side that doesn't have one is nil.
type ArtifactChange struct {
	Format string    `json:"format"`
	From   *Artifact `json:"from,omitempty"`
	To     *Artifact `json:"to,omitempty"`
}

// StepChange is how long a step took. A side that doesn't have the step, or where its result was there already, has 0.
type StepChange struct {
	Name string  `json:"name"`
	From float64 `json:"from"` // seconds
	To   float64 `json:"to"`
}

// Diff compares two builds, whose ids may be cut short as in Build.
func (h *History) Diff(ctx context.Context, from, to string) (Diff, error) {
	var d Diff
	var err error
	if d.From, err = h.Build(ctx, from); err != nil {
		return d, err
	}
	if d.To, err = h.Build(ctx, to); err != nil {
		return d, err
	}
	d.Fields = fields(d.From, d.To)
	d.Artifacts = artifacts(d.From.Artifacts, d.To.Artifacts)
	d.Steps = durations(d.From.Steps, d.To.Steps)
	for _, kind := range []Kind{Installed, Locked} {
		old, err := h.Packages(ctx, d.From.ID, kind)
		if err != nil {
			return d, err
		}
		now, err := h.Packages(ctx, d.To.ID, kind)
		if err != nil {
			return d, err
		}
		if len(old) > 0 && len(now) > 0 {
			d.Compared, d.Packages = kind.String(), ComparePackages(old, now)
			break
		}
	}
	return d, nil
}

// String is the kind's name.
func (k Kind) String() string {
	if k == Installed {
		return "installed"
	}
	return "locked"
}

func fields(from, to Build) []Field {
	all := []Field{
		{"image", from.Name(), to.Name()},
		{"release", from.Version, to.Version},
		{"kickstart source", from.Kickstart.Source, to.Kickstart.Source},
		{"kickstart path", from.Kickstart.Path, to.Kickstart.Path},
		{"kickstart commit", from.Kickstart.Commit, to.Kickstart.Commit},
		{"kickstart", from.Kickstart.Digest.Short(), to.Kickstart.Digest.Short()},
		{"plan", from.Plan.Short(), to.Plan.Short()},
		{"lock", from.Lock.Short(), to.Lock.Short()},
		{"installer tree", from.Treeinfo.Short(), to.Treeinfo.Short()},
		{"accelerator", from.Accel, to.Accel},
		{"state", string(from.State), string(to.State)},
	}
	return slices.DeleteFunc(all, func(f Field) bool { return f.From == f.To })
}

func artifacts(from, to []Artifact) []ArtifactChange {
	var all []ArtifactChange
	for i := range from {
		all = append(all, ArtifactChange{Format: from[i].Format, From: &from[i]})
	}
	for i := range to {
		at := slices.IndexFunc(all, func(c ArtifactChange) bool { return c.Format == to[i].Format && c.To == nil })
		if at < 0 {
			all = append(all, ArtifactChange{Format: to[i].Format, To: &to[i]})
			continue
		}
		all[at].To = &to[i]
	}
	return all
}

func durations(from, to []Step) []StepChange {
	var all []StepChange
	at := func(name string) *StepChange {
		for i := range all {
			if all[i].Name == name {
				return &all[i]
			}
		}
		all = append(all, StepChange{Name: name})
		return &all[len(all)-1]
	}
	for _, s := range from {
		at(s.Name).From += s.Seconds
	}
	for _, s := range to {
		at(s.Name).To += s.Seconds
	}
	return all
}

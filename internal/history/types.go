package history

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/nevra"
)

// State says how far a run or a build is, or how it ended.
type State string

// The states. Of Running there is only what a living process works on.
const (
	Running     State = "running"
	Done        State = "done"        // all went well
	Unchanged   State = "unchanged"   // of a build: nothing had to be made
	Failed      State = "failed"      //
	Interrupted State = "interrupted" // by the user, or its process is gone
	Skipped     State = "skipped"     // of a step: its result was there already
)

// Image names what is built, without a date. As a filter, an empty field means any.
type Image struct {
	Distro  string `json:"distro"`
	Release string `json:"release"`
	Image   string `json:"image"`
	Variant string `json:"variant"`
	Arch    string `json:"arch"`
}

// Name is the build's name in folders and messages: "rocky-9-GenericCloud-Base-x86_64".
func (i Image) Name() string {
	return strings.Join([]string{i.Distro, i.Release, i.Image, i.Variant, i.Arch}, "-")
}

// Run is one call of quarry that builds.
type Run struct {
	ID       string    `json:"id"`
	Command  []string  `json:"command"` // the words of the command line, without URLs' passwords
	Version  string    `json:"version"` // of Quarry
	PID      int       `json:"pid"`
	State    State     `json:"state"`
	Error    string    `json:"error,omitempty"`
	Started  time.Time `json:"started"`           // UTC
	Finished time.Time `json:"finished,omitzero"` // of an interrupted run: the last that is known of it
	Builds   []Build   `json:"builds,omitempty"`  // in the order of their start
}

// Kickstart is where a build's kickstart came from.
type Kickstart struct {
	Source string        `json:"source"`
	Branch string        `json:"branch,omitempty"`
	Commit string        `json:"commit,omitempty"`
	Path   string        `json:"path"`
	Digest digest.Digest `json:"digest"` // of the flattened text
}

// Build is one image for one architecture in a run.
type Build struct {
	ID  string `json:"id"`
	Run string `json:"run"`
	Image
	Version   string        `json:"version,omitempty"` // the release in full: "9.6"
	Kickstart Kickstart     `json:"kickstart"`
	Plan      digest.Digest `json:"plan,omitempty"`
	Lock      digest.Digest `json:"lock,omitempty"`     // empty when the build did not come so far
	Treeinfo  digest.Digest `json:"treeinfo,omitempty"` // of the installer tree
	Inputs    digest.Digest `json:"inputs,omitempty"`   // what the caller compares to know whether there is something to do
	Accel     string        `json:"accel,omitempty"`
	Logs      string        `json:"logs,omitempty"` // folder
	State     State         `json:"state"`
	Error     string        `json:"error,omitempty"`
	Started   time.Time     `json:"started"`
	Finished  time.Time     `json:"finished,omitzero"`
	Steps     []Step        `json:"steps,omitempty"`
	Artifacts []Artifact    `json:"artifacts,omitempty"`
	Reports   []Report      `json:"reports,omitempty"`
}

// Step is a finished step of a build.
type Step struct {
	Name     string    `json:"name"`
	State    State     `json:"state"` // Done, Skipped or Failed
	Seconds  float64   `json:"seconds"`
	Dir      string    `json:"dir,omitempty"` // folder of its result
	Finished time.Time `json:"finished"`
}

// Artifact is a file that a build made.
type Artifact struct {
	Format    string        `json:"format"` // the published suffix: "qcow2"
	Path      string        `json:"path"`   // where the build left it
	Size      int64         `json:"size"`   // bytes
	Digest    digest.Digest `json:"digest"`
	Published []Publication `json:"published,omitempty"`
}

// Publication is an artifact in a published tree.
type Publication struct {
	Path   string `json:"path"`   // of the file
	Latest bool   `json:"latest"` // the latest links were moved to it
}

// Report is what booting an image showed, in the form of the room that booted it.
type Report struct {
	Digest digest.Digest   `json:"digest"` // of the image
	Passed bool            `json:"passed"`
	JSON   json.RawMessage `json:"report"`
}

// Package is an RPM of a build.
type Package struct {
	nevra.NEVRA
	Size int64 `json:"size"` // installed bytes
}

// Took is how long it took; of what is still running, until now.
func (r Run) Took(now time.Time) time.Duration { return took(r.Started, r.Finished, now) }

// Took is how long it took; of what is still running, until now.
func (b Build) Took(now time.Time) time.Duration { return took(b.Started, b.Finished, now) }

func took(from, to, now time.Time) time.Duration {
	if to.IsZero() {
		to = now
	}
	return to.Sub(from)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/forge"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/source"
	"github.com/quarry-project/quarry/kickstarts"
)

// fromKickstart is the --status that means the commit of each image's kickstart.
const fromKickstart = "kickstart"

// tellingFlags say what GitHub is told of builds.
type tellingFlags struct{ status, url, attach string }

func (t *tellingFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.status, "status", "", "set the status of a commit on GitHub, `OWNER/NAME@COMMIT`, for each build; or \"kickstart\" for its kickstart's commit")
	f.StringVar(&t.url, "status-url", "", "where the status leads, an http or https `URL` (default in GitHub Actions: the workflow's run)")
	f.StringVar(&t.attach, "attach", "", "attach what is published, with its checksums, to the release on GitHub, `OWNER/NAME@TAG`")
}

// telling tells GitHub how builds go. Nil tells nothing.
type telling struct {
	client *forge.Client
	target *forge.Target // nil is each kickstart's
	status bool
	url    string
	repo   forge.Repository // of the release
	tag    string           // of the release; empty attaches nothing
}

// statusPatience is how long a build waits for GitHub's rate limit before it does without.
const statusPatience = 2 * time.Minute

// parse checks the flags; what is wrong with them is a usageError.
func (t tellingFlags) parse(publishes bool, get func(string) string) (*telling, error) {
	if t.status == "" && t.attach == "" {
		return nil, nil //nolint:nilnil // there is nothing to tell
	}
	told := &telling{status: t.status != "", url: t.url}
	if told.url == "" && get("GITHUB_RUN_ID") != "" {
		told.url = get("GITHUB_SERVER_URL") + "/" + get("GITHUB_REPOSITORY") + "/actions/runs/" + get("GITHUB_RUN_ID")
	}
	if u, err := url.Parse(told.url); told.url != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil) {
		return nil, usageError{errors.New("--status-url has to be an http or https URL without a password")}
	}
	if told.status && t.status != fromKickstart {
		target, err := forge.ParseTarget(t.status)
		if err != nil {
			return nil, usageError{fmt.Errorf("--status: %w", err)}
		}
		told.target = &target
	}
	if t.attach != "" {
		name, tag, _ := strings.Cut(t.attach, "@")
		var err error
		if told.repo, err = forge.ParseRepository(name); err != nil {
			return nil, usageError{fmt.Errorf("--attach: %w", err)}
		}
		if told.tag = tag; tag == "" || strings.ContainsAny(tag, "/?#% ") {
			return nil, usageError{fmt.Errorf("--attach %s: name the release's tag after an @", t.attach)}
		}
		if !publishes {
			return nil, usageError{errors.New("--attach needs --publish: files get their names there")}
		}
	}
	o := forge.Environment(get)
	if o.Token == "" {
		return nil, usageError{errors.New("telling GitHub needs a token: set QUARRY_GITHUB_TOKEN or GITHUB_TOKEN")}
	}
	o.Patience = statusPatience
	client, err := forge.New(o)
	if err != nil {
		return nil, usageError{err}
	}
	told.client = client
	return told, nil
}

// began tells that a build of p is under way.
func (t *telling) began(ctx context.Context, p plan.Plan, report progress.Func) {
	t.say(ctx, p, forge.Pending, "building", report)
}

// ended tells how a build ended, also when it was cancelled, and attaches its files when it went well. One that ended well without an image was
// not begun, as nothing has changed since it was published. Only attaching can fail: a status that can't be set is a warning.
func (t *telling) ended(ctx context.Context, p plan.Plan, out builders.Outcome, took time.Duration, failure error, report progress.Func) error {
	if t == nil {
		return nil
	}
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), statusPatience)
	defer cancel()
	if failure != nil {
		state, text := verdict(ctx, failure)
		t.say(keep, p, state, text, report)
		return nil
	}
	if len(out.Images) == 0 {
		t.say(keep, p, forge.Success, "unchanged since it was published", report)
		return nil
	}
	if err := t.files(ctx, out, report); err != nil {
		t.say(keep, p, forge.Errored, "built, but its files could not be attached to the release", report)
		return &engine.StepError{Step: "attach", Err: err}
	}
	t.say(keep, p, forge.Success, fmt.Sprintf("built in %s, %d of %d images booted", took.Round(time.Second), len(out.Reports), len(out.Images)), report)
	return nil
}

// verdict is what the public gets to know of a failure: its step, and no path or output of this host.
func verdict(ctx context.Context, failure error) (forge.State, string) {
	var refused *builders.VerifyError
	var step *engine.StepError
	switch {
	case ctx.Err() != nil:
		return forge.Errored, "interrupted"
	case errors.As(failure, &refused):
		return forge.Failure, "the image did not pass its boots"
	case errors.As(failure, &step):
		return forge.Failure, "failed in the step " + step.Step
	}
	return forge.Errored, "could not be built"
}

// say sets the status of p's commit.
func (t *telling) say(ctx context.Context, p plan.Plan, state forge.State, text string, report progress.Func) {
	if t == nil || !t.status {
		return
	}
	target := t.target
	if target == nil {
		of, err := commitOf(p.Kickstart)
		if err != nil {
			report.Warn(err.Error())
			return
		}
		target = &of
	}
	if err := t.client.SetStatus(ctx, *target, forge.Status{State: state, Context: "quarry/" + p.Name(), Description: text, URL: t.url}); err != nil {
		report.Warn(err.Error())
	}
}

// commitOf is a kickstart's commit on GitHub, where its source is or has a mirror.
func commitOf(k plan.Kickstart) (forge.Target, error) {
	sources, err := source.LoadCatalog(kickstarts.Files)
	if err != nil {
		return forge.Target{}, err
	}
	urls := []string{k.Source}
	for _, e := range sources {
		if slices.Contains(e.URLs, k.Source) {
			urls = append(urls, e.URLs...)
		}
	}
	for _, address := range urls {
		if repo, ok := forge.RepositoryAt(address); ok && k.Commit != "" {
			return forge.Target{Repository: repo, Commit: k.Commit}, nil
		}
	}
	return forge.Target{}, errors.New("no status is set: the kickstart is no commit of a repository that is on github.com")
}

// files attaches what was published, from the first tree that has it.
func (t *telling) files(ctx context.Context, out builders.Outcome, report progress.Func) error {
	at := slices.IndexFunc(out.Published, func(d builders.Destination) bool { return d.Error == "" })
	if t.tag == "" || at < 0 {
		return nil
	}
	var files []forge.File
	for _, p := range out.Published[at].Items {
		path := out.Published[at].Path(p)
		for _, path := range []string{path, path + ".CHECKSUM"} {
			sum, size, err := digest.File(path)
			if err != nil {
				return err
			}
			files = append(files, forge.File{Path: path, Size: size, Digest: sum})
		}
	}
	report.Log(fmt.Sprintf("attaching %d files to the release %s of %s", len(files), t.tag, t.repo))
	_, err := t.client.Attach(ctx, t.repo, t.tag, files)
	return err
}

package builders

import (
	"context"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/resolve"
)

// --- lock

// lockInput is what a Lock depends on: what is asked for, and what the repositories and the installer tree held when they were asked.
type lockInput struct {
	Question digest.Digest
	State    digest.Digest
	plan     plan.Plan
}

type lockResult struct{ Lock resolve.Lock }

// Files of a Lock: it is all in the result itself.
func (lockResult) Files() []artifact.File { return nil }

// LockFor returns the Lock to build p from: the one that was given, if it is p's, else a solved one. Repositories that have not changed are
// not solved again.
func (s Setup) LockFor(ctx context.Context, p plan.Plan) (resolve.Lock, error) {
	if s.Lock != nil {
		return *s.Lock, s.Lock.Check(p)
	}
	question, err := resolve.Question(p)
	if err != nil {
		return resolve.Lock{}, err
	}
	state, err := s.States.of(ctx, p, s.Store)
	if err != nil {
		return resolve.Lock{}, &engine.StepError{Step: "lock", Err: err}
	}
	step := engine.Step[lockInput, lockResult]{Name: "lock", Version: Version("lock"), Needs: func(lockInput) engine.Needs { return solveNeeds() }, Run: func(ctx context.Context, in lockInput, env engine.Env) (lockResult, error) {
		lock, err := resolve.Resolve(ctx, in.plan, resolve.Options{Store: s.Store, CacheDir: s.CacheDir, Report: env.Report})
		return lockResult{lock}, err
	}}
	out, err := engine.Do(ctx, s.Runner, step, lockInput{Question: question, State: state, plan: p})
	if err != nil {
		return out.Lock, err
	}
	return out.Lock.For(p) // it may have been solved for another commit or mirror
}

// --- fetch

type fetchInput struct {
	Content digest.Digest
	lock    resolve.Lock
}

type fetchResult struct{ Inputs resolve.Inputs }

// Files are all that was fetched, in the store.
func (r fetchResult) Files() []artifact.File { return r.Inputs.Files() }

func (s Setup) fetch(ctx context.Context, lock resolve.Lock) (resolve.Inputs, error) {
	content, err := lock.Content()
	if err != nil {
		return resolve.Inputs{}, err
	}
	step := engine.Step[fetchInput, fetchResult]{Name: "fetch", Version: Version("fetch"), Attempts: 3, Needs: func(in fetchInput) engine.Needs { return fetchNeeds(in.lock) }, Run: func(ctx context.Context, in fetchInput, env engine.Env) (fetchResult, error) {
		inputs, err := in.lock.Fetch(ctx, s.Store, env.Report)
		return fetchResult{inputs}, err
	}}
	out, err := engine.Do(ctx, s.Runner, step, fetchInput{Content: content, lock: lock})
	return out.Inputs, err
}

// --- payload

type payloadInput struct {
	Packages, Available []digest.Digest
	Groups              []digest.Digest // comps and module metadata
	lock                resolve.Lock
	inputs              resolve.Inputs
}

type payloadResult struct{ Payload install.PayloadFiles }

// Files of a payload: its squashfs; the folder beside it is checked by its presence.
func (r payloadResult) Files() []artifact.File { return r.Payload.Files() }

func (s Setup) payload(ctx context.Context, lock resolve.Lock, inputs resolve.Inputs) (install.PayloadFiles, error) {
	in := payloadInput{Packages: digests(lock.Packages), Available: digests(lock.Available), lock: lock, inputs: inputs}
	for _, r := range lock.Repositories {
		for _, f := range []*resolve.File{r.Comps, r.Modules} {
			if f != nil {
				in.Groups = append(in.Groups, f.Digest)
			}
		}
	}
	step := engine.Step[payloadInput, payloadResult]{Name: "payload", Version: Version("payload"), Needs: func(in payloadInput) engine.Needs { return payloadNeeds(in.lock) }, Run: func(ctx context.Context, in payloadInput, env engine.Env) (payloadResult, error) {
		p, err := install.Payload(ctx, in.lock, in.inputs, env.Dir, env.Report)
		return payloadResult{p}, err
	}}
	out, err := engine.Do(ctx, s.Runner, step, in)
	return out.Payload, err
}

func digests(packages []resolve.Package) []digest.Digest {
	var all []digest.Digest
	for _, p := range packages {
		all = append(all, p.Digest)
	}
	return all
}

// --- tree

type treeInput struct {
	Packages []digest.Digest
	Request  any // the Lock's request to dnf
	Arch     string
	Agent    string // only where the machine installs: its agent's code matters then
	job      Job
}

// TreeResult is the tree that a step made.
type TreeResult struct{ Tree artifact.Tree }

// Files of a tree: its squashfs.
func (r TreeResult) Files() []artifact.File { return []artifact.File{r.Tree.File} }

// Tree installs the job's packages, or finds the tree that an image with the same packages had made before.
func Tree(ctx context.Context, job Job) (artifact.Tree, error) {
	in := treeInput{Packages: digests(job.Lock.Packages), Request: job.Lock.Request, Arch: job.Plan.Arch, job: job}
	if job.Packages == install.Machine {
		in.Agent = job.AgentID
	}
	step := engine.Step[treeInput, TreeResult]{Name: "tree", Version: Version("tree"), Needs: func(in treeInput) engine.Needs { return treeNeeds(in.job.Lock, in.job.Packages) }, Run: func(ctx context.Context, in treeInput, env engine.Env) (TreeResult, error) {
		tree, err := install.Tree(ctx, install.TreeSpec{
			Lock: in.job.Lock, Inputs: in.job.Inputs, Payload: in.job.Payload, Arch: in.Arch, Method: in.job.Packages, Dir: env.Dir,
			LogDir: env.LogDir, Agent: in.job.Agent, Accel: in.job.Accel, Release: in.job.Plan.Release, Deadlines: in.job.Deadlines,
		}, env.Report)
		return TreeResult{tree}, err
	}}
	out, err := engine.Do(ctx, job.Runner, step, in)
	return out.Tree, err
}

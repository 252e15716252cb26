package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/quarry-project/quarry/internal/agent/program"
	"github.com/quarry-project/quarry/internal/agent/report"
	"github.com/quarry-project/quarry/internal/agent/scripts"
	"github.com/quarry-project/quarry/internal/agent/wire"
)

// Work is the worker: it does the job and reports its end, good or bad.
func Work() {
	port := os.NewFile(portDescriptor, "events")
	out := report.New(port)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go out.Heartbeat(ctx, heartbeat)
	if err := os.Setenv("PATH", program.Path); err != nil {
		out.Warnf("set PATH: %v", err)
	}
	result, err := do(ctx, out)
	if err != nil {
		out.Failed(err)
		return
	}
	out.Done(result)
}

func do(ctx context.Context, out *report.Reporter) (wire.Result, error) {
	job, err := readJob(filepath.Join(stash, filepath.Base(wire.JobPath)))
	if err != nil {
		return wire.Result{}, err
	}
	w := &worker{job: job, report: out, runtime: program.In("/", out.Log)}
	switch job.Kind {
	case wire.Install, wire.RootFS, wire.Live:
		result, err := w.install(ctx)
		if err != nil {
			w.afterFailure(ctx)
		}
		return result, err
	case wire.Packages:
		return w.installPackages(ctx)
	case wire.Inspect:
		return w.inspect(ctx)
	case wire.BootSet:
		return w.bootSet(ctx)
	case wire.Kernel:
		return w.takeKernel(ctx)
	default:
		return wire.Result{}, fmt.Errorf("the job is of kind %q, which this agent doesn't know", job.Kind)
	}
}

// worker does one job.
type worker struct {
	job     wire.Job
	report  *report.Reporter
	runtime program.Runner
	mounted bool // the installed system is at sysImage
}

// afterFailure runs the scripts that the kickstart has for it. What they do wrong is only warned of: the first failure is the one to tell.
func (w *worker) afterFailure(ctx context.Context) {
	r := scripts.Runner{Report: w.report}
	if w.mounted {
		r.Root = sysImage
	}
	for _, section := range []string{"onerror", "traceback"} {
		if err := r.Run(ctx, section, w.job.Scripts); err != nil {
			w.report.Warnf("%v", err)
		}
	}
}

// has reports whether the kickstart has scripts of a section.
func (w *worker) has(section string) bool {
	for _, s := range w.job.Scripts {
		if s.Section == section {
			return true
		}
	}
	return false
}

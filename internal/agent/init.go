// Package agent is what runs in the build machine: the first process, which brings the machine up and down, and a worker, which does the
// job that the host has handed over and reports each part of it. The rooms below it do the work (boot, storage, copytree, config,
// bootloader, scripts, offline, packages); here is only their order. It decides nothing that the host can decide: the job
// is already typed and checked.
package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/quarry-project/quarry/internal/agent/boot"
	"github.com/quarry-project/quarry/internal/agent/report"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/command"
)

// WorkArgument makes the program the worker.
const WorkArgument = "work"

// stash is where the job and the kickstart are kept when the initramfs is gone: in memory, for root only.
const stash = "/run/quarry/job"

// portDescriptor is the worker's file descriptor of the event port.
const portDescriptor = 3

// Init is the first process. It never returns: whatever happens, the machine powers off, and says before what happened if it can.
//
// The work itself is done by a second process, for two reasons: the first one has to wait for every process that nobody else waits
// for, which can't be done beside os/exec; and it survives a crash of the worker, and reports it.
func Init() {
	ctx := context.Background()
	if err := boot.MountAPI(); err != nil {
		fmt.Println("quarry:", err)
		boot.PowerOff()
	}
	boot.OpenConsole()
	if modprobe := boot.ModuleCommand(); modprobe != nil {
		_ = command.Run(ctx, command.Cmd{Args: modprobe, Stdout: os.Stdout, Stderr: os.Stderr})
	}
	port, err := boot.EventPort(ctx)
	if err != nil {
		fmt.Println("quarry:", err)
		boot.PowerOff()
	}
	out := report.New(port)
	out.Hello(boot.KernelRelease())
	if err := serve(ctx, out, port); err != nil {
		fmt.Println("quarry:", err)
		out.Failed(&report.Error{Phase: "boot", Err: err})
	}
	_ = port.Close()
	boot.PowerOff()
}

// serve does the job. An error is one that the worker could not report itself.
func serve(ctx context.Context, out *report.Reporter, port *os.File) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the agent failed in a way it should not: %v", p)
		}
	}()
	job, err := readJob(wire.JobPath)
	if err != nil {
		return err
	}
	if job.Kind == wire.Hello {
		out.Done(wire.Result{})
		return nil
	}
	if err := keep(wire.JobPath, wire.KSPath); err != nil {
		return err
	}
	if err := boot.MakeFirst(ctx, wire.Target); err != nil {
		return err
	}
	device, err := boot.Drive(ctx, wire.Runtime)
	if err != nil {
		return err
	}
	if err := boot.SwitchRoot(device); err != nil {
		return err
	}
	return runWorker(port)
}

// readJob reads the host's job and refuses one of another version.
func readJob(path string) (wire.Job, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return wire.Job{}, fmt.Errorf("the machine was started without a job: %w", err)
	}
	var job wire.Job
	if err := json.Unmarshal(data, &job); err != nil {
		return wire.Job{}, fmt.Errorf("read the job: %w", err)
	}
	if job.Format != wire.Format {
		return wire.Job{}, fmt.Errorf("the job has format %d and this agent knows %d: build the agent and quarry from the same source", job.Format, wire.Format)
	}
	return job, nil
}

// keep copies files of the initramfs to the stash.
func keep(files ...string) error {
	if err := os.MkdirAll(stash, 0o700); err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue // a job of packages has no kickstart
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(stash, filepath.Base(file)), data, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// runWorker starts this program once more as the worker and reaps processes until it ends. It doesn't go through internal/command, because
// that waits for its own processes only.
func runWorker(port *os.File) error {
	worker, err := os.StartProcess("/proc/self/exe", []string{"quarry-agent", WorkArgument}, &os.ProcAttr{
		Dir: "/", Files: []*os.File{nil, os.Stdout, os.Stderr, port},
	})
	if err != nil {
		return fmt.Errorf("start the worker: %w", err)
	}
	status, err := boot.Reap(worker.Pid)
	switch {
	case err != nil:
		return fmt.Errorf("wait for the worker: %w", err)
	case status.Signaled():
		return fmt.Errorf("the agent was killed by %s: the machine may need more memory", status.Signal())
	case status.ExitStatus() != 0:
		return fmt.Errorf("the agent ended with %d and no report: its last words are on the console", status.ExitStatus())
	}
	return nil
}

// heartbeat is the interval of wire.EventAlive.
const heartbeat = 5 * time.Second

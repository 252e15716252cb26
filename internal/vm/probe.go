package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/progress"
)

// probeTime is how long a machine with KVM may take to report; it needs one or two seconds where KVM works.
const probeTime = 20 * time.Second

// kvmDevice is what QEMU opens.
const kvmDevice = "/dev/kvm"

// ProbeSpec is what Probe needs to try an accelerator.
type ProbeSpec struct {
	Accel   Accel // what is wished for
	Arch    arch.Arch
	Release string
	// Kernel and Initrd are booted, with Append; the agent in them has a job of kind wire.Hello.
	Kernel, Initrd, Append string
	CacheDir               string        // remembers the answer until the host boots again or its QEMU changes; "" asks anew
	Timeout                time.Duration // 0 is 20 seconds
}

// verdict is what a trial showed; it is kept as JSON.
type verdict struct {
	Boot   string `json:"boot"` // the host's boot id
	QEMU   string `json:"qemu"` // first line of --version
	Works  bool   `json:"works"`
	Reason string `json:"reason"`
}

// Probe decides the accelerator by using it: a /dev/kvm that opens is no proof, there are hosts where it opens and every guest hangs.
// The string is one line that says what was chosen and why. With Auto it falls back to TCG; with KVM, what does not work is an
// error.
func Probe(ctx context.Context, s ProbeSpec) (Accel, string, error) {
	switch {
	case s.Accel == TCG:
		return TCG, "emulating (TCG), as asked", nil
	case s.Accel != KVM && s.Accel != Auto:
		return "", "", fmt.Errorf("unknown accelerator %q: want auto, kvm or tcg", s.Accel)
	}
	v, err := probe(ctx, s)
	switch {
	case err != nil:
		return "", "", fmt.Errorf("trying KVM: %w", err)
	case v.Works:
		return KVM, "using KVM: " + v.Reason, nil
	case s.Accel == KVM:
		return "", "", fmt.Errorf("KVM was asked for and can't be used: %s; --accel tcg emulates", v.Reason)
	}
	return TCG, "emulating (TCG), which is slower: " + v.Reason, nil
}

// Known decides the accelerator by what an earlier Probe on this host has found, for images of which there is no kernel to try. While
// nothing is known, it emulates and says so.
func Known(ctx context.Context, a arch.Arch, cacheDir string) (Accel, string) {
	if !a.Native() {
		return TCG, "emulating (TCG): " + a.Name + " is not this host's architecture"
	}
	want, err := stamp(ctx, a)
	if err == nil {
		if v, ok := remembered(verdictPath(cacheDir, a), want); ok && v.Works {
			return KVM, "using KVM: it worked in an earlier build"
		} else if ok {
			return TCG, "emulating (TCG), which is slower: " + v.Reason
		}
	}
	return TCG, "emulating (TCG), which is slower: no build has tried KVM on this host yet; --accel kvm uses it untried"
}

// verdictPath is where the answer for an architecture is kept.
func verdictPath(cacheDir string, a arch.Arch) string {
	return filepath.Join(cacheDir, "kvm-"+a.Name+".json")
}

// probe returns what is known of KVM, from the cache or by a trial. An error says nothing about KVM.
func probe(ctx context.Context, s ProbeSpec) (verdict, error) {
	if !s.Arch.Native() {
		return verdict{Reason: s.Arch.Name + " is not this host's architecture"}, nil
	}
	device, err := os.OpenFile(kvmDevice, os.O_RDWR, 0)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return verdict{Reason: "this host has no " + kvmDevice}, nil
	case err != nil:
		return verdict{Reason: fmt.Sprintf("%v (is this user in the group kvm?)", err)}, nil
	}
	device.Close()
	want, err := stamp(ctx, s.Arch)
	if err != nil {
		return verdict{}, err
	}
	path := verdictPath(s.CacheDir, s.Arch)
	if known, ok := remembered(path, want); ok && s.CacheDir != "" {
		return known, nil
	}
	v, err := try(ctx, s, want)
	if err == nil && s.CacheDir != "" {
		err = remember(path, v)
	}
	return v, err
}

// stamp is a verdict without its answer: what an answer is good for.
func stamp(ctx context.Context, a arch.Arch) (verdict, error) {
	program, err := Program(a)
	if err != nil {
		return verdict{}, err
	}
	version, err := command.Output(ctx, command.Cmd{Args: []string{program, "--version"}})
	if err != nil {
		return verdict{}, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return verdict{}, err
	}
	line, _, _ := strings.Cut(string(version), "\n")
	return verdict{Boot: strings.TrimSpace(string(boot)), QEMU: line}, nil
}

// remembered reads the answer for the same boot and QEMU. A file that can't be read is as good as none.
func remembered(path string, want verdict) (verdict, bool) {
	var known verdict
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &known) != nil {
		return verdict{}, false
	}
	return known, known.Boot == want.Boot && known.QEMU == want.QEMU
}

// remember keeps v for the builds that come after.
func remember(path string, v verdict) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return durable.WriteFile(path, append(text, '\n'))
}

// try boots a machine with KVM and sees whether its agent reports.
func try(ctx context.Context, s ProbeSpec, v verdict) (verdict, error) {
	dir, err := os.MkdirTemp("", "quarry-probe-")
	if err != nil {
		return v, err
	}
	defer os.RemoveAll(dir)
	limit := s.Timeout
	if limit == 0 {
		limit = probeTime
	}
	start := time.Now()
	r, err := Start(ctx, Machine{
		Arch: s.Arch, Release: s.Release, CPUs: 1, MemoryMiB: 1024, Accel: KVM,
		Kernel: s.Kernel, Initrd: s.Initrd, Append: s.Append, Events: true, Dir: dir,
	})
	if err == nil {
		_, _, err = Follow(ctx, r, Deadlines{Limit: Limit{Total: limit}}, progress.Func(nil))
	}
	switch {
	case ctx.Err() != nil:
		return v, context.Cause(ctx)
	case err == nil:
		v.Works, v.Reason = true, fmt.Sprintf("a machine started and reported in %.1f s", time.Since(start).Seconds())
	default:
		v.Reason = wire.Clean(fmt.Sprintf("%s opens, but a machine does not run with it: %v", kvmDevice, err))
	}
	return v, nil
}

package vm

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func helloProbe(t *testing.T, act string) ProbeSpec {
	m := helloMachine(t, act)
	return ProbeSpec{Accel: Auto, Arch: m.Arch, Release: m.Release, Kernel: m.Kernel, Initrd: m.Initrd, Append: m.Append, CacheDir: m.Dir}
}

// What KVM does depends on the host; that the answer was tried, is explained, remembered and obeyed does not.
func TestProbeTriesAndRemembers(t *testing.T) {
	s := helloProbe(t, "")
	accel, reason, err := Probe(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %s", accel, reason)
	if accel == KVM && !strings.Contains(reason, "reported in") || accel == TCG && !strings.HasPrefix(reason, "emulating (TCG)") {
		t.Errorf("%s is explained by %q", accel, reason)
	}
	s.Accel = KVM
	if _, _, err := Probe(t.Context(), s); (err == nil) != (accel == KVM) {
		t.Errorf("auto chose %s, and asking for KVM gives %v", accel, err)
	}
	if _, err := os.Stat(kvmDevice); err != nil {
		t.Skip("no /dev/kvm: nothing to remember")
	}
	// A remembered answer is not tried again: without a kernel a trial could only fail.
	s.Accel, s.Kernel = Auto, "/nowhere"
	if again, text, err := Probe(t.Context(), s); again != accel || text != reason || err != nil {
		t.Errorf("the second answer is %s, %q, %v", again, text, err)
	}
}

func TestProbeFallsBackWhenNothingReports(t *testing.T) {
	s := helloProbe(t, "quit")
	s.Timeout = 10 * time.Second
	accel, reason, err := Probe(t.Context(), s)
	if err != nil || accel != TCG || !strings.Contains(reason, kvmDevice) {
		t.Errorf("got %s, %q, %v", accel, reason, err)
	}
}

func TestProbeWithoutATrial(t *testing.T) {
	foreign := lookup(t, "s390x")
	if foreign.Native() {
		foreign = lookup(t, "aarch64")
	}
	accel, reason, err := Probe(t.Context(), ProbeSpec{Accel: Auto, Arch: foreign})
	if accel != TCG || err != nil || !strings.Contains(reason, "not this host's architecture") {
		t.Errorf("foreign: %s, %q, %v", accel, reason, err)
	}
	if _, _, err := Probe(t.Context(), ProbeSpec{Accel: KVM, Arch: foreign}); err == nil || !strings.Contains(err.Error(), "--accel tcg") {
		t.Errorf("foreign with KVM: %v", err)
	}
	if accel, _, err := Probe(t.Context(), ProbeSpec{Accel: TCG, Arch: foreign}); accel != TCG || err != nil {
		t.Errorf("tcg: %s, %v", accel, err)
	}
	if _, _, err := Probe(t.Context(), ProbeSpec{Accel: "xen", Arch: foreign}); err == nil {
		t.Error("xen was taken")
	}
}

func TestRememberedAnswerIsForThisBootAndQEMU(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kvm.json")
	now := verdict{Boot: "b1", QEMU: "7.2"}
	if _, ok := remembered(path, now); ok {
		t.Error("an answer out of nothing")
	}
	kept := verdict{Boot: "b1", QEMU: "7.2", Works: true, Reason: "saw it"}
	if err := remember(path, kept); err != nil {
		t.Fatal(err)
	}
	if got, ok := remembered(path, now); !ok || got != kept {
		t.Errorf("got %+v, %v", got, ok)
	}
	for _, other := range []verdict{{Boot: "b2", QEMU: "7.2"}, {Boot: "b1", QEMU: "8.0"}} {
		if _, ok := remembered(path, other); ok {
			t.Errorf("the answer was used for %+v", other)
		}
	}
	half, err := json.Marshal(kept)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, half[:len(half)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := remembered(path, now); ok {
		t.Error("a damaged file was believed")
	}
}

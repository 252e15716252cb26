// Package soak kills runs of cheap but real steps at random moments, SIGKILL, and looks at what is left: the published tree is sound, no process
// lives on, the next run goes on and finishes, and then nothing unfinished, no temporary file and no held lock remains.
package soak

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/publish"
)

// The environment: of this test, and of the processes that it kills, whose programs inherit it.
const (
	killsEnv      = "QUARRY_SOAK_KILLS" // how many; 8 without
	seedEnv       = "QUARRY_SOAK_SEED"  // to repeat a run
	placeEnv      = "QUARRY_SOAK_PLACE"
	generationEnv = "QUARRY_SOAK_GENERATION"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(placeEnv); dir != "" {
		if err := work(context.Background(), place(dir), os.Getenv(generationEnv)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func TestSoak(t *testing.T) {
	kills := int(number(t, killsEnv, 8))
	seed := number(t, seedEnv, uint64(time.Now().UnixNano()))
	t.Logf("%s=%d", seedEnv, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := &soak{T: t, place: place(t.TempDir())}
	typical := s.measure()
	done := 0
	for round := 0; done < kills; round++ {
		generation := s.generation(round)
		var running []*process
		for range 1 + random.IntN(2) { // two runs at once on one store and one tree
			running = append(running, s.start(generation))
		}
		for _, p := range running {
			time.Sleep(time.Duration(random.Int64N(int64(typical))))
			if p.kill() {
				done++
			}
		}
		s.nobodyLives()
		if random.IntN(2) == 0 { // otherwise the next publisher does the same
			s.sound(publish.FsckOptions{Repair: true})
		}
		again := []*process{s.start(generation), s.start(generation)}
		for _, p := range again {
			p.finishes(t)
		}
		s.clean()
		if t.Failed() {
			t.Fatalf("after round %d, %d kills; %s=%d repeats it", round, done, seedEnv, seed)
		}
	}
	t.Logf("%d runs killed, each at a random moment of %s", done, typical.Round(time.Millisecond))
}

type soak struct {
	*testing.T
	place place
}

// generation makes the source of a round: what was made of another one's is of no use.
func (s *soak) generation(round int) string {
	name := strconv.Itoa(round)
	if err := os.WriteFile(s.place.source(name), bytes.Repeat([]byte(name+"\n"), 1<<15), 0o644); err != nil {
		s.Fatal(err)
	}
	return name
}

// measure is how long a run takes that nobody disturbs.
func (s *soak) measure() time.Duration {
	start := time.Now()
	s.start(s.generation(-1)).finishes(s.T)
	s.clean()
	return time.Since(start)
}

type process struct {
	*exec.Cmd
	stderr bytes.Buffer
}

func (s *soak) start(generation string) *process {
	s.Helper()
	p := &process{Cmd: exec.Command("/proc/self/exe")}
	p.Env = append(os.Environ(), placeEnv+"="+string(s.place), generationEnv+"="+generation)
	p.Stderr = &p.stderr
	if err := p.Start(); err != nil {
		s.Fatal(err)
	}
	return p
}

// kill reports whether the process was still at work.
func (p *process) kill() bool {
	_ = p.Process.Kill()
	return p.Wait() != nil && p.ProcessState.ExitCode() == -1
}

func (p *process) finishes(t *testing.T) {
	t.Helper()
	watch := time.AfterFunc(time.Minute, func() { _ = p.Process.Kill() })
	defer watch.Stop()
	if err := p.Wait(); err != nil {
		t.Errorf("a run after a killed one: %v\n%s", err, p.stderr.String())
	}
}

// nobodyLives waits until no process of the place is left: the kernel needs a moment.
func (s *soak) nobodyLives() {
	s.Helper()
	mark := []byte(placeEnv + "=" + string(s.place) + "\x00")
	alive := func() (all []string) {
		environments, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, path := range environments {
			// A zombie has none.
			if env, err := os.ReadFile(path); err == nil && bytes.Contains(append(env, 0), mark) {
				name, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
				all = append(all, string(bytes.ReplaceAll(name, []byte{0}, []byte{' '})))
			}
		}
		return all
	}
	deadline := time.Now().Add(20 * time.Second)
	for left := alive(); len(left) > 0; left = alive() {
		if time.Now().After(deadline) {
			s.Fatalf("still alive: %q", left)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// sound checks the published tree.
func (s *soak) sound(o publish.FsckOptions) {
	s.Helper()
	found, err := publish.Tree(s.place.tree()).Fsck(s.Context(), o)
	if err != nil || !found.Sound() {
		s.Errorf("the published tree: %+v, %v", found, err)
	}
}

// clean checks that a run that has finished leaves what it should and nothing else.
func (s *soak) clean() {
	s.Helper()
	s.sound(publish.FsckOptions{})
	for i := range images {
		link := s.place.join("published", fmt.Sprintf("Soak-9-Image%d.latest.x86_64.qcow2", i))
		if _, err := os.Stat(link); err != nil {
			s.Error(err)
		}
	}
	results, err := engine.Results(s.place.steps())
	if err != nil {
		s.Error(err)
	}
	for _, r := range results {
		if !r.Whole {
			s.Errorf("unfinished: %s", r.Dir)
		}
	}
	for _, dir := range []string{s.place.scratch(), filepath.Join(s.place.store(), "partial")} {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			s.Errorf("temporary files in %s: %v, %v", dir, left, err)
		}
	}
	err = filepath.WalkDir(string(s.place), func(path string, e fs.DirEntry, err error) error {
		base := filepath.Base(path)
		if err != nil || e.IsDir() || base != "lock" && !strings.HasSuffix(base, ".lock") && !strings.HasSuffix(base, ".use") {
			return err
		}
		l := flock.New(path)
		if got, err := l.TryLock(); err != nil || !got {
			s.Errorf("%s is held: %v", path, err)
		}
		return l.Close()
	})
	if err != nil {
		s.Error(err)
	}
	s.remembered()
}

// remembered checks that the history can be read and has nothing of which it thinks that it runs.
func (s *soak) remembered() {
	s.Helper()
	h, err := history.Open(s.Context(), s.place.history())
	if err != nil {
		s.Fatal(err)
	}
	defer h.Close()
	runs, err := h.Runs(s.Context(), 20)
	if err != nil || len(runs) == 0 {
		s.Errorf("the history: %d runs, %v", len(runs), err)
	}
	for _, r := range runs {
		if r.State == history.Running {
			s.Errorf("the history has a run of process %d, which is gone", r.PID)
		}
	}
}

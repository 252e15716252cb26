package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const automation = "../../docs/automation"

func readText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestNamedCommandsExist runs every quarry command that the documents and examples name with --help, and looks for each of its flags.
func TestNamedCommandsExist(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(automation, "*"))
	if err != nil || len(files) < 6 {
		t.Fatalf("%v, %v", files, err)
	}
	files = append(files, automation+".md", "../../docs/publishing.md", "../../README.md")
	// At the start of a line, in a script, in a YAML value or in code of a document.
	command := regexp.MustCompile("(?m)(?:^|[`;&|(\"] ?|run: (?:>-\\s+)?|- )\\s*(?:bin/)?quarry ((?:ks )?[a-z]+)((?:[^\\n;|&`]|\\n +--)*)")
	flag := regexp.MustCompile(`(?:^|\s)(--[a-z-]+)`)
	seen := 0
	for _, file := range files {
		for _, m := range command.FindAllStringSubmatch(strings.ReplaceAll(readText(t, file), "\\\n", " "), -1) {
			args := strings.Fields(m[1])
			stdout, stderr, code := quarry(t, append(args, "--help")...)
			if code != 0 || !strings.Contains(stdout, "quarry "+m[1]) {
				t.Errorf("%s: quarry %s --help: exit %d: %s%s", file, m[1], code, stdout, stderr)
				continue
			}
			seen++
			arguments, _, _ := strings.Cut(m[2], "#")
			for _, f := range flag.FindAllStringSubmatch(arguments, -1) {
				if !regexp.MustCompile(regexp.QuoteMeta(f[1]) + `\b`).MatchString(stdout) {
					t.Errorf("%s: quarry %s has no %s", file, m[1], f[1])
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands were found", seen)
	}
}

func TestWorkflowIsRead(t *testing.T) {
	var workflow struct {
		On          map[string]any    `yaml:"on"`
		Permissions map[string]string `yaml:"permissions"`
		Jobs        map[string]struct {
			RunsOn string `yaml:"runs-on"`
			Steps  []struct {
				Name string            `yaml:"name"`
				ID   string            `yaml:"id"`
				If   string            `yaml:"if"`
				Uses string            `yaml:"uses"`
				Run  string            `yaml:"run"`
				With map[string]string `yaml:"with"`
			} `yaml:"steps"`
		} `yaml:"jobs"`
		Name, Concurrency string
		Env               map[string]string
	}
	text := strings.Replace(readText(t, filepath.Join(automation, "github-workflow.yaml")), "\n    timeout-minutes: 350", "", 1)
	if err := yaml.UnmarshalWithOptions([]byte(text), &workflow, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	job := workflow.Jobs["images"]
	if len(job.Steps) < 8 || workflow.Permissions["statuses"] != "write" || workflow.On["schedule"] == nil {
		t.Errorf("got %+v", workflow)
	}
	for _, step := range job.Steps {
		if (step.Uses == "") == (step.Run == "") {
			t.Errorf("%+v does not do one thing", step)
		}
		if strings.Contains(step.Run, "${{") {
			t.Errorf("%s: an expression in a script runs whatever it holds", step.Name)
		}
		if step.Run != "" {
			shellReads(t, step.Name, step.Run)
		}
	}
}

// shellReads checks a script's syntax.
func shellReads(t *testing.T, name, script string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-n")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v: %s", name, err, out)
	}
}

func TestScriptsAndCrontab(t *testing.T) {
	for _, name := range []string{"nightly.sh", "new-commits.sh"} {
		path := filepath.Join(automation, name)
		shellReads(t, name, readText(t, path))
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o111 == 0 {
			t.Errorf("%s can't be run: %v", name, err)
		}
	}
	entry := regexp.MustCompile(`^(\S+ ){5}quarry flock (?:-n )?\S+ /usr/local/lib/quarry/(\S+) /srv/images$`)
	entries := 0
	for line := range strings.Lines(readText(t, filepath.Join(automation, "crontab"))) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") || regexp.MustCompile(`^[A-Z]+=`).MatchString(line) {
			continue
		}
		m := entry.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("%q is no entry", line)
			continue
		}
		entries++
		if _, err := os.Stat(filepath.Join(automation, m[2])); err != nil {
			t.Error(err)
		}
	}
	if entries != 2 {
		t.Errorf("%d entries", entries)
	}
}

// TestNightRuns runs the scripts with a quarry that only notes how it is called.
func TestNightRuns(t *testing.T) {
	for _, tc := range []struct {
		script, fails string
		watch         string // exit code
		code          int
		calls         string
	}{
		{"nightly.sh", "", "0", 0, "run prune fsck gc"},
		{"nightly.sh", "run", "0", 3, "run prune fsck gc"},
		{"nightly.sh", "fsck", "0", 1, "run prune fsck gc"},
		{"new-commits.sh", "", "0", 0, "watch"},
		{"new-commits.sh", "", "10", 0, "watch run prune fsck gc"},
		{"new-commits.sh", "", "1", 1, "watch"},
	} {
		dir := t.TempDir()
		fake := "#!/bin/sh\necho \"$1\" >> " + dir + "/calls\n[ \"$1\" = watch ] && exit " + tc.watch + "\n[ \"$1\" = \"" + tc.fails + "\" ] && exit 3\nexit 0\n"
		if err := os.WriteFile(filepath.Join(dir, "quarry"), []byte(fake), 0o755); err != nil {
			t.Fatal(err)
		}
		script, err := filepath.Abs(filepath.Join(automation, tc.script))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), script, dir)
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		out, _ := cmd.CombinedOutput()
		calls := strings.Join(strings.Fields(readText(t, filepath.Join(dir, "calls"))), " ")
		if cmd.ProcessState.ExitCode() != tc.code || calls != tc.calls {
			t.Errorf("%+v: exit %d, %s\n%s", tc, cmd.ProcessState.ExitCode(), calls, out)
		}
	}
}

func TestUnits(t *testing.T) {
	dir := t.TempDir()
	script, err := filepath.Abs(filepath.Join(automation, "nightly.sh"))
	if err != nil {
		t.Fatal(err)
	}
	var units []string
	for _, name := range []string{"quarry-nightly.service", "quarry-nightly.timer"} {
		text := readText(t, filepath.Join(automation, name))
		section := ""
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			switch key, _, ok := strings.Cut(line, "="); {
			case line == "", strings.HasPrefix(line, "#"):
			case strings.HasPrefix(line, "["):
				section = line
			case section == "", !ok, !regexp.MustCompile(`^[A-Z][A-Za-z]+$`).MatchString(key):
				t.Errorf("%s: %q", name, line)
			}
		}
		path := filepath.Join(dir, name)
		// The scripts are not where they will be.
		text = strings.Replace(text, "/usr/local/lib/quarry/nightly.sh", script, 1)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		units = append(units, path)
	}
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("this host has no systemd-analyze: only the form of the units was checked")
		return
	}
	out, err := exec.CommandContext(t.Context(), program, append([]string{"verify", "--man=no", "--generators=no"}, units...)...).CombinedOutput()
	if err != nil || strings.Contains(string(out), "Unknown") || strings.Contains(string(out), dir) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

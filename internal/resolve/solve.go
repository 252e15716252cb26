package resolve

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/redact"
)

//go:embed solve.py
var solver string

// maxAnswer is the most that the solver may say, in bytes. A desktop of 2000 packages takes about one megabyte.
const maxAnswer = 64 << 20

// solveRequest is what solve.py reads.
type solveRequest struct {
	Arch           string       `json:"arch"`
	Release        string       `json:"release"`
	Platform       string       `json:"platform"` // of modules: "platform:el9"
	Cache          string       `json:"cache"`    // folder of dnf's metadata cache
	Work           string       `json:"work"`     // empty folder of its own
	Keys           []string     `json:"keys"`     // file URLs of keys that may sign metadata
	Repositories   []solverRepo `json:"repositories"`
	Install        []string     `json:"install"`
	Soft           []string     `json:"soft"`
	Exclude        []string     `json:"exclude"` // names, globs, "@group"
	Available      []string     `json:"available"`
	EnableModules  []string     `json:"enableModules"`
	DisableModules []string     `json:"disableModules"`
	Weak           bool         `json:"weak"`
	Multilib       bool         `json:"multilib"`
	IgnoreMissing  bool         `json:"ignoreMissing"`
	IgnoreBroken   bool         `json:"ignoreBroken"`
}

type solverRepo struct {
	ID           string   `json:"id"`
	BaseURL      string   `json:"baseURL,omitempty"`
	MirrorList   string   `json:"mirrorList,omitempty"`
	Metalink     string   `json:"metalink,omitempty"`
	Cost         int      `json:"cost,omitempty"`
	Include      []string `json:"include,omitempty"`
	Exclude      []string `json:"exclude,omitempty"`
	Proxy        string   `json:"proxy,omitempty"`
	NoVerifySSL  bool     `json:"noVerifySSL,omitempty"`
	Hotfixes     bool     `json:"hotfixes,omitempty"`
	RepoGPGCheck bool     `json:"repoGPGCheck,omitempty"`
}

// solveAnswer is what solve.py writes: either the solution or what stands against it.
type solveAnswer struct {
	Repositories []struct {
		ID      string   `json:"id"`
		Repomd  string   `json:"repomd"`  // path
		Mirrors []string `json:"mirrors"` // of a mirror list, best first
	} `json:"repositories"`
	Packages    []solvedPackage `json:"packages"`
	Available   []solvedPackage `json:"available"`
	Groups      []Group         `json:"groups"`
	Soft        []string        `json:"soft"`        // soft wants that there are
	Ignored     []string        `json:"ignored"`     // wants that there are not, under ignoreMissing
	Unavailable []string        `json:"unavailable"` // of Available

	Missing            []string `json:"missing"`
	Broken             string   `json:"broken"`
	FailedRepositories []struct {
		Repo    string `json:"repo"`
		Message string `json:"message"`
	} `json:"failedRepositories"`
}

type solvedPackage struct {
	Name      string `json:"name"`
	Epoch     string `json:"epoch"`
	Version   string `json:"version"`
	Release   string `json:"release"`
	Arch      string `json:"arch"`
	Repo      string `json:"repo"`
	Location  string `json:"location"`
	URL       string `json:"url"`
	Checksum  string `json:"checksum"` // "sha256:HEX"
	Size      int64  `json:"size"`
	Installed int64  `json:"installed"`
	Reason    string `json:"reason"`
	For       string `json:"for"`
}

// ErrNoDNF is a host without dnf's Python library.
var ErrNoDNF = errors.New("no Python here has dnf's library: install the package python3-dnf")

// Python finds the interpreter that dnf's library belongs to. The distribution's own comes first: a python3 that is found in PATH is
// often another one.
func Python(ctx context.Context) (string, error) {
	candidates := []string{"/usr/libexec/platform-python", "/usr/bin/python3"}
	if other, err := exec.LookPath("python3"); err == nil && !slices.Contains(candidates, other) {
		candidates = append(candidates, other)
	}
	for _, program := range candidates {
		if _, err := os.Stat(program); err != nil {
			continue
		}
		if err := command.Run(ctx, command.Cmd{Args: []string{program, "-I", "-c", "import dnf, libdnf"}}); err == nil {
			return program, nil
		}
		if err := context.Cause(ctx); err != nil {
			return "", err
		}
	}
	return "", ErrNoDNF
}

// solve runs solve.py.
func solve(ctx context.Context, python string, request solveRequest, report progress.Func) (solveAnswer, error) {
	input, err := json.Marshal(request)
	if err != nil {
		return solveAnswer{}, fmt.Errorf("asking dnf: %w", err)
	}
	out := &limitedBuffer{limit: maxAnswer}
	chatter := newChatter(report)
	defer chatter.Close()
	err = command.Run(ctx, command.Cmd{
		Args: []string{python, "-I", "-c", solver}, Dir: request.Work, Env: solverEnv(request.Work),
		Stdin: bytes.NewReader(input), Stdout: out, Stderr: chatter,
	})
	if err != nil {
		var failed *command.Error
		if errors.As(err, &failed) {
			failed.Args = []string{python, "solve.py"} // not the whole program
		}
		return solveAnswer{}, fmt.Errorf("solving the dependencies: %w", redact.Error(err))
	}
	answer, err := decodeAnswer(out.Bytes())
	if err != nil {
		return solveAnswer{}, fmt.Errorf("solving the dependencies: %w", err)
	}
	return answer, nil
}

// solverEnv keeps what a download needs of the environment and nothing that changes how Python or dnf behave.
func solverEnv(work string) []string {
	env := []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C.UTF-8", "HOME=" + work, "TMPDIR=" + work}
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func decodeAnswer(data []byte) (solveAnswer, error) {
	var a solveAnswer
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return a, fmt.Errorf("the solver's answer can't be read: %w", err)
	}
	if d.More() {
		return a, errors.New("the solver's answer goes on after its end")
	}
	return a, nil
}

// limitedBuffer refuses to grow beyond its limit.
type limitedBuffer struct {
	bytes.Buffer
	limit int
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		return 0, fmt.Errorf("more than %d bytes came", b.limit)
	}
	return b.Buffer.Write(p)
}

// chatter passes on what the solver says while it works, one JSON object a line. Other lines are Python's own, and reach people through
// the error when it fails.
type chatter struct {
	io.WriteCloser
	done chan struct{}
}

func newChatter(report progress.Func) *chatter {
	r, w := io.Pipe()
	c := &chatter{WriteCloser: w, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			var said struct {
				Log      string `json:"log"`
				Metadata string `json:"metadata"`
				Done     int64  `json:"done"`
				Total    int64  `json:"total"`
			}
			if !strings.HasPrefix(lines.Text(), "{") || json.Unmarshal(lines.Bytes(), &said) != nil {
				continue
			}
			if said.Log != "" {
				report.Log(said.Log)
			}
			if said.Metadata != "" {
				report.Count("metadata of "+said.Metadata, said.Done, said.Total, progress.Bytes)
			}
		}
		_, _ = io.Copy(io.Discard, r) // after a line that is too long: the writer must not block
	}()
	return c
}

// Close ends the reading and waits for it.
func (c *chatter) Close() error {
	err := c.WriteCloser.Close()
	<-c.done
	return err
}

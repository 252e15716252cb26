package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/progress"
)

// FsckOptions say what to do with what is found.
type FsckOptions struct {
	// Repair completes or drops a change that was cut off and removes temporary files: what the next publisher would do, too.
	// Nothing that a reader may have seen is ever removed.
	Repair bool
	Report progress.Func
}

// Problem is a kind of finding.
type Problem string

// The problems.
const (
	CutOff     Problem = "cut-off"    // a change is certain but not complete: the journal is there
	Temporary  Problem = "temporary"  // files that a killed process left in Quarry's own folder
	Damaged    Problem = "damaged"    // a file is not what its checksum says, or can't be read
	Unchecked  Problem = "unchecked"  // an image or link has no checksum, or one of another file
	Orphan     Problem = "orphan"     // a checksum or report of something that is not there
	Dangling   Problem = "dangling"   // a link does not mean an image of the tree
	Unverified Problem = "unverified" // a link means an image without a report that passed
	Outdated   Problem = "outdated"   // the folder's CHECKSUM is not the sum of all others
	Stray      Problem = "stray"      // a name that Quarry would not have published
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Problem  Problem `json:"problem"`
	Name     string  `json:"name"` // in the tree; Quarry's own begin with .quarry/
	Message  string  `json:"message"`
	Repaired bool    `json:"repaired,omitempty"`
}

// Checked is what a tree was found to be.
type Checked struct {
	Dir      string    `json:"dir"`
	Images   int       `json:"images"` // read and compared
	Bytes    int64     `json:"bytes"`  // of them
	Links    int       `json:"links"`
	Findings []Finding `json:"findings"`
}

// Sound reports whether nothing is left that was found.
func (c Checked) Sound() bool {
	return !slices.ContainsFunc(c.Findings, func(f Finding) bool { return !f.Repaired })
}

// Fsck implements Keeper. It reads every published file. Without Repair nothing is changed, and a tree that this user may only read can be checked.
func (t *tree) Fsck(ctx context.Context, o FsckOptions) (Checked, error) {
	var result Checked
	quiet := func(e progress.Event) { // what read warns of is among the findings
		if e.Kind != progress.Warning {
			o.Report.Report(e)
		}
	}
	dir, err := t.look(ctx, quiet, func(locked *tree, now state) (err error) {
		c := &checker{tree: locked, now: now, result: Checked{Dir: locked.dir, Findings: []Finding{}}}
		err = c.all(ctx, o)
		result = c.result
		return err
	})
	if err != nil {
		return Checked{}, fmt.Errorf("checking %s: %w", dir, explain(err))
	}
	return result, nil
}

// checker collects findings.
type checker struct {
	tree   *tree
	now    state
	result Checked
}

func (c *checker) found(p Problem, name, format string, args ...any) {
	c.result.Findings = append(c.result.Findings, Finding{Problem: p, Name: name, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) all(ctx context.Context, o FsckOptions) error {
	if err := c.unfinished(o.Repair); err != nil {
		return err
	}
	for _, name := range c.now.names {
		if err := c.name(ctx, name, o.Report); err != nil {
			return err
		}
	}
	if c.now.text != c.now.all() {
		c.found(Outdated, checksumAll, "it does not hold the checksums of the files; the next publication writes it again")
	}
	return c.reports()
}

// unfinished looks for what a publisher that was killed has left.
func (c *checker) unfinished(repair bool) error {
	t := c.tree
	first := len(c.result.Findings)
	_, err := os.Lstat(t.own(journalFile))
	switch {
	case err == nil:
		c.found(CutOff, private+"/"+journalFile, "a change was cut off before it was complete; --repair or the next publication completes it")
	case !errors.Is(err, fs.ErrNotExist):
		return err
	default:
		if _, err := os.Lstat(t.own(stagingDir)); err == nil {
			c.found(Temporary, private+"/"+stagingDir, "files of a publication that never became certain; --repair or the next one removes them")
		}
	}
	for _, path := range t.temporaries() {
		c.found(Temporary, strings.TrimPrefix(path, t.dir+"/"), "a journal that was not written to its end")
	}
	if !repair || len(c.result.Findings) == first {
		return nil
	}
	if err := t.finish(); err != nil {
		for i := first; i < len(c.result.Findings); i++ {
			c.result.Findings[i].Message += fmt.Sprintf(": can't be repaired: %v", err)
		}
		return nil
	}
	for i := first; i < len(c.result.Findings); i++ {
		c.result.Findings[i].Repaired = true
	}
	c.now, err = t.read(nil)
	return err
}

// name looks at one name of the tree.
func (c *checker) name(ctx context.Context, name string, report progress.Func) error {
	if name == checksumAll {
		return nil
	}
	if of, ok := strings.CutSuffix(name, checksumSuffix); ok && of != "" {
		switch _, err := os.Lstat(c.tree.path(of)); {
		case errors.Is(err, fs.ErrNotExist):
			c.found(Orphan, name, "there is no %s", of)
		case c.now.bad[of] != nil && c.now.links[of] != "":
			c.found(Unchecked, of, "its checksum does not fit: %v", c.now.bad[of])
		case c.now.bad[of] != nil:
			c.found(Damaged, of, "%v", c.now.bad[of])
		}
		return nil
	}
	sum, sound := c.now.sums[name]
	if !sound && c.now.bad[name] == nil {
		if _, link := c.now.links[name]; link || isImage(name) {
			c.found(Unchecked, name, "it has no checksum")
		} else {
			c.found(Stray, name, "Quarry did not publish it")
		}
	}
	if target, ok := c.now.links[name]; ok {
		c.link(name, target)
		return nil
	}
	if !sound {
		return nil
	}
	c.result.Images++
	c.result.Bytes += sum.Size
	if err := c.tree.same(ctx, sum, report); ctx.Err() != nil {
		return context.Cause(ctx)
	} else if err != nil {
		c.found(Damaged, name, "%v", err)
	}
	return nil
}

func isImage(name string) bool {
	_, err := ParseName(name)
	return err == nil
}

// link looks at what a link means. Its checksum was compared with its target's when the tree was read.
func (c *checker) link(name, target string) {
	c.result.Links++
	if !isImage(target) {
		c.found(Dangling, name, "it says %q, which is no image of this folder", target)
		return
	}
	if info, err := os.Lstat(c.tree.path(target)); err != nil || !info.Mode().IsRegular() {
		c.found(Dangling, name, "there is no image %s", target)
		return
	}
	sum, ok := c.now.sums[target]
	if _, err := os.Stat(c.tree.own(reportsDir)); err != nil || !ok {
		return // a mirror's copy without reports; or the image itself is found wanting
	}
	if err := c.tree.passed(sum); err != nil {
		c.found(Unverified, name, "it means %s: %v", target, err)
	}
}

// reports looks through Quarry's own folder.
func (c *checker) reports() error {
	entries, err := os.ReadDir(c.tree.own())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		known := slices.Contains([]string{lockFile, journalFile, stagingDir, reportsDir}, e.Name()) || strings.HasPrefix(e.Name(), "."+journalFile+".")
		if !known {
			c.found(Stray, private+"/"+e.Name(), "Quarry keeps nothing of that name")
		}
	}
	kept, err := os.ReadDir(c.tree.own(reportsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range kept {
		path := private + "/" + reportsDir + "/" + e.Name()
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || !isImage(name) {
			c.found(Stray, path, "it is no boot report")
			continue
		}
		if !slices.Contains(c.now.names, name) {
			c.found(Orphan, path, "there is no %s", name)
			continue
		}
		if r, err := c.tree.bootReport(name); err != nil {
			c.found(Damaged, path, "%v", err)
		} else if sum, ok := c.now.sums[name]; ok && r != nil && r.Image.Digest != sum.Digest {
			c.found(Unchecked, path, "it is about another file (%s)", r.Image.Digest.Short())
		}
	}
	return nil
}

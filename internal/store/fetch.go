package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/redact"
)

// patience is how many files of one Fetch may fail for a passing reason, after all attempts.
const patience = 10

// Request is one file to fetch.
type Request struct {
	URLs   []string      // http, https or file; the first that works is taken
	Digest digest.Digest // empty: whatever comes is taken and its digest returned. For metadata that is checked otherwise
	Size   int64         // bytes; 0 is not known
	Name   string        // for messages; "" is the first URL
}

func (r Request) name() string {
	if r.Name != "" {
		return r.Name
	}
	return redact.URL(r.URLs[0])
}

// Fetch makes sure that the store has all the files, jobs of them at a time, and returns them in the order of the requests. It goes on after a
// file that can't be had, so that the error names all of them: it is a join of *FetchError. A full disk and an ended context stop it, and
// so do mirrors that have not answered for patience files: they won't for the rest either, and each takes its time to find out.
func (s *Store) Fetch(ctx context.Context, requests []Request, jobs int, report progress.Func) ([]artifact.File, error) {
	var total int64
	for _, r := range requests {
		if len(r.URLs) == 0 {
			return nil, fmt.Errorf("fetching %s: no URL is known", r.Name)
		}
		total += r.Size
	}
	counter := &counter{total: total, report: report}
	files := make([]artifact.File, len(requests))
	failures := make([]error, len(requests))
	var silent, untried atomic.Int32
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, jobs))
	for i, r := range requests {
		group.Go(func() error {
			if _, ok := s.have(r); !ok && silent.Load() >= patience {
				untried.Add(1)
				return nil
			}
			f, err := s.fetch(ctx, r, counter)
			if errors.As(err, new(*FullError)) || ctx.Err() != nil {
				return err
			}
			if failed := new(FetchError); errors.As(err, &failed) && failed.Retryable() {
				silent.Add(1)
			}
			files[i], failures[i] = f, err
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if n := untried.Load(); n > 0 {
		failures = append(failures, fmt.Errorf("and %d more files were not asked for: run again when the mirrors answer", n))
	}
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	counter.flush()
	return files, nil
}

func (s *Store) fetch(ctx context.Context, r Request, c *counter) (artifact.File, error) {
	if err := context.Cause(ctx); err != nil {
		return artifact.File{}, err
	}
	if f, ok := s.have(r); ok {
		// Read once more: nothing is built of what the disk has spoiled. That takes a second for all files of an image.
		if sum, _, err := digest.File(f.Path); err == nil && sum == r.Digest {
			c.add(r.Size)
			return f, nil
		}
		c.report.Warn(r.name() + " was damaged in the store: it is fetched again")
		os.Remove(f.Path)
	}
	partial, err := s.partial(ctx, r)
	if err != nil {
		return artifact.File{}, &FetchError{Name: r.name(), Errs: []error{&localError{s.explain(err)}}}
	}
	if partial != nil {
		defer partial.Close()
	}
	if f, ok := s.have(r); ok { // it came while we waited for the lock
		if partial != nil {
			os.Remove(partial.Name())
		}
		c.add(r.Size)
		return f, nil
	}
	urls := r.URLs
	var errs []error
	for attempt := range s.policy.attempts {
		if attempt > 0 {
			select {
			case <-ctx.Done():
				return artifact.File{}, context.Cause(ctx)
			case <-time.After(s.policy.backoff << (attempt - 1)):
			}
		}
		var again []string
		errs = nil
		for _, url := range urls {
			f, err := s.attempt(ctx, r, url, partial, c)
			if err == nil {
				return f, nil
			}
			if ctx.Err() != nil {
				return artifact.File{}, context.Cause(ctx)
			}
			errs = append(errs, err)
			if passing(err) {
				again = append(again, url)
			}
		}
		if urls = again; len(urls) == 0 {
			break
		}
	}
	failed := &FetchError{Name: r.name(), Errs: errs}
	if info, err := partial.Stat(); r.Digest == "" || !failed.Retryable() || err == nil && info.Size() == 0 {
		os.Remove(partial.Name()) // nothing to resume from
	}
	return artifact.File{}, failed
}

// have looks the file up; one of another size than asked for was damaged after it was stored, and goes.
func (s *Store) have(r Request) (artifact.File, bool) {
	if r.Digest == "" {
		return artifact.File{}, false
	}
	path, ok := s.Path(r.Digest)
	if !ok {
		return artifact.File{}, false
	}
	info, err := os.Stat(path)
	if err != nil || r.Size > 0 && info.Size() != r.Size {
		os.Remove(path)
		return artifact.File{}, false
	}
	// Upkeep removes first what was not used for long. Where this fails, the file is only older than it could be.
	now := time.Now()
	_ = os.Chtimes(path, now, now)
	return artifact.File{Path: path, Size: info.Size(), Digest: r.Digest}, true
}

// partial opens the unfinished file of a request, which belongs to one process at a time. A file of known digest is found
// again after a crash; others are temporary. A nil file means that another process has just finished it.
func (s *Store) partial(ctx context.Context, r Request) (*os.File, error) {
	dir := filepath.Join(s.dir, "partial")
	if r.Digest == "" {
		return os.CreateTemp(dir, "unknown-*")
	}
	name := filepath.Join(dir, r.Digest.Hex())
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, err
		}
		for {
			err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
			if !errors.Is(err, unix.EWOULDBLOCK) {
				break
			}
			select {
			case <-ctx.Done():
				f.Close()
				return nil, context.Cause(ctx)
			case <-time.After(20 * time.Millisecond):
			}
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		// Who had the lock before may have finished and renamed the file: then this is no longer the partial one.
		if mine, err1 := f.Stat(); err1 == nil {
			if named, err2 := os.Stat(name); err2 == nil && os.SameFile(mine, named) {
				return f, nil
			}
		}
		f.Close()
		if _, ok := s.have(r); ok {
			return nil, nil
		}
	}
}

// attempt downloads from one URL, continuing what is in the partial file.
func (s *Store) attempt(ctx context.Context, r Request, url string, partial *os.File, c *counter) (artifact.File, error) {
	sum := sha256.New()
	at, err := resume(partial, sum, r)
	if err != nil {
		return artifact.File{}, &localError{s.explain(err)}
	}
	limit := r.Size
	if limit == 0 {
		limit = s.policy.unsized
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(s.policy.stall, func() { cancel(fmt.Errorf("%s: nothing came for %s", redact.URL(url), s.policy.stall)) })
	defer watch.Stop()

	body, from, err := s.open(ctx, url, at)
	if err != nil {
		return artifact.File{}, err
	}
	defer body.Close()
	if from != at { // the server doesn't resume
		sum.Reset()
		if err := restart(partial); err != nil {
			return artifact.File{}, &localError{s.explain(err)}
		}
	}
	written, kept := from, false
	c.add(written)
	defer func() {
		if !kept { // the next attempt counts again what it starts with
			c.add(-written)
		}
	}()
	buf := make([]byte, 256<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			watch.Reset(s.policy.stall)
			if written+int64(n) > limit {
				_ = restart(partial)
				return artifact.File{}, &SizeError{URL: url, Want: limit, Got: written + int64(n)}
			}
			if _, err := partial.Write(buf[:n]); err != nil {
				return artifact.File{}, s.explain(fmt.Errorf("writing %s: %w", partial.Name(), err))
			}
			sum.Write(buf[:n])
			written += int64(n)
			c.add(int64(n))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return artifact.File{}, fmt.Errorf("%s: after %d bytes: %w", redact.URL(url), written, err)
		}
	}
	if r.Size > 0 && written < r.Size {
		return artifact.File{}, fmt.Errorf("%s: after %d of %d bytes: %w", redact.URL(url), written, r.Size, io.ErrUnexpectedEOF)
	}
	got, _ := digest.Parse(hex.EncodeToString(sum.Sum(nil)))
	if r.Digest != "" && got != r.Digest {
		_ = restart(partial)
		return artifact.File{}, &DigestError{URL: url, Want: r.Digest, Got: got}
	}
	f, err := s.keep(partial, got, written)
	kept = err == nil
	return f, err
}

// resume reads what an earlier attempt left into sum and returns how much it is.
func resume(partial *os.File, sum hash.Hash, r Request) (int64, error) {
	if _, err := partial.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.Copy(sum, partial)
	if err != nil {
		return 0, err
	}
	if r.Digest == "" || r.Size > 0 && n >= r.Size {
		sum.Reset()
		return 0, restart(partial)
	}
	return n, nil
}

func restart(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// Package store keeps files by what they hold: each under the SHA-256 of its bytes, so that it is downloaded once, can't be confused with another,
// and is shared by every build. It fetches over http, https and from file URLs, several files at a time, resumes and retries, and gives
// a file its name only after its size and digest were checked. It doesn't know what the files are.
package store

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
)

// Store is a folder of files by digest. Several processes may use one folder at the same time.
type Store struct {
	dir    string
	lock   *flock.Flock // shared: see Alone
	client *http.Client
	policy policy
}

// policy is how patient downloads are.
type policy struct {
	attempts int           // rounds over a file's URLs
	backoff  time.Duration // before the second round; doubles from then on
	stall    time.Duration // without a byte, after which an attempt is given up
	unsized  int64         // bytes, the most that a file of unknown size may have
}

// Open opens the store in dir and makes the folders that are missing. Until Close, or the process's end, none of its files is removed.
func Open(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	for _, sub := range []string{"files", "partial"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, fmt.Errorf("opening the store: %w: choose a folder that can be written with --work", err)
		}
	}
	if err := takeLeftovers(dir); err != nil {
		return nil, err
	}
	lock, err := share(dir)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 20 * time.Second}).DialContext,
		TLSHandshakeTimeout:   20 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
		MaxIdleConnsPerHost:   16,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true, // digests are of the bytes as they are stored there
	}
	return &Store{
		dir:    dir,
		lock:   lock,
		client: &http.Client{Transport: transport},
		policy: policy{attempts: 5, backoff: 500 * time.Millisecond, stall: 60 * time.Second, unsized: 1 << 30},
	}, nil
}

// Dir returns the store's folder.
func (s *Store) Dir() string { return s.dir }

// Path returns where the file with digest d is, and false when the store doesn't have it.
func (s *Store) Path(d digest.Digest) (string, bool) {
	if _, err := digest.Parse(string(d)); err != nil {
		return "", false
	}
	path := s.path(d)
	info, err := os.Stat(path)
	return path, err == nil && info.Mode().IsRegular()
}

func (s *Store) path(d digest.Digest) string {
	return filepath.Join(s.dir, "files", d.Hex()[:2], d.Hex())
}

// Put stores what r yields.
func (s *Store) Put(ctx context.Context, r io.Reader) (artifact.File, error) {
	tmp, err := os.CreateTemp(filepath.Join(s.dir, "partial"), "put-*")
	if err != nil {
		return artifact.File{}, s.explain(fmt.Errorf("storing a file: %w", err))
	}
	defer os.Remove(tmp.Name()) // after a success the name is gone already
	defer tmp.Close()
	d, n, err := digest.Reader(io.TeeReader(readerFunc(func(p []byte) (int, error) {
		if err := context.Cause(ctx); err != nil {
			return 0, err
		}
		return r.Read(p)
	}), tmp))
	if err != nil {
		return artifact.File{}, s.explain(fmt.Errorf("storing a file: %w", err))
	}
	return s.keep(tmp, d, n)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// keep gives the finished file f its name.
func (s *Store) keep(f *os.File, d digest.Digest, size int64) (artifact.File, error) {
	path := s.path(d)
	err := f.Sync()
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		// Only now: under its old name others open it for writing, to wait for its lock.
		err = f.Chmod(0o444)
	}
	if err != nil {
		return artifact.File{}, s.explain(fmt.Errorf("storing a file: %w", err))
	}
	return artifact.File{Path: path, Size: size, Digest: d}, nil
}

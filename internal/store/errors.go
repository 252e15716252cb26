package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/redact"
)

// DigestError is a file that is not the one that was asked for. Trying the same URL again doesn't help.
type DigestError struct {
	URL  string
	Want digest.Digest
	Got  digest.Digest
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("%s has the digest %s instead of %s: it has changed, or the mirror is damaged; "+
		"make a new lock if the change is expected", redact.URL(e.URL), e.Got, e.Want)
}

// SizeError is a file whose size is not the one that was asked for.
type SizeError struct {
	URL       string
	Want, Got int64 // bytes; Got is only known to be more than Want where the server says no length
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s has %d bytes instead of %d: it has changed, or the mirror is damaged", redact.URL(e.URL), e.Got, e.Want)
}

// StatusError is an answer of a server that is no success.
type StatusError struct {
	URL    string
	Code   int // of HTTP
	Status string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: the server says %s", redact.URL(e.URL), e.Status)
}

// FullError is a disk without room for the store.
type FullError struct {
	Dir string
	Err error
}

func (e *FullError) Error() string {
	return fmt.Sprintf("the disk that holds %s is full (%v): make room, or keep it elsewhere with --work", e.Dir, e.Err)
}

func (e *FullError) Unwrap() error { return e.Err }

// FetchError is a file that could not be had from any of its URLs. It wraps what went wrong at each.
type FetchError struct {
	Name string
	Errs []error
}

func (e *FetchError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "could not fetch %s", e.Name)
	for i, err := range e.Errs {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%v", sep, err)
	}
	return redact.Text(b.String())
}

func (e *FetchError) Unwrap() []error { return e.Errs }

// Retryable reports whether the same fetch may succeed later: some URL failed for a passing reason.
func (e *FetchError) Retryable() bool {
	for _, err := range e.Errs {
		if passing(err) {
			return true
		}
	}
	return false
}

// passing reports whether an attempt's error may go away by itself.
func passing(err error) bool {
	var status *StatusError
	switch {
	case errors.As(err, &status):
		return status.Code >= 500 || status.Code == 408 || status.Code == 429
	case errors.As(err, new(*DigestError)), errors.As(err, new(*SizeError)), errors.As(err, new(*FullError)), errors.As(err, new(*localError)):
		return false
	}
	return !errors.Is(err, context.Canceled)
}

// localError is a failure that has nothing to do with the network: a missing file, a folder without permission.
type localError struct{ error }

func (e *localError) Unwrap() error { return e.error }

// explain turns what the kernel says about a full disk into what to do about it.
func (s *Store) explain(err error) error {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, full) {
			return &FullError{Dir: s.dir, Err: full}
		}
	}
	return err
}

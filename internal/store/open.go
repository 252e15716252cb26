package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/quarry-project/quarry/internal/redact"
)

// open starts reading address at byte at. It returns where the data really begins: at, or 0 when the server can't resume.
func (s *Store) open(ctx context.Context, address string, at int64) (io.ReadCloser, int64, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, 0, &localError{fmt.Errorf("%s is no URL", redact.URL(address))} // err quotes a part of it
	}
	switch u.Scheme {
	case "file":
		return openFile(u, at)
	case "http", "https":
		return s.openHTTP(ctx, address, at)
	}
	return nil, 0, &localError{fmt.Errorf("%s: only http, https and file URLs can be fetched", redact.URL(address))}
}

// openHTTP asks for the rest of a file.
func (s *Store) openHTTP(ctx context.Context, address string, at int64) (io.ReadCloser, int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, &localError{fmt.Errorf("%s: %w", redact.URL(address), err)}
	}
	request.Header.Set("User-Agent", "quarry")
	if at > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
	}
	response, err := s.client.Do(request)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, 0, fmt.Errorf("%s: %w", redact.URL(address), err)
	}
	switch {
	case response.StatusCode == http.StatusOK:
		return response.Body, 0, nil
	case response.StatusCode == http.StatusPartialContent && strings.HasPrefix(response.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", at)):
		return response.Body, at, nil
	case at > 0 && (response.StatusCode == http.StatusRequestedRangeNotSatisfiable || response.StatusCode == http.StatusPartialContent):
		// What we have is longer than what is there, or another range came: begin again.
		response.Body.Close()
		return s.openHTTP(ctx, address, 0)
	}
	response.Body.Close()
	return nil, 0, &StatusError{URL: address, Code: response.StatusCode, Status: response.Status}
}

func openFile(u *url.URL, at int64) (io.ReadCloser, int64, error) {
	if u.Host != "" && u.Host != "localhost" {
		return nil, 0, &localError{fmt.Errorf("%s: a file URL has no host: write file:///PATH", u.Redacted())}
	}
	f, err := os.Open(u.Path)
	if err != nil {
		return nil, 0, &localError{err}
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err == nil && at > info.Size() {
		at = 0
	}
	if err == nil {
		_, err = f.Seek(at, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, 0, &localError{fmt.Errorf("%s: %w", u, err)}
	}
	return f, at, nil
}

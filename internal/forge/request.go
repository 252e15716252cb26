package forge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"github.com/google/go-github/v60/github"
)

const (
	attempts = 3           // of a call that fails for a passing reason
	minute   = time.Minute // to wait where GitHub limits without saying for how long, as its documentation asks
)

// RateError is a rate limit that would have to be waited for longer than Options.Patience.
type RateError struct {
	Until    time.Time // when the limit is lifted
	HasToken bool
}

func (e *RateError) Error() string {
	hint := "try again then"
	if !e.HasToken {
		hint += ", or set QUARRY_GITHUB_TOKEN, which has a larger limit"
	}
	return fmt.Sprintf("GitHub's rate limit is used up until %s: %s", e.Until.Format(time.TimeOnly), hint)
}

// AccessError is a call that GitHub refuses. Trying again does not help.
type AccessError struct {
	Code     int // of HTTP: 401, 403 or 404
	HasToken bool
	Message  string // GitHub's
}

func (e *AccessError) Error() string {
	switch {
	case e.Code == http.StatusUnauthorized && e.HasToken:
		return "GitHub does not accept the token: it may have expired; set QUARRY_GITHUB_TOKEN to a valid one"
	case !e.HasToken:
		return fmt.Sprintf("GitHub says %d %q: set QUARRY_GITHUB_TOKEN (or GITHUB_TOKEN) if the repository is not public or is to be changed", e.Code, e.Message)
	case e.Code == http.StatusNotFound:
		return "GitHub finds nothing there: check the name, and that the token may see the repository"
	default:
		return fmt.Sprintf("GitHub says %d %q: give the token the permission for that", e.Code, e.Message)
	}
}

// NotFound reports whether err is GitHub's not having what was asked for, or not showing it.
func NotFound(err error) bool {
	var access *AccessError
	return errors.As(err, &access) && access.Code == http.StatusNotFound
}

// do makes a call until it succeeds, fails for good, or has failed often enough. It waits for rate limits as long as the patience lasts.
func (c *Client) do(ctx context.Context, what string, call func() (*github.Response, error)) error {
	pause := c.pause
	waited := time.Duration(0)
	for failed := 0; ; {
		_, err := call()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		}
		if until, limited := limit(err); limited {
			wait := max(0, time.Until(until)) + time.Second // clocks differ
			if waited += wait; waited > c.patience {
				return fmt.Errorf("%s: %w", what, &RateError{Until: until, HasToken: c.token})
			}
			c.report.Warn(fmt.Sprintf("GitHub's rate limit is used up: waiting until %s", until.Format(time.TimeOnly)))
			if err := sleep(ctx, wait); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			continue
		}
		err, passing := c.classify(err)
		if failed++; !passing || failed == attempts {
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := sleep(ctx, pause); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		pause *= 2
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// limit says until when GitHub wants no more calls, if that is what err says.
func limit(err error) (time.Time, bool) {
	var primary *github.RateLimitError
	if errors.As(err, &primary) {
		return primary.Rate.Reset.Time, true
	}
	var secondary *github.AbuseRateLimitError
	if errors.As(err, &secondary) {
		return time.Now().Add(wait(secondary.RetryAfter)), true
	}
	var other *github.ErrorResponse
	if errors.As(err, &other) && other.Response.StatusCode == http.StatusTooManyRequests {
		var after *time.Duration
		if seconds, err := strconv.Atoi(other.Response.Header.Get("Retry-After")); err == nil && seconds >= 0 {
			d := time.Duration(seconds) * time.Second
			after = &d
		}
		return time.Now().Add(wait(after)), true
	}
	return time.Time{}, false
}

func wait(after *time.Duration) time.Duration {
	if after == nil {
		return minute
	}
	return *after
}

// classify makes an error of ours and tells whether the same call may succeed later.
func (c *Client) classify(err error) (error, bool) { //nolint:revive // the error is the value here
	if errors.As(err, new(*RateError)) || errors.As(err, new(*AccessError)) || errors.As(err, new(*fs.PathError)) {
		return err, false // of a call that this one is made of, or of a file of ours
	}
	var answer *github.ErrorResponse
	if !errors.As(err, &answer) {
		var twoFactor *github.TwoFactorAuthError
		if errors.As(err, &twoFactor) {
			return &AccessError{Code: http.StatusUnauthorized, HasToken: c.token}, false
		}
		return err, true // the network
	}
	switch code := answer.Response.StatusCode; {
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusNotFound:
		return &AccessError{Code: code, HasToken: c.token, Message: answer.Message}, false
	case code >= 500:
		return fmt.Errorf("GitHub says %d", code), true
	default:
		return err, false
	}
}

package main

import (
	"context"
	"errors"
	"strings"

	"github.com/quarry-project/quarry/builders"
)

// exitCode is the one place that turns errors into exit codes.
func exitCode(ctx context.Context, err error) int {
	var usage usageError
	var bad *builders.VerifyError
	var set *setError
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.As(err, &set):
		return set.code()
	case errors.Is(err, errNews):
		return exitNews
	case errors.As(err, &usage), strings.HasPrefix(err.Error(), "unknown command"):
		return exitUsage
	case errors.As(err, &bad), errors.Is(err, errNotPassed):
		return exitVerify
	default:
		return exitFailed
	}
}

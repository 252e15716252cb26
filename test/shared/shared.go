// Package shared finds the project's shared test data: real kickstarts and the reference parser's answers, which are
// not part of the product. It also says what becomes of a test that lacks something. It holds no data and knows no file in there.
package shared

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir returns the folder of the shared data: $QUARRY_SHARED, else the folder "shared" beside the checkout.
// Without either the test ends as Missing says.
func Dir(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("QUARRY_SHARED"); dir != "" {
		return dir
	}
	if root, ok := moduleRoot(); ok {
		dir := filepath.Join(filepath.Dir(root), "shared")
		if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
			return dir
		}
	}
	Missing(t, "no shared test data: set QUARRY_SHARED to its folder, or put it beside the checkout as ../shared")
	return ""
}

// Missing ends a test that lacks what the test host should have: it is skipped and says so; with QUARRY_REQUIRE_SHARED=1, as CI sets it,
// it fails instead, so that a check can't go missing unseen. What scripts/host --tests does not install is no case for it.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("QUARRY_REQUIRE_SHARED") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// moduleRoot is the closest parent of the working directory that holds go.mod; tests run in their package's folder.
func moduleRoot() (string, bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestBadRequestsAreUsage(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"--distro pebble", "--mirror URL"},
		{"--distro pebble --mirror /srv/pebble", "/srv/pebble"},
		{"--release 9.x", "9.x"},
	} {
		var stdout, stderr bytes.Buffer
		args := append([]string{"plan", "--work", t.TempDir()}, strings.Fields(c.args)...)
		if code := run(args, &stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), c.says) {
			t.Errorf("%s: exit %d\n%s", c.args, code, stderr.String())
		}
	}
}

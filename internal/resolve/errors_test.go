package resolve

import (
	"strings"
	"testing"
)

func TestPasswordsAreNotSaid(t *testing.T) {
	const address = "https://me:s3cret@mirror.invalid/os"
	for _, err := range []error{
		&RepositoryError{ID: "baseos", URL: address, Message: "no answer from " + address},
		&MissingError{Wants: []string{"vim"}, Repositories: []string{"baseos (" + address + ")"}},
		&KeyError{From: address},
		fetchable(strings.Replace(address, "https", "ftp", 1)),
	} {
		if text := err.Error(); strings.Contains(text, "s3cret") || !strings.Contains(text, "xxxxx@mirror.invalid") {
			t.Errorf("%T: %s", err, text)
		}
	}
}

// Package redact takes passwords out of what people and logs get to see. It is a leaf. It never decides what is shown, and it changes no address
// that is used.
package redact

import (
	"net/url"
	"regexp"
)

// password is that of a URL (RFC 3986, section 3.2.1) anywhere in a text. The authority ends at a slash, so that a port and a later @ stay.
var password = regexp.MustCompile(`(://[^\s/?#@:"]*):[^\s/?#"]*@`)

// broken is what stands before the last @ of an address that is no URL, for instance as its password has a bare slash.
var broken = regexp.MustCompile(`(?s)^([^/]*//).*@`)

// Text replaces the password of each URL in text with xxxxx, as net/url does.
func Text(text string) string { return password.ReplaceAllString(text, "${1}:xxxxx@") }

// URL does the same for one address. Of an address that is no URL everything that may be a password goes.
func URL(address string) string {
	if _, err := url.Parse(address); err != nil {
		return broken.ReplaceAllString(address, "${1}xxxxx@")
	}
	return Text(address)
}

// Error is err with a text that has no password. It wraps err; nil stays nil.
func Error(err error) error {
	if err == nil {
		return nil
	}
	return &redacted{err}
}

type redacted struct{ err error }

func (e *redacted) Error() string { return Text(e.err.Error()) }
func (e *redacted) Unwrap() error { return e.err }

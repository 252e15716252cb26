// Package strictyaml reads YAML files the way all of Quarry's are read: unknown keys, duplicate keys and second documents are
// errors, and every error says the file, line and column. It knows no file by name.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// MaxSize is the most that a file may have, in bytes. Pipelines and the list of sources are a few hundred.
const MaxSize = 1 << 20

// Error is a file that is not as it should be.
type Error struct {
	File         string
	Line, Column int // 1-based; 0 is not known
	Message      string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Decode reads data into the struct that into points to. File is the name for errors, which are all *Error.
func Decode(file string, data []byte, into any) (err error) {
	// The library panics on a few malformed texts, such as a collection with a tag that makes no sense.
	defer func() {
		if p := recover(); p != nil {
			err = &Error{File: file, Message: fmt.Sprintf("this is no YAML that can be read (%v)", p)}
		}
	}()
	if len(data) > MaxSize {
		return &Error{File: file, Message: fmt.Sprintf("%d bytes are more than the %d that such a file may have", len(data), MaxSize)}
	}
	d := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
	err = d.Decode(into)
	if errors.Is(err, io.EOF) {
		return &Error{File: file, Message: "the file is empty"}
	}
	if err == nil {
		var second any
		if !errors.Is(d.Decode(&second), io.EOF) {
			return &Error{File: file, Message: "the file holds more than one document"}
		}
		return nil
	}
	e := &Error{File: file, Message: err.Error()}
	var positioned yaml.Error
	if errors.As(err, &positioned) {
		e.Message, _, _ = strings.Cut(positioned.GetMessage(), "\n")
		if token := positioned.GetToken(); token != nil && token.Position != nil {
			e.Line, e.Column = token.Position.Line, token.Position.Column
		}
	}
	return e
}

// At is an error about the value at path ("$.disk.size") of a file that Decode accepted. Where the file has no such value, it points to the
// nearest parent.
func At(file string, data []byte, path, message string) error {
	e := &Error{File: file, Message: strings.TrimPrefix(path, "$.") + ": " + message}
	parsed, err := parser.ParseBytes(data, 0)
	if err != nil {
		return e
	}
	for p := path; strings.HasPrefix(p, "$."); p = p[:max(1, strings.LastIndexAny(p, ".["))] {
		at, err := yaml.PathString(p)
		if err != nil {
			continue
		}
		if node, err := at.FilterFile(parsed); err == nil && node != nil {
			if position := node.GetToken().Position; position != nil {
				e.Line, e.Column = position.Line, position.Column
			}
			break
		}
	}
	return e
}

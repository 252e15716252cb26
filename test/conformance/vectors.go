package conformance

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// vector is one input and what the reference says of it.
type vector struct {
	ID      string            `json:"id"`
	Kind    string            `json:"kind"`
	Command string            `json:"command"`
	Input   string            `json:"input"`
	Files   map[string]string `json:"files"`
	Results map[string]result `json:"results"`
}

// result is the reference's answer for one version.
type result struct {
	Outcome  string `json:"outcome"` // ok, deprecated, warning or error
	Str      string `json:"str"`
	Commands map[string]struct {
		Attributes map[string]any `json:"attrs"`
	} `json:"commands"`
	Error struct {
		Class   string `json:"class"`
		Line    int    `json:"lineno"`
		Message string `json:"message"`
	} `json:"error"`
}

// readGzip hands the unpacked file to read.
func readGzip(name string, read func(io.Reader) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("unpacking %s: %w", name, err)
	}
	if err := read(unpacked); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return nil
}

// readVectors reads one vector a line.
func readVectors(name string) (all []vector, err error) {
	err = readGzip(name, func(src io.Reader) error {
		lines := json.NewDecoder(bufio.NewReader(src))
		lines.UseNumber()
		for {
			var v vector
			if err := lines.Decode(&v); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			all = append(all, v)
		}
	})
	return all, err
}

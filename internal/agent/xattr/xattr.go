// Package xattr reads extended attributes of files, never through links. What they mean, and where they go, is the callers' affair.
package xattr

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Attribute is one extended attribute.
type Attribute struct {
	Name  string // "security.capability"
	Value []byte
}

// Read returns all attributes of the file at path, in the file system's order. A file system that can't hold any (FAT) has none.
func Read(path string) ([]Attribute, error) {
	var fixed [256]byte
	list := fixed[:]
	n, err := unix.Llistxattr(path, list)
	if errors.Is(err, unix.ERANGE) {
		if n, err = unix.Llistxattr(path, nil); err == nil {
			list = make([]byte, n)
			n, err = unix.Llistxattr(path, list)
		}
	}
	if errors.Is(err, unix.ENOTSUP) || n == 0 && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list extended attributes: %w", err)
	}
	var all []Attribute
	for name := range bytes.SplitSeq(bytes.TrimRight(list[:n], "\x00"), []byte{0}) {
		value, err := get(path, string(name))
		if err != nil {
			return nil, fmt.Errorf("extended attribute %s: %w", name, err)
		}
		all = append(all, Attribute{string(name), value})
	}
	return all, nil
}

func get(path, name string) ([]byte, error) {
	size, err := unix.Lgetxattr(path, name, nil)
	if err != nil || size == 0 {
		return nil, err
	}
	value := make([]byte, size)
	size, err = unix.Lgetxattr(path, name, value)
	return value[:max(0, size)], err
}

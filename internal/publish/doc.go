// Package publish gives finished images their public names, checksums and links, and puts them into a tree that mirrors and
// people read while it changes. It never makes or boots an image; that an image was booted it learns from its verify.Report, and without
// a report that passed it moves no link.
package publish

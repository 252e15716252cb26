// Package pebble makes Pebble, the test distribution: a small tree in the shape of an Enterprise Linux release, built from the
// host's own Debian archive. Every .deb becomes a signed RPM with its EL name; what EL has and Debian lacks is declared as data
// under data/. The tree also holds an installer: kernel, initrd and a stage2 image, as a real release's tree does.
//
// Pebble is a fixture for tests and says so in its os-release. Nothing of the product imports this package, and nothing that
// belongs to a real distribution is kept here.
package pebble

// Package kickstart is the kickstart language room: it reads, checks, flattens, compares and prints the kickstart files
// of RHEL 8, 9 and 10 and the distributions built from them.
//
// What a command accepts stands in tables, one per command, in the files commands_*.go; the machinery that reads a line
// by its table knows no command by name. Typed views ([File.Partitions], [File.Lang], …) are what the rest of Quarry uses.
//
// Nothing here runs a command, resolves a substitution such as $basearch, looks at a disk, or reads a file that the caller
// didn't hand over as an fs.FS: what a kickstart means for an image is decided in other rooms.
//
// The language is the one of pykickstart and Anaconda; where this package is stricter on purpose, docs/kickstart.md says so.
package kickstart

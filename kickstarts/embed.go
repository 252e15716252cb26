// Package kickstarts holds the list of kickstart repositories (sources.yaml) and the few kickstarts that are Quarry's own.
// It is data; internal/source and internal/plan read it.
package kickstarts

import "embed"

// Files is the list and the kickstarts. Only cmd imports it.
//
//go:embed sources.yaml *.ks
var Files embed.FS

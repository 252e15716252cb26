// Package pipelines holds the images that Quarry knows: a folder for each distribution and release with release.yaml (where its packages, keys and
// kickstarts are) and one small YAML file for each image. It is data; internal/plan reads it.
package pipelines

import "embed"

// Files is the tree of pipelines. Only cmd imports it.
//
//go:embed */*/*.yaml
var Files embed.FS

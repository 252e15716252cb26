package plan

import (
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/internal/redact"
	"github.com/quarry-project/quarry/internal/source"
)

// Make makes the Plan. It reads the kickstart and its includes from checkout and does no other I/O. What is wrong with the
// kickstart, or can't be carried out, is a kickstart.Problems with file, line and column. A mirror that can't be used is a *RequestError.
func Make(p Pipeline, r Request, checkout source.Checkout) (Plan, error) {
	plan := p.Outline(r)
	if plan.Live != nil {
		if r.Squash != "" {
			if !slices.Contains(squashes(), r.Squash) {
				return Plan{}, refuse("a live image can't be compressed with %q: want %s", r.Squash, strings.Join(squashes(), " or "))
			}
			plan.Live.Squash = r.Squash
		}
		if err := checkVolumeID(plan.Live.VolumeID); err != nil {
			return Plan{}, &RequestError{Message: err.Error()} // the pipeline's own was checked: it is the request's release
		}
	}
	ks, err := readKickstart(&plan, p, checkout)
	if err != nil {
		return Plan{}, err
	}
	problems, warnings := checkCommands(ks)
	warnings = append(warnings, checkNetwork(ks, plan.Machine.Network)...)
	problems = append(problems, checkPackages(ks)...)
	if plan.Live != nil {
		problems = append(problems, checkLive(ks)...)
	}
	moreProblems, moreWarnings := plan.storage(ks)
	problems, warnings = append(problems, moreProblems...), append(warnings, moreWarnings...)
	vars, err := variables(plan, p, r)
	if err != nil {
		return Plan{}, err
	}
	all, moreProblems, moreWarnings := vars.repositories(p, ks)
	plan.Warnings = append(warnings, moreWarnings...)
	if problems = append(problems, moreProblems...); len(problems) > 0 {
		return Plan{}, problems
	}
	if plan.Repositories, err = p.release.replace(all, r.Repositories); err != nil {
		return Plan{}, err
	}
	plan.Tree = vars.expand(p.release.Tree)
	if plan.Keys, err = vars.keys(p, r, plan.Repositories); err != nil {
		return Plan{}, err
	}
	a, err := arch.Lookup(r.Arch)
	if err != nil {
		return Plan{}, err
	}
	plan.Packages = packagesOf(ks, plan.Builder, a, p.image.Available)
	plan.Verify.User, plan.Verify.Method = p.image.Verify.User, p.image.Verify.Method
	plan.Verify.MayFail = p.image.Verify.MayFail
	if plan.Verify.Method == "" && plan.Builder == "pi" {
		plan.Verify.Method = "inspect" // QEMU has no machine whose firmware reads a Pi's disk
	}
	for _, kind := range p.image.Verify.Firmware { // one list for all architectures, each of which has some of it
		if _, ok := a.Has(arch.Kind(kind)); ok {
			plan.Verify.Firmware = append(plan.Verify.Firmware, kind)
		}
	}
	if plan.Verify.Firmware == nil {
		plan.Verify.Firmware = plan.firmware(ks, a, p.image.Available)
	}
	return plan, nil
}

// firmware is what the image boots under where its pipeline says nothing. A live ISO has a boot loader for all that its architecture has.
func (p *Plan) firmware(ks *kickstart.File, a arch.Arch, available []string) (kinds []string) {
	switch p.Builder {
	case "live":
		for _, f := range a.Firmware {
			kinds = append(kinds, string(f.Kind))
		}
	case "disk":
		kinds = firmwares(ks, a, slices.Concat(names(p.Packages.Install), scriptInstalls(ks), available))
	}
	return kinds
}

// Outline is the plan as far as the pipeline and the request alone tell it, without the kickstart and what follows from it.
func (p Pipeline) Outline(r Request) Plan {
	release := p.release
	plan := Plan{
		Distro: release.Distro, DistroName: release.Name, Release: release.Release, Version: release.Version, EFIDir: release.EFI,
		Image: p.image.Image, Variant: p.image.Variant, Primary: p.image.Primary, Arch: r.Arch,
		Builder: p.image.Builder, Naming: release.Naming,
		Disk:    Disk{Size: p.diskSize, Device: p.image.Disk.Device},
		Outputs: slices.Clone(p.image.Outputs),
		Machine: MachineNeeds{CPUs: p.image.Machine.CPUs, MemoryMiB: p.memoryMiB, Network: p.image.Machine.Network},
	}
	plan.Kickstart.Path = p.Kickstart(r.Arch)
	if r.Kickstart != "" {
		plan.Kickstart.Path = kickstartFor(r.Kickstart, r.Arch)
	}
	if p.image.Builder == "pi" {
		plan.Disk.Label = "msdos" // the Pi's firmware reads the old table on every model
	}
	if strings.Contains(r.Release, ".") {
		plan.Version = r.Release
	}
	plan.Live = p.image.Live.liveOf(plan)
	return plan
}

// storage checks the storage commands and says how much room there is for packages.
func (p *Plan) storage(ks *kickstart.File) (problems kickstart.Problems, warnings []string) {
	switch p.Builder {
	case "live":
		p.Disk.Size, problems, warnings = liveStorage(ks)
		p.Disk.Packages = p.Disk.Size
	case "rootfs": // its disk is only where it is put together
		p.Disk.Packages = p.Disk.Size
	default:
		problems, p.Disk.Packages = checkStorage(ks, p.Disk), packageSpace(ks, p.Disk)
	}
	return problems, warnings
}

func readKickstart(plan *Plan, p Pipeline, checkout source.Checkout) (*kickstart.File, error) {
	name := plan.Kickstart.Path
	version, err := kickstart.ParseVersion(p.image.Version)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.File, err)
	}
	text, err := checkout.FS.Open(name)
	if err != nil {
		have, _ := fs.Glob(checkout.FS, "*.ks")
		return nil, fmt.Errorf("the kickstart of %s: %w; %s has %s", plan.Name(), err, redact.URL(checkout.URL), strings.Join(have, ", "))
	}
	defer text.Close()
	ks, err := kickstart.Parse(name, text, kickstart.Options{Version: version, Includes: checkout.FS, AllowMissingIncludes: true})
	if err != nil {
		return nil, err
	}
	flat := ks.Flat()
	plan.Kickstart = Kickstart{
		Source: checkout.URL, Branch: checkout.Branch, Commit: checkout.Commit, Path: name,
		Version: strings.ToLower(version.String()), Text: flat, Digest: digest.Bytes([]byte(flat)),
	}
	return ks, nil
}

// mirrorOf is the URL that the release's files are below. The error is a *RequestError.
func mirrorOf(p Pipeline, r Request) (string, error) {
	mirror := p.release.Mirror
	if r.Mirror != "" {
		mirror = r.Mirror
	}
	if mirror == "" {
		return "", refuse("%s has no public mirror: say where it is with --mirror URL", p.release.Name)
	}
	u, err := url.Parse(mirror)
	if err != nil || !slices.Contains([]string{"http", "https", "file"}, u.Scheme) {
		return "", refuse("the mirror %q is no http, https or file URL", redact.URL(mirror))
	}
	return mirror, nil
}

// vars expands the variables of URLs.
type vars struct{ replacer *strings.Replacer }

func variables(plan Plan, p Pipeline, r Request) (vars, error) {
	mirror, err := mirrorOf(p, r)
	if err != nil {
		return vars{}, err
	}
	return vars{strings.NewReplacer("$mirror", strings.TrimRight(mirror, "/"), "$releasever", plan.Release, "$release", plan.Release,
		"$version", plan.Version, "$basearch", plan.Arch, "$arch", plan.Arch)}, nil
}

func (v vars) expand(text string) string { return v.replacer.Replace(text) }

// keys are those that were asked for; else the release's and those of its repositories that are used.
func (v vars) keys(p Pipeline, r Request, used []Repository) (all []Key, err error) {
	for _, file := range r.KeyFiles {
		absolute, err := filepath.Abs(file)
		if err != nil {
			return nil, fmt.Errorf("the key %s: %w", file, err)
		}
		all = append(all, Key{File: absolute})
	}
	if len(all) > 0 {
		return all, nil
	}
	add := func(keys []keyYAML) {
		for _, k := range keys {
			all = append(all, Key{URL: v.expand(k.URL), Fingerprint: k.Fingerprint})
		}
	}
	add(p.release.Keys)
	for _, repo := range p.release.Repositories {
		if slices.ContainsFunc(used, func(u Repository) bool { return u.ID == repo.ID }) {
			add(repo.Keys)
		}
	}
	return all, nil
}

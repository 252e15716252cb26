package install

import (
	"fmt"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/internal/plan"
)

// JobOf says what the machine is to do for p: the kickstart's commands as values, so that the agent parses nothing. It is pure. p's
// kickstart has been parsed before, to make the plan, so an error here means that plan and code don't fit together.
func JobOf(p plan.Plan) (wire.Job, error) {
	version, err := kickstart.ParseVersion(p.Kickstart.Version)
	if err != nil {
		return wire.Job{}, err
	}
	ks, err := kickstart.Parse(p.Kickstart.Path, strings.NewReader(p.Kickstart.Text), kickstart.Options{Version: version, AllowMissingIncludes: true})
	if err != nil {
		return wire.Job{}, fmt.Errorf("reading the plan's kickstart again: %w", err)
	}
	storage, err := storageOf(ks)
	if err != nil {
		return wire.Job{}, err
	}
	if storage.DiskLabel == "" {
		storage.DiskLabel = p.Disk.Label
	}
	storage.Device = p.Disk.Device
	return wire.Job{
		Format:  wire.Format,
		Kind:    wire.Install,
		Distro:  p.Distro,
		Release: p.Release,
		Arch:    p.Arch,
		Scripts: scriptsOf(ks),
		Storage: storage,
		Config:  configOf(ks),
		Boot:    bootOf(ks, p),
		Offline: wire.Offline{Enabled: !p.Machine.Network},
	}, nil
}

func scriptsOf(ks *kickstart.File) []wire.Script {
	var scripts []wire.Script
	for _, s := range ks.Scripts {
		scripts = append(scripts, wire.Script{
			Section: s.Kind, Interpreter: s.Interpreter, Body: s.Body, NoChroot: s.NoChroot,
			ErrorOnFail: s.ErrorOnFail, Log: s.Log, File: s.Pos.File, Line: s.Pos.Line,
		})
	}
	return scripts
}

// unsupported are storage commands whose disks Quarry can't make. The plan refuses them by name; here they are refused once
// more, so that a disk is never laid out as if they were not there.
func unsupported() []string { return []string{"raid", "btrfs", "snapshot", "mount"} }

func storageOf(ks *kickstart.File) (wire.Storage, error) {
	for _, name := range unsupported() {
		if c, ok := ks.Command(name); ok {
			return wire.Storage{}, fmt.Errorf("%s: %s: Quarry can't make such storage yet", c.Pos, name)
		}
	}
	clearpart := ks.ClearPart()
	s := wire.Storage{
		ZeroMBR: ks.ZeroMBR(), Clear: clearpart.Type, ClearList: clearpart.Devices,
		InitLabel: clearpart.InitLabel, DiskLabel: clearpart.DiskLabel,
	}
	if req, ok := ks.ReqPart(); ok {
		s.ReqPart, s.ReqBoot = true, req.AddBoot
	}
	if auto, ok := ks.AutoPart(); ok {
		s.Auto = &wire.Auto{Type: auto.Type, FSType: auto.FSType, NoSwap: auto.NoSwap, NoHome: auto.NoHome, NoBoot: auto.NoBoot}
	}
	for _, p := range ks.Partitions() {
		if p.Encrypted {
			return wire.Storage{}, fmt.Errorf("%s: part --encrypted: Quarry can't encrypt disks yet", p.Pos)
		}
		s.Partitions = append(s.Partitions, wire.Partition{
			Mount: p.Mount, Size: p.Size, MaxSize: p.MaxSize, Grow: p.Grow, FSType: p.FSType, FSOptions: p.FSOptions,
			MkfsOptions: p.MkfsOptions, Label: p.Label, OnPart: device(p.OnPart), OnDisk: device(p.OnDisk),
			AsPrimary: p.AsPrimary, Recommended: p.Recommended, NoFormat: p.NoFormat, Line: p.Pos.Line,
		})
	}
	for _, g := range ks.VolGroups() {
		s.VolGroups = append(s.VolGroups, wire.VolGroup{Name: g.Name, PVs: g.Members, PESize: g.PESize, Reserved: g.ReservedSpace, ReservedPercent: g.ReservedPercent, Line: g.Pos.Line})
	}
	for _, l := range ks.LogVols() {
		if l.Encrypted || l.Thin || l.ThinPool || l.UseExisting || len(l.CachePVs) > 0 {
			return wire.Storage{}, fmt.Errorf("%s: logvol: Quarry makes plain logical volumes only: no encryption, thin pools, caches or existing volumes", l.Pos)
		}
		s.LogVols = append(s.LogVols, wire.LogVol{
			Mount: l.Mount, VolGroup: l.VolGroup, Name: l.Name, Size: l.Size, MaxSize: l.MaxSize, Percent: int(l.Percent), Grow: l.Grow, Recommended: l.Recommended,
			FSType: l.FSType, FSOptions: l.FSOptions, MkfsOptions: l.MkfsOptions, Label: l.Label, Line: l.Pos.Line,
		})
	}
	return s, nil
}

// device is a device's name without its folder: kickstarts say both "vda1" and "/dev/vda1".
func device(name string) string { return strings.TrimPrefix(name, "/dev/") }

func bootOf(ks *kickstart.File, p plan.Plan) wire.Bootloader {
	b := ks.Bootloader()
	return wire.Bootloader{
		Disabled: b.Disabled || b.Location == "none", Append: b.Append, Timeout: b.Timeout, Location: b.Location,
		Drive: device(b.BootDrive), EFIDir: p.EFIDir, Password: b.Password, IsCrypted: b.Crypted,
	}
}

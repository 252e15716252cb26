package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/packaging"
	"github.com/quarry-project/quarry/internal/verify"
	"github.com/quarry-project/quarry/internal/vm"
)

// errNotPassed ends a verification that has shown something wrong; what, has been printed.
var errNotPassed = errors.New("the image did not pass")

func newVerify() *cobra.Command {
	var o verify.Options
	var work, accel, method, screenshots string
	var media []string
	var kernel artifact.Kernel
	var json, verbose bool
	host := "x86_64"
	if a, ok := arch.Host(); ok {
		host = a.Name
	}
	cmd := &cobra.Command{
		Use:   "verify IMAGE",
		Short: "Boot an image and look at it",
		Long: `Verify checks that the file is a sound one of its format. It then boots an overlay of the disk in it, once for each firmware,
gives it a user through cloud-init, logs in over SSH and looks: is systemd content, can the root file system be written, does it
shut down. With --method console it only waits for the login prompt. A live ISO is booted as it is, as CD and as USB stick: once by its menu's
default entry, which checks the medium, then by the first one; what its screen shows and its guest agent tells is reported. The image itself is
not changed. It exits with 3 when the image does not pass.`,
		Example: "  quarry verify Rocky-9-GenericCloud.latest.x86_64.qcow2\n  quarry verify --firmware uefi --json disk.raw\n" +
			"  quarry verify --screenshots . Rocky-9-XFCE-x86_64-latest.iso",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dirs, err := newFolders(work)
			if err != nil {
				return err
			}
			if o.Accel, err = vm.ParseAccel(accel); err != nil {
				return usageError{err}
			}
			if o.Method, err = verify.ParseMethod(method); err != nil {
				return usageError{err}
			}
			if o.Media, err = parseMedia(media); err != nil {
				return usageError{err}
			}
			a, err := arch.Lookup(o.Arch)
			if err != nil {
				return usageError{err}
			}
			if kernel.Path != "" {
				if kernel.Path, err = filepath.Abs(kernel.Path); err == nil && kernel.Initrd.Path != "" {
					kernel.Initrd.Path, err = filepath.Abs(kernel.Initrd.Path)
				}
				if err != nil {
					return err
				}
				o.Kernel = &kernel
			}
			img, err := imageAt(args[0], o.Arch)
			if err != nil {
				return err
			}
			if o.Dir, err = dirs.logDir("verify", time.Now()); err != nil {
				return err
			}
			view := newView(cmd.ErrOrStderr(), json, verbose)
			o.Report = view.Show
			if o.Accel == vm.Auto {
				var why string
				o.Accel, why = vm.Known(cmd.Context(), a, dirs.cache)
				o.Report.Log(why)
			}
			report, err := verify.Image(cmd.Context(), img, o)
			view.Close()
			if err != nil {
				return fmt.Errorf("%w (logs: %s)", err, o.Dir)
			}
			if screenshots != "" {
				if err := copyScreenshots(screenshots, img.Path, o.Dir, report); err != nil {
					return err
				}
			}
			if json {
				err = printJSON(cmd.OutOrStdout(), report)
			} else {
				boots(cmd.OutOrStdout(), report)
			}
			if err == nil && !report.Passed {
				err = fmt.Errorf("%s: %w (report and consoles: %s)", args[0], errNotPassed, o.Dir)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Arch, "arch", host, "architecture of the image")
	f.StringVar(&o.Release, "release", "9", "release of the image's distribution")
	f.StringSliceVar(&o.Firmware, "firmware", nil, "boot with these: bios, uefi, slof, s390-ccw, or direct with --kernel (default: all that the architecture has)")
	f.StringVar(&method, "method", "", "how to look: ssh, console, container, live (default: as is usual for the image's format)")
	f.StringVar(&o.Provider, "provider", "libvirt", "Vagrant provider that a box is for")
	f.StringVar(&kernel.Path, "kernel", "", "boot with firmware \"direct\": QEMU loads this kernel `FILE`, which shows nothing of the boot loader")
	f.StringVar(&kernel.Initrd.Path, "initrd", "", "with --kernel: the initramfs `FILE`")
	f.StringVar(&kernel.Cmdline, "append", "", "with --kernel: its command line")
	f.StringSliceVar(&media, "media", nil, "an ISO is started from these: cd, usb (default: both; the second with one firmware)")
	f.StringVar(&screenshots, "screenshots", "", "copy the pictures of an ISO's boots into `DIR`")
	f.StringVar(&o.User, "user", "", "user that is created to log in (default quarry); of an ISO, whose session has to come up (default: anybody's may)")
	f.StringVar(&accel, "accel", "auto", "kvm, tcg (emulation), or auto: what the builds on this host have found to work")
	f.StringVar(&work, "work", "", "keep logs under `DIR` instead of the XDG folders")
	f.BoolVar(&json, "json", false, "write JSON for machines")
	f.BoolVarP(&verbose, "verbose", "v", false, "show the console")
	return cmd
}

// parseMedia reads what people write.
func parseMedia(names []string) (media []vm.Medium, err error) {
	for _, name := range names {
		m := vm.Medium(name)
		if m != vm.CD && m != vm.USB || slices.Contains(media, m) {
			return nil, fmt.Errorf("medium %q: want each of cd and usb at most once", name)
		}
		media = append(media, m)
	}
	return media, nil
}

// copyScreenshots puts the pictures of a report that is in from into dir, each under a name of its own: "IMAGE-uefi-cd-session.png".
func copyScreenshots(dir, image, from string, r verify.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, b := range r.Boots {
		for _, shot := range b.Screenshots {
			text, err := os.ReadFile(filepath.Join(from, shot.File))
			if err != nil {
				return err
			}
			name := fmt.Sprintf("%s-%s-%s.png", strings.TrimSuffix(filepath.Base(image), filepath.Ext(image)), b.Name(), shot.Name)
			if err := durable.WriteFile(filepath.Join(dir, name), text); err != nil {
				return err
			}
		}
	}
	return nil
}

// imageAt describes an image file that was not just built. Its format goes by its name, never by its content: a guest could have written
// what a probe would find.
func imageAt(path, archName string) (artifact.Image, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return artifact.Image{}, err
	}
	if resolved, err := filepath.EvalSymlinks(abs); err == nil {
		abs = resolved
	}
	format := ""
	for _, f := range packaging.All() {
		if name := f.Name(); strings.HasSuffix(abs, "."+name) && len(name) > len(format) { // "raw.xz" rather than "xz"
			format = name
		}
	}
	if format == "" {
		return artifact.Image{}, fmt.Errorf("%s: its name has no ending that says what it is: %s", path, strings.Join(formatNames(), ", "))
	}
	if _, err := os.Stat(abs); err != nil {
		return artifact.Image{}, err
	}
	return artifact.Image{File: artifact.File{Path: abs}, Format: format, Arch: archName}, nil
}

// formatNames are the endings of images.
func formatNames() (names []string) {
	for _, f := range packaging.All() {
		names = append(names, f.Name())
	}
	return names
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/doctor"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/sandbox"
	"github.com/quarry-project/quarry/internal/vm"
)

// errUnfit ends a doctor that has found something missing.
var errUnfit = errors.New("this host lacks what Quarry needs; the list above says how to get it")

func newDoctor() *cobra.Command {
	var json bool
	var archs []string
	host := "x86_64"
	if a, ok := arch.Host(); ok {
		host = a.Name
	}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this host lacks, and how to get it",
		Long: `Doctor tries what Quarry needs: each program with its version, the UEFI firmware, the sandbox for installing packages without
root, KVM. What is missing is listed with the command that installs it here. It exits with 1 when something required is missing.`,
		Example: "  quarry doctor\n  quarry doctor --arch x86_64,aarch64 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings, err := examine(cmd.Context(), archs)
			if err != nil {
				return usageError{err}
			}
			if json {
				err = printJSON(cmd.OutOrStdout(), findings)
			} else {
				err = printFindings(cmd.OutOrStdout(), findings)
			}
			if err == nil && !doctor.Healthy(findings) {
				err = errUnfit
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&json, "json", false, "write JSON for machines")
	cmd.Flags().StringSliceVar(&archs, "arch", []string{host}, "architectures to build for")
	return cmd
}

// examine looks at everything.
func examine(ctx context.Context, archs []string) ([]doctor.Finding, error) {
	h := doctor.ThisHost()
	var findings []doctor.Finding
	seen := map[string]bool{}
	support := sandbox.Probe(ctx)
	for _, name := range archs {
		a, err := arch.Lookup(name)
		if err != nil {
			return nil, err
		}
		for _, n := range doctor.Programs(a.QEMU) {
			if !seen[n.Name] {
				seen[n.Name] = true
				findings = append(findings, doctor.Check(ctx, n, h))
			}
		}
		if a.EFI != "" {
			findings = append(findings, firmware(a, h))
		}
		findings = append(findings, sandboxFinding(a, support))
	}
	return append(findings, python(ctx, h), kvm()), nil
}

func firmware(a arch.Arch, h doctor.Host) doctor.Finding {
	f := doctor.Finding{Name: "UEFI firmware, " + a.Name, For: "booting images as UEFI machines do", Required: true}
	flash, err := vm.FindFlash(a)
	if f.OK, f.Detail = err == nil, flash.Code; err != nil {
		f.Detail, f.Fix = err.Error(), h.Install("ovmf", "edk2-ovmf")
		if a.Name == "aarch64" {
			f.Fix = h.Install("qemu-efi-aarch64", "edk2-aarch64")
		}
	}
	return f
}

func sandboxFinding(a arch.Arch, s sandbox.Support) doctor.Finding {
	able := s.For(a)
	f := doctor.Finding{Name: "sandbox, " + a.Name, For: "installing packages natively, without root; else a machine does it, slower", OK: able.OK, Detail: able.Reason, Fix: able.Fix}
	if f.OK && f.Detail == "" {
		f.Detail = "works"
	}
	return f
}

func python(ctx context.Context, h doctor.Host) doctor.Finding {
	f := doctor.Finding{Name: "python3 with dnf", For: "solving dependencies", Required: true}
	path, err := resolve.Python(ctx)
	if f.OK, f.Detail = err == nil, path; err != nil {
		f.Detail, f.Fix = "not found", h.Install("python3-dnf", "python3-dnf")
	}
	return f
}

// kvm only looks whether the device can be opened: whether it works, the first build finds out by using it.
func kvm() doctor.Finding {
	f := doctor.Finding{Name: "KVM", For: "running machines at full speed; else they are emulated"}
	device, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err == nil {
		device.Close()
		f.OK, f.Detail = true, "/dev/kvm opens; whether a guest runs is tried by the first build"
		return f
	}
	f.Detail = err.Error()
	if os.IsPermission(err) {
		f.Fix = "usermod -aG kvm $USER, then log in again"
	}
	return f
}

func printFindings(w io.Writer, findings []doctor.Finding) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		mark := "ok"
		switch {
		case !f.OK && f.Required:
			mark = "MISSING"
		case !f.OK:
			mark = "without"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", mark, f.Name, strings.ReplaceAll(f.Detail, "\n", " "))
		if !f.OK {
			fmt.Fprintf(t, "\t\tneeded for %s\n", f.For)
			if f.Fix != "" {
				fmt.Fprintf(t, "\t\tfix: %s\n", f.Fix)
			}
		}
	}
	return t.Flush()
}

package bootloader

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/storage"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
)

// grubConfig is where every firmware's grub finds its menu in the end.
const grubConfig = "boot/grub2/grub.cfg"

// grubBIOS puts grub into the disk's boot record and the BIOS boot partition (or the gap of an old label), for the BIOS.
func grubBIOS(ctx context.Context, t Target, b wire.Bootloader) error {
	if t.Arch.Grub != "i386-pc" || b.Location == "partition" {
		return nil
	}
	if !t.has("usr/lib/grub/i386-pc") || !t.Tools.Has("grub2-install") {
		t.Log("bootloader: grub for the BIOS is not installed: the image starts by BIOS only if a script of the kickstart sees to it")
		return nil
	}
	if err := t.Tools.Run(ctx, "grub2-install", "--target=i386-pc", t.Disk); err != nil {
		return fmt.Errorf("install grub for the BIOS: %w", err)
	}
	return nil
}

// grubPReP puts grub into the PReP partition that Open Firmware starts.
func grubPReP(ctx context.Context, t Target, _ wire.Bootloader) error {
	if t.Arch.Grub != "powerpc-ieee1275" {
		return nil
	}
	prep, ok := storage.At(t.Contents, "prepboot")
	if !ok {
		return fmt.Errorf("%s starts from a PReP partition and the kickstart has none: add reqpart or \"part prepboot\"", t.Arch.Name)
	}
	err := t.withoutESP(func() error {
		return t.Tools.Run(ctx, "grub2-install", "--target=powerpc-ieee1275", "--no-nvram", prep.Device)
	})
	if err != nil {
		return fmt.Errorf("install grub for Open Firmware: %w", err)
	}
	return nil
}

// grubMenu makes the menu. os-prober would search the build machine's other drives.
func grubMenu(ctx context.Context, t Target, _ wire.Bootloader) error {
	if t.Arch.Bus == arch.CCW {
		return nil
	}
	if !t.Tools.Has("grub2-mkconfig") {
		return fmt.Errorf("the system has no grub2-mkconfig: add grub2-tools to %%packages, or \"bootloader --disabled\"")
	}
	if err := t.Root.MkdirAll(path.Dir(grubConfig), 0o700); err != nil {
		return err
	}
	if !t.has("boot/grub2/grubenv") {
		if err := t.write("boot/grub2/grubenv", emptyEnvironment()); err != nil {
			return err
		}
	}
	if err := t.Tools.Run(ctx, "env", "GRUB_DISABLE_OS_PROBER=true", "grub2-mkconfig", "-o", "/"+grubConfig); err != nil {
		return fmt.Errorf("make grub's menu: %w", err)
	}
	return nil
}

// emptyEnvironment is grub's environment block: a heading, filled with # to 1024 bytes.
func emptyEnvironment() string {
	const head = "# GRUB Environment Block\n"
	return head + strings.Repeat("#", 1024-len(head))
}

// zipl writes s390x's boot map.
func zipl(ctx context.Context, t Target, _ wire.Bootloader) error {
	if t.Arch.Bus != arch.CCW {
		return nil
	}
	if !t.Tools.Has("zipl") {
		return fmt.Errorf("the system has no zipl: add s390utils-base to %%packages")
	}
	if !t.has("etc/zipl.conf") {
		if err := t.write("etc/zipl.conf", "[defaultboot]\ndefaultauto\nprompt=1\ntimeout=5\ntarget=/boot\n"); err != nil {
			return err
		}
	}
	return t.Tools.Run(ctx, "zipl")
}

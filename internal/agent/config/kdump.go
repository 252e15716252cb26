package config

import (
	"context"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// KernelArguments are what the configuration asks of the kernel's command line: memory for kdump. With "auto" the
// release's own tool says how much.
func KernelArguments(ctx context.Context, t Target, c wire.Config) []string {
	if c.Kdump == nil || !c.Kdump.Enabled {
		return nil
	}
	reserve := c.Kdump.Reserve
	switch {
	case reserve != "" && reserve != "auto":
		if !strings.HasSuffix(reserve, "M") {
			reserve += "M"
		}
	case !t.atLeast(9):
		reserve = "auto"
	case t.Tools.Has("kdumpctl"):
		out, err := t.Tools.Output(ctx, "kdumpctl", "get-default-crashkernel")
		if reserve = strings.TrimSpace(string(out)); err != nil || reserve == "" {
			t.Warn("kdump: kdumpctl does not say how much memory to reserve, so none is")
			return nil
		}
	default:
		t.Log("kdump: kexec-tools is not installed, so no memory is reserved")
		return nil
	}
	return []string{"crashkernel=" + reserve}
}

package plan

import (
	"fmt"
	"strings"

	"github.com/quarry-project/quarry/internal/kickstart"
)

// refused are the commands without which the installed system would not be what the kickstart describes, and that Quarry can't carry out.
func refused() map[string]string {
	const storage = "Quarry installs on one plain disk: use part, reqpart, autopart, volgroup and logvol"
	const payload = "Quarry installs RPMs from the release's repositories"
	return map[string]string{
		"raid": storage, "btrfs": storage, "mount": storage, "snapshot": storage, "dmraid": storage, "multipath": storage,
		"iscsi": storage, "iscsiname": storage, "fcoe": storage, "zfcp": storage, "nvdimm": storage,
		"liveimg": payload, "ostreesetup": payload, "ostreecontainer": payload, "bootc": payload,
		"rescue": "an image is installed, not rescued",
		"realm":  "an image can't join a realm: do that at the first boot",
		"rhsm":   "an image can't be subscribed: do that at the first boot",
	}
}

// ignored are the commands that Quarry leaves out with a warning.
func ignored() map[string]string {
	return map[string]string{
		"url":        "packages come from the release's repositories",
		"nfs":        "packages come from the release's repositories",
		"harddrive":  "packages come from the release's repositories",
		"hmc":        "packages come from the release's repositories",
		"updates":    "the build machine is Quarry's own",
		"driverdisk": "the build machine is Quarry's own",
		"sshpw":      "nobody logs in to the build machine",
		"syspurpose": "it is set when a machine is subscribed",
		"zipl":       "secure boot of s390x is left as installed",
	}
}

// checkCommands returns what in the kickstart can't be carried out, and warnings for what is left out.
func checkCommands(ks *kickstart.File) (problems kickstart.Problems, warnings []string) {
	refuse, leave := refused(), ignored()
	for _, c := range ks.Commands {
		if why, ok := refuse[c.Name]; ok {
			problems = append(problems, problem(c.Pos, why, "%s can't be carried out", c.Name))
		}
		if why, ok := leave[c.Name]; ok {
			warnings = append(warnings, fmt.Sprintf("%s: %s is left out: %s", c.Pos, c.Name, why))
		}
	}
	for _, include := range ks.Unresolved {
		problems = append(problems, problem(include.Pos, "Quarry reads the kickstart before %pre runs: make the partitions in %pre and name them with part --onpart",
			"%s is not there, and what %%pre writes can't be included", include.Ref))
	}
	for _, addon := range ks.Addons {
		if addon.Section == "%addon" && addon.Name != "com_redhat_kdump" {
			warnings = append(warnings, fmt.Sprintf("%s: the addon %s is left out", addon.Pos, addon.Name))
		}
	}
	for _, w := range ks.Warnings {
		warnings = append(warnings, strings.Replace(w.Error(), ": warning: ", ": ", 1))
	}
	return problems, warnings
}

func problem(at kickstart.Position, hint, format string, args ...any) kickstart.Problem {
	return kickstart.Problem{Pos: at, Severity: kickstart.Error, Message: fmt.Sprintf(format, args...), Hint: hint}
}

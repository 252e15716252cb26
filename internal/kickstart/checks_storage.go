package kickstart

import (
	"fmt"
	"path"
	"strings"
)

// readMountPoint cleans a path; anything else, such as "swap" or "pv.01", stays as it is.
func readMountPoint(text string, _ Version) (any, error) {
	if strings.HasPrefix(text, "/") {
		return path.Clean(text), nil
	}
	return text, nil
}

func readDevice(text string, _ Version) (any, error) {
	return strings.TrimPrefix(text, "/dev/"), nil
}

func readRAIDDevice(text string, v Version) (any, error) {
	if v < RHEL10 {
		return strings.TrimPrefix(text, "md"), nil
	}
	return text, nil
}

func readRAIDLevel(text string, _ Version) (any, error) {
	level := "RAID" + strings.TrimPrefix(strings.ToUpper(text), "RAID")
	switch level {
	case "RAID0", "RAID1", "RAID4", "RAID5", "RAID6", "RAID10":
		return level, nil
	}
	return nil, fmt.Errorf("%q isn't a RAID level, use one of: RAID0 RAID1 RAID4 RAID5 RAID6 RAID10", text)
}

func readWhen(text string, _ Version) (any, error) {
	if text != "pre-install" && text != "post-install" {
		return nil, fmt.Errorf("%q isn't allowed, use pre-install or post-install", text)
	}
	return text, nil
}

func readAutoPartType(text string, _ Version) (any, error) {
	switch kind := strings.ToLower(text); kind {
	case "plain", "partition":
		return "plain", nil
	case "btrfs", "lvm", "thinp":
		return kind, nil
	}
	return nil, fmt.Errorf("%q isn't a scheme, use one of: lvm, thinp, plain", text)
}

// checkFileSystem sees to what partitions, RAID devices and logical volumes have in common.
func checkFileSystem(c *call) {
	v := c.values
	c.need(!strings.HasPrefix(v.Text("mntpoint"), "btrfs."), "mntpoint", "Btrfs isn't supported")
	if v.Text("fstype") == "btrfs" {
		if c.name == "raid" && c.version >= RHEL10 { // where the reference forgets to refuse it
			c.warn(c.given["fstype"], "Btrfs isn't supported", "")
		} else {
			c.fail("fstype", "Btrfs isn't supported")
		}
	}
	c.apart("mkfsoptions", "fsprofile")
	if v.Has("format") && !v.empty("mkfsoptions") {
		c.fail("mkfsoptions", "--mkfsoptions has no effect with --noformat")
	}
	c.apart("pbkdf_time", "pbkdf_iterations")
}

func checkPartition(c *call) {
	v := c.values
	checkFileSystem(c)
	if v.Bool("resize") {
		c.need(!v.empty("onpart"), "resize", "--resize needs --onpart")
		c.need(v.Has("size"), "resize", "--resize needs --size, the new size")
	}
	if v.Text("fstype") == "tmpfs" && (v.Bool("grow") || !v.empty("maxsize")) {
		c.fail("fstype", "a tmpfs can have neither --grow nor --maxsize")
	}
	c.duplicateMountPoint("partition with mount point")
}

// duplicateMountPoint warns when something is mounted where something already is; there may be many swaps.
func (c *call) duplicateMountPoint(what string) {
	if c.values.Text("mntpoint") != "swap" {
		c.duplicate(what, "mntpoint")
	}
}

func checkRAID(c *call) {
	v := c.values
	members := v.List("members")
	for _, w := range c.extra {
		if strings.HasPrefix(w.text, "-") {
			c.rejectExtra()
			return
		}
		members = append(members, w.text)
	}
	v["members"] = members
	checkFileSystem(c)
	if v.Bool("useexisting") || v.Has("format") {
		v["useexisting"] = true
		c.need(len(members) == 0, "members", "a RAID device that exists can't be given members")
		c.need(!v.empty("device"), "device", "--useexisting needs --device")
	} else {
		c.need(len(members) > 0, "", "raid needs partitions", "name them: raid MOUNTPOINT --device=NAME --level=LEVEL raid.01 raid.02")
	}
	c.duplicate("RAID device", "device")
}

func checkVolGroup(c *call) {
	v := c.values
	words := v.List("name")
	for _, w := range c.extra {
		if strings.HasPrefix(w.text, "-") {
			c.rejectExtra() // the reference would take it for the only partition
			return
		}
		words = append(words, w.text)
	}
	if len(words) == 0 || words[0] == "" {
		c.fail("", "volgroup needs a name")
		return
	}
	members := words[1:]
	v["name"], v["members"] = words[0], members
	if v.Has("format") || v.Bool("useexisting") {
		v["useexisting"] = true
		c.need(len(members) == 0, "name", "a volume group that exists can't be given partitions")
	} else {
		c.need(len(members) > 0, "name", "volgroup needs partitions", "name them: volgroup NAME pv.01 pv.02")
	}
	if v.Has("reserved_space") {
		c.need(v.Int("reserved_space") > 0, "reserved_space", "--reserved-space must be above 0")
	}
	if v.Has("reserved_percent") {
		percent := v.Int("reserved_percent")
		c.need(percent > 0 && percent < 100, "reserved_percent", "--reserved-percent must be from 1 to 99")
	}
	c.apart("reserved_space", "reserved_percent")
	c.duplicate("volume group", "name")
}

func checkLogVol(c *call) {
	v := c.values
	checkFileSystem(c)
	c.apart("size", "percent")
	if v.Has("percent") {
		c.need(v.Int("percent") > 0 && v.Int("percent") <= 100, "percent", "--percent must be from 1 to 100")
	}
	exists := v.Bool("useexisting") || v.Has("format")
	if v.Has("format") {
		defer func() { v["useexisting"] = true }()
	}
	if !exists && v.empty("size") && v.empty("percent") && !v.Bool("hibernation") && !v.Bool("recommended") {
		c.fail("", "the logical volume has no size", "use --size, --percent, --recommended, --hibernation, --useexisting or --noformat")
	}
	if v.Bool("resize") {
		c.need(v.Bool("useexisting"), "resize", "--resize needs --useexisting")
		c.need(v.Has("size"), "resize", "--resize needs --size, the new size")
	}
	c.apart("thin", "thinpool")
	c.need(!v.Bool("thin") || !v.empty("poolname"), "thin", "--thin needs --poolname")
	if (v.Has("chunksize") || v.Has("metadatasize")) && !v.Bool("thinpool") {
		c.fail("", "--chunksize and --metadatasize are for thin pools only", "add --thinpool")
	}
	checkCache(c)
	c.duplicate("logical volume", "name", "vgname")
}

func checkCache(c *call) {
	v := c.values
	if v.empty("cachesize") && v.empty("cachepvs") && v.empty("cachemode") {
		return
	}
	c.need(!v.empty("cachesize"), "", "a cache needs --cachesize")
	c.need(!v.empty("cachepvs"), "", "a cache needs --cachepvs")
	c.need(!v.Bool("useexisting") && !v.Has("format"), "cachesize", "a cache can't be added to a logical volume that exists")
	switch v.Text("cachemode") {
	case "", "writeback", "writethrough":
	default:
		c.fail("cachemode", fmt.Sprintf("%q isn't a cache mode, use writeback or writethrough", v.Text("cachemode")))
	}
}

func checkSnapshot(c *call) {
	group, volume, ok := strings.Cut(c.values.Text("origin"), "/")
	ok = ok && group != "" && volume != "" && !strings.Contains(volume, "/")
	c.need(ok, "origin", fmt.Sprintf("origin %q isn't VOLUMEGROUP/LOGICALVOLUME", c.values.Text("origin")))
	c.duplicate("snapshot", "name", "origin")
}

func checkAutoPart(c *call) {
	v := c.values
	if v.Text("type") == "btrfs" {
		c.fail("type", "Btrfs isn't supported")
	}
	c.need(v.Text("fstype") != "btrfs", "fstype", "Btrfs isn't supported")
	c.apart("pbkdf_time", "pbkdf_iterations")
	c.apart("noswap", "hibernation")
}

func checkMount(c *call) {
	v := c.values
	point := v.Text("mntpoint")
	c.need(strings.HasPrefix(point, "/") || point == "none", "mntpoint", fmt.Sprintf("%q isn't a mount point", point),
		"use a path, or none")
	if !v.empty("mkfsoptions") {
		c.need(!v.empty("reformat"), "mkfsoptions", "--mkfsoptions needs --reformat")
	}
}

func checkClearPart(c *call) {
	if !c.values.empty("list") {
		c.values["type"] = "list"
	}
}

func checkBootloader(c *call) {
	v := c.values
	c.need(!strings.Contains(v.Text("boot_drive"), ","), "boot_drive", "--boot-drive takes one disk")
	if v.Has("md5pass") {
		v["password"], v["iscrypted"] = v["md5pass"], true
		delete(v, "md5pass")
	}
	if !v.Has("location") {
		v["location"] = "mbr"
	}
	c.apart("extlinux", "sdboot")
}

func checkZFCP(c *call) {
	v := c.values
	if c.version >= RHEL9 {
		c.need(!v.empty("devnum"), "devnum", "--devnum is empty")
		c.need(v.empty("wwpn") == v.empty("fcplun"), "", "--wwpn and --fcplun only come together")
	}
	c.duplicate("zFCP device", "devnum", "wwpn", "fcplun")
}

func checkNVDIMM(c *call) {
	v := c.values
	c.apart("namespace", "blockdevs")
	if v.Text("action") == "use" {
		c.need(!v.empty("namespace") || !v.empty("blockdevs"), "", "nvdimm use needs --namespace or --blockdevs")
		delete(v, "mode") // they say how to reconfigure
		delete(v, "sectorsize")
	} else {
		c.need(!v.empty("namespace"), "", "nvdimm reconfigure needs --namespace")
		c.need(v.Text("mode") != "sector" || !v.empty("sectorsize"), "mode", "--mode=sector needs --sectorsize")
	}
	c.duplicate("action on NVDIMM namespace", "namespace", "action")
}

func checkDriverDisk(c *call) {
	v := c.values
	partitions := v.List("partition")
	delete(v, "partition")
	if len(partitions) > 1 {
		c.fail("", "driverdisk takes one partition")
	} else if len(partitions) == 1 {
		v["partition"] = partitions[0]
	}
	c.exactlyOne("source", "biospart", "partition")
}

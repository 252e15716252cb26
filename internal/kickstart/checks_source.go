package kickstart

import (
	"slices"
	"strings"
)

func checkURL(c *call) {
	given := c.merged().count("url", "mirrorlist", "metalink")
	c.need(given == 1, "", "url needs exactly one of --url, --mirrorlist and --metalink")
}

func checkRepo(c *call) {
	given := c.values.count("baseurl", "mirrorlist", "metalink")
	c.need(given < 2, "", "repo takes only one of --baseurl, --mirrorlist and --metalink")
	c.duplicate("repository", "name")
}

func checkHardDrive(c *call) {
	if v := c.merged(); c.version == RHEL8 {
		c.need(v.Has("partition") != v.Has("biospart"), "", "harddrive needs exactly one of --partition and --biospart")
	}
}

func checkOSTree(c *call) {
	scheme, _, _ := strings.Cut(c.values.Text("url"), ":")
	ok := slices.Contains([]string{"file", "http", "https"}, scheme) && scheme != c.values.Text("url")
	c.need(ok, "url", "an OSTree repository needs a file, http or https URL")
	if c.values.empty("remote") {
		c.values["remote"] = c.values.Text("osname")
	}
}

func checkUpdates(c *call) {
	if c.version == RHEL8 {
		urls := c.values.List("url")
		delete(c.values, "url")
		c.rejectExtra()
		c.need(len(urls) < 2, "", "updates takes one URL")
		if len(urls) > 0 {
			c.values["url"] = urls[0]
		}
		return
	}
	c.rejectExtra()
}

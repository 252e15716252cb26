package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestImages(t *testing.T) {
	for _, c := range []struct {
		args string
		want []string // kickstart, format and beginning of the file's name in each row
	}{
		{"--distro rocky --release 9 --image GenericCloud --arch x86_64", []string{
			"Rocky-9-GenericCloud-Base.ks qcow2 Rocky-9-GenericCloud-Base-9.6-", "Rocky-9-GenericCloud-LVM.ks qcow2 Rocky-9-GenericCloud-LVM-9.6-",
		}},
		{"--release 9 --image sbc-raspberrypi", []string{"Rocky-9-RPI-Base.ks raw.xz Rocky-9-SBC-RaspberryPi-9.6-"}},
		{"--distro almalinux --release 9 --image OpenNebula --arch aarch64", []string{
			"http/almalinux-9.gencloud-aarch64.ks qcow2 AlmaLinux-9-OpenNebula-9.7-",
		}},
		{"--distro rocky --release 8 --label vagrant --arch x86_64", []string{
			"Rocky-8-Vagrant-Libvirt.ks box Rocky-8-Vagrant-Libvirt-8.10-", "Rocky-8-Vagrant-Vbox.ks box Rocky-8-Vagrant-Vbox-8.10-",
			"Rocky-8-Vagrant-VMware.ks box Rocky-8-Vagrant-VMware-8.10-",
		}},
	} {
		args := append([]string{"images", "--json"}, strings.Fields(c.args)...)
		var out, problems strings.Builder
		if code := run(args, &out, &problems); code != exitOK {
			t.Fatalf("%s: exit code %d: %s", c.args, code, problems.String())
		}
		var rows []imageRow
		if err := json.Unmarshal([]byte(out.String()), &rows); err != nil {
			t.Fatal(err)
		}
		if len(rows) != len(c.want) {
			t.Errorf("%s: %d rows, want %d", c.args, len(rows), len(c.want))
			continue
		}
		for i, r := range rows {
			if got := r.Kickstart + " " + r.Outputs[0].Format + " " + r.Outputs[0].File; !strings.HasPrefix(got, c.want[i]) {
				t.Errorf("%s: row %d is %s, want %s", c.args, i, got, c.want[i])
			}
		}
	}
	var table, problems strings.Builder
	if code := run([]string{"images"}, &table, &problems); code != exitOK || strings.Count(table.String(), "\n") < 100 || !strings.HasPrefix(table.String(), "DISTRO") {
		t.Errorf("the table of all: exit code %d, %d lines", code, strings.Count(table.String(), "\n"))
	}
	if code := run([]string{"images", "--image", "Nothing"}, &table, &problems); code != exitUsage || !strings.Contains(problems.String(), "no image") {
		t.Errorf("an image that isn't there: exit code %d: %s", code, problems.String())
	}
}

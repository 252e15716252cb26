package verify

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
)

// maxReport is how many bytes of a report file are read.
const maxReport = 16 << 20

// Report is what looking at an image showed. It is written as JSON beside the consoles.
type Report struct {
	Image   Subject   `json:"image"`
	Passed  bool      `json:"passed"`         // the file is sound, there was a look at what is in it, and every one passed
	Started time.Time `json:"started"`        // UTC
	File    []Check   `json:"file,omitempty"` // of the file itself, before anything looked into it
	Boots   []Boot    `json:"boots"`
	// Unproven names what the image needs to start and no look could show; empty if there is nothing. Such an image is never linked as latest.
	Unproven string `json:"unproven,omitempty"`
}

// Subject says which file was booted. The digest ties the report to the content: the file may be renamed, not changed.
type Subject struct {
	File   string        `json:"file"` // base name
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"`   // bytes
	Format string        `json:"format"` // the published suffix: "qcow2", "raw.xz"
	Arch   string        `json:"arch"`
}

// Boot is one look at the image: a start of it, or what Method names instead.
type Boot struct {
	Method      Method       `json:"method,omitempty"`   // how it was looked at; empty in reports of before there was a choice: SSH
	By          string       `json:"by,omitempty"`       // what did it where nothing booted: "unpacked in a machine", "podman 4.3.1"
	NotSeen     string       `json:"notSeen,omitempty"`  // what the method can't show, and the report doesn't claim
	Firmware    string       `json:"firmware,omitempty"` // "bios", "uefi", "slof", "s390-ccw", "direct"
	Medium      string       `json:"medium,omitempty"`   // what an ISO was: "cd", "usb"
	Entry       string       `json:"entry,omitempty"`    // of an ISO's boot menu: "default", "first"
	Accel       string       `json:"accel"`              // "kvm", "tcg"
	Passed      bool         `json:"passed"`             // it came up, every check passed and it shut down
	Seconds     float64      `json:"seconds"`            // from start to power-off
	Agent       float64      `json:"agent,omitempty"`    // seconds from start to the guest agent's answer
	Login       float64      `json:"login"`              // seconds from start to the first login; 0 when there was none
	Users       []string     `json:"users,omitempty"`    // who was logged in without our doing
	Kernel      string       `json:"kernel,omitempty"`
	Cmdline     string       `json:"cmdline,omitempty"` // the kernel's, as booted
	Checks      []Check      `json:"checks"`
	Screenshots []Screenshot `json:"screenshots,omitempty"`
	Console     string       `json:"console"`           // path of the console's log
	Command     string       `json:"command,omitempty"` // starts the same machine again
	Error       string       `json:"error,omitempty"`   // why it did not come as far as the checks, or did not shut down
	Again       string       `json:"again,omitempty"`   // why a first start, which the rest tells nothing of, was given up
	stuck       bool         // the system stopped
}

// Check is one look at the running system.
type Check struct {
	Name   string `json:"name"` // "systemd", "packages", …
	Passed bool   `json:"passed"`
	Detail string `json:"detail,omitempty"` // what was seen; for a failure, enough to start looking
}

// Save writes the report to path; a reader sees the old file or the new one.
func (r Report) Save(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the boot report: %w", err)
	}
	return durable.WriteFile(path, append(b, '\n'))
}

// LoadReport reads what Save wrote.
func LoadReport(path string) (Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Report{}, fmt.Errorf("reading the boot report: %w", err)
	}
	if info.Size() > maxReport {
		return Report{}, fmt.Errorf("reading the boot report %s: it is larger than %d bytes", path, maxReport)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Report{}, fmt.Errorf("reading the boot report: %w", err)
	}
	var r Report
	if err := json.Unmarshal(b, &r); err != nil {
		return Report{}, fmt.Errorf("reading the boot report %s: %w", path, err)
	}
	return r, nil
}

// Name names the look for people, and differs from that of the report's others: the firmware of a boot, with the medium of an ISO, else the method.
func (b Boot) Name() string {
	switch {
	case b.Medium != "":
		return b.Firmware + "-" + b.Medium
	case b.Firmware != "":
		return b.Firmware
	}
	return string(b.Method)
}

// Failures lists what did not pass, a line each, for people.
func (r Report) Failures() []string {
	var lines []string
	for _, c := range r.File {
		if !c.Passed {
			lines = append(lines, fmt.Sprintf("%s: %s", c.Name, c.Detail))
		}
	}
	for _, b := range r.Boots {
		if b.Error != "" {
			lines = append(lines, fmt.Sprintf("%s: %s", b.Name(), b.Error))
		}
		for _, c := range b.Checks {
			if !c.Passed {
				lines = append(lines, fmt.Sprintf("%s: %s: %s", b.Name(), c.Name, c.Detail))
			}
		}
	}
	return lines
}

// Package wire holds what the host and the agent in the machine say to each other: the Job that the host hands over (a JSON file in
// the machine's initramfs) and the Events that come back over virtio-serial, one JSON object a line. Both ends import it; it
// imports nothing of Quarry but leaves, and does nothing.
//
// Events come from a machine that ran foreign scripts: the host bounds and checks what it reads (Decoder).
package wire

import "encoding/json"

// Where things are in the machine.
const (
	PortName = "org.quarry.events"    // the virtio-serial port of the events
	JobPath  = "/quarry/job.json"     // in the initramfs that Quarry appends
	Agent    = "/quarry/agent"        // rdinit=
	KSPath   = "/quarry/kickstart.ks" // the flattened kickstart, left as /root/anaconda-ks.cfg

	// Serials of the drives, found under /sys/class/block/*/serial.
	Target  = "target"  // the disk to install on; always the first drive, so that scripts find it as /dev/vda
	Runtime = "runtime" // stage2 of the installer tree
	Tree    = "tree"    // the package tree, squashfs
	Payload = "payload" // squashfs: a dnf repository of the Lock's RPMs
	Output  = "output"  // raw: where a root file system is streamed as tar
	Scratch = "scratch" // raw: room to unpack a root file system in, to be looked at

	// Names in the tar that a job of kind Kernel writes to Output, in this order.
	KernelFile  = "vmlinuz"
	InitrdFile  = "initramfs"
	CmdlineFile = "cmdline"

	LiveLabel = "Anaconda" // of the file system of Kind Live, as livemedia-creator has it

	Format = 1 // of Job; the agent refuses another
)

// Kind is what the machine is started for.
type Kind string

// The kinds of job.
const (
	Hello    Kind = "hello"    // say hello and power off: the accelerator probe
	Packages Kind = "packages" // install the Lock's packages into a root and stream it to Output as squashfs
	Install  Kind = "install"  // a whole kickstart onto Target
	Kernel   Kind = "kernel"   // read the kernel, its initramfs and its command line off an installed Target, to Output as tar
	RootFS   Kind = "rootfs"   // a kickstart without its storage and boot loader onto Target as scratch, streamed to Output as tar
	Live     Kind = "live"     // as RootFS, but Target, as one file system without a partition table, is the result
	BootSet  Kind = "bootset"  // make and collect what starts a medium with the system of Tree on it, to Output as tar
	Inspect  Kind = "inspect"  // look at a finished image on Target, which keeps nothing of what that changes
)

// Stage is how far one machine goes with an installation.
type Stage string

// The stages. What Base leaves on Target is what Scripts goes on from, in another machine, so that a change in a %post script alone costs
// no new disk.
const (
	Whole   Stage = ""        // from the empty disk to the finished one
	Base    Stage = "base"    // to the boot loader; %post and the end are left out
	Scripts Stage = "scripts" // %post and the end, on a disk that Base has left
)

// Job is all that the machine has to know. Commands of the kickstart arrive typed: the host has parsed and checked them.
type Job struct {
	Format  int      `json:"format"`
	Kind    Kind     `json:"kind"`
	Stage   Stage    `json:"stage,omitempty"`   // of Kind Install
	Distro  string   `json:"distro"`            // "rocky"
	Release string   `json:"release"`           // "9"
	Arch    string   `json:"arch"`              // RPM's name
	Scripts []Script `json:"scripts,omitempty"` // of every section, in file order
	Storage Storage  `json:"storage"`
	// Layout is what the machine of stage Base said of the disk, handed back as it came: for stage Scripts.
	Layout   json.RawMessage `json:"layout,omitempty"`
	Packages *PackageSpec    `json:"packages,omitempty"` // what to install when the machine does it: Kind Packages
	Config   Config          `json:"config"`
	Boot     Bootloader      `json:"boot"`
	Tree     TreeSource      `json:"tree"`
	Offline  Offline         `json:"offline"`
	Labels   bool            `json:"labels,omitempty"`  // a tar has the files' SELinux labels: Kind RootFS
	BootSet  *BootSpec       `json:"bootSet,omitempty"` // what to collect: Kind BootSet
	// Inspection says what to look at: Kind Inspect.
	Inspection *Inspection `json:"inspection,omitempty"`
}

// TreeSource says what the Tree drive holds.
type TreeSource struct {
	Unpacked int64 `json:"unpacked"` // bytes, for progress and to check that the file systems are large enough
}

// Image is where an image that is looked at is mounted in the machine, for commands outside of it.
const Image = "/mnt/image"

// Inspection is a look at a finished image: it is mounted or unpacked at Image, and commands are run in it or beside it.
type Inspection struct {
	Layer    bool      `json:"layer,omitempty"` // Target is the tar of a root file system, and there is a Scratch; else it is a partitioned disk
	Commands []Command `json:"commands"`
}

// Command is one command of an Inspection.
type Command struct {
	Script  string `json:"script"`            // for bash -c
	Outside bool   `json:"outside,omitempty"` // in the runtime, before anything runs in the image; else in the image, as root
}

// Answer is what a Command said. It is foreign text, control characters and all.
type Answer struct {
	Out  string `json:"out"` // both of its outputs, at most MaxAnswer bytes of it
	Exit int    `json:"exit"`
}

// MaxAnswer is how many bytes of a command's output are kept.
const MaxAnswer = 512 << 10

// Offline is how %post's dnf is served without a network: while scripts run, the target's own repository files are set aside and the payload
// is the only repository; afterwards they are as the kickstart left them.
type Offline struct {
	Enabled bool `json:"enabled"`
}

// PackageSpec is a request to dnf. It is the same for the sandbox and for the machine.
type PackageSpec struct {
	Release         string   `json:"release"` // --releasever
	Arch            string   `json:"arch"`    // --forcearch where the host differs
	Install         []string `json:"install"` // dnf's arguments: names, globs, "@group", "@^environment"
	Exclude         []string `json:"exclude,omitempty"`
	ExcludeGroups   []string `json:"excludeGroups,omitempty"`
	Modules         []string `json:"modules,omitempty"`         // NAME:STREAM to enable
	DisabledModules []string `json:"disabledModules,omitempty"` //
	ExcludeDocs     bool     `json:"excludeDocs,omitempty"`
	ExcludeWeakDeps bool     `json:"excludeWeakDeps,omitempty"`
	Languages       []string `json:"languages,omitempty"` // of %_install_langs; nil keeps all
	Multilib        bool     `json:"multilib,omitempty"`
	// Expected is what the Lock says has to be installed in the end, as NAME-EPOCH:VERSION-RELEASE.ARCH, sorted: anything
	// else is an error.
	Expected []string `json:"expected"`
}

// Script is one %pre, %pre-install, %post, %onerror or %traceback.
type Script struct {
	Section     string `json:"section"` // "pre", "pre-install", "post", "onerror", "traceback"
	Interpreter string `json:"interpreter"`
	Body        string `json:"body"`
	NoChroot    bool   `json:"noChroot,omitempty"`
	ErrorOnFail bool   `json:"errorOnFail,omitempty"`
	Log         string `json:"log,omitempty"`
	File        string `json:"file"` // where it stands in the kickstart, for messages
	Line        int    `json:"line"`
}

// Storage is what the kickstart says of disks.
type Storage struct {
	ZeroMBR    bool        `json:"zeroMBR,omitempty"`
	Clear      string      `json:"clear,omitempty"`     // clearpart: "", "none", "all", "linux", "list"
	ClearList  []string    `json:"clearList,omitempty"` // partitions of --list
	InitLabel  bool        `json:"initLabel,omitempty"`
	DiskLabel  string      `json:"diskLabel,omitempty"` // "gpt" or "msdos"; "" is gpt
	Device     string      `json:"device,omitempty"`    // what the kickstart calls the disk, such as "sda"; "" is its own name
	ReqPart    bool        `json:"reqPart,omitempty"`
	ReqBoot    bool        `json:"reqBoot,omitempty"` // reqpart --add-boot
	Auto       *Auto       `json:"auto,omitempty"`
	Partitions []Partition `json:"partitions,omitempty"`
	VolGroups  []VolGroup  `json:"volGroups,omitempty"`
	LogVols    []LogVol    `json:"logVols,omitempty"`
}

// Auto is autopart.
type Auto struct {
	Type   string `json:"type"` // "plain", "lvm", …
	FSType string `json:"fsType,omitempty"`
	NoSwap bool   `json:"noSwap,omitempty"`
	NoHome bool   `json:"noHome,omitempty"`
	NoBoot bool   `json:"noBoot,omitempty"`
}

// Partition is one part command; sizes are MiB.
type Partition struct {
	Mount       string `json:"mount"` // mount point, "swap", "biosboot", "prepboot", "pv.NN"
	Size        int64  `json:"size,omitempty"`
	MaxSize     int64  `json:"maxSize,omitempty"`
	Grow        bool   `json:"grow,omitempty"`
	FSType      string `json:"fsType,omitempty"`
	FSOptions   string `json:"fsOptions,omitempty"` // fstab's
	MkfsOptions string `json:"mkfsOptions,omitempty"`
	Label       string `json:"label,omitempty"`
	OnPart      string `json:"onPart,omitempty"` // "vda1"
	OnDisk      string `json:"onDisk,omitempty"`
	AsPrimary   bool   `json:"asPrimary,omitempty"`
	Recommended bool   `json:"recommended,omitempty"`
	NoFormat    bool   `json:"noFormat,omitempty"`
	Line        int    `json:"line"` // in the kickstart
}

// VolGroup is one volgroup command.
type VolGroup struct {
	Name   string   `json:"name"`
	PVs    []string `json:"pvs"`
	PESize int64    `json:"peSize,omitempty"` // KiB
	Line   int      `json:"line"`
	// What stays free for snapshots and growth: MiB, and percent of the group.
	Reserved        int64 `json:"reserved,omitempty"`
	ReservedPercent int64 `json:"reservedPercent,omitempty"`
}

// LogVol is one logvol command; sizes are MiB.
type LogVol struct {
	Mount       string `json:"mount"`
	VolGroup    string `json:"volGroup"`
	Name        string `json:"name"`
	Size        int64  `json:"size,omitempty"`
	MaxSize     int64  `json:"maxSize,omitempty"`
	Percent     int    `json:"percent,omitempty"` // of what the others leave free
	Recommended bool   `json:"recommended,omitempty"`
	Grow        bool   `json:"grow,omitempty"`
	FSType      string `json:"fsType,omitempty"`
	FSOptions   string `json:"fsOptions,omitempty"`
	MkfsOptions string `json:"mkfsOptions,omitempty"`
	Label       string `json:"label,omitempty"`
	Line        int    `json:"line"`
}

// Config is what the configuration commands of the kickstart ask for. A nil pointer or an empty string means the command is absent
// and the installed default stays.
type Config struct {
	Lang       string    `json:"lang,omitempty"`
	Keymap     string    `json:"keymap,omitempty"`
	XLayouts   []string  `json:"xLayouts,omitempty"`
	Timezone   *Timezone `json:"timezone,omitempty"`
	Root       *Password `json:"root,omitempty"`
	Users      []User    `json:"users,omitempty"`
	Groups     []Group   `json:"groups,omitempty"`
	SSHKeys    []SSHKey  `json:"sshKeys,omitempty"`
	Networks   []Network `json:"networks,omitempty"`
	Firewall   *Firewall `json:"firewall,omitempty"`
	SELinux    string    `json:"selinux,omitempty"` // "enforcing", "permissive", "disabled"
	Enable     []string  `json:"enable,omitempty"`  // services
	Disable    []string  `json:"disable,omitempty"`
	Auth       []string  `json:"auth,omitempty"`       // auth's arguments (EL8's name)
	AuthSelect []string  `json:"authselect,omitempty"` // authselect's arguments
	Firstboot  string    `json:"firstboot,omitempty"`  // "enable", "disable", "reconfig"
	SkipX      bool      `json:"skipX,omitempty"`
	Desktop    string    `json:"desktop,omitempty"` // xconfig --defaultdesktop
	StartX     bool      `json:"startX,omitempty"`
	Kdump      *Kdump    `json:"kdump,omitempty"`
	Repos      []Repo    `json:"repos,omitempty"` // repo --install
	// RPMMacros are transaction settings that the installed system keeps (%packages --excludedocs, --inst-langs).
	RPMMacros []string `json:"rpmMacros,omitempty"`
}

// Timezone is the timezone command and the time sources.
type Timezone struct {
	Name    string   `json:"name"`
	UTC     bool     `json:"utc"`
	NTP     bool     `json:"ntp"`
	Servers []string `json:"servers,omitempty"`
}

// Password is a password as passwd knows it. It is never logged.
type Password struct {
	Value    string `json:"value"`
	Crypted  bool   `json:"crypted"`
	Locked   bool   `json:"locked"`
	AllowSSH bool   `json:"allowSSH,omitempty"`
}

// String hides the value wherever a Password is printed.
func (Password) String() string { return "(password)" }

// User is one user command.
type User struct {
	Name     string   `json:"name"`
	GECOS    string   `json:"gecos,omitempty"`
	Home     string   `json:"home,omitempty"`
	Shell    string   `json:"shell,omitempty"`
	Groups   []string `json:"groups,omitempty"`
	UID      *int     `json:"uid,omitempty"`
	GID      *int     `json:"gid,omitempty"`
	Password Password `json:"password"`
}

// Group is one group command.
type Group struct {
	Name string `json:"name"`
	GID  *int   `json:"gid,omitempty"`
}

// SSHKey is one sshkey command.
type SSHKey struct {
	User string `json:"user"`
	Key  string `json:"key"`
}

// Network is one network command.
type Network struct {
	Device      string   `json:"device,omitempty"` // a name, a MAC, "link" or ""
	BootProto   string   `json:"bootProto,omitempty"`
	Hostname    string   `json:"hostname,omitempty"`
	IP          string   `json:"ip,omitempty"`
	Netmask     string   `json:"netmask,omitempty"`
	Gateway     string   `json:"gateway,omitempty"`
	Nameservers []string `json:"nameservers,omitempty"`
	IPv6        string   `json:"ipv6,omitempty"`
	NoIPv6      bool     `json:"noIPv6,omitempty"`
	NoIPv4      bool     `json:"noIPv4,omitempty"`
	MTU         int      `json:"mtu,omitempty"`
	OnBoot      bool     `json:"onBoot"`
}

// Firewall is the firewall command.
type Firewall struct {
	Enabled  bool     `json:"enabled"`
	Services []string `json:"services,omitempty"`
	Ports    []string `json:"ports,omitempty"`
	Trusts   []string `json:"trusts,omitempty"`
	Remove   []string `json:"remove,omitempty"`
	Defaults bool     `json:"defaults,omitempty"` // --use-system-defaults: change nothing
}

// Kdump is the addon com_redhat_kdump.
type Kdump struct {
	Enabled bool   `json:"enabled"`
	Reserve string `json:"reserve,omitempty"` // "auto" or MiB
}

// Repo is a repo command with --install.
type Repo struct {
	ID       string   `json:"id"`
	BaseURL  string   `json:"baseURL,omitempty"`
	Mirrors  string   `json:"mirrors,omitempty"`
	Metalink string   `json:"metalink,omitempty"`
	Cost     int      `json:"cost,omitempty"`
	Exclude  []string `json:"exclude,omitempty"`
	Include  []string `json:"include,omitempty"`
}

// Bootloader is the bootloader command and what the platform adds.
type Bootloader struct {
	Disabled bool   `json:"disabled,omitempty"` // --disabled or --location=none
	Append   string `json:"append,omitempty"`
	Timeout  *int   `json:"timeout,omitempty"` // seconds
	Location string `json:"location,omitempty"`
	Drive    string `json:"drive,omitempty"`  // --boot-drive
	EFIDir   string `json:"efiDir,omitempty"` // the distribution's folder in the ESP: "rocky"
	// Password is grub's --password; never logged.
	Password  string `json:"password,omitempty"`
	IsCrypted bool   `json:"isCrypted,omitempty"`
}

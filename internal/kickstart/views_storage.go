package kickstart

// Encryption is how a device is encrypted with LUKS. Its passphrase is a secret: keep it out of logs.
type Encryption struct {
	Encrypted        bool   `json:"encrypted"`
	Passphrase       string `json:"-"`
	Cipher           string `json:"cipher,omitempty"`
	EscrowCert       string `json:"escrowCert,omitempty"`
	BackupPassphrase bool   `json:"backupPassphrase,omitempty"`
	LUKSVersion      string `json:"luksVersion,omitempty"`
	PBKDF            string `json:"pbkdf,omitempty"`
	PBKDFMemory      int64  `json:"pbkdfMemory,omitempty"` // KiB
	PBKDFTime        int64  `json:"pbkdfTime,omitempty"`   // milliseconds
	PBKDFIterations  int64  `json:"pbkdfIterations,omitempty"`
}

func encryptionOf(v Values) Encryption {
	return Encryption{
		Encrypted: v.Bool("encrypted"), Passphrase: v.Text("passphrase"), Cipher: v.Text("cipher"), EscrowCert: v.Text("escrowcert"),
		BackupPassphrase: v.Bool("backuppassphrase"), LUKSVersion: v.Text("luks_version"), PBKDF: v.Text("pbkdf"),
		PBKDFMemory: v.Int("pbkdf_memory"), PBKDFTime: v.Int("pbkdf_time"), PBKDFIterations: v.Int("pbkdf_iterations"),
	}
}

// FileSystem is what a device carries and where it is mounted.
type FileSystem struct {
	Mount       string `json:"mount"` // a path, or "swap", "pv.01", "raid.01", "biosboot", "prepboot"
	FSType      string `json:"fsType,omitempty"`
	FSOptions   string `json:"fsOptions,omitempty"`   // for fstab
	MkfsOptions string `json:"mkfsOptions,omitempty"` // for mkfs, as a shell would split them
	FSProfile   string `json:"fsProfile,omitempty"`
	Label       string `json:"label,omitempty"`
	NoFormat    bool   `json:"noFormat,omitempty"`
}

func fileSystemOf(v Values) FileSystem {
	return FileSystem{
		Mount: v.Text("mntpoint"), FSType: v.Text("fstype"), FSOptions: v.Text("fsoptions"), MkfsOptions: v.Text("mkfsoptions"),
		FSProfile: v.Text("fsprofile"), Label: v.Text("label"), NoFormat: v.Has("format") && !v.Bool("format"),
	}
}

// Partition is a part or partition command. Sizes are in MiB.
type Partition struct {
	FileSystem
	Encryption
	Size        int64    `json:"size,omitempty"`
	MaxSize     int64    `json:"maxSize,omitempty"` // bound for Grow; 0: none
	Grow        bool     `json:"grow,omitempty"`
	Resize      bool     `json:"resize,omitempty"`
	Recommended bool     `json:"recommended,omitempty"` // the size that the installer finds right
	Hibernation bool     `json:"hibernation,omitempty"` // a swap large enough to hibernate
	OnPart      string   `json:"onPart,omitempty"`      // existing partition, without /dev/
	OnDisk      string   `json:"onDisk,omitempty"`
	AsPrimary   bool     `json:"asPrimary,omitempty"`
	Pos         Position `json:"position"`
}

// Partitions are all part and partition commands, in order.
func (f *File) Partitions() (all []Partition) {
	for _, c := range f.all("partition") {
		v := c.Values
		all = append(all, Partition{
			FileSystem: fileSystemOf(v), Encryption: encryptionOf(v), Pos: c.Pos,
			Size: v.Int("size"), MaxSize: v.Int("maxsize"), Grow: v.Bool("grow"), Resize: v.Bool("resize"),
			Recommended: v.Bool("recommended"), Hibernation: v.Bool("hibernation"),
			OnPart: v.Text("onpart"), OnDisk: v.Text("ondisk"), AsPrimary: v.Bool("asprimary"),
		})
	}
	return all
}

// RAID is a raid command.
type RAID struct {
	FileSystem
	Encryption
	Device      string   `json:"device"`          // RHEL 8 and 9 drop "md": "0" for md0
	Level       string   `json:"level,omitempty"` // "RAID1"
	Members     []string `json:"members,omitempty"`
	Spares      int64    `json:"spares,omitempty"`
	ChunkSize   int64    `json:"chunkSize,omitempty"` // KiB
	UseExisting bool     `json:"useExisting,omitempty"`
	Pos         Position `json:"position"`
}

// RAIDs are all raid commands, in order.
func (f *File) RAIDs() (all []RAID) {
	for _, c := range f.all("raid") {
		v := c.Values
		all = append(all, RAID{
			FileSystem: fileSystemOf(v), Encryption: encryptionOf(v), Pos: c.Pos,
			Device: v.Text("device"), Level: v.Text("level"), Members: v.List("members"), Spares: v.Int("spares"),
			ChunkSize: v.Int("chunksize"), UseExisting: v.Bool("useexisting"),
		})
	}
	return all
}

// VolGroup is a volgroup command.
type VolGroup struct {
	Name            string   `json:"name"`
	Members         []string `json:"members,omitempty"`         // such as "pv.01"
	PESize          int64    `json:"peSize,omitempty"`          // KiB; 0: LVM's own
	ReservedSpace   int64    `json:"reservedSpace,omitempty"`   // MiB
	ReservedPercent int64    `json:"reservedPercent,omitempty"` // 1 to 99
	UseExisting     bool     `json:"useExisting,omitempty"`
	NoFormat        bool     `json:"noFormat,omitempty"`
	Pos             Position `json:"position"`
}

// VolGroups are all volgroup commands, in order.
func (f *File) VolGroups() (all []VolGroup) {
	for _, c := range f.all("volgroup") {
		v := c.Values
		all = append(all, VolGroup{
			Name: v.Text("name"), Members: v.List("members"), PESize: v.Int("pesize"), Pos: c.Pos,
			ReservedSpace: v.Int("reserved_space"), ReservedPercent: v.Int("reserved_percent"),
			UseExisting: v.Bool("useexisting"), NoFormat: v.Has("format") && !v.Bool("format"),
		})
	}
	return all
}

// LogVol is a logvol command. Sizes are in MiB unless said otherwise.
type LogVol struct {
	FileSystem
	Encryption
	VolGroup     string   `json:"volGroup"`
	Name         string   `json:"name"`
	Size         int64    `json:"size,omitempty"`
	Percent      int64    `json:"percent,omitempty"` // of the volume group's free space
	MaxSize      int64    `json:"maxSize,omitempty"`
	Grow         bool     `json:"grow,omitempty"`
	Resize       bool     `json:"resize,omitempty"`
	Recommended  bool     `json:"recommended,omitempty"`
	Hibernation  bool     `json:"hibernation,omitempty"`
	UseExisting  bool     `json:"useExisting,omitempty"`
	ThinPool     bool     `json:"thinPool,omitempty"`
	Thin         bool     `json:"thin,omitempty"`
	PoolName     string   `json:"poolName,omitempty"`
	ChunkSize    int64    `json:"chunkSize,omitempty"` // KiB
	MetadataSize int64    `json:"metadataSize,omitempty"`
	Profile      string   `json:"profile,omitempty"`
	CacheSize    int64    `json:"cacheSize,omitempty"`
	CachePVs     []string `json:"cachePVs,omitempty"`
	CacheMode    string   `json:"cacheMode,omitempty"`
	Pos          Position `json:"position"`
}

// LogVols are all logvol commands, in order.
func (f *File) LogVols() (all []LogVol) {
	for _, c := range f.all("logvol") {
		v := c.Values
		all = append(all, LogVol{
			FileSystem: fileSystemOf(v), Encryption: encryptionOf(v), Pos: c.Pos, VolGroup: v.Text("vgname"), Name: v.Text("name"),
			Size: v.Int("size"), Percent: v.Int("percent"), MaxSize: v.Int("maxsize"), Grow: v.Bool("grow"), Resize: v.Bool("resize"),
			Recommended: v.Bool("recommended"), Hibernation: v.Bool("hibernation"), UseExisting: v.Bool("useexisting"),
			ThinPool: v.Bool("thinpool"), Thin: v.Bool("thin"), PoolName: v.Text("poolname"), ChunkSize: v.Int("chunksize"),
			MetadataSize: v.Int("metadatasize"), Profile: v.Text("profile"), CacheSize: v.Int("cachesize"),
			CachePVs: v.List("cachepvs"), CacheMode: v.Text("cachemode"),
		})
	}
	return all
}

// Mount is a mount command.
type Mount struct {
	Device       string   `json:"device"`
	Mount        string   `json:"mount"`
	Reformat     bool     `json:"reformat,omitempty"`
	Format       string   `json:"format,omitempty"` // file system to make; "" with Reformat: the one that is there
	MkfsOptions  string   `json:"mkfsOptions,omitempty"`
	MountOptions string   `json:"mountOptions,omitempty"`
	Pos          Position `json:"position"`
}

// Mounts are all mount commands, in order.
func (f *File) Mounts() (all []Mount) {
	for _, c := range f.all("mount") {
		v := c.Values
		all = append(all, Mount{
			Device: v.Text("device"), Mount: v.Text("mntpoint"), Reformat: v.Has("reformat"), Format: v.Text("reformat"),
			MkfsOptions: v.Text("mkfsoptions"), MountOptions: v.Text("mountoptions"), Pos: c.Pos,
		})
	}
	return all
}

// ClearPart is what clearpart says.
type ClearPart struct {
	Present   bool     `json:"present"`
	Type      string   `json:"type,omitempty"`    // "all", "linux", "none", "list" or ""
	Devices   []string `json:"devices,omitempty"` // for "list"
	Drives    []string `json:"drives,omitempty"`  // nil: all
	InitLabel bool     `json:"initLabel,omitempty"`
	DiskLabel string   `json:"diskLabel,omitempty"` // such as "gpt"
	CDL       bool     `json:"cdl,omitempty"`
}

// ClearPart is what clearpart says.
func (f *File) ClearPart() ClearPart {
	v := f.state("clearpart")
	return ClearPart{
		Present: f.seen("clearpart"), Type: v.Text("type"), Devices: v.List("list"), Drives: v.List("drives"),
		InitLabel: v.Bool("initlabel"), DiskLabel: v.Text("disklabel"), CDL: v.Bool("cdl"),
	}
}

// ZeroMBR reports whether zerombr is there.
func (f *File) ZeroMBR() bool { return f.seen("zerombr") }

// ReqPart is what reqpart says.
type ReqPart struct {
	AddBoot bool `json:"addBoot,omitempty"`
}

// ReqPart is what reqpart says; false when it isn't there.
func (f *File) ReqPart() (ReqPart, bool) {
	return ReqPart{AddBoot: f.state("reqpart").Bool("add_boot")}, f.seen("reqpart")
}

// AutoPart is what autopart says.
type AutoPart struct {
	Encryption
	Type        string `json:"type,omitempty"` // "lvm", "thinp", "plain", "btrfs" or "" for the installer's default
	FSType      string `json:"fsType,omitempty"`
	NoHome      bool   `json:"noHome,omitempty"`
	NoBoot      bool   `json:"noBoot,omitempty"`
	NoSwap      bool   `json:"noSwap,omitempty"`
	Hibernation bool   `json:"hibernation,omitempty"`
}

// AutoPart is what autopart says; false when it isn't there.
func (f *File) AutoPart() (AutoPart, bool) {
	v := f.state("autopart")
	return AutoPart{
		Encryption: encryptionOf(v), Type: v.Text("type"), FSType: v.Text("fstype"),
		NoHome: v.Bool("nohome"), NoBoot: v.Bool("noboot"), NoSwap: v.Bool("noswap"), Hibernation: v.Bool("hibernation"),
	}, f.seen("autopart")
}

// IgnoreDisk is what ignoredisk says.
type IgnoreDisk struct {
	Drives  []string `json:"drives,omitempty"`  // left alone
	OnlyUse []string `json:"onlyUse,omitempty"` // all others are left alone
}

// IgnoreDisk is what ignoredisk says.
func (f *File) IgnoreDisk() IgnoreDisk {
	v := f.state("ignoredisk")
	return IgnoreDisk{Drives: v.List("drives"), OnlyUse: v.List("only_use")}
}

// Bootloader is what bootloader says. Its password is a secret: keep it out of logs.
type Bootloader struct {
	Present        bool     `json:"present"`
	Location       string   `json:"location"` // "mbr", "partition", "boot" or "none"; without the command "mbr"
	Append         string   `json:"append,omitempty"`
	Timeout        *int     `json:"timeout,omitempty"` // seconds
	Default        string   `json:"default,omitempty"`
	BootDrive      string   `json:"bootDrive,omitempty"`
	DriveOrder     []string `json:"driveOrder,omitempty"`
	LeaveBootOrder bool     `json:"leaveBootOrder,omitempty"`
	Password       string   `json:"-"`
	Crypted        bool     `json:"crypted,omitempty"`
	Extlinux       bool     `json:"extlinux,omitempty"`
	SDBoot         bool     `json:"sdboot,omitempty"`
	Disabled       bool     `json:"disabled,omitempty"`
	NoMBR          bool     `json:"noMBR,omitempty"`
}

// Bootloader is what bootloader says.
func (f *File) Bootloader() Bootloader {
	v := f.state("bootloader")
	b := Bootloader{
		Present: f.seen("bootloader"), Location: v.Text("location"), Append: v.Text("append"), Timeout: v.OptInt("timeout"),
		Default: v.Text("default"), BootDrive: v.Text("boot_drive"), DriveOrder: v.List("driveorder"),
		LeaveBootOrder: v.Bool("leavebootorder"), Password: v.Text("password"), Crypted: v.Bool("iscrypted"),
		Extlinux: v.Bool("extlinux"), SDBoot: v.Bool("sdboot"), Disabled: v.Bool("disabled"), NoMBR: v.Bool("nombr"),
	}
	if b.Location == "" {
		b.Location = "mbr"
	}
	return b
}

package iso

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// tiny is an image made by hand, of forty sectors: descriptors, a boot catalogue, a folder LiveOS with a squashfs in two extents, .treeinfo, an MBR.
func tiny() []byte {
	b := make([]byte, 40*sector)
	at := func(n int) []byte { return b[n*sector : (n+1)*sector] }
	record := func(name string, lba, size int, flags byte) []byte {
		r := make([]byte, (33+len(name)+1)/2*2)
		r[0], r[25], r[32] = byte(len(r)), flags, byte(len(name))
		binary.LittleEndian.PutUint32(r[2:], uint32(lba))
		binary.LittleEndian.PutUint32(r[10:], uint32(size))
		copy(r[33:], name)
		return r
	}
	put := func(n int, records ...[]byte) { copy(at(n), bytes.Join(records, nil)) }
	for n, kind := range []byte{primary, bootRecord, setEnd} {
		d := at(firstDescriptor + n)
		d[0] = kind
		copy(d[1:], descriptorID)
	}
	p := at(firstDescriptor)
	copy(p[40:72], "TINY"+strings.Repeat(" ", 28))
	binary.LittleEndian.PutUint32(p[80:], 40)
	copy(p[applicationAt:], bytes.Repeat([]byte{' '}, applicationSize))
	copy(p[156:], record("\x00", 20, sector, 2))
	copy(at(firstDescriptor + 1)[7:], "EL TORITO SPECIFICATION")
	binary.LittleEndian.PutUint32(at(firstDescriptor + 1)[71:], 19)
	catalogue := at(19)
	catalogue[0], catalogue[30], catalogue[31] = 1, 0x55, 0xaa
	binary.LittleEndian.PutUint16(catalogue[28:], 0x55aa) // the sum of all words is zero
	catalogue[32], catalogue[32+8] = 0x88, 30
	catalogue[64], catalogue[65] = 0x91, 0xef
	catalogue[96], catalogue[96+8] = 0x88, 31
	put(20, record("\x00", 20, sector, 2), record("\x01", 20, sector, 2), record("LIVEOS", 21, sector, 2), record("_TREEINF.;1", 22, 40, 0))
	put(21, record("SQUASHFS.IMG;1", 23, sector, 0x80), record("SQUASHFS.IMG;1", 25, 100, 0))
	copy(at(22), "[general]\narch = x86_64\nfamily = Tiny\n\n")
	super := at(23)
	copy(super, "hsqs")
	super[4], super[20], super[28], super[40] = 7, 4, 4, 200
	b[510], b[511], b[446+4] = 0x55, 0xaa, 0xef
	return b
}

func TestTiny(t *testing.T) {
	b := tiny()
	r, err := inspect(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	s := r.Squashfs
	if r.VolumeID != "TINY" || r.System != "Tiny" || r.Arch != "x86_64" || s.Size != sector+100 || s.Inodes != 7 || s.Compression != "xz" || len(r.Unknown) > 0 {
		t.Errorf("got %+v", r)
	}
	if len(r.Entries) != 2 || r.Entries[0] != (Entry{Platform: BIOS, LBA: 30}) || r.Entries[1] != (Entry{Platform: UEFI, LBA: 31}) {
		t.Errorf("its entries are %+v", r.Entries)
	}
	if strings.Join(r.Disk, ",") != "UEFI" || strings.Join(r.Firmware, ",") != "bios,uefi" {
		t.Errorf("it starts with %v, as a disk with %v", r.Firmware, r.Disk)
	}
}

// TestDamaged spoils one thing each.
func TestDamaged(t *testing.T) {
	put32 := func(at int, n uint32) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at:], n); return b }
	}
	set := func(at int, c byte) func([]byte) []byte {
		return func(b []byte) []byte { b[at] = c; return b }
	}
	for name, c := range map[string]struct {
		spoil func([]byte) []byte
		says  string // of the error or of what is unknown
	}{
		"empty":                   {func([]byte) []byte { return nil }, "no ISO 9660"},
		"another magic":           {set(16*sector+1, 'X'), "no ISO 9660"},
		"no end of descriptors":   {set(18*sector+1, 'X'), "no end"},
		"no primary descriptor":   {set(16*sector, 2), "no primary"},
		"cut":                     {func(b []byte) []byte { return b[:30*sector] }, "cut"},
		"a root without a record": {set(16*sector+156+32, 200), "root folder"},
		"a large folder":          {put32(20*sector+68+10, 1<<30), "too many"}, // the record of LiveOS
		"a folder outside":        {put32(20*sector+68+2, 1<<30), "EOF"},
		"a catalogue outside":     {put32(17*sector+71, 1<<30), "EOF"},
		"a damaged catalogue":     {set(19*sector+5, 1), "catalogue is damaged"},
		"no squashfs":             {set(23*sector, 'X'), "no squashfs"},
		"a cut squashfs":          {set(23*sector+42, 1), "is cut"},
		"an unknown compression":  {set(23*sector+20, 99), "compression"},
		"a file without its end":  {set(21*sector+48+25, 0x80), "last part"},
		"a name that is too long": {set(21*sector+32, 200), "record"},
		"a GPT of many entries": {func(b []byte) []byte {
			copy(b[512:], "EFI PART")
			binary.LittleEndian.PutUint32(b[512+80:], 1<<31)
			binary.LittleEndian.PutUint32(b[512+84:], 128)
			return b
		}, "GPT is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			b := c.spoil(tiny())
			r, err := inspect(bytes.NewReader(b), int64(len(b)))
			text := strings.Join(r.Unknown, "\n")
			if err != nil {
				text = err.Error()
			}
			if !strings.Contains(text, c.says) {
				t.Errorf("got %q; want something of %q", text, c.says)
			}
		})
	}
}

func TestPlainName(t *testing.T) {
	for name, want := range map[string]string{
		"squashfs.img": "SQUASHFS.IMG", "SQUASHFS.IMG;1": "SQUASHFS.IMG", "VMLINUZ.;1": "VMLINUZ", "vmlinuz": "VMLINUZ", ".treeinfo": "_TREEINF",
		"_TREEINF.;1": "_TREEINF", "_TREEINFO.;1": "_TREEINF", "LiveOS": "LIVEOS", "": "", ";": "", ".": "_",
	} {
		if got := plainName(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

func TestFind(t *testing.T) {
	b := tiny()
	r := bytes.NewReader(b)
	d, err := readPrimary(r)
	if err != nil {
		t.Fatal(err)
	}
	v, err := openVolume(r, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, missing := range []string{"x", "LiveOS/x", "LiveOS/squashfs.img/x", "x/LiveOS"} {
		if _, err := v.find(missing); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v", missing, err)
		}
	}
	if _, err := v.read(stored{extents: []extent{{0, 1 << 40}}}, 1<<20); err == nil {
		t.Error("a file that is too large was read")
	}
}

func FuzzInspect(f *testing.F) {
	b := tiny()
	f.Add(b)
	f.Add(b[:21*sector])
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = inspect(bytes.NewReader(b), int64(len(b)))
	})
}

func FuzzParseImplanted(f *testing.F) {
	f.Add([]byte(implanted{sum: strings.Repeat("0", 32), skip: 15, fragments: strings.Repeat("abc", 20), count: 20}.text()))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := parseImplanted(b); err == nil && (len(m.sum) != 32 || m.skip < 0) {
			t.Errorf("%q is %+v", b, m)
		}
	})
}

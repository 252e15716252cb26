package inspect

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"
)

const lvmExample = `rocky {
id = "OeIlFs-1111"
seqno = 3
extent_size = 8192		# 4 Megabytes
physical_volumes {

pv0 {
id = "aaaa"
device = "/dev/vda5"	# Hint only
pe_start = 2048
pe_count = 2300
}
}

logical_volumes {

root {
id = "bbbb"
segment_count = 1

segment1 {
start_extent = 0
extent_count = 2000

type = "striped"
stripe_count = 1	# linear

stripes = [
"pv0", 16
]
}
}

pieces {
segment1 {
start_extent = 0
extent_count = 10
stripe_count = 1
stripes = [
"pv0", 0
]
}
segment2 {
start_extent = 10
extent_count = 5
stripe_count = 1
stripes = [
"pv0", 2016
]
}
}
}
}
`

func TestParseLVM(t *testing.T) {
	got := parseLVM(lvmExample)
	want := []Volume{
		{Group: "rocky", Name: "root", Size: 2000 * 4 * mib, start: (2048 + 16*8192) * sector},
		{Group: "rocky", Name: "pieces", Size: 15 * 4 * mib},
	}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// lvmDisk is a physical volume whose description begins near the end of its ring.
func lvmDisk() []byte {
	const areaAt, areaSize, textAt = 4096, 4096, 4096 - 100
	disk := make([]byte, 64<<10)
	copy(disk[sector:], "LABELONE")
	binary.LittleEndian.PutUint32(disk[sector+20:], 32)
	lists := disk[sector+32+40:]
	for i, v := range []uint64{mib, 0, 0, 0, areaAt, areaSize, 0, 0} {
		binary.LittleEndian.PutUint64(lists[8*i:], v)
	}
	copy(disk[areaAt+4:], " LVM2 x[5A%r0N*>")
	binary.LittleEndian.PutUint64(disk[areaAt+40:], textAt)
	binary.LittleEndian.PutUint64(disk[areaAt+48:], uint64(len(lvmExample)))
	copy(disk[areaAt+textAt:], lvmExample[:areaSize-textAt])
	copy(disk[areaAt+sector:], lvmExample[areaSize-textAt:])
	return disk
}

func TestLVMText(t *testing.T) {
	got, err := lvmText(bytes.NewReader(lvmDisk()))
	if err != nil || got != lvmExample {
		t.Errorf("%v\n%s", err, got)
	}
}

func FuzzLVM(f *testing.F) {
	f.Add(lvmDisk(), lvmExample)
	f.Add([]byte("LABELONE"), "a {\nb {\nc {\n}\n}\n}\n")
	f.Fuzz(func(t *testing.T, disk []byte, text string) {
		if got, err := lvmText(bytes.NewReader(disk)); err == nil && len(got) > maxLVMText {
			t.Errorf("%d bytes of text", len(got))
		}
		for _, v := range parseLVM(text) {
			if v.Size < 0 || v.start < 0 {
				t.Errorf("%+v", v)
			}
		}
	})
}

// header makes an RPM header of strings.
func header(values map[uint32]string) []byte {
	var index, data []byte
	for _, tag := range []uint32{tagName, tagVersion, tagRelease, tagArch} {
		if values[tag] == "" {
			continue
		}
		for _, n := range []uint32{tag, typeString, uint32(len(data)), 1} {
			index = binary.BigEndian.AppendUint32(index, n)
		}
		data = append(append(data, values[tag]...), 0)
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(len(index)/16))
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	return append(append(b, index...), data...)
}

func FuzzPackageOf(f *testing.F) {
	f.Add(header(map[uint32]string{tagName: "bash", tagVersion: "5.1", tagRelease: "1", tagArch: "x86_64"}))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte("\x00\x00\x00\x01\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		name, err := packageOf(b)
		if (err == nil) != (name != "") {
			t.Errorf("%q, %v", name, err)
		}
	})
}

// FuzzDisk looks at anything as a disk.
func FuzzDisk(f *testing.F) {
	f.Add(lvmDisk())
	f.Add([]byte("XFSB"))
	ext := make([]byte, 4096)
	copy(ext[1024+0x38:], "\x53\xef")
	f.Add(ext)
	mbr := make([]byte, 4096)
	copy(mbr[446:], "\x80\x00\x00\x00\x83\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00")
	copy(mbr[510:], "\x55\xaa")
	f.Add(mbr)
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "disk")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var r Report
		if err := (looker{ctx: t.Context(), report: &r, dir: dir}).disk(path); err != nil {
			t.Fatal(err)
		}
		for _, p := range r.Partitions {
			if p.Start < 0 || p.Start+p.Size > int64(len(data)) {
				t.Errorf("%+v on a disk of %d bytes", p, len(data))
			}
		}
		if err := r.Text(io.Discard, true); err != nil {
			t.Error(err)
		}
	})
}

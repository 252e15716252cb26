package iso

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Where a Linux kernel for s390x, as the file that is loaded to address 0, keeps what a loader tells it
// (linux/arch/s390/include/asm/setup.h, struct parmarea, and arch/s390/boot/head.S).
const (
	s390PSWAddress  = 0x4     // the address half of the program status word that a start from a medium takes
	s390Entry       = 0x10000 // the kernel's entry
	s390Addressing  = 1 << 31 // of the PSW: 31-bit addresses
	s390InitrdStart = 0x10408
	s390InitrdSize  = 0x10410
	s390Magic       = 0x10008 // "S390EP", which marks a kernel that can be started at its entry
	s390Cmdline     = 0x10480
	s390CmdlineSize = 896 // with the zero at its end; younger kernels have more
	s390InitrdAlign = 1 << 20
	s390InitrdFirst = 8 << 20
)

// maxS390 bounds what one medium loads into memory, in bytes.
const maxS390 = 2 << 30

// writeS390 writes the program that an s390x machine loads from a CD: the kernel, and behind it the initrd, the kernel being told where that is and
// its command line. Such a machine has no loader that could ask for either.
func writeS390(out, kernel, initrd, cmdline string) error {
	k, err := readS390(kernel)
	if err != nil {
		return err
	}
	i, err := os.Open(initrd)
	if err != nil {
		return err
	}
	defer i.Close()
	info, err := i.Stat()
	if err != nil {
		return err
	}
	at := s390InitrdAt(int64(len(k)))
	if at+info.Size() > maxS390 {
		return fmt.Errorf("the initrd %s has %d bytes, which is too much to be loaded with the kernel", initrd, info.Size())
	}
	if err := patchS390(k, at, info.Size(), cmdline); err != nil {
		return fmt.Errorf("the kernel %s: %w", kernel, err)
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(k)
	if err == nil {
		_, err = f.Seek(at, io.SeekStart)
	}
	if err == nil {
		_, err = io.Copy(f, i)
	}
	return errors.Join(err, f.Close())
}

func readS390(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const most = 256 << 20
	k, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(k) > most {
		err = fmt.Errorf("%s is too large for a kernel", path)
	}
	return k, err
}

// s390InitrdAt is where the initrd begins behind a kernel of so many bytes.
func s390InitrdAt(kernel int64) int64 {
	return max(s390InitrdFirst, (kernel+s390InitrdAlign-1)/s390InitrdAlign*s390InitrdAlign)
}

// patchS390 tells the kernel k where its initrd is and what its command line is.
func patchS390(k []byte, initrd, size int64, cmdline string) error {
	if len(k) < s390Cmdline+s390CmdlineSize || string(k[s390Magic:s390Magic+6]) != "S390EP" {
		return errors.New("it is no kernel of s390x that can be loaded as it is")
	}
	if len(cmdline) >= s390CmdlineSize {
		return fmt.Errorf("the command line has %d bytes, and there is place for %d", len(cmdline), s390CmdlineSize-1)
	}
	binary.BigEndian.PutUint32(k[s390PSWAddress:], s390Addressing|s390Entry)
	binary.BigEndian.PutUint64(k[s390InitrdStart:], uint64(initrd))
	binary.BigEndian.PutUint64(k[s390InitrdSize:], uint64(size))
	clear(k[s390Cmdline : s390Cmdline+s390CmdlineSize])
	copy(k[s390Cmdline:], cmdline)
	return nil
}

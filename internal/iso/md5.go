package iso

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/quarry-project/quarry/internal/progress"
)

// The implanted checksum is that of isomd5sum (https://github.com/rhinstaller/isomd5sum): the MD5 of the image without its last sectors, and
// parts of the sums so far at twenty places on the way, as text in the application use area of the primary volume descriptor. For the sums
// that area is blank. It finds damage, and proves nothing of who made the image.
const (
	skipSectors   = 15
	fragments     = 20
	fragmentChars = 3 // for each fragment
	md5Chunk      = 32 << 10
	md5Remark     = "THIS IS NOT THE SAME AS RUNNING MD5SUM ON THIS ISO!!"
)

// ErrNoMD5 is an image without an implanted checksum.
var ErrNoMD5 = errors.New("there is no implanted checksum")

// ErrMD5 is an image whose content is not what it was when its checksum was implanted.
var ErrMD5 = errors.New("the implanted checksum is not that of the content")

// implanted is what the application use area says.
type implanted struct {
	sum       string // 32 hexadecimal digits
	skip      int64  // sectors at the end that are not in it
	fragments string // fragmentChars digits for each
	count     int
}

func (m implanted) text() string {
	return fmt.Sprintf("ISO MD5SUM = %s;SKIPSECTORS = %d;RHLISOSTATUS=0;FRAGMENT SUMS = %s;FRAGMENT COUNT = %d;%s",
		m.sum, m.skip, m.fragments, m.count, md5Remark)
}

// parseImplanted reads an application use area, which may be anybody's.
func parseImplanted(area []byte) (implanted, error) {
	var m implanted
	values := map[string]string{}
	for _, part := range strings.Split(string(area), ";") {
		if name, value, ok := strings.Cut(part, "="); ok {
			values[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	m.sum = values["ISO MD5SUM"]
	if m.sum == "" {
		return m, ErrNoMD5
	}
	if raw, err := hex.DecodeString(m.sum); err != nil || len(raw) != md5.Size {
		return m, fmt.Errorf("the implanted checksum %.40q is no MD5", m.sum)
	}
	skip, err := strconv.ParseInt(values["SKIPSECTORS"], 10, 32)
	if err != nil || skip < 0 {
		return m, fmt.Errorf("the implanted checksum leaves out %.20q sectors", values["SKIPSECTORS"])
	}
	m.skip = skip
	if m.count, err = strconv.Atoi(values["FRAGMENT COUNT"]); err == nil && m.count == fragments {
		m.fragments = values["FRAGMENT SUMS"]
	}
	return m, nil
}

// ImplantMD5 writes the checksum of the media check into the image at path, over one that is there. Reports count bytes of the phase "media check".
// Where the file system is a partition as well, that has descriptors of its own, and no checksum: the image's are in the partition, so neither sum could
// have the other in it.
func ImplantMD5(ctx context.Context, path string, report progress.Func) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	d, err := readPrimary(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	m, err := sumImage(ctx, f, d, skipSectors, report)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	area := bytes.Repeat([]byte{' '}, applicationSize)
	copy(area, m.text())
	if _, err := f.WriteAt(area, d.offset+applicationAt); err != nil {
		return err
	}
	return f.Close()
}

// CheckMD5 compares the image at path, which may be anybody's, with its implanted checksum, as checkisomd5 does. It returns an error that is
// ErrNoMD5 or ErrMD5, or says why the image can't be read.
func CheckMD5(ctx context.Context, path string, report progress.Func) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	d, err := readPrimary(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	want, err := parseImplanted(d.application())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	got, err := sumImage(ctx, f, d, want.skip, report)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if !strings.EqualFold(got.sum, want.sum) || want.fragments != "" && got.fragments != want.fragments {
		return fmt.Errorf("%s: %w", path, ErrMD5)
	}
	return nil
}

// sumImage computes what ought to be implanted.
func sumImage(ctx context.Context, f io.ReaderAt, d descriptor, skip int64, report progress.Func) (implanted, error) {
	total := d.size() - skip*sector
	each := total / (fragments + 1)
	if each <= 0 {
		return implanted{}, errors.New("the image is too small to be checked")
	}
	sums, buf := md5.New(), make([]byte, md5Chunk)
	m := implanted{skip: skip, count: fragments}
	last, shown := int64(0), int64(-1)
	for at := int64(0); at < total; at += md5Chunk {
		if ctx.Err() != nil {
			return m, context.Cause(ctx)
		}
		chunk := buf[:min(md5Chunk, total-at)]
		if _, err := f.ReadAt(chunk, at); err != nil {
			return m, fmt.Errorf("at %d of %d bytes: %w", at, total, err)
		}
		blank(chunk, d.offset+applicationAt-at)
		sums.Write(chunk)
		if now := at / each; now != last {
			last = now
			m.fragments += fragmentSum(sums)
		}
		if percent := 100 * at / total; percent != shown {
			shown = percent
			report.Count("media check", at, total, progress.Bytes)
		}
	}
	m.sum = hex.EncodeToString(sums.Sum(nil))
	report.Count("media check", total, total, progress.Bytes)
	return m, nil
}

// blank has the application use area, which begins at the place at of the chunk, filled with spaces as far as it is in there.
func blank(chunk []byte, at int64) {
	from, to := max(0, at), min(int64(len(chunk)), at+applicationSize)
	for i := from; i < to; i++ {
		chunk[i] = ' '
	}
}

// fragmentSum is the first digit of each of the first bytes of the sum so far, a byte being written without leading zeros.
func fragmentSum(sums hash.Hash) string {
	var digits strings.Builder
	for _, b := range sums.Sum(nil)[:fragmentChars] {
		digits.WriteString(strconv.FormatUint(uint64(b), 16)[:1])
	}
	return digits.String()
}

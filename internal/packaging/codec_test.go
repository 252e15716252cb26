package packaging

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// codecs are the codecs by the program that has to accept what they make, each for a number of CPUs.
func codecs() map[string]func(cpus int) codec {
	return map[string]func(int) codec{
		"xz":   func(n int) codec { return xz{cpus: n} },
		"zstd": func(n int) codec { return zstandard{cpus: n} },
		"gzip": func(n int) codec { return gzip{cpus: n} },
	}
}

// TestCodecsDontDependOnCPUs compresses more than one block of every codec.
func TestCodecsDontDependOnCPUs(t *testing.T) {
	data := append(words(1<<20), make([]byte, zstdBlock)...)
	data = append(data, "the end"...)
	for name, make := range codecs() {
		t.Run(name, func(t *testing.T) {
			var one []byte
			for _, cpus := range []int{1, 2, 5} {
				var out bytes.Buffer
				if err := make(cpus).compress(t.Context(), &out, bytes.NewReader(data)); err != nil {
					t.Fatal(err)
				}
				if one == nil {
					one = out.Bytes()
				}
				if !bytes.Equal(one, out.Bytes()) {
					t.Errorf("with %d CPUs come other bytes", cpus)
				}
			}
			path := filepath.Join(t.TempDir(), "stream")
			if err := os.WriteFile(path, one, 0o600); err != nil {
				t.Fatal(err)
			}
			in, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			cmd := exec.CommandContext(t.Context(), name, "-dc")
			cmd.Stdin = in
			if out, err := cmd.Output(); err != nil || !bytes.Equal(out, data) {
				t.Errorf("the program %s gets something else: %d bytes, %v", name, len(out), err)
			}
		})
	}
}

func TestCodecsPassErrorsOn(t *testing.T) {
	want := errors.New("the disk is on fire")
	for name, make := range codecs() {
		t.Run(name, func(t *testing.T) {
			err := make(2).compress(t.Context(), io.Discard, io.MultiReader(bytes.NewReader(words(3<<20)), iotest.ErrReader(want)))
			if !errors.Is(err, want) {
				t.Errorf("reading fails and the error is %v", err)
			}
			if err = make(2).compress(t.Context(), refusing{want}, bytes.NewReader(words(3<<20))); err == nil {
				t.Error("writing fails and there is no error")
			}
			if err = make(2).decompress(t.Context(), strings.NewReader("no stream of it"), func(r io.Reader) error {
				_, err := io.Copy(io.Discard, r)
				return err
			}); err == nil {
				t.Error("a text was decompressed")
			}
		})
	}
}

type refusing struct{ err error }

func (r refusing) Write([]byte) (int, error) { return 0, r.err }

func TestXZEnvironment(t *testing.T) {
	got := xzEnv([]string{"PATH=/bin", "XZ_DEFAULTS=-T1", "XZ_OPT=-9", "XZ_OPTIONS=kept"})
	if want := "PATH=/bin XZ_OPTIONS=kept"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPeek(t *testing.T) {
	in := sourceOf(t, Disk)
	dst := filepath.Join(t.TempDir(), "image")
	if _, err := Make(t.Context(), in, packed{name: "raw.xz"}.Outputs()[0], dst, nil); err != nil {
		t.Fatal(err)
	}
	head, err := Peek(t.Context(), dst, "raw.xz", 100)
	if err != nil || !bytes.Equal(head, words(100)) {
		t.Errorf("got %q, %v", head, err)
	}
	if _, err := Peek(t.Context(), dst, "qcow2", 100); err == nil {
		t.Error("a qcow2 is no stream")
	}
}

// BenchmarkCompress measures the codecs against their plain programs with one thread, on programs of the host as they fill a disk.
func BenchmarkCompress(b *testing.B) {
	data := programs(b, 96<<20)
	for name, make := range codecs() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				var out counted
				if err := make(0).compress(b.Context(), &out, bytes.NewReader(data)); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(data))/float64(out), "ratio")
			}
		})
	}
	for name, args := range map[string][]string{"xz -6 -T1": {"xz", "-6", "-T1", "-c"}, "zstd -3": {"zstd", "-3", "-c"}, "gzip -6": {"gzip", "-6", "-c"}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				var out counted
				cmd := exec.CommandContext(b.Context(), args[0], args[1:]...)
				cmd.Stdin, cmd.Stdout = bytes.NewReader(data), &out
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(data))/float64(out), "ratio")
			}
		})
	}
}

type counted int64

func (c *counted) Write(p []byte) (int, error) {
	*c += counted(len(p))
	return len(p), nil
}

// programs is size bytes of the host's programs and libraries, in the order of their names.
func programs(b *testing.B, size int) []byte {
	b.Helper()
	var data []byte
	for _, pattern := range []string{"/usr/bin/*", "/usr/lib/*/*.so*"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			b.Fatal(err)
		}
		for _, name := range names {
			if content, err := os.ReadFile(name); err == nil {
				data = append(data, content...)
			}
			if len(data) >= size {
				return data[:size]
			}
		}
	}
	return data
}

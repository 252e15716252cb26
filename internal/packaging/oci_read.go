package packaging

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/plan"
)

// Bounds for archives of others.
const (
	maxOCIText  = 4 << 20 // bytes of an index, a manifest, a configuration
	maxOCIBlobs = 10000
)

// OpenOCI opens the one image of an OCI archive, which may be anybody's. Closing the Closer ends the use of the image.
func OpenOCI(name string) (v1.Image, io.Closer, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	img, err := readOCI(f)
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return img, f, nil
}

func readOCI(f *os.File) (v1.Image, error) {
	a, err := indexArchive(f)
	if err != nil {
		return nil, err
	}
	text, err := a.text(ociIndex)
	if err != nil {
		return nil, err
	}
	if _, ok := a.members[ociLayout]; !ok {
		return nil, fmt.Errorf("it has no %s", ociLayout)
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("reading its %s: %w", ociIndex, err)
	}
	if len(index.Manifests) != 1 {
		return nil, fmt.Errorf("it has %d images; want one", len(index.Manifests))
	}
	desc := index.Manifests[0]
	if !desc.MediaType.IsImage() {
		return nil, fmt.Errorf("it holds no image but %q", desc.MediaType)
	}
	if text, err = a.blob(desc.Digest); err != nil {
		return nil, err
	}
	if sum, _, err := v1.SHA256(bytes.NewReader(text)); err != nil || sum != desc.Digest || int64(len(text)) != desc.Size {
		return nil, fmt.Errorf("its manifest is not what its index says: %s", sum)
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("reading its manifest: %w", err)
	}
	return partial.CompressedToImage(archivedImage{archive: a, raw: text, manifest: *manifest})
}

// archive is a tar whose files can be read in any order.
type archive struct {
	f       *os.File
	members map[string]extent
}

type extent struct{ at, size int64 }

// indexArchive finds out where the files of a tar are.
func indexArchive(f *os.File) (archive, error) {
	a := archive{f: f, members: map[string]extent{}}
	for t := tar.NewReader(f); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err != nil {
			return a, err
		}
		if len(a.members) >= maxOCIBlobs {
			return a, fmt.Errorf("it has more than %d files", maxOCIBlobs)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		// The reader has read this file's header and nothing of the file.
		at, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return a, err
		}
		a.members[path.Clean(h.Name)] = extent{at, h.Size}
	}
}

func (a archive) open(name string) (*io.SectionReader, error) {
	e, ok := a.members[name]
	if !ok {
		return nil, fmt.Errorf("it has no %s", name)
	}
	return io.NewSectionReader(a.f, e.at, e.size), nil
}

func (a archive) text(name string) ([]byte, error) {
	r, err := a.open(name)
	if err != nil {
		return nil, err
	}
	if r.Size() > maxOCIText {
		return nil, fmt.Errorf("its %s has %d bytes, which is too much", name, r.Size())
	}
	return io.ReadAll(r)
}

func (a archive) blob(h v1.Hash) ([]byte, error) { return a.text(ociBlobs + h.Hex) }

// archivedImage is the image in an archive, of which partial makes a v1.Image.
type archivedImage struct {
	archive  archive
	raw      []byte
	manifest v1.Manifest
}

func (i archivedImage) RawManifest() ([]byte, error)        { return i.raw, nil }
func (i archivedImage) MediaType() (types.MediaType, error) { return i.manifest.MediaType, nil }
func (i archivedImage) RawConfigFile() ([]byte, error) {
	return i.archive.blob(i.manifest.Config.Digest)
}
func (i archivedImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, desc := range i.manifest.Layers {
		if desc.Digest == h {
			return archivedLayer{i.archive, desc}, nil
		}
	}
	return nil, fmt.Errorf("it has no layer %s", h)
}

type archivedLayer struct {
	archive archive
	desc    v1.Descriptor
}

func (l archivedLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l archivedLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l archivedLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l archivedLayer) Compressed() (io.ReadCloser, error) {
	r, err := l.archive.open(ociBlobs + l.desc.Digest.Hex)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(r), nil
}

func (ociTar) check(_ context.Context, path, _ string, _ plan.Output) error {
	img, file, err := OpenOCI(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := validate.Image(img); err != nil {
		return err
	}
	layer, err := onlyLayer(img)
	if err != nil {
		return err
	}
	r, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer r.Close()
	return checkTar(r)
}

// onlyLayer returns the layer of an image as Quarry makes them.
func onlyLayer(img v1.Image) (v1.Layer, error) {
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	if len(layers) != 1 {
		return nil, fmt.Errorf("it has %d layers; want one", len(layers))
	}
	return layers[0], nil
}

func (ociTar) unpack(ctx context.Context, name, dir string, percent meter) (Source, error) {
	img, file, err := OpenOCI(name)
	if err != nil {
		return Source{}, err
	}
	defer file.Close()
	layer, err := onlyLayer(img)
	if err != nil {
		return Source{}, err
	}
	r, err := layer.Uncompressed()
	if err != nil {
		return Source{}, err
	}
	defer r.Close()
	unpacked := filepath.Join(dir, "unpacked.tar")
	if err := saveSparse(unpacked, percent.reader(ctx, r, 0)); err != nil {
		return Source{}, err
	}
	info, err := os.Stat(unpacked)
	if err != nil {
		return Source{}, err
	}
	return Source{Tree: &artifact.Tree{File: artifact.File{Path: unpacked, Size: info.Size()}, Format: "tar"}}, nil
}

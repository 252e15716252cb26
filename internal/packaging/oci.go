package packaging

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/plan"
)

// ociTar is a container image of one layer as an archive of the OCI image layout (image-layout.md in the OCI image specification): what `skopeo copy
// oci-archive:…`, `podman load` and `docker load` take.
type ociTar struct{}

func (ociTar) Name() string           { return "oci.tar" }
func (ociTar) Takes() Kind            { return Tree }
func (ociTar) Outputs() []plan.Output { return []plan.Output{{Format: "oci.tar"}} }

func (ociTar) write(ctx context.Context, j job) (int64, error) {
	layer, err := makeLayer(ctx, j.in.Tree.Path, filepath.Join(j.dir, "layer"), j.percent.part(0, 80))
	if err != nil {
		return 0, err
	}
	img, err := imageOf(j.in, layer)
	if err != nil {
		return 0, err
	}
	return 0, writeLayout(ctx, j.path, img, layer, j.in.About.Version, j.percent.part(80, 100))
}

// imageOf puts the layer into an image that says what it is.
func imageOf(in Source, file layerFile) (v1.Image, error) {
	a, err := arch.Lookup(in.Tree.Arch)
	if err != nil {
		return nil, err
	}
	layer, err := partial.CompressedToLayer(file)
	if err != nil {
		return nil, err
	}
	config := &v1.ConfigFile{
		Architecture: a.Go, OS: "linux",
		Config: v1.Config{
			Cmd: []string{"/bin/bash"},
			Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
			Labels: map[string]string{
				"org.opencontainers.image.title": in.About.Name, "org.opencontainers.image.vendor": in.About.Distro,
				"org.opencontainers.image.version": in.About.Version,
			},
		},
		RootFS: v1.RootFS{Type: "layers"},
	}
	img, err := mutate.ConfigFile(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), config)
	if err != nil {
		return nil, err
	}
	return mutate.Append(img, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: "quarry"}})
}

// layerFile is a layer whose compressed form is a file.
type layerFile struct {
	path         string
	digest, diff v1.Hash // of the file, and of the tar in it
	size         int64
}

func (l layerFile) Digest() (v1.Hash, error)            { return l.digest, nil }
func (l layerFile) DiffID() (v1.Hash, error)            { return l.diff, nil }
func (l layerFile) Size() (int64, error)                { return l.size, nil }
func (l layerFile) MediaType() (types.MediaType, error) { return types.OCILayer, nil }
func (l layerFile) Compressed() (io.ReadCloser, error)  { return os.Open(l.path) }

// makeLayer compresses the tar at path to a layer at dst.
func makeLayer(ctx context.Context, path, dst string, percent meter) (layerFile, error) {
	in, err := os.Open(path)
	if err != nil {
		return layerFile{}, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return layerFile{}, err
	}
	out, err := os.Create(dst)
	if err != nil {
		return layerFile{}, err
	}
	defer out.Close()
	diff, sum := sha256.New(), sha256.New()
	err = gzip{}.compress(ctx, io.MultiWriter(out, sum), io.TeeReader(percent.reader(ctx, in, info.Size()), diff))
	if err := errors.Join(err, out.Close()); err != nil {
		return layerFile{}, err
	}
	if info, err = os.Stat(dst); err != nil {
		return layerFile{}, err
	}
	return layerFile{path: dst, digest: hashOf(sum), diff: hashOf(diff), size: info.Size()}, nil
}

func hashOf(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}

// Names in an OCI image layout.
const (
	ociLayout = "oci-layout"
	ociIndex  = "index.json"
	ociBlobs  = "blobs/sha256/"
)

// writeLayout writes the archive of a layout with one image, under the tag version.
func writeLayout(ctx context.Context, path string, img v1.Image, layer layerFile, version string, percent meter) error {
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	manifest, err := img.RawManifest()
	if err != nil {
		return err
	}
	desc, err := partial.Descriptor(img)
	if err != nil {
		return err
	}
	desc.Annotations = map[string]string{"org.opencontainers.image.ref.name": version}
	index, err := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{Add: img, Descriptor: *desc}).RawManifest()
	if err != nil {
		return err
	}
	configName, err := img.ConfigName()
	if err != nil {
		return err
	}
	return writeTar(ctx, path, nil, []member{
		{name: ociLayout, data: []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{name: ociIndex, data: index},
		{name: ociBlobs + desc.Digest.Hex, data: manifest},
		{name: ociBlobs + configName.Hex, data: config},
		{name: ociBlobs + layer.digest.Hex, path: layer.path},
	}, percent)
}

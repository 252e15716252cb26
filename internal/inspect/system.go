package inspect

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Places of RPM's database and of the system's description, in the order in which they are looked for.
func databases() []string {
	return []string{"usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite"}
}
func osReleases() []string { return []string{"usr/lib/os-release", "etc/os-release"} }

// Bounds of files of others, in bytes.
const (
	maxDatabase  = 1 << 30
	maxOSRelease = 64 << 10
	maxHeader    = 64 << 20
)

// system looks for kernels, the description and the packages in the file systems.
func (l looker) system(found []files) {
	for _, f := range found {
		for _, folder := range []string{".", "boot"} {
			l.kernels(f.list(folder))
		}
		for _, name := range osReleases() {
			var text bytes.Buffer
			if l.report.OS == "" && f.read(&text, name, maxOSRelease) == nil {
				l.report.OS = prettyName(text.String())
			}
		}
		if l.report.Packages == nil {
			l.packages(f)
		}
	}
	if l.report.OS == "" {
		l.unknown("os-release", errors.New("no file system that can be read has one"))
	}
	if l.report.Packages == nil {
		l.unknown("packages", errors.New("no file system that can be read has RPM's SQLite database"))
	}
}

// kernels adds those among the names of a folder.
func (l looker) kernels(names []string) {
	for _, name := range names {
		version, ok := strings.CutPrefix(name, "vmlinuz-")
		if ok && !strings.Contains(version, "rescue") && !slices.Contains(l.report.Kernels, version) {
			l.report.Kernels = append(l.report.Kernels, version)
		}
	}
	slices.Sort(l.report.Kernels)
}

// packages reads RPM's database out of a file system, if it has one.
func (l looker) packages(f files) {
	for _, name := range databases() {
		copied := filepath.Join(l.dir, "rpmdb.sqlite")
		err := save(copied, func(w *os.File) error { return f.read(w, name, maxDatabase) })
		if err != nil {
			continue
		}
		l.readDatabase(copied)
		return
	}
}

// save makes a file.
func save(path string, write func(*os.File) error) error {
	w, err := os.Create(path)
	if err != nil {
		return err
	}
	defer w.Close()
	return errors.Join(write(w), w.Close())
}

func (l looker) readDatabase(path string) {
	packages, err := rpmPackages(l.ctx, path)
	if err != nil {
		l.unknown("packages", err)
		packages = []string{}
	}
	l.report.Packages = packages
}

// rpmPackages lists the packages of an RPM database, which is SQLite since release 9: its table Packages holds the packages' headers.
func rpmPackages(ctx context.Context, path string) ([]string, error) {
	// Immutable: the file is a copy, and its write-ahead log is not there.
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&immutable=1")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "SELECT blob FROM Packages")
	if err != nil {
		return nil, fmt.Errorf("reading RPM's database: %w", err)
	}
	defer rows.Close()
	names := []string{}
	for rows.Next() {
		var header []byte
		if err := rows.Scan(&header); err != nil {
			return nil, err
		}
		name, err := packageOf(header)
		if err != nil {
			return nil, fmt.Errorf("reading RPM's database: %w", err)
		}
		if !strings.HasPrefix(name, "gpg-pubkey-") { // keys are kept as if they were packages
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, rows.Err()
}

// prettyName is PRETTY_NAME of an os-release file, or NAME.
func prettyName(text string) string {
	values := map[string]string{}
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		key, value, _ := strings.Cut(s.Text(), "=")
		if plain, err := strconv.Unquote(value); err == nil {
			value = plain
		}
		values[key] = labelOf([]byte(strings.Trim(value, `'"`)))
	}
	if name := values["PRETTY_NAME"]; name != "" {
		return name
	}
	return values["NAME"]
}

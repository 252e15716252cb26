package pebble

import (
	"bytes"
	"strings"
)

// bundle is where programs look for the certificates that they trust, in one file.
const bundle = "/etc/ssl/certs/ca-certificates.crt"

// addBundle joins the single certificates, as Debian's maintainer script would.
func addBundle(all files) {
	var out bytes.Buffer
	for _, f := range all.sorted() {
		if strings.HasPrefix(f.Path, "/usr/share/ca-certificates/") && f.is(typeFile) {
			out.Write(bytes.TrimSpace(f.Body))
			out.WriteByte('\n')
		}
	}
	if out.Len() > 0 {
		all.add(file{Path: bundle, Mode: typeFile | 0o644, MTime: epoch.Unix(), Body: out.Bytes()})
	}
}

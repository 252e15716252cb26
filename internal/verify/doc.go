// Package verify boots a finished image and looks at the running system: it starts an overlay of it with a NoCloud seed, logs in over SSH, and
// asks systemd, rpm, cloud-init and the kernel. It never changes the image, knows no plan and no pipeline, and decides
// nothing about publishing: it writes a Report, and a report that failed is a result, not an error.
package verify

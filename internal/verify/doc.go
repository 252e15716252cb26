// Package verify looks at a finished image. One that boots it starts as an overlay, with a NoCloud seed where the image has cloud-init, logs in
// over SSH, and asks systemd, rpm, cloud-init and the kernel; others show their login prompt. Of a root file system it runs programs, in
// containers or in a machine; a disk that QEMU has no machine for it has mounted in one. It never changes the image, knows no build and
// no pipeline, and decides nothing about publishing: it writes a Report, and a report that failed is a result, not an error.
package verify

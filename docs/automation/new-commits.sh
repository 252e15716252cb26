#!/bin/sh
# Builds at once what new kickstart commits touch: new-commits.sh TREE. Cron may call it every few minutes.
set -u
tree=${1:?which tree? new-commits.sh TREE}

quarry watch --distro rocky --release 9
case $? in
0) exit 0 ;;  # nothing that touches an image
10) ;;        # an image is touched
*) exit 1 ;;  # the repositories could not be asked
esac
exec "$(dirname "$0")/nightly.sh" "$tree"

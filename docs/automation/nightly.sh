#!/bin/sh
# What a night does: build, keep the tree small, check it, make room. What did not change is not built again. Called by cron and by systemd:
# nightly.sh TREE
set -u
tree=${1:?which tree? nightly.sh TREE}
result=0

# One command for a set of images; one that fails does not stop the others, and the exit code tells.
quarry run rocky/9 --label nightly --arch x86_64,aarch64 --publish "$tree" || result=$?

# None of these hides what the build has said.
quarry prune "$tree" --keep 7 || result=1
quarry fsck "$tree" --repair || result=1
quarry gc --keep-runs 5 --max-size 200GB || result=1
exit "$result"

#!/bin/bash
# Debian's kernel calls itself otherwise than the folder of its modules is called in Pebble: a link leads there in the system, and
# so it must in the initramfs.

check() {
    return 0
}

install() {
    local link
    # shellcheck disable=SC2154 # kernel and initdir are dracut's
    for link in /usr/lib/modules/*; do
        if [[ -L $link && $(readlink "$link") == "$kernel" ]]; then
            mkdir -p "$initdir/usr/lib/modules"
            ln -sfn "$kernel" "$initdir/usr/lib/modules/${link##*/}"
        fi
    done
}

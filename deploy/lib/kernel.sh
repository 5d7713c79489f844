# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# kernel: the distribution's kernel for tests/interop/usb, unpacked to build-kernel.
#
# The package is downloaded and unpacked, not installed: no maintainer script runs, no initramfs is
# made and the machine's own boot files stay as they are. No root is needed. Of the modules, only
# those that the test loads are kept. Needs packages.sh; apt, dpkg, kmod.
# shellcheck source=deploy/lib/packages.sh
. "${BASH_SOURCE[0]%/*}/packages.sh"

kernel_dir=$top/build-kernel
# What the guest's first process loads, and what the guest loads then.
kernel_first=(virtio_pci 9pnet_virtio 9p)
kernel_then=(vhci-hcd usbhid hid-generic virtio_net)

# The packages with the image and its modules. The one that deploy/packages names only depends on
# them (and, in Ubuntu, on firmware that no virtual machine has).
kernel_packages() {
    local meta name
    meta=$(packages_choose "$(packages_of kernel)")
    for name in "$meta" $(kernel_depends "$meta"); do
        printf '%s\n' "$name" "$(kernel_depends "$name")"
    done | grep -E '^linux-.*-[0-9]' | sort -u
}
kernel_depends() { # kernel_depends PACKAGE
    apt-cache depends "$1" 2> /dev/null |
        sed -nE 's/^ *\|?Depends: (linux-(image|modules|modules-extra)-[0-9].*)/\1/p'
}

# Complete beside build-kernel first. One that is there is kept, however old.
kernel_unpack() {
    local new code=0
    [ ! -e "$kernel_dir" ] || return 0
    new=$(mktemp -d "$kernel_dir.XXXXXX")
    (kernel_unpack_to "$new") > "$new.log" 2>&1 || code=$?
    if [ "$code" -eq 0 ]; then
        mv "$new/kernel" "$kernel_dir"
    else
        tail -n 3 "$new.log" >&2
        say "no kernel was unpacked; tests that boot one are skipped"
    fi
    rm -rf "$new" "$new.log"
}

kernel_unpack_to() { # kernel_unpack_to FOLDER: FOLDER/kernel, or a message and an exit code
    set -euo pipefail
    local names name release
    mapfile -t names < <(kernel_packages)
    [ ${#names[@]} -gt 0 ] || die "apt knows no kernel package: $(packages_of kernel)"
    mkdir "$1/deb" "$1/all" "$1/kernel"
    (cd "$1/deb" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "${names[@]}")
    for name in "$1"/deb/*.deb; do dpkg-deb --extract "$name" "$1/all"; done
    # Debian 13's modules are in usr/lib.
    [ -d "$1/all/lib/modules" ] || ln -s usr/lib "$1/all/lib"
    release=$(cd "$1/all/lib/modules" && printf '%s\n' * | sort -V | tail -n 1)
    PATH=$PATH:/usr/sbin:/sbin
    depmod -b "$1/all" "$release"
    mkdir -p "$1/kernel/boot" "$1/kernel/lib/modules/$release" "$1/kernel/usr"
    ln -s ../lib "$1/kernel/usr/lib"
    cp "$1/all/boot/vmlinuz-$release" "$1/kernel/boot/"
    cp "$1/all/lib/modules/$release"/modules.{builtin,order}* "$1/kernel/lib/modules/$release/"
    kernel_modules_copy "$1/all/lib/modules/$release" "$1/kernel/lib/modules/$release"
    depmod -b "$1/kernel" "$release"
    chmod 755 "$1/kernel"
}

kernel_modules_copy() { # kernel_modules_copy FROM TO: uncompressed
    local file
    for file in $(kernel_modules_of "$1" "${kernel_first[@]}" "${kernel_then[@]}"); do
        mkdir -p "$2/${file%/*}"
        case $file in
            *.xz) xz -dc "$1/$file" > "$2/${file%.xz}" ;;
            *.zst) zstd -qdc "$1/$file" > "$2/${file%.zst}" ;;
            *) cp "$1/$file" "$2/$file" ;;
        esac
    done
}

# Their files and those they need, in order of loading, as modules.dep names them.
kernel_modules_of() { # kernel_modules_of MODULES_FOLDER MODULE...
    local folder=$1 module
    shift
    for module in "$@"; do
        sed -nE "s,^(.*/$module\\.ko(\\.xz|\\.zst)?): *(.*),\\1 \\3,p" "$folder/modules.dep" |
            tr ' ' '\n' | tac
    done | awk 'NF && !seen[$0]++'
}

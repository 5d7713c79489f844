# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# build: configure and compile a tree. Needs say.sh.
# shellcheck source=deploy/lib/say.sh
. "${BASH_SOURCE[0]%/*}/say.sh"

nanopb_from='' # --nanopb DIR of the caller: an unpacked release, in place of the source package

build_nanopb() { # nanopb's runtime, in build-nanopb
    "$top/deploy/nanopb" ${nanopb_from:+--from "$nanopb_from"} "$top/build-nanopb"
}

build_tree() { # build_tree DIR CMAKE_OPTION...
    local dir=$1
    shift
    build_nanopb
    mkdir -p "$dir"
    build_step "$dir/configure.log" cmake -S "$top" -B "$dir" -G Ninja "$@"
    build_step "$dir/build.log" cmake --build "$dir" --parallel "$(nproc)"
}

# Silent when it goes well; what failed when it does not.
build_step() { # build_step LOG COMMAND...
    local log=$1
    shift
    "$@" > "$log" 2>&1 || {
        grep -A 12 -m 3 -E '^FAILED|CMake Error|error:' "$log" | cut -c 1-300 >&2 || tail -n 40 "$log" >&2
        die "this failed, see $log: $*"
    }
}

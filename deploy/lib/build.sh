# shellcheck shell=bash
# build: configure and compile a tree. Needs say.sh.
# shellcheck source=deploy/lib/say.sh
. "${BASH_SOURCE[0]%/*}/say.sh"

build_tree() { # build_tree DIR CMAKE_OPTION...
    local dir=$1
    shift
    [ -f "$top/build-nanopb/pb_decode.c" ] || "$top/deploy/nanopb" "$top/build-nanopb"
    mkdir -p "$dir"
    build_step "$dir/configure.log" cmake -S "$top" -B "$dir" -G Ninja "$@"
    build_step "$dir/build.log" cmake --build "$dir" --parallel "$(nproc)"
}

# Silent when it goes well; the whole log when it does not.
build_step() { # build_step LOG COMMAND...
    local log=$1
    shift
    "$@" > "$log" 2>&1 || {
        cat "$log" >&2
        die "this failed: $*"
    }
}

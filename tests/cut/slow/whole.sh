# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the slow ones share: tests/cut/cut with the programs of build/ (no sanitizers, so three times
# as fast) if that folder is configured with HALLMARK_TESTS; it is brought up to date first.
set -euo pipefail
cut_top=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd)

cut_under=() # what starts it, if anything does

cut_whole() { # cut_whole OPTION...
    if [ -f "$cut_top/build/build.ninja" ] && cmake --build "$cut_top/build" > /dev/null &&
        [ -x "$cut_top/build/tests/cut/relay" ]; then
        export HALLMARK_BUILD=$cut_top/build
    fi
    echo "figure: programs of ${HALLMARK_BUILD:-$cut_top/build}"
    exec "${cut_under[@]}" "$cut_top/tests/cut/cut" "$@"
}

# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the slow kill tests share: one kind in full, with the programs of build/ (no sanitizers, so three
# times as fast) if that folder is configured; it is brought up to date first. tests/e2e/kills with the
# sanitizers does a share of each kind.
set -euo pipefail
kills_top=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd)

kills_full() { # kills_full KIND
    if [ -f "$kills_top/build/build.ninja" ] && cmake --build "$kills_top/build" > /dev/null; then
        export HALLMARK_BUILD=$kills_top/build
    fi
    echo "figure: programs of ${HALLMARK_BUILD:-$kills_top/build}"
    exec "$kills_top/tests/e2e/kills" --full "$1"
}

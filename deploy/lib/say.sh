# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# say: what scripts tell people, and where the checkout is. Sourced by every script of ours.

top=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
export top

say() {
    printf '%s\n' "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

usage_error() {
    printf '%s: %s (see --help)\n' "${0##*/}" "$*" >&2
    exit 64
}

now_ms() {
    local us=${EPOCHREALTIME/[.,]/}
    printf '%s' "$((us / 1000))"
}

seconds_since() { # seconds_since START_MS: "1.234"
    local ms=$(($(now_ms) - $1))
    printf '%d.%03d' "$((ms / 1000))" "$((ms % 1000))"
}

# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# board: what virtual-board's boards hold, over one control connection and from their state files;
# checked by openssl, not by code of ours. Sourced by lib.sh.
# shellcheck source=deploy/lib/system.sh
. "${BASH_SOURCE[0]%/*}/../../deploy/lib/system.sh"

control_in='' control_out='' control_pid=''

# One connection for many commands: board_ask starts a socat for each.
control_open() {
    local fifo=$run_dir/control-fifo
    rm -f "$fifo.in" "$fifo.out"
    mkfifo "$fifo.in" "$fifo.out"
    socat "UNIX-CONNECT:$board_control" STDIO < "$fifo.in" > "$fifo.out" &
    control_pid=$!
    exec {control_in}> "$fifo.in" {control_out}< "$fifo.out"
}

control() { # control COMMAND...: the answer is control_line
    printf '%s\n' "$*" >&"$control_in"
    IFS= read -r -t 30 -u "$control_out" control_line || die "virtual-board said nothing to: $*"
}

control_ok() { # control_ok COMMAND...
    control "$@"
    [[ $control_line == '{"ok":true'* ]] || die "virtual-board: $*: $control_line"
}

control_close() {
    [ -n "$control_in" ] || return 0
    exec {control_in}>&- {control_out}<&-
    kill "$control_pid" 2> /dev/null || true
    wait "$control_pid" 2> /dev/null || true
    control_in=''
}

# The board is shut at the order's level and nobody hears its lock statement: its power goes with
# the last lock write of level production.
shut_unheard() { # shut_unheard ORDER STATION BOARD
    board_ask cut-at "$3" dpm-nonsecure 1 after | jq -e .ok > "$run_dir/is"
    provision "$1" "$2" "${board_probes[$3]}" > "$run_dir/said" || true
    board_ask power "$3" on | jq -e .ok > "$run_dir/is"
}

# The layout of a state file: target-fw/board/chip/store.h.
store_otp=156 store_otp_size=48 store_flash=$((0x10000))

board_file() { printf '%s/board-%02d.state' "$board_dir" "$1"; }

# What an OTP slot holds, as a number, big-endian: word 7 first.
board_otp() { # board_otp BOARD SLOT
    local words=() i
    read -r -d '' -a words < <(od -A n -v -t x4 --endian=little -N 32 \
        -j $((store_otp + store_otp_size * $2 + 12)) "$(board_file "$1")") || true
    for i in 7 6 5 4 3 2 1 0; do printf '%s' "${words[i]}"; done
}

board_flash() { # board_flash BOARD ADDRESS LENGTH: hex
    xxd -p -c "$3" -s $((store_flash + $2)) -l "$3" "$(board_file "$1")"
}

# The device certificate in flash: its length, its issuer's, then both.
board_certificate() { # board_certificate BOARD: DER, hex
    local len
    len=$(od -A n -t u4 --endian=little -N 4 -j $((store_flash + 0xF9000)) "$(board_file "$1")")
    [ "$((len))" -le 768 ] || return 1
    board_flash "$1" $((0xF9008)) "$((len))"
}

# NIST SP 800-108 in counter mode with AES-256-CMAC, one block (common/core/sign.h).
derive_by() { # derive_by KEY LABEL CONTEXT: hex
    openssl mac -cipher AES-256-CBC -macopt "hexkey:$1" -in <(
        printf '\0\0\0\1%s\0' "$2"
        xxd -r -p <<< "$3"
        printf '\0\0\0\200'
    ) CMAC | tr 'A-F' 'a-f'
}

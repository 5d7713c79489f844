# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Debuggers that nobody here wrote, driven against virtual-board.
#
# A test sources this, sets client (its name in the checks), calls boards_up, then open_checks and
# locked_checks with a function of its own that runs the debugger. Checks are lines "ok NAME" and
# "not ok NAME: why" on standard output.
set -euo pipefail
# shellcheck source=deploy/lib/process.sh
. "${BASH_SOURCE[0]%/*}/../../../deploy/lib/process.sh"

here=$top/tests/interop/board
build=${HALLMARK_BUILD:-$top/build}
run_dir=$(mktemp -d)
failed=0 client=${client:-}

interop_end() {
    local code=$?
    trap - EXIT
    process_stop_all
    mkdir -p "$run_dir/log"
    if grep -lEr 'AddressSanitizer|LeakSanitizer|runtime error:' "$run_dir/log"; then failed=1; fi
    if [ "$code" -ne 0 ] || [ "$failed" -ne 0 ]; then
        tail -n 100 "$run_dir"/log/*.log || true
        [ "$code" -ne 0 ] || code=1
    fi
    rm -rf "$run_dir"
    exit "$code"
}
trap interop_end EXIT
trap 'exit 130' INT TERM

# Two boards: one to be locked by DPM, as the level "production" does, one by CONFIG0.LOCK.
boards_up() { # boards_up PACKET_SIZE PACKET_COUNT
    local line
    mkdir -p "$run_dir/state"
    process_start boards "$build/target-fw/board/virtual-board" --listen 127.0.0.1:0 --boards 2 \
        --bitbang 127.0.0.1:0 --state "$run_dir/state" --control "$run_dir/control" \
        --packet-size "$1" --packet-count "$2"
    board_ports=() board_bitbang_ports=()
    for line in "${process_lines[@]}"; do
        [[ $line =~ tcp://127.0.0.1:([0-9]+)\ uid.*bitbang\ tcp://127.0.0.1:([0-9]+) ]] || continue
        board_ports+=("${BASH_REMATCH[1]}")
        board_bitbang_ports+=("${BASH_REMATCH[2]}")
    done
    head -c 131072 /dev/urandom > "$run_dir/in.bin"
    flash_fill 0
    devauth=$build/target-fw/devauth.bin
    # A function that DevAuth calls more than once before it is ready, and no optimiser removes.
    devauth_break=$(arm-none-eabi-nm "$build/target-fw/devauth.elf" |
        awk '$3 == "memset" { print "0x" $1 }')
    [ -n "$devauth_break" ] || die "devauth.elf has no memset to stop at"
}

board_ask() { # board_ask COMMAND...: over the control socket
    local answer
    answer=$(printf '%s\n' "$*" | socat -t 10 - "UNIX-CONNECT:$run_dir/control")
    [[ $answer == '{"ok":true'* ]] || die "$*: $answer"
}

# A page of flash that starts at reset: SP, PC, then movs r0, #1; b . and noise.
flash_fill() { # flash_fill NUMBER
    { printf '\x00\x80\x00\x20\x09\x00\x00\x00\x01\x20\xfe\xe7' && head -c 4084 /dev/urandom; } \
        > "$run_dir/flash.bin"
    board_ask flash "$1" 0 "$(head -c 2048 "$run_dir/flash.bin" | xxd -p | tr -d '\n')"
    board_ask flash "$1" 2048 "$(tail -c 2048 "$run_dir/flash.bin" | xxd -p | tr -d '\n')"
    board_ask power "$1" cycle
}

# CONFIG0 with LOCK (bit 1) at 0: in force from the next power-on.
lock_config() { # lock_config NUMBER
    board_ask flash "$1" 0x300000 fdffffff
    board_ask power "$1" cycle
}

# COMMAND's checks pass through to standard output; it must make some, and it must end well.
checks_of() { # checks_of COMMAND...
    local code=0
    "$@" > "$run_dir/checks" 2>> "$run_dir/log/client.log" || code=$?
    grep -E '^(ok|not ok) ' "$run_dir/checks" || true
    # A failed check was counted; that its debugger then ends badly is no second failure.
    if ! grep -q '^not ok ' "$run_dir/checks"; then
        if [ "$code" -ne 0 ]; then
            say "not ok $client: ended with code $code"
        elif ! grep -q '^ok ' "$run_dir/checks"; then
            say "not ok $client: made no check at all"
        fi
    fi
    if [ "$code" -ne 0 ] || grep -q '^not ok' "$run_dir/checks" ||
        ! grep -q '^ok ' "$run_dir/checks"; then
        failed=1
    fi
}

# all_checks DEBUGGER: called as DEBUGGER NUMBER open|closed|erase-only.
all_checks() {
    checks_of "$1" 0 open
    board_ask power 0 cycle # what the debugger armed comes into force
    checks_of "$1" 0 closed
    lock_config 1
    checks_of "$1" 1 erase-only
}

# OpenOCD over SWD or JTAG. openocd_transport NUMBER, the test's own, prints how to connect.
openocd_checks() { # openocd_checks NUMBER LEVEL
    local cpu=m23.cpu
    {
        printf 'gdb_port disabled\ntcl_port disabled\ntelnet_port disabled\nreset_config none\n'
        openocd_transport "$1"
        printf 'dap create m23.dap -chain-position m23.cpu\n'
        printf 'set client {%s}\nset dir {%s}\nset target %s\nset dap m23.dap\nset level %s\n' \
            "$client" "$run_dir" "$cpu" "$2"
        printf 'set devauth {%s}\nset devauth_break %s\n' "$devauth" "$devauth_break"
        printf 'source {%s/checks.tcl}\n' "$here"
        if [ "$2" = open ]; then
            printf 'target create %s cortex_m -dap m23.dap\nsource {%s/open.tcl}\n' "$cpu" "$here"
        else
            printf 'target create %s cortex_m -dap m23.dap -defer-examine\n' "$cpu"
            printf 'set memory m23.mem\ntarget create m23.mem mem_ap -dap m23.dap -ap-num 0\n'
            printf 'source {%s/locked.tcl}\n' "$here"
        fi
    } > "$run_dir/openocd.cfg"
    timeout 120 "${openocd:-openocd}" -f "$run_dir/openocd.cfg"
}

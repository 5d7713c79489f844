# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Boards with simulated time, and what run and many share. Sourced; needs build and run_dir.
# shellcheck source=deploy/lib/system.sh
. "${BASH_SOURCE[0]%/*}/../../../deploy/lib/system.sh"

# A board with simulated time; its control socket is run_dir/NAME.control.
declare -A board_port=()
paced_board() { # paced_board NAME HZ LATENCY_US [OPTION...]
    local name=$1 line
    mkdir -p "$run_dir/$name"
    process_start "$name" "$build/target-fw/board/virtual-board" --listen 127.0.0.1:0 \
        --state "$run_dir/$name" --control "$run_dir/$name.control" --packet-count 4 \
        --swclk "$2" --usb-latency "$3" "${@:4}"
    line=${process_lines[0]}
    [[ $line =~ tcp://127.0.0.1:([0-9]+) ]] || die "$name: said $line"
    board_port[$name]=${BASH_REMATCH[1]}
}

port_of() { # port_of NAME
    printf '%s' "${board_port[$1]}"
}

board_time() { # board_time NAME FIELD
    printf 'time 0\n' | socat -t 10 - "UNIX-CONNECT:$run_dir/$1.control" | jq -r ".$2"
}

figure() { # figure EXPRESSION [FORMAT]: arithmetic with fractions
    awk "BEGIN { printf \"${2:-%.1f}\", ($1) }"
}

goal() { # goal WORDS CONDITION
    if [ "$(figure "($2) ? 1 : 0" %d)" = 1 ]; then say "met     $1"; else say "missed  $1"; fi
}

# A firmware of SIZE bytes: the demo, then noise, its FwInfo behind it. The four words at 0x10 say
# where that is: marker, address, 0, address - marker.
firmware_make() { # firmware_make OUT SIZE
    local demo=$build/target-fw/nulink3-demo.bin marker check
    marker=$(od -A n -t u4 --endian=little -j 16 -N 4 "$demo")
    check=$((($2 - marker) & 0xffffffff))
    {
        head -c 20 "$demo"
        little_endian "$2"
        head -c 28 "$demo" | tail -c 4
        little_endian "$check"
        tail -c +33 "$demo"
        head -c "$2" /dev/urandom
    } | head -c "$2" > "$1"
}

little_endian() {
    printf '%b' "$(printf '\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)))"
}

# Server, station and an order for UNITS boards of a firmware of SIZE bytes.
factory_up() { # factory_up UNITS SIZE
    system_tokens
    system_init
    system_server
    firmware_make "$run_dir/firmware.bin" "$2"
    devauth_sha256=$(operator firmware release "$build/target-fw/devauth.bin" --kind devauth \
        --version 1 --json | jq -r .sha256)
    firmware_sha256=$(operator firmware release "$run_dir/firmware.bin" --kind firmware \
        --version bench --json | jq -r .sha256)
    system_station line-1
    system_order bench "$1" line-1
}

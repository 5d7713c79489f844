# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# system: Hallmark whole, in one folder: tokens, server, operator, station, boards.
#
# Used by deploy/quickstart and tests/e2e. The caller sets run_dir (its own folder, which it
# removes) and build (where the programs are). Order of use: system_tokens, system_init,
# system_server, system_release, system_order, system_station, system_boards, then provision.
# shellcheck source=deploy/lib/process.sh
. "${BASH_SOURCE[0]%/*}/process.sh"

build=${build:-$top/build}
system_tokens_list=(root issuing tls boot log)
softhsm_module=/usr/lib/softhsm/libsofthsm2.so

system_port=0 # of the server; 0 for a free one at each start
server_options=() board_options=() # more of them

hsm_environment=() # NAME=VALUE for the programs that load the PKCS#11 module

oemctl() { env "${hsm_environment[@]}" "$build/oem-server/ctl/oemctl" "$@"; }
station_agent() { "$build/station-agent/station-agent" "$@"; }

# Five tokens and their PINs. SoftHSM stands in for an HSM: same interface, no protection.
system_tokens() {
    local name pin
    mkdir -p "$run_dir/hsm/tokens" "$run_dir/hsm/pins"
    export SOFTHSM2_CONF=$run_dir/hsm/softhsm2.conf
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' \
        "$run_dir/hsm/tokens" > "$SOFTHSM2_CONF"
    for name in "${system_tokens_list[@]}"; do
        pin=$(openssl rand -hex 8)
        (umask 077 && printf '%s\n' "$pin" > "$run_dir/hsm/pins/$name.pin")
        softhsm2-util --init-token --free --label "hallmark-$name" --pin "$pin" \
            --so-pin "$(openssl rand -hex 8)" >> "$run_dir/hsm/init.log" 2>&1 ||
            die "softhsm2-util could not make a token: see $run_dir/hsm/init.log"
    done
}

system_settings() { # system_settings FILE [LINE OF THE hsm SECTION]
    cat > "$1" << END
[server]
listen = 127.0.0.1:$system_port
state = $run_dir/server/state

[hsm]
module = $softhsm_module
pins = $run_dir/hsm/pins
${2:-}

[ca]
organization = Example Instruments
trust_domain = example.test
server_names = localhost
END
}

# Arrows 1 and 2. After them the server does without the Root token.
system_init() {
    mkdir -p "$run_dir/server" "$run_dir/log"
    mkdir -m 700 "$run_dir/server/state"
    system_settings "$run_dir/server/init.ini"
    system_settings "$run_dir/server/server.ini" "root ="
    oemctl init --config "$run_dir/server/init.ini" --operator alice --out "$run_dir/desk" --yes \
        --json > "$run_dir/log/init.json" 2>> "$run_dir/log/oemctl.log" || {
        cat "$run_dir/log/oemctl.log" >&2
        die "oemctl init failed"
    }
}

# The server on a free port; server_url is where.
system_server() {
    process_start oem-server env "${hsm_environment[@]}" "$build/oem-server/oem-server" \
        --config "$run_dir/server/server.ini" "${server_options[@]}"
    server_url=${process_lines[-1]#ready }
    server_url=wss://localhost:${server_url##*:}
    sed -i "s|^server = .*|server = $server_url|" "$run_dir/desk/oemctl.ini"
}

# oemctl as the first operator.
operator() {
    oemctl "$@" --config "$run_dir/desk/oemctl.ini" 2>> "$run_dir/log/oemctl.log"
}

# The two images; their digests in devauth_sha256 and firmware_sha256.
system_release() {
    devauth_sha256=$(operator firmware release "$build/target-fw/devauth.bin" \
        --kind devauth --version 1 --json | jq -r .sha256)
    firmware_sha256=$(operator firmware release "$build/target-fw/nulink3-demo.bin" \
        --kind firmware --version demo-1 --json | jq -r .sha256)
}

system_order() { # system_order NAME QUANTITY STATION [OPTION...]
    operator order create "$1" --quantity "$2" --station "$3" --firmware "$firmware_sha256" \
        --devauth "$devauth_sha256" --lock production "${@:4}" > "$run_dir/log/order-$1.txt"
}

# A key made at the station, a certificate from the operator.
system_station() { # system_station NAME
    local base=$run_dir/station/$1
    mkdir -p "$run_dir/station"
    station_agent enrol --name "$1" --key "$base.key" --csr "$base.csr" \
        2>> "$run_dir/log/station-agent.log" > "$run_dir/log/enrol-$1.txt"
    operator station add "$1" --csr "$base.csr" --out "$base.pem" > "$run_dir/log/station-$1.txt"
}

# Boards and their probes: board_probes and board_uids, by number.
system_boards() { # system_boards COUNT [NAME]
    local name=${2:-boards} line
    board_dir=$run_dir/$name
    board_control=$run_dir/$name.control
    mkdir -p "$board_dir"
    process_start "$name" "$build/target-fw/board/virtual-board" --listen 127.0.0.1:0 \
        --boards "$1" --state "$board_dir" --control "$board_control" "${board_options[@]}"
    board_probes=() board_uids=()
    for line in "${process_lines[@]}"; do
        [[ $line =~ ^board\ [0-9]+\ (tcp://[^ ]+)\ uid\ ([0-9a-f]+)$ ]] || continue
        board_probes+=("${BASH_REMATCH[1]}")
        board_uids+=("${BASH_REMATCH[2]}")
    done
    [ "${#board_probes[@]}" -eq "$1" ] || die "$name: asked for $1 boards, got ${#board_probes[@]}"
}

board_uart() { # board_uart NUMBER: what it said over UART0
    cat "$board_dir/board-$(printf %02d "$1").uart"
}

board_ask() { # board_ask COMMAND...: over the control socket; JSON
    printf '%s\n' "$*" | socat -t 10 - "UNIX-CONNECT:$board_control"
}

provision_options=() # more of them

provision() { # provision ORDER STATION PROBE...: JSON lines
    local order=$1 base=$run_dir/station/$2 probes=() probe
    shift 2
    for probe in "$@"; do probes+=(--probe "$probe"); done
    station_agent provision --server "$server_url" --ca "$run_dir/desk/root.pem" \
        --cert "$base.pem" --key "$base.key" --order "$order" --json "${probes[@]}" \
        "${provision_options[@]}" \
        2>> "$run_dir/log/station-agent.log"
}

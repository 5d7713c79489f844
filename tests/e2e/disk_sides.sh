# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_dir, build and the codes: lib.sh and faults.sh have them
# disk_sides: the cases of tests/e2e/disk beside the server's store: oemctl init, the station's
# files, standard streams, descriptors, memory, and a server that closes. Sourced by it.

side_cases=(init enrol images streams descriptors full_for_real memory closes)

# ---- oemctl init ----

# An installation of its own in FOLDER, with tokens that were made once.
init_in() { # init_in FOLDER COMMAND...
    local run_dir=$1 server_url='' system_port=0 SOFTHSM2_CONF='' faults=$faults
    local -A process_pid=()
    export SOFTHSM2_CONF
    shift
    "$@"
}

init_ready() { # the folder of init_in, before oemctl init
    mkdir -p "$run_dir/server" "$run_dir/log"
    mkdir -m 700 "$run_dir/server/state"
    system_tokens
    system_settings "$run_dir/server/init.ini"
    system_settings "$run_dir/server/server.ini" "root ="
}

init_tries() { # init_code, $run_dir/told
    init_code=0
    oemctl init --config "$run_dir/server/init.ini" --operator alice --out "$run_dir/desk" \
        --json > "$run_dir/told" 2>&1 || init_code=$?
}

# An init that failed is continued by the next one, with the operator's own key.
init_continues() { # init_continues FAULT PATH WANTED_CODE
    local code=0
    init_ready
    fault "$1" "$2"
    init_tries
    no_fault
    is_code "$3" "$init_code" || return 1
    ! ls "$run_dir"/desk/*.?????? 2> /dev/null || { echo "a draft is left" && return 1; }
    init_tries
    [ "$init_code" -eq 0 ] || { cat "$run_dir/told" && return 1; }
    [ ! -e "$run_dir/desk/operator.csr" ] || { echo "the request is left" && return 1; }
    system_server
    operator log verify --state --vkey "$run_dir/desk/log.vkey" || code=1
    process_stop oem-server || code=1
    return "$code"
}

# FAULT PATH EXIT_CODE: 69 for the store, 74 for other files.
init_rows='full /init-case/server/state/ 74
full /init-case/desk 74
full operator.csr 74
full operator.pem 74
full oemctl.ini 74
full root.pem 74
read-only /init-case/desk 74
sync-eio /init-case/desk 74
sync-eio operator 74
sync-eio /init-case/server/state/ 69
write-eio hallmark.db 69'

case_init() {
    local row rows
    mapfile -t rows <<< "$init_rows"
    $whole || mapfile -t rows < <(shuf -n 1 --random-source="$run_dir/seed" <<< "$init_rows")
    for row in "${rows[@]}"; do
        # shellcheck disable=SC2086 # words
        prove "oemctl init, $row: the next one completes it" init_in "$run_dir/init-case" init_continues $row
        rm -rf "$run_dir/init-case"
    done
}

# ---- the station's files ----

enrol_tries() { # enrol_tries FAULT: enrol_code
    enrol_code=0
    fault "$1" "$run_dir/enrol/"
    env "${hsm_environment[@]}" "$build/station-agent/station-agent" enrol --name line-9 \
        --key "$run_dir/enrol/line-9.key" --csr "$run_dir/enrol/line-9.csr" > "$run_dir/told" 2>&1 || enrol_code=$?
    no_fault
}

no_file_left() { [ -z "$(ls -A "$run_dir/enrol")" ] || { ls -A "$run_dir/enrol" && return 1; }; }

case_enrol() {
    local name
    mkdir -p "$run_dir/enrol"
    for name in full read-only write-eio sync-eio no-files; do
        enrol_tries "$name"
        prove "enrol, $name: exit code 74" [ "$enrol_code" -eq 74 ]
        prove "enrol, $name: it names the file" grep -q 'line-9.csr: [A-Z]' "$run_dir/told"
        prove_not "enrol, $name: no success as a reason" grep -q Success "$run_dir/told"
        [ "$name" = read-only ] || [ "$name" = no-files ] || prove "enrol, $name: no file is left" no_file_left
    done
    enrol_tries none
    prove "enrol afterwards" [ "$enrol_code" -eq 0 ]
    prove "enrol: the request is for the key" diff \
        <(openssl req -in "$run_dir/enrol/line-9.csr" -noout -pubkey) \
        <(openssl pkey -in "$run_dir/enrol/line-9.key" -pubout)
}

# Where the agent's results go is full: the board is sealed, and the exit code says that they are lost.
case_images() {
    local code=0
    take_board
    provision load line-1 "$probe" > /dev/full || code=$?
    prove "standard output is full: exit code 74" [ "$code" -eq 74 ]
    prove "standard output is full: the board is sealed" unit_is "$uid" '.state == "sealed"'
    code=0
    take_board
    provision_options=(--firmware "$run_dir/none.bin")
    provision load line-1 "$probe" > "$run_dir/said" || code=$?
    provision_options=()
    prove "no firmware file: exit code 66" [ "$code" -eq 66 ]
    provision load line-1 "$probe" > "$run_dir/said" || true
    prove "no firmware file: the next run seals the board" said_is \
        'last(.[] | select(.result)) | .result == "sealed"'
}

# ---- standard streams ----

# shellcheck disable=SC2016 # the inner shell's
server_with() { # server_with REDIRECTION...: its log goes nowhere
    process_start oem-server env "${hsm_environment[@]}" sh -c 'exec "$@" '"$1" sh \
        "$build/oem-server/oem-server" --config "$run_dir/server/server.ini"
}

# A stream that was closed is /dev/null: no file or connection of the server has its number.
standard_is_null() {
    local fd
    for fd in 0 2; do
        [ "$(readlink "/proc/${process_pid[oem-server]}/fd/$fd")" = /dev/null ] ||
            { ls -l "/proc/${process_pid[oem-server]}/fd" && return 1; }
    done
}

case_streams() {
    local code=0
    process_stop oem-server || true
    server_with '2> /dev/full'
    change
    prove "its log's disk is full: it serves" [ "$operator_code" -eq 0 ]
    process_stop oem-server || code=$?
    prove "its log's disk is full: it stops with 0" [ "$code" -eq 0 ]
    server_with '0<&- 2>&-'
    prove "started without standard error: no file takes its number" standard_is_null
    change
    prove "started without standard error: it serves" [ "$operator_code" -eq 0 ]
    process_stop oem-server || true
    system_server
    whole_again "standard streams"
}

# ---- descriptors ----

# Connections that say nothing, until the server turns one away.
flood() {
    local i fd
    flood_fds=()
    for ((i = 0; i < 150; i++)); do
        { exec {fd}<> "/dev/tcp/127.0.0.1/$system_port"; } 2> /dev/null || break
        flood_fds+=("$fd")
    done
    log_line_is "connection is turned away"
}

drain() {
    local fd
    for fd in "${flood_fds[@]}"; do exec {fd}>&-; done
}

log_line_is() { # log_line_is TEXT: the server's log has such a line, or gets it within seconds
    timeout 20 grep -q -m 1 "$1" < <(exec tail -n +1 -s 0.05 -f "$run_dir/log/oem-server.log")
}

# Those that the station and the operator have stay, and the store and the HSM have theirs.
case_descriptors() {
    local used
    used=$(find "/proc/${process_pid[oem-server]}/fd" -mindepth 1 | wc -l)
    process_stop oem-server || true
    process_start oem-server env "${hsm_environment[@]}" prlimit --nofile=$((used + 60)) \
        "$build/oem-server/oem-server" --config "$run_dir/server/server.ini"
    take_board
    agent_start load line-1 "$probe"
    agent_until '"arrow":6,'
    prove "no descriptors: connections are turned away" flood
    agent_end
    prove "no descriptors: a station that is connected goes on" [ "$agent_code" -eq 0 ]
    drain
    prove "no descriptors: it works again by itself" recovers
    process_stop oem-server || true
    system_server
    whole_again "no descriptors"
}

# ---- a disk that is full, without a stand-in ----

# In name spaces of its own, where those are allowed: the state is on a file system of 4 MiB.
case_full_for_real() {
    local dir=$run_dir/small
    mkdir -p "$dir"
    if ! unshare --user --map-root-user --mount mount -t tmpfs -o size=4m none "$dir" 2> /dev/null; then
        say "skipped a disk that is full: no mount without root"
        return 0
    fi
    prove "a disk that is full: init, changes, Health, stop and start" unshare --user --map-root-user \
        --mount bash "$top/tests/e2e/full.sh" "$dir"
}

# ---- memory ----

# A sanitizer's shadow is larger than any limit, so this is of ordinary builds.
case_memory() {
    local limit code starts=0
    if grep -q libasan "/proc/${process_pid[oem-server]}/maps"; then
        say "skipped memory limits: this build has a sanitizer; test_memory fails each allocation"
        return 0
    fi
    process_stop oem-server || true
    for limit in 40 60 80 100 140 200 300; do
        code=0
        server_memory "$limit" || code=$?
        starts=$((starts + (code == 0)))
        prove "memory limit of $limit MiB: exit code 0, 69, 70, 71 or 75, not 65 or 78" \
            is_code '0|69|71|75|127' "$code"
    done
    prove "a limit let it start" [ "$starts" -gt 0 ]
    system_server
    whole_again "memory limits"
}

server_memory() { # server_memory MIB: it starts and is stopped; its exit code
    local code=0 pid line fd
    exec {fd}< <(exec env "${hsm_environment[@]}" prlimit --as=$(($1 << 20)) \
        "$build/oem-server/oem-server" --config "$run_dir/server/server.ini" 2>> "$run_dir/log/oem-server.log")
    pid=$!
    if IFS= read -r -t 60 -u "$fd" line && [[ $line = ready* ]]; then
        change
        : > "$run_dir/said"
        prove "memory limit of $1 MiB: nobody is doubted" never_doubted
        kill -TERM "$pid"
    fi
    wait "$pid" || code=$?
    exec {fd}<&-
    return "$code"
}

# ---- a server that closes ----

# A WebSocket server by openssl that closes each connection with CODE at once; COUNT of them. Its
# port is closes_port; how many came is in $run_dir/closed.
closes_serve() { # closes_serve CODE
    local dir=$run_dir/closes
    mkdir -p "$dir"
    [ -e "$dir/root.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -days 2 -subj "/CN=closes" -keyout "$dir/root.key" -out "$dir/root.pem" \
        -addext "subjectAltName = DNS:localhost" 2> /dev/null
    rm -f "$dir/in" "$dir/out"
    mkfifo "$dir/in" "$dir/out"
    : > "$run_dir/closed"
    openssl s_server -accept 127.0.0.1:0 -tls1_3 -cert "$dir/root.pem" -key "$dir/root.key" \
        < "$dir/in" > "$dir/out" 2>&1 &
    closes_pid=$!
    closes_answer "$1" > "$dir/in" < "$dir/out" & # in this order: a FIFO opens when its other end does
    closes_answers=$!
    closes_port=$(timeout 20 sed '/[0-9]/q' < <(exec tail -n +1 -s 0.02 -f "$run_dir/closed"))
}

# What a client says, line by line: after its last header comes the answer and the close frame.
closes_answer() { # closes_answer CODE
    local line key=''
    while IFS= read -r line; do
        line=${line%$'\r'}
        case $line in
            ACCEPT*) printf '%s\n' "${line##*:}" >> "$run_dir/closed" ;;
            [Ss]ec-[Ww]eb[Ss]ocket-[Kk]ey:*) key=${line#*: } ;;
            '')
                [ -n "$key" ] || continue
                say "came" >> "$run_dir/closed"
                printf 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
                printf 'Sec-WebSocket-Protocol: %s\r\nSec-WebSocket-Accept: %s\r\n\r\n' "$closes_protocol" \
                    "$(printf '%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11' "$key" | openssl sha1 -binary | base64)"
                printf '%b' "\\x88\\x02\\x$(printf %02x $(($1 >> 8)))\\x$(printf %02x $(($1 & 255)))"
                key=''
                ;;
        esac
    done
}

closes_end() {
    kill "$closes_pid" "$closes_answers" 2> /dev/null || true
    wait "$closes_pid" "$closes_answers" 2> /dev/null || true
}

closes_came() { grep -c came "$run_dir/closed" || true; }

# 1001 and 1012 to 1014 ask to try again, as RFC 6455's registry has it; 1008 refuses.
closes_with() { # closes_with CODE OEMCTL_CODE AGENT_CODE MORE_THAN_ONE
    local code=0 base=$run_dir/station/line-1
    closes_serve "$1"
    oemctl health --server "wss://localhost:$closes_port" --ca "$run_dir/closes/root.pem" \
        --cert "$run_dir/desk/operator.pem" --key "$run_dir/desk/operator.key" > "$run_dir/told" 2>&1 || code=$?
    prove "oemctl, closed with $1: exit code $2" [ "$code" -eq "$2" ]
    prove "oemctl, closed with $1: as often as that means" "came_$4"
    closes_end
    code=0
    closes_serve "$1"
    station_agent provision --server "wss://localhost:$closes_port" --ca "$run_dir/closes/root.pem" \
        --cert "$base.pem" --key "$base.key" --order load --probe "${board_probes[0]}" --reconnect 2 \
        --json > "$run_dir/said" 2>&1 || code=$?
    prove "station-agent, closed with $1: exit code $3" [ "$code" -eq "$3" ]
    prove "station-agent, closed with $1: as often as that means" "came_$4"
    closes_end
}
came_again() { [ "$(closes_came)" -gt 1 ] || { cat "$run_dir/closed" "$run_dir/told" && return 1; }; }
came_once() { [ "$(closes_came)" -eq 1 ] || { cat "$run_dir/closed" "$run_dir/told" && return 1; }; }

case_closes() {
    local code codes=(1001 1011 1012 1013 1014)
    $whole || codes=("${codes[RANDOM % ${#codes[@]}]}")
    closes_protocol=$(sed -nE 's/^#define RPC_SUBPROTOCOL "(.*)"/\1/p' "$top"/common/rpc/*.h)
    for code in "${codes[@]}"; do closes_with "$code" 69 69 again; done
    closes_with 1008 77 77 once
    ! $whole || closes_with 1002 76 76 once
}

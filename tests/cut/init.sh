# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# init: arrows 1 and 2, interrupted in oemctl init: it is killed, or its tokens go away; then it
# runs again. Sourced by tests/cut/cut.

# COMMAND with an installation of its own in FOLDER.
init_in() { # init_in FOLDER COMMAND...
    local run_dir=$1 server_url='' system_port=0 SOFTHSM2_CONF=''
    export SOFTHSM2_CONF
    shift
    "$@"
}

init_folder() { # of init_in, with fresh tokens
    mkdir -p "$run_dir/server" "$run_dir/log"
    mkdir -m 700 "$run_dir/server/state"
    cp -r "$init_tokens/hsm" "$run_dir/hsm"
    SOFTHSM2_CONF=$run_dir/hsm/softhsm2.conf
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' \
        "$run_dir/hsm/tokens" > "$SOFTHSM2_CONF"
    system_settings "$run_dir/server/init.ini"
    system_settings "$run_dir/server/server.ini" "root ="
}

init_start() { # init_start OPERATOR [OPTION...]
    oemctl init --config "$run_dir/server/init.ini" --operator "$1" --out "$run_dir/desk" --json --yes \
        "${@:2}" >> "$run_dir/log/init.json" 2>> "$run_dir/log/oemctl.log"
}

# The keys in the tokens, by token and label: none may be there twice.
init_keys() {
    local name
    for name in "${system_tokens_list[@]}"; do
        printf '%s\n' "$name"
        pkcs11-tool --module "$softhsm_module" --token-label "hallmark-$name" --login \
            --pin "$(cat "$run_dir/hsm/pins/$name.pin")" --list-objects --type privkey 2> /dev/null |
            sed -n 's/^ *label: *//p' | sort
    done
}

# Tokens are made once, and copied for each case.
learn_init() {
    local place moment count party
    init_tokens=$run_dir/init-tokens
    init_in "$init_tokens" system_tokens
    : > "$run_dir/trace-init"
    gate trace "$run_dir/trace-init"
    init_in "$run_dir/init-whole" init_whole
    gate trace off
    rm -rf "$run_dir/init-whole"
    while read -r _ place moment count; do
        for party in server token; do cases+=("init:oemctl:$place:$moment:$count:$party"); done
    done < <(points_of "$run_dir/trace-init" -)
    prove "oemctl init announces arrows 1 and 2" init_is_announced
}

init_whole() {
    init_folder
    init_start alice --announce-points "$gate_socket" ||
        die "oemctl init: $(cat "$run_dir/log/oemctl.log")"
    init_keys > "$init_tokens/keys"
}

init_is_announced() {
    local arrow moment
    for arrow in 1 2; do
        for moment in before unsaved inside after; do
            grep -q " arrow-$arrow $moment " "$run_dir/trace-init" ||
                { echo "not announced: arrow-$arrow $moment" && return 1; }
        done
    done
}

run_init() { # run_init CASE
    local before=$unproved
    prove "$1" init_in "$run_dir/init-case" init_holds "$1"
    [ "$unproved" -eq "$before" ] || say_how "$1"
    rm -rf "$run_dir/init-case"
}

# In a subshell, as prove calls it.
init_holds() { # init_holds CASE
    local place moment count what pid
    IFS=: read -r _ _ place moment count what <<< "$1"
    process_pid=()
    init_folder
    gate hold - oemctl "$place" "$moment" "$count"
    init_start alice --announce-points "$gate_socket" &
    pid=$!
    gate_held 60000 || die "oemctl init never came to $place $moment"
    if [ "$what" = server ]; then
        kill -KILL "$(cut -d ' ' -f 4 <<< "$gate_line")"
        gate go -
        wait "$pid" 2> /dev/null || true
    else
        mv "$run_dir/hsm/tokens" "$run_dir/hsm/away"
        gate go -
        wait "$pid" || true
        mv "$run_dir/hsm/away" "$run_dir/hsm/tokens"
    fi
    init_again
}

# By the same operator, or another one if the first was registered and the certificate was lost:
# the message says so.
init_again() {
    local code=0
    init_start alice || {
        grep -q 'is registered, but its certificate is not in' "$run_dir/log/oemctl.log" || {
            tail -n 2 "$run_dir/log/oemctl.log"
            return 1
        }
        rm -f "$run_dir/desk/operator.key"
        init_start bob || { tail -n 2 "$run_dir/log/oemctl.log" && return 1; }
    }
    diff "$init_tokens/keys" <(init_keys) || return 1
    openssl verify -CAfile "$run_dir/desk/root.pem" -untrusted "$run_dir/desk/issuing.pem" \
        "$run_dir/desk/web-server.pem" || return 1
    server_options=()
    system_server
    operator log verify --state --vkey "$run_dir/desk/log.vkey" || code=1
    process_stop oem-server || code=1
    return "$code"
}

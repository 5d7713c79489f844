# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# cuts: oemctl init and a starting server, killed while SoftHSM's files are written, and run again.
# Sourced by tests/e2e/softhsm.
# shellcheck source=tests/cut/init.sh
. "$top/tests/cut/init.sh"

# What is preloaded comes before the sanitizers' runtime.
cut_environment() { # cut_environment NAME=VALUE...: for the programs that load the module
    hsm_environment=("LD_PRELOAD=$build/tests/e2e/hsm/libhsm_cut.so"
        "ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0:detect_leaks=0" "$@")
}

object_files() { find "$run_dir/hsm/tokens" -name '*.object' "$@"; }
empty_tokens() { object_files -name token.object -size -1c | wc -l; }

# Each token with its copy, each key whole and there once.
tokens_are_whole() {
    local unfinished
    unfinished=$(object_files -size -9c)
    [ -z "$unfinished" ] || { echo "left behind: $unfinished" && return 1; }
    [ "$(object_files | wc -l)" = "$(cat "$init_tokens/files")" ] ||
        { echo "$(object_files | wc -l) files of objects, not $(cat "$init_tokens/files")" && return 1; }
    [ "$(find "$run_dir/hsm/tokens" -name hallmark.copy | wc -l)" -eq 5 ] ||
        { echo "not each token has its copy" && return 1; }
    diff "$init_tokens/keys" <(init_keys)
}

# ---- oemctl init ----

# Fresh tokens, and how often a whole init truncates one of their files: in whole_cuts.
learn_cuts() {
    init_tokens=$run_dir/init-tokens
    init_in "$init_tokens" system_tokens
    cut_environment "CUT_LOG=$run_dir/cuts"
    init_in "$run_dir/init-whole" learn_whole
    hsm_environment=()
    whole_cuts=$(stat -c %s "$run_dir/cuts")
}

learn_whole() {
    init_folder
    init_start alice || die "oemctl init: $(cat "$run_dir/log/oemctl.log")"
    hsm_environment=()
    init_keys > "$init_tokens/keys"
    object_files | wc -l > "$init_tokens/files"
}

# In a subshell, as prove calls it.
init_survives() { # init_survives COMMAND...: which kills init_start
    local code=0
    process_pid=()
    init_folder
    "$@" || code=$?
    hsm_environment=()
    [ "$code" -eq 137 ] || [ "$code" -eq 0 ] || { echo "killed, it ends with $code" && return 1; }
    empty_tokens >> "$init_tokens/emptied"
    init_again || return 1
    tokens_are_whole
}

cut_init() { # cut_init NUMBER
    cut_environment "CUT_AT=$1"
    init_start alice
}

kill_init() { # kill_init MILLISECONDS
    kill_later "$1" "$build/oem-server/ctl/oemctl" init --config "$run_dir/server/init.ini" \
        --operator alice --out "$run_dir/desk" --json
}

# ---- The server ----

kill_later() { # kill_later MILLISECONDS COMMAND...: its exit code
    local code=0
    {
        timeout --signal=KILL "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))" \
            env "${hsm_environment[@]}" "${@:2}" > "$run_dir/log/killed.txt" \
            2>> "$run_dir/log/killed.log" || code=$?
    } 2> /dev/null # the shell tells of the kill
    return "$code"
}

cut_server() { # cut_server NUMBER: killed, if it comes to that
    cut_environment "CUT_AT=$1"
    kill_later 60000 "$build/oem-server/oem-server" --config "$run_dir/server/server.ini" || true
    hsm_environment=()
}

server_serves() {
    local code=0
    system_server
    operator log verify --state --vkey "$run_dir/desk/log.vkey" || code=1
    process_stop oem-server || code=1
    return "$code"
}

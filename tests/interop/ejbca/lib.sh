# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# lib: the server's EJBCA backend as a process (client.c), and the cases that hold for a real EJBCA as
# well as for the stand-in. Sourced by the tests here, after tests/e2e/lib.sh.
# shellcheck source=tests/interop/ejbca/pki.sh
. "$top/tests/interop/ejbca/pki.sh"

need_node() { # the stand-in is written for it
    command -v node > /dev/null && return 0
    say "skipped ejbca: no node (apt install nodejs)"
    exit 0
}

# As prove, but in this shell: the client may be started again in a check.
prove_here() { # prove_here NAME COMMAND...
    local name=$1
    shift
    if "$@" > "$run_dir/words" 2>&1; then
        proved=$((proved + 1))
        say "ok $name"
    else
        unproved=$((unproved + 1))
        say "not ok $name: $(tail -n 3 "$run_dir/words" | tr '\n' ' ')"
    fi
}

# A configuration for the client, which reads [ejbca] only, but wants a whole one.
ejbca_config() { # ejbca_config FILE [LINE OF ejbca...]
    {
        printf '[server]\nstate = %s\n[hsm]\nmodule = /none\npins = /none\n' "$run_dir"
        printf '[ca]\norganization = Example Instruments\ntrust_domain = example.test\n'
        printf 'server_names = localhost\n'
        ejbca_sections "${@:2}"
    } > "$1"
}

client_start() { # client_start CONFIG
    local fifo=$run_dir/client-fifo
    rm -f "$fifo.in" "$fifo.out"
    mkfifo "$fifo.in" "$fifo.out"
    "$build/tests/interop/ejbca/ejbca_client" "$1" < "$fifo.in" > "$fifo.out" 2>> "$run_dir/log/client.log" &
    client_pid=$!
    exec {client_in}> "$fifo.in" {client_out}< "$fifo.out"
    read -r -t 30 client_line <&"$client_out"
    [ "$client_line" = ready ] || die "the client does not start: $(tail -n 2 "$run_dir/log/client.log")"
}

client_stop() { # client_stop [SIGNAL]
    exec {client_in}>&- {client_out}<&-
    kill "-${1:-TERM}" "$client_pid" 2> /dev/null || true
    wait "$client_pid" 2> /dev/null || true
}

ask() { # ask COMMAND...: the answer in client_line; true if it is "ok"
    printf '%s\n' "$*" >&"$client_in"
    read -r -t 60 client_line <&"$client_out" || { client_line='no answer' && return 1; }
    [[ $client_line = ok* ]] || { echo "$client_line" && return 1; }
}

fails_with() { # fails_with CODE PATTERN COMMAND...
    local code=$1 pattern=$2
    shift 2
    ! ask "$@" > /dev/null || { echo "it did not fail: $client_line" && return 1; }
    [[ $client_line = "fail $code "* ]] || { echo "another code than $code: $client_line" && return 1; }
    grep -qiE "$pattern" <<< "$client_line" || { echo "not like \"$pattern\": $client_line" && return 1; }
}

# Each case has a key and a UID of its own; times as a claim of now has them.
next_unit() {
    units=$((${units:-0} + 1))
    uid=$(printf '%024x' $((units + RANDOM * 65536 * 65536 + SRANDOM % 65536 * 65536)))
    key=$run_dir/unit-$units.key
    openssl ecparam -name prime256v1 -genkey -noout -out "$key"
    claimed=$(($(date +%s) - 600))
}

issue() { ask issue "$key" "$uid" po-1 "$claimed" "$1"; } # issue ASKED_BEFORE

serial() { printf '%s\n' "${client_line#ok }"; }

# ---- what holds for every EJBCA ----

issued_is_right() { # by openssl: key, subject, extensions, end
    local text
    ask save "$run_dir/issued.pem" || return 1
    [ "$(openssl x509 -in "$run_dir/issued.pem" -noout -pubkey)" = "$(openssl pkey -in "$key" -pubout)" ] || return 1
    text=$(openssl x509 -in "$run_dir/issued.pem" -noout -text -nameopt RFC2253)
    for part in "serialNumber=$uid" 'OU=po-1' 'CN=NuLink3' 'O=Example Instruments'; do
        grep -qF "$part" <<< "$(grep Subject: <<< "$text")" || { echo "no $part in it" && return 1; }
    done
    grep -q 'Not After : Dec 31 23:59:59 9999' <<< "$text" || return 1
    grep -q 'TLS Web Client Authentication' <<< "$text"
}

same_again() { # the answer was lost: what EJBCA made is found
    local first again
    issue 0 || return 1
    first=$(serial)
    issue 1 || return 1
    again=$(serial)
    [ "$first" = "$again" ] || { echo "$first, then $again" && return 1; }
}

# A restart forgets all but the claim.
same_after_restart() {
    local first again
    issue 0 || return 1
    first=$(serial)
    client_stop KILL
    client_start "$run_dir/client.ini"
    issue 1 || return 1
    again=$(serial)
    [ "$first" = "$again" ] || { echo "$first, then $again" && return 1; }
}

revoked_is_not_adopted() {
    local first again
    issue 0 || return 1
    first=$(serial)
    ask revoke || return 1
    ask revoke || return 1 # again: it is revoked already
    issue 1 || return 1
    again=$(serial)
    [ "$first" != "$again" ] || { echo "a revoked certificate was given out" && return 1; }
}

common_cases() {
    next_unit
    prove_here "issue: a device's certificate" issue 0
    prove_here "issue: openssl: key, subject, usage and end are what was asked" issued_is_right
    next_unit
    prove_here "repeat: the certificate that was made before, once" same_again
    next_unit
    prove_here "lost answer: after a restart the same one is found" same_after_restart
    next_unit
    prove_here "revoke: what is revoked is not found again" revoked_is_not_adopted
}

# The table that oemctl ca check prints, as JSON Lines.
ca_check() { # ca_check CONFIG
    oemctl ca check --config "$1" --json 2>> "$run_dir/log/oemctl.log"
}

check_says() { # check_says CONFIG STEP OUTCOME [PATTERN]
    ca_check "$1" > "$run_dir/table" || true
    jq -se --arg step "$2" --arg outcome "$3" --arg pattern "${4:-}" \
        'any(.[]; .step == $step and .outcome == $outcome and (.detail | test($pattern; "i")))' \
        "$run_dir/table" > "$run_dir/is" || { cat "$run_dir/table" && return 1; }
}

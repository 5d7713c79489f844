# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# npm: a test's packages from npm's registry, or a skip at once where the registry is out of reach.
#
# What means "out of reach" is npm's own error code. A package that is refused, or that does not
# have the digest of package-lock.json, is a failure. Sourced before anything is started.

# npm_install NAME FROM DIR: the packages of FROM/package-lock.json into DIR, which keeps them
# until the lock file changes. Ends the test with "skipped NAME: why" if it must.
npm_install() {
    local name=$1 from=$2 dir=$3 tool npm_lock
    for tool in node npm; do
        command -v "$tool" > /dev/null || npm_skip "$name" "no $tool on PATH (deploy/packages)"
    done
    mkdir -p "$dir"
    exec {npm_lock}> "$dir.lock"
    flock "$npm_lock" # another test at the same time has the same folder
    npm_fetch "$name" "$from" "$dir"
    exec {npm_lock}>&-
}

npm_fetch() { # npm_fetch NAME FROM DIR
    local name=$1 from=$2 dir=$3 code
    ! cmp -s "$from/package-lock.json" "$dir/installed-lock.json" || return 0
    cp "$from"/package.json "$from"/package-lock.json "$from"/.npmrc "$dir/"
    if ! (cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 \
        --fetch-retry-mintimeout=500 --fetch-timeout=15000) > "$dir/npm.log" 2>&1; then
        code=$(grep -oE -m 1 '\b(ENOTFOUND|EAI_AGAIN|EAI_FAIL|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|UNABLE_TO_[A-Z_]+|SELF_SIGNED_CERT_IN_CHAIN)\b' \
            "$dir/npm.log") || {
            cat "$dir/npm.log"
            die "npm ci failed"
        }
        npm_skip "$name" "npm does not reach its registry ($code)"
    fi
    cp "$from/package-lock.json" "$dir/installed-lock.json"
}

npm_skip() { # npm_skip NAME WHY: nothing was checked, and nothing failed
    printf 'skipped %s: %s\n' "$1" "$2"
    trap - EXIT
    rm -rf "${run_dir:-}"
    exit 0
}

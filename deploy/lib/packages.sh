# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# packages: install what deploy/packages lists, only what is missing. Needs say.sh.
# shellcheck source=deploy/lib/say.sh
. "${BASH_SOURCE[0]%/*}/say.sh"

packages_of() { # packages_of GROUP...: the names, one a line
    local group
    for group in "$@"; do
        awk -v group="$group" '$1 == group { print $2 }' "$top/deploy/packages"
    done
}

packages_missing() { # packages_missing GROUP...
    local name
    for name in $(packages_of "$@"); do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q '^install ok installed$' ||
            packages_provided "$name" || printf '%s\n' "$name"
    done
}

# By a package of another name: a nodejs that brings npm along.
packages_provided() { # packages_provided NAME
    dpkg-query -W -f '${db:Status-Abbrev},${Provides}\n' |
        awk -F ', *' -v name="$1" '$1 ~ /^ii/ { for (i = 2; i <= NF; i++) if ($i == name) found = 1 }
            END { exit !found }'
}

packages_install() { # packages_install GROUP...
    local missing
    mapfile -t missing < <(packages_missing "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" -eq 0 ] ||
        die "these packages are missing, and only root can install them: ${missing[*]}"
    say "installing ${#missing[@]} packages: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    packages_fetch "${missing[@]}" || {
        # Package lists may be missing or old; a fresh look settles it.
        apt-get -qq update && packages_fetch "${missing[@]}"
    } || die "apt-get could not install: ${missing[*]}"
}

packages_fetch() {
    apt-get -qq -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" < /dev/null > /dev/null
}

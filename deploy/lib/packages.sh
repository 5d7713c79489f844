# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# packages: install what deploy/packages lists, only what is missing. Needs say.sh.
# shellcheck source=deploy/lib/say.sh
. "${BASH_SOURCE[0]%/*}/say.sh"

packages_of() { # packages_of GROUP...: NAME or NAME|OTHER..., one a line
    local group
    for group in "$@"; do
        awk -v group="$group" '$1 == group { print $2 }' "$top/deploy/packages"
    done
}

packages_present() { # names of what is installed, and what that provides: a nodejs with npm in it
    dpkg-query -W -f '${db:Status-Abbrev},${Package},${Provides}\n' |
        awk -F ', *' '$1 ~ /^ii/ { for (i = 2; i <= NF; i++) { sub(/ .*/, "", $i); print $i } }'
}

packages_offered() { # packages_offered NAME: apt knows where to get it
    apt-cache policy "$1" 2> /dev/null | grep '^ *Candidate: [^(]' > /dev/null
}

# The first that apt offers, else the first: then apt says what is wrong with it.
packages_choose() { # packages_choose NAME|OTHER...
    local names name
    IFS='|' read -ra names <<< "$1"
    [ ${#names[@]} -eq 1 ] || for name in "${names[@]}"; do
        if packages_offered "$name"; then
            printf '%s\n' "$name"
            return 0
        fi
    done
    printf '%s\n' "${names[0]}"
}

packages_missing() { # packages_missing GROUP...: of each line of which nothing is installed, one
    local present names
    present=$(packages_present)
    for names in $(packages_of "$@"); do
        grep -qxF "${names//|/$'\n'}" <<< "$present" || packages_choose "$names"
    done
}

packages_install() { # packages_install GROUP...: all of them, or the script ends
    local missing
    mapfile -t missing < <(packages_missing "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" -eq 0 ] ||
        die "these packages are missing, and only root can install them: ${missing[*]}"
    packages_fetch "$@" || die "apt-get could not install: $(packages_missing "$@" | paste -sd ' ')"
}

# What some tests need and are skipped without. apt's reasons are shown, and nobody fails.
packages_try() { # packages_try GROUP...
    local missing
    mapfile -t missing < <(packages_missing "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        say "not root, so not installed: ${missing[*]}; tests that need them are skipped"
    elif ! packages_fetch "$@"; then
        say "apt-get could not install: ${missing[*]}; tests that need them are skipped"
    fi
}

packages_fetch() { # packages_fetch GROUP...: what is missing of them
    local missing
    mapfile -t missing < <(packages_missing "$@")
    say "installing ${#missing[@]} packages: ${missing[*]}"
    packages_apt "${missing[@]}" 2> /dev/null || {
        # Package lists may be missing or old, which also decides between alternatives.
        apt-get -qq update
        mapfile -t missing < <(packages_missing "$@")
        packages_apt "${missing[@]}"
    }
}

packages_apt() { # packages_apt NAME...
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install \
        --no-install-recommends "$@" < /dev/null > /dev/null
}

# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# files: what the lints look at. Sourced by each of them; leaves the shell at the top folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

c_files() {
    find common oem-server station-agent target-fw tests -name '*.[ch]' | sort
}

# Every file whose first line names a shell, and what such files source.
shell_files() {
    find . \( -path './build*' -o -name .git -o -name node_modules \) -prune -o -type f -print |
        while read -r file; do
            head -c 64 "$file" | head -n 1 | tr -d '\0' |
                grep -qE '^#!.*\b(ba|da)?sh\b|^# shellcheck shell=' && printf '%s\n' "$file"
        done | sort
}

# clang-format and clang-tidy of the one major version that .clang-format and .clang-tidy are
# written for. clang_tool NAME: what to run, or a line "skipped" on standard error and exit code 1.
clang_tool() {
    local major=14 tool found=none
    for tool in "$1-$major" "$1"; do
        command -v "$tool" > /dev/null || continue
        found=$("$tool" --version | grep -oE -m 1 'version [0-9]+' | cut -d ' ' -f 2)
        [ "$found" != "$major" ] || { printf '%s' "$tool" && return 0; }
    done
    printf 'skipped %s: its version is %s here, and .%s is written for %s\n' \
        "$1" "$found" "$1" "$major" >&2
    return 1
}

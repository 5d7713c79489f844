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
    find . \( -name 'build*' -o -name .git -o -name evidence \) -prune -o -type f -print |
        while read -r file; do
            head -c 64 "$file" | head -n 1 | tr -d '\0' |
                grep -qE '^#!.*\b(ba|da)?sh\b|^# shellcheck shell=' && printf '%s\n' "$file"
        done | sort
}

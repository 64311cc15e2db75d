# SPDX-License-Identifier: Apache-2.0
# Scripts are free of what shellcheck calls errors and warnings.
. "$(dirname "$0")/lint.sh"

command -v shellcheck > /dev/null 2>&1 || lint_skip "shellcheck is missing"

scripts=$(cd "$top_srcdir" && ls quickstart autogen.sh .ci/run demo/*.sh t/*/*.sh)
lint_require "scripts" "$scripts"
(cd "$top_srcdir" && printf '%s\n' "$scripts" | while read -r script; do
    # Without a first line it is one of the POSIX scripts that make check runs.
    dialect='sh'
    head -n 1 "$script" | grep -q '^#!.*bash' || grep -q '^# shellcheck shell=bash' "$script" && dialect=bash
    shellcheck --severity=warning --format=gcc \
        --shell="$dialect" --external-sources --source-path=SCRIPTDIR "$script"
done) | lint_case "shellcheck has no complaint"
lint_done

# SPDX-License-Identifier: Apache-2.0
# Sourced by the checks of t/lint: TAP output, and the rule that a check which finds nothing to
# check has failed.
#
# A check writes what is wrong, one finding a line, to standard input of lint_case.
# shellcheck shell=sh

set -u
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
top_builddir=${top_builddir:-$PWD}
# Verdicts so far, in a file because the end of a pipe is a process of its own.
lint_verdicts=$(mktemp) || exit 99
trap 'rm -f "$lint_verdicts"' EXIT

# All C files of the project, one a line: lint_c_files [folder...]
lint_c_files()
{
    (cd "$top_srcdir" && find "${@:-.}" -path './build*' -prune -o -path ./.git -prune -o \
        -name '*.[ch]' ! -name st_version.h -print | sed 's,^\./,,' | LC_ALL=C sort)
}

# All text files of the project, one a line.
lint_text_files()
{
    (cd "$top_srcdir" && {
        find include lib t conf demo docs .ci -type f \
            \( -name '*.[ch]' -o -name '*.in' -o -name '*.inc' -o -name '*.sh' -o -name '*.awk' -o -name '*.md' \
            -o -name '*.conf' -o -name '*.txt' -o -name run \) ! -name st_version.h
        ls README.md quickstart configure.ac autogen.sh Makefile.am mod_sentry_trace.c
    } | LC_ALL=C sort)
}

# Fails at once unless there is something to check: lint_require WHAT TEXT
lint_require()
{
    [ -n "$2" ] && return
    echo "Bail out! nothing to check: found no $1 below $top_srcdir"
    exit 99
}

# Skips the whole check: lint_skip REASON
lint_skip()
{
    echo "1..0 # SKIP $1"
    exit 77
}

# One case: lint_case NAME < findings
lint_case()
{
    lint_found=$(cat)
    if [ -z "$lint_found" ]; then
        echo "ok - $1" | tee -a "$lint_verdicts"
    else
        echo "not ok - $1" | tee -a "$lint_verdicts"
        printf '%s\n' "$lint_found" | sed 's/^/# /'
    fi
}

# The plan; call last. By hand the exit status tells; make check counts the cases and would take
# it for one more.
lint_done()
{
    lint_require "case in $0" "$(cat "$lint_verdicts")"
    echo "1..$(wc -l < "$lint_verdicts")"
    [ -n "${T_TAP:-}" ] || ! grep -q '^not ok' "$lint_verdicts"
    exit $?
}

# SPDX-License-Identifier: Apache-2.0
# Functions of at most 60 lines, files of at most 600.
. "$(dirname "$0")/lint.sh"

ctags --version 2> /dev/null | grep -q Universal || lint_skip "universal-ctags is missing"

files=$(lint_c_files)
lint_require "C files" "$files"

functions=$(cd "$top_srcdir" && printf '%s\n' "$files" |
    ctags --quiet=yes --options=NONE -x --_xformat='%F %N %n %{end}' --kinds-C=f --language-force=C -L -)
lint_require "functions" "$functions"
printf '%s\n' "$functions" | awk '
    $4 == "" { print $1 ": " $2 ": where does it end?" }
    $4 - $3 + 1 > 60 { print $1 ":" $3 ": " $2 " has " $4 - $3 + 1 " lines" }' |
    lint_case "functions have at most 60 lines"

# ctags does not see the cases of check.
(cd "$top_srcdir" && printf '%s\n' "$files" | xargs awk '
    /^START_TEST\(/ { start = FNR }
    /^END_TEST/ && FNR - start + 1 > 60 { print FILENAME ":" start ": a case of " FNR - start + 1 " lines" }') |
    lint_case "test cases have at most 60 lines"

{
    printf '%s\n' "$files"
    cd "$top_srcdir" && ls quickstart demo/*.sh t/*/*.sh
} | (cd "$top_srcdir" && xargs wc -l) | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines" }' |
    lint_case "files have at most 600 lines"
lint_done

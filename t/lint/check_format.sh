# SPDX-License-Identifier: Apache-2.0
# C is formatted as .clang-format says. Versions disagree in details: only 14 decides.
. "$(dirname "$0")/lint.sh"

formatter=
for candidate in clang-format-14 clang-format; do
    if "$candidate" --version 2> /dev/null | grep -q 'version 14\.'; then
        formatter=$candidate
        break
    fi
done
[ -n "$formatter" ] || lint_skip "clang-format 14 is missing"

files=$(lint_c_files)
lint_require "C files" "$files"
lint_require ".clang-format" "$(ls "$top_srcdir/.clang-format")"
(cd "$top_srcdir" && printf '%s\n' "$files" | while read -r file; do
    "$formatter" --style=file "$file" | cmp -s - "$file" || echo "$file: run clang-format -i"
done) | lint_case "C files are formatted"
lint_done

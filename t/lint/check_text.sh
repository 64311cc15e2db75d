# SPDX-License-Identifier: Apache-2.0
# What must not stand in the project's files, and what must.
. "$(dirname "$0")/lint.sh"

files=$(lint_text_files)
lint_require "text files" "$files"
cd "$top_srcdir" || exit 99

# Written so that this file does not find itself.
printf '%s\n' "$files" | xargs grep -nE '\b(TO[D]O|FIX[M]E|X[X]X)\b' |
    lint_case "nothing is marked as unfinished"

printf '%s\n' "$files" | xargs grep -nE '(^|[^A-Za-z0-9_.~$}/-])/(hom[e]|roo[t]|User[s]|wor[k])/' |
    lint_case "no path of somebody's machine"

printf '%s\n' "$files" | grep -E '\.(c|h|sh|awk|h\.in)$' | while read -r file; do
    head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2\.0' || echo "$file"
done | lint_case "every source file names its licence at the top"

printf '%s\n' "$files" | xargs grep -nE '[[:blank:]]+$' | lint_case "no line ends in white space"

printf '%s\n' "$files" | grep -E '\.md$' | while read -r page; do
    # Links to files of the project: [text](path) and [text](path#part).
    grep -oE '\]\([^) ]+\)' "$page" | sed 's/^](//; s/)$//; s/#.*//; /:\/\//d; /^$/d' | while read -r target; do
        [ -e "$(dirname "$page")/$target" ] || echo "$page: link to $target leads nowhere"
    done
done | lint_case "links between pages lead somewhere"
lint_done

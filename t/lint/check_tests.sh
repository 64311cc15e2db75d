# SPDX-License-Identifier: Apache-2.0
# A test that is written is run: cases are registered, programs are listed, files of the core
# have one, and a case asserts something.
. "$(dirname "$0")/lint.sh"
cd "$top_srcdir" || exit 99

sources=$(ls t/unit/t_*.c t/e2e/e2e_*.c 2> /dev/null)
lint_require "test programs" "$sources"
cases=$(printf '%s\n' "$sources" | xargs sed -n 's/^START_TEST(\([A-Za-z0-9_]*\)).*/\1/p')
lint_require "test cases" "$cases"

printf '%s\n' "$sources" | while read -r file; do
    sed -n 's/^START_TEST(\([A-Za-z0-9_]*\)).*/\1/p' "$file" | while read -r name; do
        tr '\n' ' ' < "$file" | grep -qE "(tcase|te)_add_[a-z_]+\([^;]*[ ,]$name *[,)]" ||
            echo "$file: $name is never added to a tcase"
    done
done | lint_case "every case is added to a tcase"

printf '%s\n' "$sources" | while read -r file; do
    awk -f t/lint/asserts.awk "$(dirname "$file")"/*.h "$file"
done | lint_case "every case asserts something"

for file in $sources; do
    program=${file%.c}
    list=$(dirname "$file")/Makefile.inc
    grep -qE "(^|[[:blank:]])$program([[:blank:]]|\$)" "$list" || echo "$file is not in $list"
done | lint_case "every test program is run"

# docs/parity.md: the last column of each row names its test.
rows=$(sed -n 's/^START_TEST(\([A-Za-z0-9_]*\)).*/\1/p' t/e2e/e2e_parity.c)
lint_require "cases in t/e2e/e2e_parity.c" "$rows"
{
    for name in $rows; do
        grep -q "| \`$name\` |\$" docs/parity.md || echo "$name has no row in docs/parity.md"
    done
    sed -n 's/^|.*| `\([a-z_]*\)` |$/\1/p' docs/parity.md | while read -r name; do
        printf '%s\n' "$rows" | grep -qx "$name" || echo "docs/parity.md: there is no test $name"
    done
} | lint_case "every row of docs/parity.md has its test, and every test its row"

# t/lint/untested.txt: "path reason".
untested=$(grep -v '^#' t/lint/untested.txt)
lint_require "reasons in t/lint/untested.txt" "$untested"
for file in lib/*/*.c; do
    name=$(basename "$file" .c)
    [ -f "t/unit/t_$name.c" ] || printf '%s\n' "$untested" | grep -qE "^$file +[^ ]" ||
        echo "$file has neither t/unit/t_$name.c nor a reason in t/lint/untested.txt"
done | lint_case "every file of lib has a unit test or a reason"

printf '%s\n' "$untested" | while read -r file reason; do
    [ -f "$file" ] || echo "$file does not exist"
    [ ! -f "t/unit/t_$(basename "$file" .c).c" ] || echo "$file has a test after all"
    [ -n "$reason" ] || echo "$file: no reason"
done | lint_case "reasons for untested files still hold"
lint_done

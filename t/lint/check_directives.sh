# SPDX-License-Identifier: Apache-2.0
# The reference configuration documents exactly the directives that exist, each with default,
# context and an example.
. "$(dirname "$0")/lint.sh"
cd "$top_srcdir" || exit 99

reference=conf/sentry_trace.conf
# A directive's name stands in one place, as a macro.
defined=$(grep -hoE '^ *# *define +MST_[A-Z_]+ +"SentryTrace[A-Za-z]*"' lib/httpd/*.[ch] |
    sed 's/.*"\(.*\)"/\1/' | LC_ALL=C sort)
lint_require "names of directives in lib/httpd" "$defined"
# In the reference each has a headline "# ## Name arguments".
documented=$(sed -n 's/^# ## \(SentryTrace[A-Za-z]*\).*/\1/p' $reference | LC_ALL=C sort)
lint_require "headlines in $reference" "$documented"

printf '%s\n' "$defined" | uniq -d | lint_case "a directive is defined once"
printf '%s\n' "$documented" | uniq -d | lint_case "a directive is documented once"
for name in $defined; do
    printf '%s\n' "$documented" | grep -qx "$name" || echo "$name is not in $reference"
done | lint_case "every directive is documented"
for name in $documented; do
    printf '%s\n' "$defined" | grep -qx "$name" || echo "$name does not exist"
done | lint_case "every documented directive exists"

# The command table uses the macros: a name in quotes elsewhere could be misspelt.
grep -nE '"SentryTrace[A-Za-z]*"' lib/httpd/*.[ch] mod_sentry_trace.c |
    grep -vE '# *define +MST_[A-Z_]+ +"SentryTrace' |
    lint_case "names of directives are written as macros"
table=$(grep -hoE 'AP_INIT_[A-Z0-9_]+\([^,]*' lib/httpd/directives.c | sed 's/.*( *//')
lint_require "command table in lib/httpd/directives.c" "$table"
macros=$(grep -hoE '^ *# *define +MST_[A-Z_]+ +"SentryTrace' lib/httpd/*.[ch] | awk '{ print $2 }')
for macro in $macros; do
    [ "$(printf '%s\n' "$table" | grep -cx "$macro")" -eq 1 ] ||
        echo "$macro stands $(printf '%s\n' "$table" | grep -cx "$macro") times in the table"
done | lint_case "every name is in the command table once"

awk -v names="$documented" '
    function finish()
    {
        if (name != "" && !(context && dflt && example))
            print name ":" (context ? "" : " no Context:") (dflt ? "" : " no Default:") \
                (example ? "" : " no example")
    }
    /^# ## / { finish(); name = $3; context = dflt = example = 0 }
    /^# Context: ./ { context = 1 }
    /^# Default: ./ { dflt = 1 }
    name != "" && index($0, "#" name " ") == 1 { example = 1 }
    END { finish() }' $reference |
    lint_case "each has a context, a default and an example"

grep -ohE '\bSentryTrace[A-Za-z]+\b' README.md docs/*.md | LC_ALL=C sort -u | while read -r name; do
    printf '%s\n' "$defined" | grep -qx "$name" || echo "$name does not exist"
done | lint_case "pages mention no directive that does not exist"
lint_done

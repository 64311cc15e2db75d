# SPDX-License-Identifier: Apache-2.0
# httpd accepts every example of the reference configuration, in the context it names.
. "$(dirname "$0")/lint.sh"

module=$top_builddir/.libs/mod_sentry_trace.so
lint_require "built module ($module)" "$(ls "$module" 2> /dev/null)"
[ -x "${APACHE_BIN:-}" ] || lint_skip "no httpd to ask (APACHE_BIN)"
reference=$top_srcdir/conf/sentry_trace.conf
examples=$(grep -E '^#SentryTrace' "$reference" | sed 's/^#//')
lint_require "examples in $reference" "$examples"

folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder" "$lint_verdicts"' EXIT
# Files named in examples exist below our own folder.
printf '%s\n' "$examples" | sed -n 's|^[A-Za-z]* \(file:\)\{0,1\}\(/.*\)|\2|p' | while read -r path; do
    mkdir -p "$folder$(dirname "$path")"
    : > "$folder$path"
done
examples=$(printf '%s\n' "$examples" | sed "s|^\([A-Za-z]*\) \(file:\)\{0,1\}/|\1 \2$folder/|")
lint_require "examples with their files" "$examples"
server_conf()
{
    echo "ServerRoot $folder"
    echo "DefaultRuntimeDir $folder"
    echo "ServerName localhost"
    echo "ErrorLog $folder/error.log"
    for name in mpm_event authz_core; do
        file=$APACHE_LIBEXECDIR/mod_$name.so
        [ ! -f "$file" ] || echo "LoadModule ${name}_module $file"
    done
    echo "LoadModule sentry_trace_module $module"
    cat
}

# Says what httpd says about a configuration (on standard input), unless it accepts it.
refused()
{
    server_conf > "$folder/httpd.conf"
    "$APACHE_BIN" -t -f "$folder/httpd.conf" > "$folder/said" 2>&1 < /dev/null || cat "$folder/said"
}

# The shipped file as it is.
echo "Include $reference" | refused | lint_case "the reference itself changes nothing and is accepted"

printf '%s\n' "$examples" | while read -r line; do
    set -f
    # shellcheck disable=SC2086 # the first word
    set -- $line
    context=$(awk -v name="$1" '/^# ## / { on = ($3 == name) } on && /^# Context: / { print }' "$reference")
    echo "$line" | refused | sed "s/^/server: /"
    case $context in
    *"virtual host"*) printf '<VirtualHost *:80>\n%s\n</VirtualHost>\n' "$line" | refused | sed "s/^/virtual host: /" ;;
    esac
    case $context in
    *directory*) printf '<Location />\n%s\n</Location>\n' "$line" | refused | sed "s/^/directory: /" ;;
    *) [ -n "$(printf '<Location />\n%s\n</Location>\n' "$line" | refused)" ] ||
        echo "$1 is accepted in a directory, but its context does not say so" ;;
    esac
done | lint_case "httpd accepts the examples where they may stand, and only there"
lint_done

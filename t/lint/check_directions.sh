# SPDX-License-Identifier: Apache-2.0
# An area uses only the areas above it (docs/architecture.md), httpd's headers stay in
# lib/httpd, curl in one file, jansson where JSON is read.
. "$(dirname "$0")/lint.sh"

# Lines "file header": every include of the files below some folders.
includes_of()
{
    (cd "$top_srcdir" && lint_c_files "$@" | xargs grep -H '^ *# *include ' |
        sed 's/^\([^:]*\):.*include *["<]\([^">]*\)[">].*/\1 \2/')
}

includes=$(includes_of include lib mod_sentry_trace.c)
lint_require "includes" "$includes"

# Lines "st_x.h area": the area whose folder has x.c. Headers with types only stand here.
areas=$(cd "$top_srcdir" && for header in include/st_*.h include/st_version.h; do
    name=${header#include/}
    source=${name#st_}
    source=$(ls lib/*/"${source%.h}.c" 2> /dev/null)
    case $name in
    st_version.h) echo "$name base" ;;
    st_dest.h) echo "$name trace" ;;
    *) source=${source#lib/} && echo "$name ${source%%/*}" ;;
    esac
done)
lint_require "headers of the core" "$areas"

printf '%s\n' "$areas" | awk 'NF != 2 { print $1 ": no lib/*/ file implements it" }' |
    lint_case "every header of the core belongs to an area"

{
    printf '%s\n' "$areas" | sed 's/^/area /'
    printf '%s\n' "$includes"
} | awk '
    function area_of(file, parts)
    {
        if (file ~ /^include\//) {
            sub(/^include\//, "", file)
            return area[file]
        }
        if (file == "mod_sentry_trace.c")
            return "httpd"
        split(file, parts, "/")
        return parts[2]
    }
    BEGIN {
        uses["base"] = " base "
        uses["trace"] = " base trace "
        uses["queue"] = " base trace queue "
        uses["encode"] = " base trace queue encode "
        uses["send"] = " base trace queue encode send "
        uses["status"] = " base trace queue encode status "
        uses["httpd"] = " base trace queue encode send status httpd "
        uses["cli"] = " base trace queue encode send cli "
    }
    $1 == "area" { area[$2] = $3; next }
    $2 ~ /^st_/ {
        from = area_of($1)
        if (index(uses[from], " " area[$2] " ") == 0)
            print $1 " (" from ") includes " $2 " (" area[$2] ")"
    }' | lint_case "an area uses only the areas above it"

printf '%s\n' "$includes" | (cd "$top_srcdir" && while read -r file header; do
    case $header in
    st_*) [ -f "include/$header" ] || [ "$header" = st_version.h ] || echo "$file: no include/$header" ;;
    *.h) ! grep -q "include *\"$header\"" "$file" || [ -f "$(dirname "$file")/$header" ] ||
        echo "$file: \"$header\" is not in the folder of the file" ;;
    esac
done) | lint_case "a private header is used only in its own folder"

httpd_headers='(httpd|http_[a-z]+|ap_[a-z0-9_]+|util_[a-z_]+|mod_[a-z_]+|scoreboard|mpm_common|unixd)\.h'
includes_of include lib t mod_sentry_trace.c | awk -v re="^$httpd_headers\$" '
    $2 ~ re && $1 !~ /^(lib\/httpd|t\/e2e\/mod_[a-z_]+\.c|(include\/)?mod_sentry_trace\.[ch])/ {
        print $1 " includes " $2
    }' | lint_case "httpd headers stay in lib/httpd and modules"
lint_require "use of httpd headers" "$(printf '%s\n' "$includes" | grep ' httpd\.h$')"

curl_users=$(printf '%s\n' "$includes" | awk '$2 ~ /^curl\// { print $1 }' | sort -u)
lint_require "use of curl" "$curl_users"
printf '%s\n' "$curl_users" | sed 1d | lint_case "curl is used in one file"

json_users=$(printf '%s\n' "$includes" |
    awk '$2 == "jansson.h" || $2 == "st_envelope.h" { print $1 }' | sort -u)
lint_require "use of jansson" "$json_users"
printf '%s\n' "$json_users" |
    grep -Ev '^(include/st_envelope\.h|lib/encode/envelope[a-z_]*\.[ch]|lib/cli/.*|lib/httpd/sink[a-z_]*\.[ch])$' |
    lint_case "JSON is parsed only where envelopes are read"

printf '%s\n' "$includes" | awk '$2 == "config.h" { print $1 }' |
    lint_case "config.h is not used: httpd's headers define the same names"

lint_done

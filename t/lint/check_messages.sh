# SPDX-License-Identifier: Apache-2.0
# Every message of the logs has a tag of its own (ST0123:), listed in docs/messages.md.
. "$(dirname "$0")/lint.sh"
cd "$top_srcdir" || exit 99

sources=$(lint_c_files lib mod_sentry_trace.c)
lint_require "C files" "$sources"
used=$(printf '%s\n' "$sources" | xargs grep -ohE '"ST[0-9]{4}:' | tr -d '":' | LC_ALL=C sort)
lint_require "tags in the sources" "$used"
listed=$(grep -oE '^\| ST[0-9]{4} ' docs/messages.md | tr -d '| ' | LC_ALL=C sort)
lint_require "tags in docs/messages.md" "$listed"

printf '%s\n' "$used" | uniq -d | lint_case "a tag stands in one place"
printf '%s\n' "$listed" | uniq -d | lint_case "a tag is listed once"
for tag in $used; do
    printf '%s\n' "$listed" | grep -qx "$tag" || echo "$tag is not in docs/messages.md"
done | lint_case "every tag is listed"
for tag in $listed; do
    printf '%s\n' "$used" | grep -qx "$tag" || echo "$tag is not in the sources"
done | lint_case "every listed tag exists"

# A call reaches to its semicolon. st_log itself and what passes a message on have none.
printf '%s\n' "$sources" | grep -vx lib/base/log.c | xargs awk '
    FNR == 1 { call = "" }
    call == "" && /[^a-z_](st_log|ap_log_[a-z]*error)\(/ { call = $0; line = FNR; sub(/;.*/, ";", call) }
    call != "" && FNR > line { call = call $0 }
    call ~ /;/ {
        if (call !~ /"ST[0-9][0-9][0-9][0-9]: / && call !~ /APLOG_TRACE/ && call !~ /"%s"/)
            print FILENAME ":" line ": a message without a tag"
        call = ""
    }' | lint_case "every message has a tag"
lint_done

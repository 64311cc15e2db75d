# SPDX-License-Identifier: Apache-2.0
# The module exports the one symbol httpd looks for.
. "$(dirname "$0")/lint.sh"

module=$top_builddir/.libs/mod_sentry_trace.so
lint_require "built module ($module)" "$(ls "$module" 2> /dev/null)"
# shellcheck disable=SC2086 # words
symbols=$(${NM:-nm} -D --defined-only "$module" | awk '{ print $NF }')
lint_require "exported symbols in $module" "$symbols"

printf '%s\n' "$symbols" | grep -vx sentry_trace_module |
    lint_case "the module exports nothing but sentry_trace_module"
{ printf '%s\n' "$symbols" | grep -qx sentry_trace_module || echo "it is missing"; } |
    lint_case "the module exports sentry_trace_module"
lint_done

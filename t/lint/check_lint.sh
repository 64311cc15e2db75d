# SPDX-License-Identifier: Apache-2.0
# The checks find what they look for: each is run on a copy of the sources with one mistake in it.
. "$(dirname "$0")/lint.sh"

folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder" "$lint_verdicts"' EXIT
tree=$folder/tree
checks=$top_srcdir/t/lint
sources=$(cd "$top_srcdir" && ls -d include lib t conf demo docs .ci quickstart README.md \
    LICENSE configure.ac autogen.sh Makefile.am mod_sentry_trace.c .clang-format)
lint_require "sources" "$sources"

# finds CHECK CASE MISTAKE: the check fails in that case when the shell lines MISTAKE have been run
# at the top of the copy.
finds()
{
    rm -rf "$tree"
    mkdir "$tree"
    (cd "$top_srcdir" && printf '%s\n' "$sources" | xargs -I '{}' cp -R '{}' "$tree/")
    chmod -R u+w "$tree"
    (cd "$tree" && eval "$3") || echo "the mistake could not be made"
    said=$(top_srcdir="$tree" sh "$checks/check_$1.sh" 2>&1)
    case $said in
    *"# SKIP"*) ;;
    *"not ok - $2"*) ;;
    *) printf '%s\n' "$said" ;;
    esac | lint_case "check_$1 finds: $4"
}

above="an area uses only the areas above it"
finds directions "$above" 'echo "#include \"st_sender.h\"" >> lib/base/buf.c' "an include upwards"
finds directions "httpd headers stay" 'echo "#include <httpd.h>" >> lib/trace/dsn.c' "httpd in the core"
finds directions "curl is used in one file" 'echo "#include <curl/curl.h>" >> lib/send/sender.c' \
    "a second user of curl"
finds directions "JSON is parsed only" 'echo "#include <jansson.h>" >> lib/send/sender.c' \
    "JSON parsed in the sender"

finds config "dir: struct, create and merge" \
    'sed -i "/MST_DIR_MEMBERS(MERGE/d" lib/httpd/config.c' "a merge without the list"
finds config "server: members beside the list" \
    'sed -i "s/^} mst_server_conf_t;/    int extra;\n&/" lib/httpd/mst_config.h' \
    "a member that is not merged"

finds directives "every directive is documented" \
    'sed -i "/^# ## SentryTraceFlush /d" conf/sentry_trace.conf' "a directive without a manual"
finds directives "every documented directive exists" \
    'echo "# ## SentryTraceNothing x" >> conf/sentry_trace.conf' "a manual without a directive"
finds directives "each has a context" \
    'sed -i "/^#SentryTraceFlush/d" conf/sentry_trace.conf' "a directive without an example"
finds examples "httpd accepts the examples" \
    'sed -i "s/^#SentryTraceSampleRate .*/#SentryTraceSampleRate 7/" conf/sentry_trace.conf' \
    "an example that is refused"

finds messages "a tag stands in one place" \
    'printf "void f(void)\n{\n    st_log(3, 0, \"ST0101: x\");\n}\n" >> lib/send/sender.c' "a tag used twice"
finds messages "every tag is listed" \
    'printf "void f(void)\n{\n    st_log(3, 0, \"ST0999: x\");\n}\n" >> lib/send/sender.c' "a tag not listed"
finds messages "every listed tag exists" 'echo "| ST0998 | x |" >> docs/messages.md' "a stale tag"
finds messages "every message has a tag" \
    'printf "void f(void)\n{\n    st_log(3, 0, \"x\");\n}\n" >> lib/send/sender.c' "a message without a tag"

finds shape "functions have at most 60 lines" \
    '{ echo "void f(void)"; echo "{"; yes ";" | head -n 60; echo "}"; } >> lib/base/buf.c' "a long function"
finds shape "files have at most 600 lines" 'yes "/* x */" | head -n 600 >> lib/base/buf.c' "a long file"
finds format "C files are formatted" 'echo "int  x ;" >> lib/base/buf.c' "a line out of shape"
finds shell "shellcheck has no complaint" 'echo "if true; fi" >> t/lint/lint.sh' "a broken script"

finds tests "every case is added" \
    'printf "START_TEST(forgotten)\n{\n    ck_assert(1);\n}\nEND_TEST\n" >> t/unit/t_buf.c' \
    "a case that is never run"
finds tests "every case asserts something" \
    'printf "START_TEST(idle)\n{\n}\nEND_TEST\n" >> t/unit/t_buf.c' "a case that checks nothing"
finds tests "every test program is run" 'cp t/unit/t_buf.c t/unit/t_zzz.c' "a program that is never run"
finds tests "every row of docs/parity.md" 'sed -i "s/middleware_spans_disabled/x/" docs/parity.md' \
    "a row without a test"
finds tests "every row of docs/parity.md" 'sed -i "/middleware_spans_disabled/d" docs/parity.md' \
    "a test without a row"
finds tests "every file of lib has a unit test" 'echo > lib/base/zzz.c' "a file without a test"

finds text "nothing is marked as unfinished" 'echo "/* TO""DO */" >> lib/base/buf.c' "an unfinished mark"
finds text "no path of" 'echo "see /ho""me/me/notes" >> docs/README.md' "a path of a machine"
finds text "every source file names its licence" 'echo > lib/base/zzz.c' "a file without a licence"
finds text "links between pages" 'echo "[x](nowhere.md)" >> docs/README.md' "a broken link"

# A folder with another module in the place of ours.
mkdir -p "$folder/build/.libs"
if cp "${APACHE_LIBEXECDIR:-}/mod_authz_core.so" "$folder/build/.libs/mod_sentry_trace.so" 2> /dev/null; then
    top_builddir=$folder/build
    finds exports "the module exports nothing but" true "a foreign symbol"
fi
lint_done

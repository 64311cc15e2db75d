# SPDX-License-Identifier: Apache-2.0
# No member of a configuration is forgotten by create or merge: members stand in the lists of
# lib/httpd/mst_config.h; one that stands beside them is merged by hand, or says that it is not
# merged.
. "$(dirname "$0")/lint.sh"
cd "$top_srcdir" || exit 99

header=lib/httpd/mst_config.h
source=lib/httpd/config.c
lint_require "$header and $source" "$(ls $header $source)"

# The body of function $1 in $source.
body()
{
    awk -v name="$1" 'index($0, name "(") { on = 1 } on { print } on && /^}/ { exit }' $source
}

# Lines "member comment" of struct $1 that do not come from its list.
members()
{
    awk -v end="} $1;" '
        /^typedef struct/ { text = "" }
        { text = text "\n" $0 }
        index($0, end) == 1 { print text; exit }' $header |
        sed -n 's/^ *[a-z][a-z_0-9 ]*[ *]\([a-z_]*\);\(.*\)/\1 \2/p'
}

for scope in server dir; do
    list=MST_$(echo $scope | tr '[:lower:]' '[:upper:]')_MEMBERS
    lint_require "list $list in $header" "$(grep "define $list(" $header)"
    lint_require "members beside $list" "$(members mst_${scope}_conf_t)"
    {
        grep -q "^    $list(" $header || echo "mst_${scope}_conf_t is not made from $list"
        body mst_${scope}_conf_create | grep -q "$list(" || echo "create does not use $list"
        body mst_${scope}_conf_merge | grep -q "$list(" || echo "merge does not use $list"
    } | lint_case "$scope: struct, create and merge are made from $list"

    members mst_${scope}_conf_t | while read -r member comment; do
        case $comment in
        *"not merged"*) ;;
        *) body mst_${scope}_conf_merge | grep -q "conf->$member =" ||
            echo "$member is not merged, and no comment says so" ;;
        esac
    done | lint_case "$scope: members beside the list are merged"
done
lint_done

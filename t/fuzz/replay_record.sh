# SPDX-License-Identifier: Apache-2.0
# The corpus of fuzz_record still holds, and so do records that are made now.
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
"${top_builddir:?}/t/fuzz/make_records" "$folder" || exit 99
"$top_builddir/t/fuzz/fuzz_record" "${top_srcdir:?}"/t/fuzz/corpus/record/* "$folder"/*

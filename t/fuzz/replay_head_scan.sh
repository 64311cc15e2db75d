# SPDX-License-Identifier: Apache-2.0
# The corpus of fuzz_head_scan still holds.
exec "${top_builddir:?}/t/fuzz/fuzz_head_scan" "${top_srcdir:?}"/t/fuzz/corpus/head_scan/*

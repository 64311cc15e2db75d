# SPDX-License-Identifier: Apache-2.0
# The corpus of fuzz_accept still holds.
exec "${top_builddir:?}/t/fuzz/fuzz_accept" "${top_srcdir:?}"/t/fuzz/corpus/accept/*

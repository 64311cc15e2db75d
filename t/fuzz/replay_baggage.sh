# SPDX-License-Identifier: Apache-2.0
# The corpus of fuzz_baggage still holds.
exec "${top_builddir:?}/t/fuzz/fuzz_baggage" "${top_srcdir:?}"/t/fuzz/corpus/baggage/*

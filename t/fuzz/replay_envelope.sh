# SPDX-License-Identifier: Apache-2.0
# The corpus of fuzz_envelope still holds.
exec "${top_builddir:?}/t/fuzz/fuzz_envelope" "${top_srcdir:?}"/t/fuzz/corpus/envelope/*

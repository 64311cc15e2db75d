# SPDX-License-Identifier: Apache-2.0
# The corpus of fuzz_rate_limits still holds.
exec "${top_builddir:?}/t/fuzz/fuzz_rate_limits" "${top_srcdir:?}"/t/fuzz/corpus/rate_limits/*

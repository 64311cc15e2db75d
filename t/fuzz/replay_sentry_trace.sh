# SPDX-License-Identifier: Apache-2.0
# The corpus of fuzz_sentry_trace still holds.
exec "${top_builddir:?}/t/fuzz/fuzz_sentry_trace" "${top_srcdir:?}"/t/fuzz/corpus/sentry_trace/*

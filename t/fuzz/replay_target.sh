# SPDX-License-Identifier: Apache-2.0
# The corpus of fuzz_target still holds.
exec "${top_builddir:?}/t/fuzz/fuzz_target" "${top_srcdir:?}"/t/fuzz/corpus/target/*

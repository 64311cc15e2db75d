/* SPDX-License-Identifier: Apache-2.0 */
/* One tiny function per slot: a filter function gets no baton, so its identity is its
 * address. They stand in a section of their own, so that "is it one of ours" is a range
 * check; the linker provides its borders. */
#include "mst_filter_slots.h"

#include <stdint.h>

extern const char __start_mst_trampolines[] __attribute__((visibility("hidden")));
extern const char __stop_mst_trampolines[] __attribute__((visibility("hidden")));

#define TRAMPOLINE(n)                                                                    \
    __attribute__((section("mst_trampolines"),                                           \
                   noinline)) static apr_status_t trampoline_##n(ap_filter_t *f,         \
                                                                 apr_bucket_brigade *bb) \
    {                                                                                    \
        return mst_filter_call(0x##n, f, bb);                                            \
    }
#define ADDRESS(n) trampoline_##n,

#define SIXTEEN(X, h)                                                                    \
    X(h##0)                                                                              \
    X(h##1)                                                                              \
    X(h##2)                                                                              \
    X(h##3)                                                                              \
    X(h##4)                                                                              \
    X(h##5)                                                                              \
    X(h##6)                                                                              \
    X(h##7)                                                                              \
    X(h##8)                                                                              \
    X(h##9)                                                                              \
    X(h##a)                                                                              \
    X(h##b)                                                                              \
    X(h##c)                                                                              \
    X(h##d)                                                                              \
    X(h##e)                                                                              \
    X(h##f)
#define ALL(X)                                                                           \
    SIXTEEN(X, 0)                                                                        \
    SIXTEEN(X, 1)                                                                        \
    SIXTEEN(X, 2)                                                                        \
    SIXTEEN(X, 3)                                                                        \
    SIXTEEN(X, 4)                                                                        \
    SIXTEEN(X, 5)                                                                        \
    SIXTEEN(X, 6)                                                                        \
    SIXTEEN(X, 7)

ALL(TRAMPOLINE)

static const ap_out_filter_func trampolines[] = {ALL(ADDRESS)};

_Static_assert(sizeof(trampolines) / sizeof(trampolines[0]) == MST_SLOTS,
               "one trampoline per slot");

ap_out_filter_func mst_trampoline(int slot)
{
    return trampolines[slot];
}

int mst_is_trampoline(ap_out_filter_func function)
{
    uintptr_t address = (uintptr_t)function;
    return address >= (uintptr_t)__start_mst_trampolines &&
           address < (uintptr_t)__stop_mst_trampolines;
}

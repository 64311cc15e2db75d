/* SPDX-License-Identifier: Apache-2.0 */
/* A set of random numbers: open addressing, the number is its own hash. */

#include "soak_set.h"

#include <check.h>
#include <stdlib.h>

#define CAP_MIN ((size_t)1 << 16)

/* Where the number is, or would be. */
static size_t find(const soak_set_t *set, uint64_t number)
{
    size_t i = (size_t)number & (set->cap - 1);
    while (set->slots[i] != 0 && set->slots[i] != number) {
        i = (i + 1) & (set->cap - 1);
    }
    return i;
}

static void grow(soak_set_t *set)
{
    soak_set_t old = *set;
    set->cap = old.cap > 0 ? old.cap * 2 : CAP_MIN;
    set->slots = calloc(set->cap, sizeof(*set->slots));
    ck_assert_ptr_nonnull(set->slots);
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i] != 0) {
            set->slots[find(set, old.slots[i])] = old.slots[i];
        }
    }
    free(old.slots);
}

int soak_set_add(soak_set_t *set, uint64_t number)
{
    ck_assert_uint_ne(number, 0);
    if (set->count >= set->cap / 4 * 3) {
        grow(set);
    }
    size_t i = find(set, number);
    if (set->slots[i] == number) {
        return 0;
    }
    set->slots[i] = number;
    set->count++;
    return 1;
}

void soak_set_free(soak_set_t *set)
{
    free(set->slots);
    *set = (soak_set_t){.slots = NULL};
}

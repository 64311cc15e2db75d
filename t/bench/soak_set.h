/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOAK_SET_H
#define SOAK_SET_H

/* A set of numbers that are random already and never 0, as span ids are: at most 16 bytes each.
 * One thread. */

#include <stddef.h>
#include <stdint.h>

/* Zeroed: empty. */
typedef struct soak_set_t {
    uint64_t *slots; /* 0: free */
    size_t cap;      /* a power of two */
    size_t count;
} soak_set_t;

/* @return 1 when the number is new. */
int soak_set_add(soak_set_t *set, uint64_t number);

void soak_set_free(soak_set_t *set);

#endif /* SOAK_SET_H */

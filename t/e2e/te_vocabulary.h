/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_VOCABULARY_H
#define TE_VOCABULARY_H

/* The words that spans may use: keys with their types, and operations. Keys that begin with "te."
 * are an operator's own, in tests. */

#include <apr_pools.h>
#include <jansson.h>

/* Checks the attributes of one span. @return NULL, or what is wrong with them, in pool. */
const char *te_vocabulary_check(json_t *attributes, apr_pool_t *pool);

#endif /* TE_VOCABULARY_H */

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_SAMPLE_H
#define TE_SAMPLE_H

/* Envelopes made by hand, for what receives them. */

#include <apr_pools.h>

#define TE_SAMPLE_TRACE "0123456789abcdef0123456789abcdef"

/* An envelope with a segment "GET" of /a and its child "CORE", in pool.
 * @param child_trace trace of the child; another one than TE_SAMPLE_TRACE is invalid
 * @param item_count what the item's header claims; other than 2 is invalid */
const char *te_sample_spans(const char *child_trace, int item_count, apr_pool_t *pool);

/* An envelope with the same as a transaction. */
extern const char te_sample_transaction[];
#define TE_SAMPLE_EVENT "9ec79c33ec9942ab8353589fcb2e04dc"

/* An envelope with a client report of 4 spans, and 2 transactions, that were not sampled. */
extern const char te_sample_report[];

#endif /* TE_SAMPLE_H */

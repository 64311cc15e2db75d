/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_COLLECT_H
#define ST_COLLECT_H

/* What may leave: values of sensitive keys become "[Filtered]", their keys stay
 * (https://develop.sentry.dev/sdk/foundations/client/data-collection/). */

#include <apr_pools.h>
#include "st_text.h"

#define ST_FILTERED "[Filtered]"

/* 1 when the key contains one of the sensitive terms, in any case. */
int st_collect_key_is_sensitive(st_str_t key);

/* The query string (without '?') with the values of sensitive keys replaced; keys are
 * percent-decoded for the comparison, everything else keeps its spelling. Pairs end at '&' or
 * ';'. A key of more than 256 bytes counts as sensitive.
 * @return `query` itself when nothing had to be replaced, else a copy in result_pool. */
const char *st_collect_query(const char *query, apr_pool_t *result_pool);

#endif /* ST_COLLECT_H */

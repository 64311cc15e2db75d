/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_DSC_H
#define ST_DSC_H

/* The dynamic sampling context: what the head of a trace says about all of it, so that every
 * part is sampled alike
 * (https://develop.sentry.dev/sdk/foundations/trace-propagation/dynamic-sampling-context/).
 *
 * Kept as it travels: Sentry's members of a baggage header, percent-encoded,
 * "sentry-trace_id=...,sentry-public_key=...", as st_baggage_parse makes it. "" is a context
 * that is frozen with nothing in it. Keys are named without their prefix "sentry-". */

#include <apr_pools.h>
#include "st_dest.h"
#include "st_segment.h"

/* The context of a trace whose head is `seg`: trace_id, public_key, sample_rate, sample_rand,
 * sampled, release, environment, org_id and transaction, which is left out when the name was
 * made from the URL. What is unknown or empty is left out.
 * @return text in result_pool. */
const char *st_dsc_make(const st_dest_t *dest, const st_segment_t *seg,
                        apr_pool_t *result_pool);

/* The value of `key`, decoded and zero-terminated in result_pool; NULL when it is missing.
 * @param dsc NULL counts as empty */
const char *st_dsc_get(const char *dsc, const char *key, apr_pool_t *result_pool);

/* The same context with `value` (plain text, not empty) for `key`, in the place of the old
 * value or at the end. For the rate that was applied here to a context from elsewhere.
 * @return text in result_pool. */
const char *st_dsc_set(const char *dsc, const char *key, const char *value,
                       apr_pool_t *result_pool);

/* Takes the next member off *prest: its key without prefix, its value still encoded.
 * @return 1; 0 at the end. */
int st_dsc_next(st_str_t *prest, st_str_t *key, st_str_t *value);

#endif /* ST_DSC_H */

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_RATE_LIMITS_H
#define ST_RATE_LIMITS_H

/* Reads what an answer says about limits
 * (https://develop.sentry.dev/sdk/foundations/transport/rate-limiting/). */

#include "st_endpoint.h"

/* What an answer carries; strings may be NULL. */
typedef struct st_rate_limits_t {
    int http_status;
    const char *limits;      /* X-Sentry-Rate-Limits; several lines joined by "," */
    const char *retry_after; /* seconds or an HTTP date */
} st_rate_limits_t;

/* Notes in `endpoint` until when it wants what no more. Later of two instants wins; never more
 * than 24 h ahead. A limit without categories, and Retry-After, hold for everything; a 429
 * that says nothing holds everything for 60 s. Never fails: what cannot be read is passed over.
 * @param now monotonic @param wall Unix time, for dates */
void st_rate_limits_note(st_endpoint_t *endpoint, const st_rate_limits_t *answer,
                         st_ns_t now, st_ns_t wall);

#endif /* ST_RATE_LIMITS_H */

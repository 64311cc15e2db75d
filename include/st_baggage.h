/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_BAGGAGE_H
#define ST_BAGGAGE_H

/* The baggage header, split into Sentry's members and everybody else's
 * (https://develop.sentry.dev/sdk/foundations/trace-propagation/#baggage,
 * https://www.w3.org/TR/baggage/).
 *
 *   baggage: vendor=1;ttl=60, sentry-trace_id=771a..., sentry-sampled=true, other=2
 *
 *   foreign: vendor=1;ttl=60,other=2                          byte for byte
 *   sentry:  sentry-trace_id=771a...,sentry-sampled=true      rewritten: clean and short
 *
 * Text in, text out: printable ASCII in the sentry part, whatever came in; in the foreign part
 * what came in. Work is linear in the length of the header. */

#include <apr_pools.h>
#include "st_text.h"

#define ST_BAGGAGE_PREFIX      "sentry-"
#define ST_BAGGAGE_BYTES_MAX   8192 /* of a header that is sent, and of a sentry part */
#define ST_BAGGAGE_MEMBERS_MAX 64   /* of a sentry part; others are dropped */

typedef struct st_baggage_t {
    const char
        *sentry; /* "sentry-key=value,...", without spaces; "" when there are none */
    const char *foreign; /* members of others; "" when there are none */
} st_baggage_t;

/* Splits a baggage header; several lines are joined with commas.
 *
 * A member whose decoded key starts with "sentry-" (in this case) is Sentry's. It is kept with
 * its properties cut off and its key and value encoded anew. It is dropped when it has no '=',
 * no value or no key behind the prefix, when its percent-encoding or what that says is no
 * UTF-8 or holds a zero, and when it exceeds the limits above. Of a key that comes more than
 * once the last value counts, at the place of the first, as in Sentry's JavaScript SDK.
 *
 * Every other member that is not empty is foreign, malformed or not, and keeps its bytes;
 * between two that were neighbours also what stood there, else a comma.
 *
 * @param header zero-terminated; NULL is the empty one
 * The parts are in result_pool, or static when empty. Never fails. */
void st_baggage_parse(st_baggage_t *baggage, const char *header, apr_pool_t *result_pool);

/* Joins both parts for sending: foreign members first, then Sentry's. A member that would make
 * the whole longer than ST_BAGGAGE_BYTES_MAX is left out; later, shorter ones may still fit.
 * @param foreign, sentry NULL counts as empty
 * @return text in result_pool, or an argument itself; "" when there is nothing to send. */
const char *st_baggage_join(const char *foreign, const char *sentry,
                            apr_pool_t *result_pool);

/* Takes the next member off *prest, without the white space around it; empty ones are
 * skipped. @return 1; 0 when there is none left. */
int st_baggage_next(st_str_t *prest, st_str_t *member);

/* Percent-encodes as encodeURIComponent does: letters, digits and -_.!~*'() stay. A byte that
 * belongs to no valid UTF-8 sequence goes out as a question mark.
 * @param out room for 3 * text.len bytes
 * @return bytes written; no terminating zero. */
size_t st_baggage_encode(char *out, st_str_t text);

/* Decodes percent-encoding. out may be text.ptr; room for text.len bytes.
 * @return APR_SUCCESS; ST_E_MALFORMED for a '%' without two hex digits, and for text that is
 *         no UTF-8 or holds a zero when decoded. */
apr_status_t st_baggage_decode(char *out, size_t *plen, st_str_t text) ST_MUST_CHECK;

#endif /* ST_BAGGAGE_H */

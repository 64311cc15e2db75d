/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PART_H
#define PART_H

/* JSON text that is prepared once and copied often. */

#include "st_buf.h"
#include "st_text.h"
#include "st_version.h"
#include <apr_strings.h>

/* Most bytes of what a destination may contribute. */
#define PART_BYTES_MAX (256 * 1024)

/* Who speaks; in envelope headers and in events. Sentry shall not take the sender of the envelope
 * for the client: without this an event's payload would leave it to older rules
 * (https://develop.sentry.dev/sdk/foundations/envelopes/, "sdk"). */
#define PART_SDK                                                                         \
    "{\"name\":\"" ST_SDK_NAME "\",\"version\":\"" ST_VERSION                            \
    "\",\"packages\":[{\"name\":\"httpd:mod_sentry_trace\",\"version\":\"" ST_VERSION    \
    "\"}],\"integrations\":[\"httpd\"],\"settings\":{\"infer_ip\":\"never\"}}"

/* Moves what `buf` holds into `pool` and empties it for the next part; a failure stays. */
static inline st_str_t part_take(st_buf_t *buf, apr_pool_t *pool)
{
    st_str_t part = {NULL, 0};
    if (buf->len > 0) {
        part = (st_str_t){apr_pmemdup(pool, buf->data, buf->len), buf->len};
    }
    buf->len = 0;
    return part;
}

#endif /* PART_H */

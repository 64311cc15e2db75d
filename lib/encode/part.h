/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PART_H
#define PART_H

/* JSON text that is prepared once and copied often. */

#include "st_buf.h"
#include "st_text.h"
#include <apr_strings.h>

/* Most bytes of what a destination may contribute. */
#define PART_BYTES_MAX (256 * 1024)

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

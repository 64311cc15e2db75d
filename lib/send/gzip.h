/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_GZIP_H
#define ST_GZIP_H

/* Compression of request bodies. */

#include <stddef.h>
#include "st_buf.h"

/* Appends bytes[0..len) to `out` as one gzip stream. Keeps nothing between calls: what is
 * compressed is rare and large, so the set-up does not show.
 * @return APR_SUCCESS, or the buffer's failure, or APR_ENOMEM: `out` is then to be thrown
 *         away. Any thread. */
apr_status_t st_gzip_pack(st_buf_t *out, const void *bytes, size_t len) ST_MUST_CHECK;

#endif /* ST_GZIP_H */

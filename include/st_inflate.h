/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_INFLATE_H
#define ST_INFLATE_H

/* Unpacking compressed request bodies, with a limit against bombs. */

#include "st_buf.h"

/* Appends what `bytes` unpacks to; gzip and zlib are told apart by their own headers. The
 * limit of `out` bounds the result, and memory grows only with what really came out.
 * @return APR_SUCCESS; ST_E_MALFORMED when the data is broken, ends too early or has bytes
 *         behind its end; ST_E_LIMIT; APR_ENOMEM. After a failure the content of `out` is of
 *         no use. Any thread. */
apr_status_t st_inflate(st_buf_t *out, const void *bytes, size_t len) ST_MUST_CHECK;

#endif /* ST_INFLATE_H */

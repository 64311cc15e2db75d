/* SPDX-License-Identifier: Apache-2.0 */
/* The only place that knows zlib. */
#include "gzip.h"

#include <limits.h>
#include <zlib.h>

/* Spans repeat their keys, so the fastest level already takes nine tenths away. */
#define LEVEL       1
#define WINDOW_GZIP (15 + 16) /* zlib's way to ask for the gzip frame */
#define MEM_LEVEL   8

apr_status_t st_gzip_pack(st_buf_t *out, const void *bytes, size_t len)
{
    if (len > UINT_MAX) {
        return ST_E_LIMIT;
    }
    z_stream stream = {.next_in = (Bytef *)bytes, .avail_in = (uInt)len};
    int zrv = deflateInit2(&stream, LEVEL, Z_DEFLATED, WINDOW_GZIP, MEM_LEVEL,
                           Z_DEFAULT_STRATEGY);
    if (zrv != Z_OK) {
        return APR_ENOMEM;
    }
    uLong bound = deflateBound(&stream, (uLong)len);
    char *to = st_buf_reserve(out, bound);
    if (to != NULL) {
        stream.next_out = (Bytef *)to;
        stream.avail_out = (uInt)bound;
        zrv = deflate(&stream, Z_FINISH);
        out->len += stream.total_out;
    }
    deflateEnd(&stream);
    if (to == NULL) {
        return st_buf_status(out);
    }
    return zrv == Z_STREAM_END ? APR_SUCCESS : APR_ENOMEM;
}

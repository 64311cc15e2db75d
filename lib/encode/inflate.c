/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacking gzip and zlib data into a bounded buffer. */
#include "st_inflate.h"

#include <limits.h>
#include <zlib.h>

#define STEP_BYTES ((size_t)16 * 1024)

/* Largest window, and 32 for "gzip or zlib, by the header". */
#define WINDOW_ANY (15 + 32)

/* One turn of the pump: gives zlib room at the end of `out`. A buffer that is full to its limit
 * gets one byte beside it, because only trying shows whether more would come. */
static int inflate_step(z_stream *z, st_buf_t *out)
{
    char beyond;
    size_t room = out->max - out->len;
    size_t step = room < STEP_BYTES ? room : STEP_BYTES;
    char *to = step > 0 ? st_buf_reserve(out, step) : &beyond;
    if (to == NULL) {
        return Z_MEM_ERROR;
    }
    z->next_out = (Bytef *)to;
    z->avail_out = step > 0 ? (uInt)step : 1;
    int zrv = inflate(z, Z_NO_FLUSH);
    size_t made = (size_t)((char *)z->next_out - to);
    if (step > 0) {
        out->len += made;
    } else if (made > 0) {
        out->rv = ST_E_LIMIT;
        return Z_MEM_ERROR;
    }
    return zrv;
}

static apr_status_t inflate_status(int zrv, const z_stream *z, const st_buf_t *out)
{
    apr_status_t rv = st_buf_status(out);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (zrv == Z_MEM_ERROR) {
        return APR_ENOMEM;
    }
    return zrv == Z_STREAM_END && z->avail_in == 0 ? APR_SUCCESS : ST_E_MALFORMED;
}

apr_status_t st_inflate(st_buf_t *out, const void *bytes, size_t len)
{
    if (len > UINT_MAX) {
        return ST_E_LIMIT;
    }
    /* zlib does not write through next_in; its type lost the const long ago. */
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)len};
    int zrv = inflateInit2(&z, WINDOW_ANY);
    if (zrv != Z_OK) {
        return APR_ENOMEM;
    }
    /* Z_BUF_ERROR: no progress although there was room, so the input ends too early. */
    do {
        zrv = inflate_step(&z, out);
    } while (zrv == Z_OK);
    apr_status_t rv = inflate_status(zrv, &z, out);
    inflateEnd(&z);
    return rv;
}

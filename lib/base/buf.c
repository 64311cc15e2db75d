/* SPDX-License-Identifier: Apache-2.0 */
/* Growing buffer with a sticky failure. */
#include "st_buf.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 1024

void st_buf_init(st_buf_t *buf, size_t max)
{
    *buf = (st_buf_t){.max = max};
}

void st_buf_free(st_buf_t *buf)
{
    free(buf->data);
    st_buf_init(buf, buf->max);
}

void st_buf_clear(st_buf_t *buf)
{
    buf->len = 0;
    buf->rv = APR_SUCCESS;
}

/* Doubles until `need` fits, up to the limit; need is not above it. */
static apr_status_t buf_grow(st_buf_t *buf, size_t need)
{
    size_t cap = buf->cap > 0 ? buf->cap : FIRST_CAP;
    while (cap < need) {
        cap = cap <= buf->max / 2 ? cap * 2 : buf->max;
    }
    char *data = realloc(buf->data, cap);
    if (data == NULL) {
        return APR_ENOMEM;
    }
    buf->data = data;
    buf->cap = cap;
    return APR_SUCCESS;
}

char *st_buf_reserve(st_buf_t *buf, size_t more)
{
    if (buf->rv != APR_SUCCESS) {
        return NULL;
    }
    if (more > buf->max - buf->len) {
        buf->rv = ST_E_LIMIT;
        return NULL;
    }
    if (more > buf->cap - buf->len || buf->data == NULL) {
        buf->rv = buf_grow(buf, buf->len + more);
    }
    if (buf->rv != APR_SUCCESS) {
        return NULL;
    }
    return buf->data + buf->len;
}

void st_buf_add(st_buf_t *buf, const void *bytes, size_t len)
{
    if (len == 0) {
        return;
    }
    char *to = st_buf_reserve(buf, len);
    if (to == NULL) {
        return;
    }
    memcpy(to, bytes, len);
    buf->len += len;
}

void st_buf_add_str(st_buf_t *buf, const char *str)
{
    st_buf_add(buf, str, strlen(str));
}

void st_buf_add_char(st_buf_t *buf, char c)
{
    st_buf_add(buf, &c, 1);
}

apr_status_t st_buf_status(const st_buf_t *buf)
{
    return buf->rv;
}

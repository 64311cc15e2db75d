/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_BUF_H
#define ST_BUF_H

/* A growing byte buffer on malloc, with a hard limit.
 *
 * The first failure (no memory, over the limit) sticks: later appends do nothing, and
 * st_buf_status() tells at the end, so a writer needs one check and not one per append.
 * Not thread-safe. Reuse with st_buf_clear keeps the memory. */

#include <stddef.h>
#include "st_error.h"

typedef struct st_buf_t {
    char *data; /* NULL until the first append; not zero-terminated */
    size_t len;
    size_t cap;
    size_t max;      /* limit of len, in bytes */
    apr_status_t rv; /* first failure */
} st_buf_t;

/* Sets up an empty buffer that may hold up to `max` bytes. Allocates nothing. */
void st_buf_init(st_buf_t *buf, size_t max);

/* Frees the memory; the buffer is as after st_buf_init. */
void st_buf_free(st_buf_t *buf);

/* Empties the buffer and forgets a failure; keeps the memory. */
void st_buf_clear(st_buf_t *buf);

/* Makes room for `more` bytes and returns where they go; the caller then adds to len what
 * it wrote. NULL on failure, which sticks. */
char *st_buf_reserve(st_buf_t *buf, size_t more);

/* Appends. Failure sticks. */
void st_buf_add(st_buf_t *buf, const void *bytes, size_t len);
void st_buf_add_str(st_buf_t *buf, const char *str);
void st_buf_add_char(st_buf_t *buf, char c);

/* @return APR_SUCCESS, APR_ENOMEM, or ST_E_LIMIT, whichever came first. */
apr_status_t st_buf_status(const st_buf_t *buf);

#define st_buf_add_lit(buf, lit) st_buf_add((buf), "" lit, sizeof(lit) - 1)

#endif /* ST_BUF_H */

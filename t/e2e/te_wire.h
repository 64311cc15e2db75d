/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_WIRE_H
#define TE_WIRE_H

/* The server side of HTTP/1.1 on one connection: reads requests with their bodies
 * (Content-Length or chunked, gzip undone) and writes bytes. For the fake servers of the
 * tests; strict, because a client that errs should be found out. */

#include <stdatomic.h>
#include <stddef.h>

#include "st_buf.h"
#include "st_clock.h"

/* One request as it came. malloc'd, owned by who got it. */
typedef struct te_message_t {
    char *head; /* request line and headers, zero-terminated */
    char *method;
    char *path;      /* the request target */
    char *body;      /* de-chunked and inflated, zero-terminated */
    size_t len;      /* of body */
    size_t sent_len; /* bytes of the body as they were sent */
    int connection;  /* number of the connection it came on, from 1 */
    st_ns_t at;      /* monotonic time when it had come */
    int status;      /* what it was answered with; 0: nothing */
    int accepted;    /* 1: answered 200 */
} te_message_t;

typedef struct te_wire_t {
    int fd;
    const atomic_int *stop; /* not 0: reading ends */
    st_buf_t in;
    size_t at;       /* consumed bytes of in */
    int closed;      /* 1: the peer has closed */
    const char *why; /* what was wrong with the last request, or NULL */
} te_wire_t;

/* Sets up a connection on `fd`, which stays the caller's. */
void te_wire_init(te_wire_t *wire, int fd, const atomic_int *stop);

/* Frees the buffer. */
void te_wire_free(te_wire_t *wire);

/* Reads the next request; answers 100-continue by itself.
 * @return the request, or NULL: the peer closed, `stop` was set, or it was malformed and
 *         wire->why says how. */
te_message_t *te_wire_read(te_wire_t *wire);

/* Sends all bytes. @return 0 when the peer is gone. */
int te_wire_write(te_wire_t *wire, const char *bytes, size_t len);

/* Frees a message. */
void te_message_free(te_message_t *message);

/* Copies the value of a header to `out`. @return out, or NULL when the header is absent. */
const char *te_message_header(const te_message_t *message, const char *name, char *out,
                              size_t size);

#endif /* TE_WIRE_H */

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_HTTP_H
#define TE_HTTP_H

/* Requests of a well-behaved client. One client keeps its connection between requests. */

#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>

/* HTTP/2 is with prior knowledge over http, negotiated over https. */
typedef enum { TE_HTTP_1_1 = 0, TE_HTTP_1_0, TE_HTTP_2 } te_http_version_t;

typedef struct te_request_t {
    const char *method; /* NULL: GET */
    const char *path;   /* sent as it stands; with scheme and host: the whole URL */
    const char *const *headers; /* "Name: value", NULL-terminated; or NULL */
    const char *body;           /* NULL: none */
    size_t body_len;            /* 0: body is a string */
    const char *user;           /* "name:password" for basic auth, or NULL */
    te_http_version_t version;
    int fresh;  /* 1: on a new connection */
    int digest; /* 1: the body is not kept but inflated and summed up */
} te_request_t;

typedef struct te_reply_t {
    int status;            /* 0: no answer */
    const char *why;       /* libcurl's words when there was none, or it was cut */
    const char *head;      /* status line and headers */
    const char *body;      /* zero-terminated; "" with digest */
    size_t len;            /* bytes received */
    uint64_t inflated_len; /* digest: bytes after decompression, if it was compressed */
    uint32_t crc;          /* digest: CRC-32 of those */
} te_reply_t;

typedef struct te_client_t te_client_t;

/* A client of 127.0.0.1:port. It and its replies live in pool. */
te_client_t *te_client_create(int port, apr_pool_t *pool);

/* Closes the client's connection, if it keeps one. */
void te_client_disconnect(te_client_t *client);

/* Trusts the certificates in `file` for https URLs. Without it none are trusted. */
void te_client_ca_set(te_client_t *client, const char *file);

/* Sends a request and waits for the whole answer. @return the reply, never NULL. */
const te_reply_t *te_client_do(te_client_t *client, const te_request_t *request);

/* GET of `path`. */
const te_reply_t *te_client_get(te_client_t *client, const char *path);

/* The value of a response header of the last response, in pool; NULL when absent. */
const char *te_reply_header(const te_reply_t *reply, const char *name, apr_pool_t *pool);

#endif /* TE_HTTP_H */

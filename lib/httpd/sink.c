/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for Sentry's envelope endpoint
 * (https://develop.sentry.dev/sdk/foundations/envelopes/). */
#include "mst_sink.h"

#include "st_buf.h"
#include "st_envelope.h"
#include "st_file.h"
#include "st_inflate.h"
#include <http_protocol.h>
#include <jansson.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define BODY_BYTES_MAX ((size_t)20 * 1024 * 1024)
#define READ_BYTES     8192
#define FILE_MODE      0640
#define ID_HEX         32
#define ID_NONE        "00000000000000000000000000000000"

static int answer(request_rec *r, int status, const char *key, const char *value)
{
    /* A reason may quote what was no UTF-8: that does not make JSON. */
    json_t *json = json_pack("{s:s}", key, value);
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    r->status = status;
    ap_set_content_type(r, "application/json");
    ap_rputs(text != NULL ? text : "{\"detail\":\"malformed envelope\"}", r);
    free(text);
    return OK;
}

static int refuse(request_rec *r, int status, const char *why)
{
    return answer(r, status, "detail", why);
}

/* Refuses before the body was read: it is not worth reading, so the connection goes. */
static int refuse_unread(request_rec *r, int status, const char *why)
{
    r->connection->keepalive = AP_CONN_CLOSE;
    return refuse(r, status, why);
}

static int addr_is_loopback(const apr_sockaddr_t *addr)
{
    if (addr == NULL) {
        return 0;
    }
    switch (addr->family) {
    case APR_INET:
        return ntohl(addr->sa.sin.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
#if APR_HAVE_IPV6
    case APR_INET6: {
        const struct in6_addr *in6 = &addr->sa.sin6.sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(in6) ||
               (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == IN_LOOPBACKNET);
    }
#endif
#if APR_HAVE_SOCKADDR_UN
    case APR_UNIX:
        return 1;
#endif
    default:
        return 0;
    }
}

static int peer_is_this_machine(const request_rec *r)
{
    return addr_is_loopback(r->connection->client_addr) &&
           addr_is_loopback(r->useragent_addr);
}

/* @return 1 when the body has to be unpacked, 0 when not, -1 when it cannot be. */
static int body_is_packed(const request_rec *r)
{
    const char *encoding = apr_table_get(r->headers_in, "Content-Encoding");
    if (encoding == NULL || encoding[0] == '\0' ||
        strcasecmp(encoding, "identity") == 0) {
        return 0;
    }
    if (strcasecmp(encoding, "gzip") == 0 || strcasecmp(encoding, "x-gzip") == 0 ||
        strcasecmp(encoding, "deflate") == 0) {
        return 1;
    }
    return -1;
}

static apr_status_t body_free(void *body)
{
    st_buf_free(body);
    return APR_SUCCESS;
}

static st_buf_t *body_create(request_rec *r)
{
    st_buf_t *body = apr_palloc(r->pool, sizeof(*body));
    st_buf_init(body, BODY_BYTES_MAX);
    apr_pool_cleanup_register(r->pool, body, body_free, apr_pool_cleanup_null);
    return body;
}

/* @return 200; the HTTP status when the body cannot be had. */
static int body_read(request_rec *r, st_buf_t *body)
{
    int status = ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK);
    if (status != OK) {
        return status;
    }
    if (r->remaining > (apr_off_t)BODY_BYTES_MAX) {
        return HTTP_REQUEST_ENTITY_TOO_LARGE;
    }
    if (!ap_should_client_block(r)) {
        return HTTP_OK;
    }
    char bytes[READ_BYTES];
    long n = ap_get_client_block(r, bytes, sizeof(bytes));
    while (n > 0 && st_buf_status(body) == APR_SUCCESS) {
        st_buf_add(body, bytes, (apr_size_t)n);
        n = ap_get_client_block(r, bytes, sizeof(bytes));
    }
    if (n < 0) {
        return HTTP_BAD_REQUEST;
    }
    return st_buf_status(body) == APR_SUCCESS ? HTTP_OK : HTTP_REQUEST_ENTITY_TOO_LARGE;
}

/* @return 200; 400; 413; 500 without memory. */
static int body_unpack(st_buf_t *unpacked, const st_buf_t *packed)
{
    apr_status_t rv = st_inflate(unpacked, packed->data, packed->len);
    switch (rv) {
    case APR_SUCCESS:
        return HTTP_OK;
    case ST_E_LIMIT:
        return HTTP_REQUEST_ENTITY_TOO_LARGE;
    case ST_E_MALFORMED:
        return HTTP_BAD_REQUEST;
    default:
        return HTTP_INTERNAL_SERVER_ERROR;
    }
}

/* @return the envelope, which is all of the body, or NULL and why not. */
static st_envelope_t *envelope_of(const st_buf_t *body, const char **pwhy,
                                  apr_pool_t *pool)
{
    st_envelope_t *envelope = NULL;
    apr_status_t rv = st_envelope_parse(&envelope, pwhy, body->data, body->len, pool);
    if (rv == APR_EOF) {
        *pwhy = "the body is empty";
    }
    if (rv != APR_SUCCESS) {
        return NULL;
    }
    if (envelope->used != body->len) {
        *pwhy = "something follows the envelope: an item header without \"type\", or a "
                "second "
                "envelope";
        return NULL;
    }
    rv = st_envelope_validate(envelope, pwhy, pool);
    return rv == APR_SUCCESS ? envelope : NULL;
}

/* In the file another envelope follows, so the newline that may be missing at the end of a body
 * is needed. A payload with a length may end in a newline that is not that one. */
static int lacks_newline(const st_envelope_t *envelope, const st_buf_t *body)
{
    if (envelope->item_count == 0) {
        return body->data[body->len - 1] != '\n';
    }
    const st_envelope_item_t *last = &envelope->items[envelope->item_count - 1];
    return last->payload + last->len == body->data + body->len;
}

static const char *event_id(const st_envelope_t *envelope)
{
    const char *id = json_string_value(json_object_get(envelope->header, "event_id"));
    return id != NULL && strspn(id, "0123456789abcdef") == ID_HEX && id[ID_HEX] == '\0'
               ? id
               : ID_NONE;
}

static int store(request_rec *r, const char *path, const st_envelope_t *envelope,
                 st_buf_t *body)
{
    if (lacks_newline(envelope, body)) {
        st_buf_add_char(body, '\n');
    }
    apr_status_t rv = st_buf_status(body);
    if (rv == ST_E_LIMIT) {
        return refuse(r, HTTP_REQUEST_ENTITY_TOO_LARGE, "the envelope is over 20 MB");
    }
    if (rv == APR_SUCCESS) {
        rv = st_file_append(path, body->data, body->len, FILE_MODE);
    }
    if (rv == APR_SUCCESS) {
        return answer(r, HTTP_OK, "id", event_id(envelope));
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r, "ST0202: cannot append an envelope to %s",
                  path);
    int is_full = rv == ENOSPC || rv == EDQUOT || rv == EFBIG;
    return refuse(r, is_full ? HTTP_INSUFFICIENT_STORAGE : HTTP_INTERNAL_SERVER_ERROR,
                  is_full ? "no room for the envelope"
                          : "the envelope could not be stored");
}

static int refuse_body(request_rec *r, int status)
{
    switch (status) {
    case HTTP_REQUEST_ENTITY_TOO_LARGE:
        return refuse_unread(r, status, "the envelope is over 20 MB");
    case HTTP_BAD_REQUEST:
        return refuse_unread(r, status, "the body cannot be read or unpacked");
    default:
        return refuse_unread(r, status, "the body cannot be read");
    }
}

static int take(request_rec *r, const char *path, int is_packed)
{
    st_buf_t *body = body_create(r);
    int status = body_read(r, body);
    if (status == HTTP_OK && is_packed) {
        st_buf_t *unpacked = body_create(r);
        status = body_unpack(unpacked, body);
        st_buf_free(body);
        body = unpacked;
    }
    if (status != HTTP_OK) {
        return refuse_body(r, status);
    }
    const char *why = NULL;
    st_envelope_t *envelope = envelope_of(body, &why, r->pool);
    if (envelope == NULL) {
        /* Without the status: httpd has no text for the core's own codes. */
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "ST0203: refused an envelope: %s",
                      why);
        return refuse(r, HTTP_BAD_REQUEST, why);
    }
    return store(r, path, envelope, body);
}

int mst_sink_handle(request_rec *r, const char *path, int loopback_only)
{
    if (loopback_only && !peer_is_this_machine(r)) {
        return refuse_unread(r, HTTP_FORBIDDEN, "only this machine may send here");
    }
    if (r->method_number != M_POST) {
        apr_table_setn(r->headers_out, "Allow", "POST");
        return refuse_unread(r, HTTP_METHOD_NOT_ALLOWED, "envelopes come by POST");
    }
    if (path == NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "ST0201: the sink has no file to write to: SentryTraceSinkFile is "
                      "missing");
        return refuse_unread(r, HTTP_INTERNAL_SERVER_ERROR, "the sink has no file");
    }
    int is_packed = body_is_packed(r);
    if (is_packed < 0) {
        return refuse_unread(r, HTTP_UNSUPPORTED_MEDIA_TYPE,
                             "Content-Encoding may be gzip, deflate or identity");
    }
    return take(r, path, is_packed);
}

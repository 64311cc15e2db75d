/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of a well-behaved client, by libcurl. */

#include "te_http.h"
#include "te_wait.h"

#include <check.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include <apr_strings.h>

#include "st_buf.h"

#define BODY_MAX ((size_t)256 << 20)

struct te_client_t {
    apr_pool_t *pool;
    CURL *curl;
    int port;
    const char *ca_file;
};

/* One transfer. */
typedef struct transfer_t {
    st_buf_t head;
    st_buf_t body;
    int digest;
    int inflating; /* 1: zlib is set up */
    z_stream zlib;
    te_reply_t *reply;
} transfer_t;

void te_client_disconnect(te_client_t *client)
{
    curl_easy_cleanup(client->curl);
    client->curl = curl_easy_init();
    ck_assert_ptr_nonnull(client->curl);
}

static apr_status_t client_cleanup(void *baton)
{
    te_client_t *client = baton;
    curl_easy_cleanup(client->curl);
    return APR_SUCCESS;
}

te_client_t *te_client_create(int port, apr_pool_t *pool)
{
    te_client_t *client = apr_pcalloc(pool, sizeof(*client));
    client->pool = pool;
    client->port = port;
    client->curl = curl_easy_init();
    ck_assert_ptr_nonnull(client->curl);
    apr_pool_cleanup_register(pool, client, client_cleanup, apr_pool_cleanup_null);
    return client;
}

void te_client_ca_set(te_client_t *client, const char *file)
{
    client->ca_file = file;
}

static size_t take_head(char *bytes, size_t size, size_t count, void *baton)
{
    transfer_t *transfer = baton;
    if (count > 5 && memcmp(bytes, "HTTP/", 5) == 0) {
        st_buf_clear(&transfer->head); /* 100 Continue came before */
    }
    st_buf_add(&transfer->head, bytes, size * count);
    return size * count;
}

static void digest_plain(te_reply_t *reply, const void *bytes, size_t len)
{
    reply->inflated_len += len;
    reply->crc = (uint32_t)crc32(reply->crc, bytes, (uInt)len);
}

/* @return 0 when the compressed stream is broken. */
static int digest_inflated(transfer_t *transfer, const void *bytes, size_t len)
{
    Bytef out[16384];
    transfer->zlib.next_in = (Bytef *)bytes;
    transfer->zlib.avail_in = (uInt)len;
    do {
        transfer->zlib.next_out = out;
        transfer->zlib.avail_out = sizeof(out);
        int rc = inflate(&transfer->zlib, Z_NO_FLUSH);
        digest_plain(transfer->reply, out, sizeof(out) - transfer->zlib.avail_out);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
            return 0;
        }
    } while (transfer->zlib.avail_out == 0);
    return 1;
}

static int digest(transfer_t *transfer, const char *bytes, size_t len)
{
    if (transfer->reply->len == 0 && len > 1 && memcmp(bytes, "\x1f\x8b", 2) == 0) {
        transfer->inflating = inflateInit2(&transfer->zlib, 15 + 16) == Z_OK;
    }
    if (transfer->inflating) {
        return digest_inflated(transfer, bytes, len);
    }
    digest_plain(transfer->reply, bytes, len);
    return 1;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *baton)
{
    transfer_t *transfer = baton;
    size_t len = size * count;
    if (!transfer->digest) {
        st_buf_add(&transfer->body, bytes, len);
    } else if (!digest(transfer, bytes, len)) {
        return 0; /* stops the transfer */
    }
    transfer->reply->len += len;
    return len;
}

static void set_version(CURL *curl, const te_request_t *request)
{
    static const long versions[] = {CURL_HTTP_VERSION_1_1, CURL_HTTP_VERSION_1_0,
                                    CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE};
    int tls = strncmp(request->path, "https:", 6) == 0;
    long version = tls && request->version == TE_HTTP_2 ? CURL_HTTP_VERSION_2TLS
                                                        : versions[request->version];
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, version);
}

static void set_request(te_client_t *client, const te_request_t *request)
{
    CURL *curl = client->curl;
    const char *url = request->path;
    if (url[0] == '/') {
        url = apr_psprintf(client->pool, "http://127.0.0.1:%d%s", client->port, url);
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    const char *method = request->method != NULL ? request->method : "GET";
    if (request->body != NULL) {
        size_t len = request->body_len > 0 ? request->body_len : strlen(request->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    }
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    }
    if (request->user != NULL) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERPWD, request->user);
    }
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, request->fresh ? 1L : 0L);
    set_version(curl, request);
}

static void set_transfer(te_client_t *client, transfer_t *transfer)
{
    CURL *curl = client->curl;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TE_PATIENCE_SEC);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "te-client/1.0");
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_CAPATH, "/nonexistent");
    if (client->ca_file != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca_file);
    }
}

static void perform(te_client_t *client, transfer_t *transfer)
{
    CURLcode code = curl_easy_perform(client->curl);
    long status = 0;
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    te_reply_t *reply = transfer->reply;
    reply->status = (int)status;
    reply->why = code != CURLE_OK ? curl_easy_strerror(code) : NULL;
    reply->head = apr_pstrmemdup(client->pool,
                                 transfer->head.data != NULL ? transfer->head.data : "",
                                 transfer->head.len);
    reply->body = apr_pstrmemdup(client->pool,
                                 transfer->body.data != NULL ? transfer->body.data : "",
                                 transfer->body.len);
}

const te_reply_t *te_client_do(te_client_t *client, const te_request_t *request)
{
    transfer_t transfer = {.digest = request->digest,
                           .reply = apr_pcalloc(client->pool, sizeof(te_reply_t))};
    st_buf_init(&transfer.head, BODY_MAX);
    st_buf_init(&transfer.body, BODY_MAX);
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    for (int i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
        headers = curl_slist_append(headers, request->headers[i]);
    }
    curl_easy_reset(client->curl);
    set_request(client, request);
    set_transfer(client, &transfer);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
    perform(client, &transfer);
    curl_slist_free_all(headers);
    if (transfer.inflating) {
        inflateEnd(&transfer.zlib);
    }
    st_buf_free(&transfer.head);
    st_buf_free(&transfer.body);
    return transfer.reply;
}

const te_reply_t *te_client_get(te_client_t *client, const char *path)
{
    return te_client_do(client, &(te_request_t){.path = path});
}

const char *te_reply_header(const te_reply_t *reply, const char *name, apr_pool_t *pool)
{
    size_t name_len = strlen(name);
    const char *line = strchr(reply->head, '\n');
    while (line != NULL) {
        line++;
        if (strncasecmp(line, name, name_len) == 0 && line[name_len] == ':') {
            const char *value = line + name_len + 1;
            value += strspn(value, " ");
            return apr_pstrmemdup(pool, value, strcspn(value, "\r\n"));
        }
        line = strchr(line, '\n');
    }
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Transport over http(s): one curl multi handle, easy handles that are used again and again.
 *
 * Nothing here blocks but curl_multi_poll: names are resolved by curl's own thread, so a call
 * is broken off by taking its handle out of the multi, at any time. */
#include "st_transport.h"

#include <apr_strings.h>
#include <curl/curl.h>

#include "answer_head.h"
#include "gzip.h"
#include "st_buf.h"

/* In flight at most: connections per endpoint, and over all endpoints (an endpoint always
 * gets one); over HTTP/2 streams, of which common servers allow 100 on a connection. */
#define CONNECTIONS_MAX       8
#define CONNECTIONS_TOTAL_MAX 64
#define STREAMS_MAX           100

/* Bodies above this are compressed, as the JavaScript SDK does; below, the bytes saved cost
 * more than they are worth. */
#define GZIP_FROM (32 * 1024)

#define RESPONSE_MAX (64 * 1024)   /* bytes of an answer's body that are read */
#define READ_MAX     2048          /* of them at a time; curl allocates it per request */
#define KEEP_MAX     (1024 * 1024) /* bytes of a buffer that is kept for the next call */
#define POLL_MS_MAX  (600 * 1000)
#define TIMEOUT_MS   30000 /* when the destination says none */

typedef struct curl_endpoint_t {
    CURLU *url; /* parsed once: curl spends a tenth of a request on parsing it */
    int in_flight;
    int multiplexed; /* 1: its last answer came over HTTP/2 */
    int plain_only;  /* 1: it refused a compressed body */
    struct curl_slist *headers;
    struct curl_slist *headers_gzip;
} curl_endpoint_t;

/* One easy handle and what it does now. */
typedef struct curl_call_t {
    struct curl_call_t *prev; /* among those in flight */
    struct curl_call_t *next; /* among those in flight, or those idle */
    CURL *easy;
    const st_dest_t *dest; /* it is set up for; NULL: for none */
    void *parcel;
    size_t received;
    int gzipped;
    st_buf_t packed;
    st_answer_head_t head;
    char detail[CURL_ERROR_SIZE];
} curl_call_t;

typedef struct curl_transport_t {
    st_transport_t base;
    apr_pool_t *pool;
    CURLM *multi;
    int endpoint_count;
    curl_endpoint_t *endpoints;
    int connections_max; /* per endpoint */
    int answered;        /* answers given in the current drive */
    curl_call_t *flying;
    curl_call_t *idle;
} curl_transport_t;

static curl_transport_t *curl_of(const st_transport_t *transport)
{
    return (curl_transport_t *)transport;
}

/* The body of an answer says nothing that is needed; it is read so that the connection can be
 * used again, unless there is too much of it. */
static size_t on_body(char *bytes, size_t size, size_t count, void *baton)
{
    curl_call_t *call = baton;
    call->received += size * count;
    return call->received <= RESPONSE_MAX ? size * count : 0;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *baton)
{
    curl_call_t *call = baton;
    st_answer_head_line(&call->head, bytes, size * count);
    return size * count;
}

static CURLcode set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
}

/* A resolver that hangs must not hold up a stop: its thread is left to itself. */
static CURLcode set_quick_exit(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075700
    return curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#else
    return CURLE_OK;
#endif
}

static long timeout_ms(const st_dest_t *dest)
{
    apr_interval_time_t ms = dest->timeout / 1000;
    return ms > 0 ? (long)ms : TIMEOUT_MS;
}

/* Whether HTTP/2 may be negotiated, so that it pays to wait for the first connection to tell. A
 * plain one is HTTP/1.1: curl would let the others wait until its first call is over, and count
 * that as time they took. */
static int is_tls(const st_dest_t *dest)
{
    return strcmp(dest->dsn->scheme, "https") == 0;
}

/* Sets an option unless one before it failed. */
#define SET(result, easy, option, value)                                                 \
    do {                                                                                 \
        if ((result) == CURLE_OK) {                                                      \
            (result) = curl_easy_setopt((easy), (option), (value));                      \
        }                                                                                \
    } while (0)

/* Sets whom to believe about certificates. Where a file says it, curl's default folder is left
 * out: with both (as on Debian) curl reads the file anew for each connection, which takes
 * 17 ms, instead of keeping what it has read. */
static CURLcode set_authorities(CURL *easy, const st_dest_t *dest)
{
    CURLcode result = CURLE_OK;
    const char *file = dest->ca_file;
    if (file != NULL) {
        SET(result, easy, CURLOPT_CAINFO, file);
    }
#if LIBCURL_VERSION_NUM >= 0x075400
    if (file == NULL) {
        curl_easy_getinfo(easy, CURLINFO_CAINFO, &file);
    }
#endif
    if (file != NULL) {
        /* Not every TLS library knows a folder; then there is nothing to leave out. */
        (void)curl_easy_setopt(easy, CURLOPT_CAPATH, (char *)NULL);
    }
    return result;
}

/* Sets up everything that does not change from one envelope to the next. Verification of the
 * peer, no redirects and no cookies are curl's defaults; the first is too dear to rely on. */
static CURLcode call_setup(const curl_transport_t *curl, curl_call_t *call,
                           const st_dest_t *dest)
{
    CURL *easy = call->easy;
    curl_easy_reset(easy);
    CURLcode result = set_protocols(easy);
    if (result == CURLE_OK) {
        result = set_quick_exit(easy);
    }
    SET(result, easy, CURLOPT_CURLU, curl->endpoints[dest->endpoint].url);
    SET(result, easy, CURLOPT_TIMEOUT_MS, timeout_ms(dest));
    SET(result, easy, CURLOPT_NOSIGNAL, 1L);
    SET(result, easy, CURLOPT_BUFFERSIZE, (long)READ_MAX);
    SET(result, easy, CURLOPT_PIPEWAIT, is_tls(dest) ? 1L : 0L);
    SET(result, easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(result, easy, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(result, easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(result, easy, CURLOPT_WRITEFUNCTION, on_body);
    SET(result, easy, CURLOPT_WRITEDATA, call);
    SET(result, easy, CURLOPT_HEADERFUNCTION, on_header);
    SET(result, easy, CURLOPT_HEADERDATA, call);
    SET(result, easy, CURLOPT_PRIVATE, call);
    SET(result, easy, CURLOPT_ERRORBUFFER, call->detail);
    if (result == CURLE_OK) {
        result = set_authorities(easy, dest);
    }
    call->dest = result == CURLE_OK ? dest : NULL;
    return result;
}

static curl_call_t *call_make(curl_transport_t *curl)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL) {
        return NULL;
    }
    curl_call_t *call = apr_pcalloc(curl->pool, sizeof(*call));
    call->easy = easy;
    st_buf_init(&call->packed, SIZE_MAX);
    return call;
}

/* An idle call, if possible one that is set up for `dest` already. NULL: no memory. */
static curl_call_t *call_take(curl_transport_t *curl, const st_dest_t *dest)
{
    curl_call_t **at = &curl->idle;
    while (*at != NULL && (*at)->dest != dest) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        at = &curl->idle;
    }
    curl_call_t *call = *at;
    if (call == NULL) {
        return call_make(curl);
    }
    *at = call->next;
    return call;
}

static void call_put(curl_transport_t *curl, curl_call_t *call)
{
    if (call->packed.cap > KEEP_MAX) {
        st_buf_free(&call->packed);
    }
    call->next = curl->idle;
    curl->idle = call;
}

/* Compresses what pays. When that fails the bytes go out as they are. */
static void call_pack(curl_call_t *call, const curl_endpoint_t *endpoint,
                      const char *body, size_t len)
{
    call->gzipped = 0;
    if (len > GZIP_FROM && !endpoint->plain_only) {
        st_buf_clear(&call->packed);
        apr_status_t rv = st_gzip_pack(&call->packed, body, len);
        call->gzipped = rv == APR_SUCCESS;
    }
}

static CURLcode call_load(curl_call_t *call, const curl_endpoint_t *endpoint,
                          const char *body, size_t len)
{
    call_pack(call, endpoint, body, len);
    CURLcode result = CURLE_OK;
    SET(result, call->easy, CURLOPT_POSTFIELDSIZE_LARGE,
        (curl_off_t)(call->gzipped ? call->packed.len : len));
    SET(result, call->easy, CURLOPT_POSTFIELDS, call->gzipped ? call->packed.data : body);
    SET(result, call->easy, CURLOPT_HTTPHEADER,
        call->gzipped ? endpoint->headers_gzip : endpoint->headers);
    return result;
}

static void flying_add(curl_transport_t *curl, curl_call_t *call)
{
    call->prev = NULL;
    call->next = curl->flying;
    if (curl->flying != NULL) {
        curl->flying->prev = call;
    }
    curl->flying = call;
    curl->endpoints[call->dest->endpoint].in_flight++;
}

static void flying_remove(curl_transport_t *curl, curl_call_t *call)
{
    if (call->prev != NULL) {
        call->prev->next = call->next;
    } else {
        curl->flying = call->next;
    }
    if (call->next != NULL) {
        call->next->prev = call->prev;
    }
    curl->endpoints[call->dest->endpoint].in_flight--;
}

static int curl_room(const st_transport_t *transport, const st_dest_t *dest)
{
    const curl_transport_t *curl = curl_of(transport);
    const curl_endpoint_t *endpoint = &curl->endpoints[dest->endpoint];
    int max = endpoint->multiplexed ? STREAMS_MAX : curl->connections_max;
    return max > endpoint->in_flight ? max - endpoint->in_flight : 0;
}

static apr_status_t curl_submit(st_transport_t *transport, const st_dest_t *dest,
                                const char *body, size_t len, void *parcel)
{
    curl_transport_t *curl = curl_of(transport);
    curl_call_t *call = call_take(curl, dest);
    if (call == NULL) {
        return APR_ENOMEM;
    }
    CURLcode result = call->dest == dest ? CURLE_OK : call_setup(curl, call, dest);
    if (result == CURLE_OK) {
        result = call_load(call, &curl->endpoints[dest->endpoint], body, len);
    }
    if (result != CURLE_OK) {
        call_put(curl, call);
        return APR_ENOMEM;
    }
    call->parcel = parcel;
    call->received = 0;
    call->detail[0] = '\0';
    st_answer_head_clear(&call->head);
    CURLMcode mresult = curl_multi_add_handle(curl->multi, call->easy);
    if (mresult != CURLM_OK) {
        call_put(curl, call);
        return APR_ENOMEM;
    }
    flying_add(curl, call);
    return APR_SUCCESS;
}

/* Ends a call: takes it out of the multi, gives the answer and keeps the handle. */
static void call_finish(curl_transport_t *curl, curl_call_t *call, apr_status_t rv,
                        long http_status)
{
    curl_multi_remove_handle(curl->multi, call->easy);
    flying_remove(curl, call);
    curl->answered++;
    const st_answer_t answer = {
        .parcel = call->parcel,
        .rv = rv,
        .http_status = (int)http_status,
        .at = st_clock_mono(),
        .limits = call->head.has_limits ? call->head.limits : NULL,
        .retry_after = call->head.has_retry_after ? call->head.retry_after : NULL,
        .detail = call->detail,
    };
    curl->base.answer(&answer, curl->base.baton);
    call_put(curl, call);
}

/* Remembers what an answer tells about the endpoint. */
static void endpoint_learn(curl_endpoint_t *endpoint, const curl_call_t *call,
                           long http_status)
{
    long version = CURL_HTTP_VERSION_NONE;
    curl_easy_getinfo(call->easy, CURLINFO_HTTP_VERSION, &version);
    endpoint->multiplexed = version >= CURL_HTTP_VERSION_2_0;
    if (http_status == 415 && call->gzipped) {
        endpoint->plain_only = 1;
    }
}

/* A final status is the answer, even when the connection broke while its body was read: the
 * server has decided. */
static void call_done(curl_transport_t *curl, CURL *easy, CURLcode result)
{
    char *private = NULL;
    long http_status = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &http_status);
    curl_call_t *call = (curl_call_t *)private;
    if (http_status >= 200) {
        endpoint_learn(&curl->endpoints[call->dest->endpoint], call, http_status);
        call_finish(curl, call, APR_SUCCESS, http_status);
        return;
    }
    if (call->detail[0] == '\0') {
        apr_cpystrn(call->detail, curl_easy_strerror(result), sizeof(call->detail));
    }
    call_finish(curl, call, ST_E_NETWORK, 0);
}

static CURLMcode perform(curl_transport_t *curl)
{
    int running;
    CURLMcode mresult = curl_multi_perform(curl->multi, &running);
    int left;
    CURLMsg *msg = curl_multi_info_read(curl->multi, &left);
    while (msg != NULL) {
        if (msg->msg == CURLMSG_DONE) {
            call_done(curl, msg->easy_handle, msg->data.result);
        }
        msg = curl_multi_info_read(curl->multi, &left);
    }
    return mresult;
}

static int poll_ms(st_ns_t timeout)
{
    st_ns_t ms = (timeout + ST_NS_PER_MS - 1) / ST_NS_PER_MS;
    return timeout < 0 || ms > POLL_MS_MAX ? POLL_MS_MAX : (int)ms;
}

static apr_status_t curl_drive(st_transport_t *transport, int wake_fd, st_ns_t timeout,
                               int *pwoken)
{
    curl_transport_t *curl = curl_of(transport);
    *pwoken = 0;
    curl->answered = 0;
    CURLMcode mresult = curl->flying != NULL ? perform(curl) : CURLM_OK;
    if (mresult == CURLM_OK && curl->answered == 0) {
        struct curl_waitfd wake = {.fd = wake_fd, .events = CURL_WAIT_POLLIN};
        mresult = curl_multi_poll(curl->multi, &wake, 1, poll_ms(timeout), NULL);
        *pwoken = (wake.revents & CURL_WAIT_POLLIN) != 0;
        if (mresult == CURLM_OK && curl->flying != NULL) {
            mresult = perform(curl);
        }
    }
    return mresult == CURLM_OK ? APR_SUCCESS : APR_EGENERAL;
}

static void curl_abort(st_transport_t *transport)
{
    curl_transport_t *curl = curl_of(transport);
    while (curl->flying != NULL) {
        curl_call_t *call = curl->flying;
        apr_cpystrn(call->detail, "given up", sizeof(call->detail));
        call_finish(curl, call, APR_EINTR, 0);
    }
}

static void curl_destroy(st_transport_t *transport)
{
    curl_transport_t *curl = curl_of(transport);
    for (curl_call_t *call = curl->idle; call != NULL; call = call->next) {
        curl_easy_cleanup(call->easy);
        st_buf_free(&call->packed);
    }
    curl_multi_cleanup(curl->multi);
    for (int i = 0; i < curl->endpoint_count; i++) {
        curl_url_cleanup(curl->endpoints[i].url); /* NULL is fine */
    }
    curl_global_cleanup();
}

/* Puts a header before `next`; "Name:" with nothing after it keeps curl from sending its own.
 * curl only reads the list. */
static struct curl_slist *header_push(char *line, struct curl_slist *next,
                                      apr_pool_t *pool)
{
    struct curl_slist *node = apr_palloc(pool, sizeof(*node));
    *node = (struct curl_slist){.data = line, .next = next};
    return node;
}

/* https://develop.sentry.dev/sdk/foundations/transport/authentication/ */
static void endpoint_headers(curl_endpoint_t *endpoint, const st_dsn_t *dsn,
                             const char *user_agent, apr_pool_t *pool)
{
    static char content_type[] = "Content-Type: application/x-sentry-envelope";
    static char content_encoding[] = "Content-Encoding: gzip";
    static char no_expect[] = "Expect:";
    static char no_accept[] = "Accept:";
    char *agent = apr_pstrcat(pool, "User-Agent: ", user_agent, NULL);
    char *auth = apr_psprintf(
        pool,
        "X-Sentry-Auth: Sentry sentry_version=7, sentry_client=%s, sentry_key=%s%s%s",
        user_agent, dsn->public_key, dsn->secret != NULL ? ", sentry_secret=" : "",
        dsn->secret != NULL ? dsn->secret : "");
    struct curl_slist *headers = header_push(no_accept, NULL, pool);
    headers = header_push(no_expect, headers, pool);
    headers = header_push(auth, headers, pool);
    headers = header_push(content_type, headers, pool);
    endpoint->headers = header_push(agent, headers, pool);
    endpoint->headers_gzip = header_push(content_encoding, endpoint->headers, pool);
}

/* @return APR_SUCCESS; APR_EINVAL when curl does not take the URL; APR_ENOMEM. */
static apr_status_t endpoint_url(curl_endpoint_t *endpoint, const char *text)
{
    endpoint->url = curl_url();
    if (endpoint->url == NULL) {
        return APR_ENOMEM;
    }
    CURLUcode result = curl_url_set(endpoint->url, CURLUPART_URL, text, 0);
    return result == CURLUE_OK ? APR_SUCCESS : APR_EINVAL;
}

static int connections_for(int endpoint_count)
{
    int share = endpoint_count > 0 ? CONNECTIONS_TOTAL_MAX / endpoint_count : 1;
    if (share < 1) {
        return 1;
    }
    return share < CONNECTIONS_MAX ? share : CONNECTIONS_MAX;
}

/* By default curl keeps four times as many connections as calls are in flight, which is
 * hardly any whenever a burst ends. */
static void connections_setup(curl_transport_t *curl)
{
    int used = 0;
    for (int i = 0; i < curl->endpoint_count; i++) {
        used += curl->endpoints[i].url != NULL;
    }
    curl->connections_max = connections_for(used);
    curl_multi_setopt(curl->multi, CURLMOPT_MAXCONNECTS,
                      (long)curl->connections_max * (used > 0 ? used : 1));
}

static apr_status_t endpoints_setup(curl_transport_t *curl, const st_dest_table_t *dests,
                                    const char *user_agent)
{
    size_t count = (size_t)dests->endpoint_count;
    curl->endpoint_count = dests->endpoint_count;
    curl->endpoints = apr_pcalloc(curl->pool, count * sizeof(*curl->endpoints));
    for (int i = 0; i < dests->count; i++) {
        const st_dsn_t *dsn = dests->dests[i].dsn;
        if (dsn == NULL || dsn->kind != ST_DSN_HTTP) {
            continue;
        }
        curl_endpoint_t *endpoint = &curl->endpoints[dests->dests[i].endpoint];
        if (endpoint->url != NULL) {
            continue;
        }
        apr_status_t rv = endpoint_url(endpoint, dsn->url);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        endpoint_headers(endpoint, dsn, user_agent, curl->pool);
    }
    return APR_SUCCESS;
}

apr_status_t st_curl_create(st_transport_t **ptransport, const st_dest_table_t *dests,
                            const char *user_agent, apr_pool_t *pool)
{
    static const st_transport_ops_t ops = {
        .room = curl_room,
        .submit = curl_submit,
        .drive = curl_drive,
        .abort = curl_abort,
        .destroy = curl_destroy,
    };
    CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (result != CURLE_OK) {
        return result == CURLE_OUT_OF_MEMORY ? APR_ENOMEM : APR_EGENERAL;
    }
    curl_transport_t *curl = apr_pcalloc(pool, sizeof(*curl));
    curl->base.ops = &ops;
    curl->pool = pool;
    curl->multi = curl_multi_init();
    apr_status_t rv = endpoints_setup(curl, dests, user_agent);
    if (rv == APR_SUCCESS && curl->multi == NULL) {
        rv = APR_ENOMEM;
    }
    if (rv != APR_SUCCESS) {
        curl_destroy(&curl->base);
        return rv;
    }
    connections_setup(curl);
    *ptransport = &curl->base;
    return APR_SUCCESS;
}

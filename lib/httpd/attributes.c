/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a request. Keys: include/st_attr.h; rules: docs/wire.md. */
#include "mst_attributes.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <mod_ssl.h>
#include <string.h>
#include "mst_config.h"
#include "mst_headers.h"
#include "mst_own_attr.h"
#include "st_queue_time.h"

static void add_name(mst_req_t *req)
{
    mst_name_finish(req);
    st_segment_attr_str(req->seg, ST_ATTR_HTTP_ROUTE, req->route);
    st_segment_attr_str(req->seg, ST_ATTR_SENTRY_SEGMENT_NAME_SOURCE,
                        req->seg->name_source);
}

/* The port that the client asked for; behind a port mapping that is not the one we listen on.
 * With UseCanonicalName the server's word counts. */
static apr_port_t url_port(const request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    if (r->hostname == NULL || core->use_canonical_name == USE_CANONICAL_NAME_ON) {
        return ap_get_server_port(r);
    }
    return r->parsed_uri.port_str != NULL ? r->parsed_uri.port : ap_default_port(r);
}

static void add_url(st_segment_t *seg, request_rec *r)
{
    const char *path = mst_name_path(r);
    const char *query = r->parsed_uri.query;
    const char *scheme = ap_http_scheme(r);
    st_segment_attr_str(seg, ST_ATTR_URL_SCHEME, scheme);
    if (path == NULL) {
        return; /* the request line could not be read */
    }
    const st_collect_t *rule = mst_conf_collect(r, MST_COLLECT_QUERY);
    if (rule->mode == ST_COLLECT_OFF) {
        query = NULL;
    } else if (query != NULL && query[0] != '\0') {
        query = st_collect_query(rule, query, seg->pool);
        st_segment_attr_str(seg, ST_ATTR_URL_QUERY, query);
    }
    st_segment_attr_str(seg, ST_ATTR_URL_PATH, path);
    if (path[0] != '/') {
        return; /* "*" or an authority: no URL */
    }
    const char *host = ap_get_server_name_for_url(r);
    apr_port_t port = url_port(r);
    const char *authority =
        ap_is_default_port(port, r) ? host : apr_psprintf(seg->pool, "%s:%u", host, port);
    st_segment_attr_str(seg, ST_ATTR_URL_FULL,
                        apr_pstrcat(seg->pool, scheme, "://", authority, path,
                                    query != NULL ? "?" : "", query, NULL));
}

static void add_server(st_segment_t *seg, request_rec *r)
{
    const char *host = r->hostname != NULL ? r->hostname : r->server->server_hostname;
    st_segment_attr_str(seg, ST_ATTR_SERVER_ADDRESS, host);
    st_segment_attr_int(seg, ST_ATTR_SERVER_PORT, ap_get_server_port(r));
}

static void add_network(st_segment_t *seg, const request_rec *r)
{
    const conn_rec *c = r->connection;
    const char *slash = r->protocol != NULL ? strchr(r->protocol, '/') : NULL;
    int family = c->local_addr != NULL ? c->local_addr->family : APR_UNSPEC;
    st_segment_attr_str(seg, ST_ATTR_NETWORK_PROTOCOL_NAME, "http");
    if (slash != NULL) {
        /* "HTTP/2.0" is version 2 for everybody else. */
        const char *version = strcmp(slash, "/2.0") == 0 ? "2" : slash + 1;
        st_segment_attr_str(seg, ST_ATTR_NETWORK_PROTOCOL_VERSION, version);
    }
    if (family == APR_INET || family == APR_INET6) {
        st_segment_attr_str(seg, ST_ATTR_NETWORK_TRANSPORT, "tcp");
        st_segment_attr_str(seg, ST_ATTR_NETWORK_TYPE,
                            family == APR_INET ? "ipv4" : "ipv6");
        st_segment_attr_str(seg, ST_ATTR_NETWORK_LOCAL_ADDRESS, c->local_ip);
        st_segment_attr_int(seg, ST_ATTR_NETWORK_LOCAL_PORT, c->local_addr->port);
    } else {
        st_segment_attr_str(seg, ST_ATTR_NETWORK_TRANSPORT, "unix");
    }
}

static void add_personal_str(st_segment_t *seg, const st_collect_t *rule,
                             st_attr_key_t key, const char *value)
{
    if (st_collect_keeps(rule, st_str(st_attr_key_text(key)))) {
        st_segment_attr_str(seg, key, value);
    }
}

static void add_personal_int(st_segment_t *seg, const st_collect_t *rule,
                             st_attr_key_t key, int64_t value)
{
    if (st_collect_keeps(rule, st_str(st_attr_key_text(key)))) {
        st_segment_attr_int(seg, key, value);
    }
}

/* The client's addresses and name: only what the operator asked for. Who the client is, behind
 * proxies, is mod_remoteip's to say, which knows whose headers to believe. A filtered address
 * would be no address: what is not kept is left out. */
static void add_personal(st_segment_t *seg, const request_rec *r)
{
    const st_collect_t *rule = mst_conf_collect(r, MST_COLLECT_USER);
    const conn_rec *c = r->connection;
    if (rule->mode == ST_COLLECT_OFF) {
        return;
    }
    add_personal_str(seg, rule, ST_ATTR_CLIENT_ADDRESS, r->useragent_ip);
    add_personal_str(seg, rule, ST_ATTR_USER_IP_ADDRESS, r->useragent_ip);
    add_personal_str(seg, rule, ST_ATTR_USER_NAME, r->user);
    add_personal_str(seg, rule, ST_ATTR_NETWORK_PEER_ADDRESS, c->client_ip);
    if (c->client_addr != NULL) {
        add_personal_int(seg, rule, ST_ATTR_NETWORK_PEER_PORT, c->client_addr->port);
    }
    /* A forwarded client's port is not known. */
    if (r->useragent_addr != NULL && r->useragent_addr == c->client_addr) {
        add_personal_int(seg, rule, ST_ATTR_CLIENT_PORT, r->useragent_addr->port);
    }
}

/* "TLSv1.3" is protocol tls, version 1.3. */
static void add_tls(st_segment_t *seg, request_rec *r)
{
    if (strcmp(ap_http_scheme(r), "https") != 0) {
        return;
    }
    APR_OPTIONAL_FN_TYPE(ssl_var_lookup) *lookup =
        APR_RETRIEVE_OPTIONAL_FN(ssl_var_lookup);
    conn_rec *c = r->connection->master != NULL ? r->connection->master : r->connection;
    const char *protocol =
        lookup != NULL ? lookup(r->pool, r->server, c, r, "SSL_PROTOCOL") : NULL;
    const char *version = protocol != NULL ? strchr(protocol, 'v') : NULL;
    if (version != NULL) {
        st_segment_attr_str(seg, ST_ATTR_TLS_PROTOCOL_NAME,
                            strncasecmp(protocol, "TLS", 3) == 0 ? "tls" : "ssl");
        st_segment_attr_str(seg, ST_ATTR_TLS_PROTOCOL_VERSION, version + 1);
    }
}

/* What was written for this request, headers and all, as mod_logio counts it for %O. */
static void add_sent(mst_req_t *req)
{
    apr_off_t sent = mst_logio_sent(&req->logio, req->top->connection);
    if (sent > 0) {
        st_segment_attr_int(req->seg, ST_ATTR_HTTP_RESPONSE_SIZE, sent);
    }
}

static void add_request(st_segment_t *seg, const request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    apr_off_t bytes;
    st_segment_attr_str(seg, ST_ATTR_HTTP_REQUEST_METHOD, mst_name_method(r));
    if (mst_headers_keep(r, "User-Agent")) {
        st_segment_attr_str(seg, ST_ATTR_USER_AGENT_ORIGINAL,
                            apr_table_get(r->headers_in, "User-Agent"));
    }
    double ms;
    if (st_queue_time_read(&ms, apr_table_get(r->headers_in, "X-Request-Start"),
                           seg->wall_start)) {
        st_segment_attr_double(seg, ST_ATTR_HTTP_SERVER_REQUEST_TIME_IN_QUEUE, ms);
    }
    if (length != NULL && ap_parse_strict_length(&bytes, length)) {
        st_segment_attr_int(seg, ST_ATTR_HTTP_REQUEST_BODY_SIZE, bytes);
    }
}

static const char *reason_phrase(const request_rec *r)
{
    const char *line = r->status_line;
    if (line == NULL || strlen(line) <= 4) {
        line = ap_get_status_line(r->status);
    }
    return strlen(line) > 4 ? line + 4 : NULL;
}

static void add_response(st_segment_t *seg, const request_rec *r)
{
    seg->status = st_status_from_http(r->status);
    st_segment_attr_int(seg, ST_ATTR_HTTP_RESPONSE_STATUS_CODE, r->status);
    st_segment_attr_str(seg, ST_ATTR_HTTP_RESPONSE_STATUS_TEXT, reason_phrase(r));
    if (seg->status == ST_STATUS_ERROR) {
        st_segment_attr_str(seg, ST_ATTR_SENTRY_STATUS_MESSAGE,
                            st_status_message(r->status));
    }
    if (r->status >= 500) {
        st_segment_attr_str(seg, ST_ATTR_ERROR_TYPE,
                            apr_psprintf(seg->pool, "%d", r->status));
    }
    /* What was handed over is not what was sent when the client went away. */
    if (!r->connection->aborted) {
        /* HEAD and 304: counted, but not sent. */
        st_segment_attr_int(seg, ST_ATTR_HTTP_RESPONSE_BODY_SIZE,
                            r->sent_bodyct ? r->bytes_sent : 0);
    }
}

/* Where the request ran last. A request that no handler saw ends where it was refused. */
static void add_thread(mst_req_t *req, pid_t pid)
{
    if (req->thread_id == 0) {
        mst_req_thread_note(req);
    }
    st_segment_attr_int(req->seg, ST_ATTR_PROCESS_PID, pid);
    st_segment_attr_int(req->seg, ST_ATTR_THREAD_ID, req->thread_id);
    st_segment_attr_str(req->seg, ST_ATTR_THREAD_NAME, req->thread_name);
}

void mst_attributes_add(mst_req_t *req, pid_t pid)
{
    st_segment_t *seg = req->seg;
    request_rec *first = req->top;
    request_rec *last = first;
    while (last->next != NULL) {
        last = last->next;
    }
    st_segment_attr_str(seg, ST_ATTR_SENTRY_KIND, "server");
    add_name(req);
    add_request(seg, first);
    add_url(seg, first);
    add_server(seg, first);
    add_network(seg, first);
    add_response(seg, last);
    add_sent(req);
    add_tls(seg, first);
    add_thread(req, pid);
    add_personal(seg, first);
    mst_headers_add(req, last);
    mst_own_attr_add(req, last);
}

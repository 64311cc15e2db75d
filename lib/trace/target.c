/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the URLs of proxied calls. */
#include "st_target.h"

#include <apr_strings.h>
#include <string.h>
#include "st_collect.h"

#define PORT_MAX 65535

/* The schemes of httpd's proxy modules, with the ports they connect to by default. */
typedef struct scheme_t {
    const char *name;
    const char *shown; /* in url.full */
    const char *protocol;
    const char *version;
    unsigned port;
    st_answer_t answer;
} scheme_t;

static const scheme_t schemes[] = {
    {"http", "http", "http", NULL, 80, ST_ANSWER_HTTP},
    {"https", "https", "http", NULL, 443, ST_ANSWER_HTTP},
    {"h2c", "http", "http", "2", 80, ST_ANSWER_HTTP},
    {"h2", "https", "http", "2", 443, ST_ANSWER_HTTP},
    {"ws", "ws", "websocket", NULL, 80, ST_ANSWER_HTTP},
    {"wss", "wss", "websocket", NULL, 443, ST_ANSWER_HTTP},
    {"fcgi", "fcgi", "fastcgi", NULL, 8000, ST_ANSWER_GATEWAY},
    {"ajp", "ajp", "ajp", NULL, 8009, ST_ANSWER_GATEWAY},
    {"scgi", "scgi", "scgi", NULL, 4000, ST_ANSWER_GATEWAY},
    {"uwsgi", "uwsgi", "uwsgi", NULL, 0, ST_ANSWER_GATEWAY},
    {"ftp", "ftp", "ftp", NULL, 21, ST_ANSWER_NONE},
};

static const scheme_t *scheme_find(st_str_t name)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
        if (strlen(schemes[i].name) == name.len &&
            strncasecmp(schemes[i].name, name.ptr, name.len) == 0) {
            return &schemes[i];
        }
    }
    return NULL;
}

/* Length of an IPv6 literal with its brackets, else of everything before the port. */
static size_t host_len(st_str_t authority)
{
    const char *end = NULL;
    if (authority.len > 0 && authority.ptr[0] == '[') {
        end = memchr(authority.ptr, ']', authority.len);
        return end != NULL ? (size_t)(end - authority.ptr) + 1 : authority.len;
    }
    end = memchr(authority.ptr, ':', authority.len);
    return end != NULL ? (size_t)(end - authority.ptr) : authority.len;
}

/* The number behind the host's colon; 0 when there is none that could be a port. */
static unsigned port_read(st_str_t text)
{
    unsigned port = 0;
    if (text.len < 2 || text.ptr[0] != ':') {
        return 0;
    }
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || port > PORT_MAX) {
            return 0;
        }
        port = port * 10 + (unsigned)(text.ptr[i] - '0');
    }
    return port <= PORT_MAX ? port : 0;
}

static void authority_read(st_target_t *target, st_str_t authority, apr_pool_t *pool)
{
    size_t len = host_len(authority);
    unsigned port =
        port_read((st_str_t){.ptr = authority.ptr + len, .len = authority.len - len});
    int bracketed = len >= 2 && authority.ptr[0] == '[';
    target->host = bracketed ? apr_pstrmemdup(pool, authority.ptr + 1, len - 2)
                             : apr_pstrmemdup(pool, authority.ptr, len);
    if (port != 0) {
        target->port = port;
    }
}

/* What stands between "://" and path or query, without user and password. */
static st_str_t authority_of(const char *text)
{
    st_str_t authority = {.ptr = text, .len = strcspn(text, "/?#")};
    for (size_t i = authority.len; i > 0; i--) {
        if (authority.ptr[i - 1] == '@') {
            return (st_str_t){.ptr = text + i, .len = authority.len - i};
        }
    }
    return authority;
}

static void url_read(st_target_t *target, const char *scheme, st_str_t authority,
                     const st_collect_t *rule, apr_pool_t *pool)
{
    const char *rest = authority.ptr + authority.len;
    size_t path_len = strcspn(rest, "?");
    target->scheme = scheme;
    target->path = apr_pstrmemdup(pool, rest, path_len);
    if (rest[path_len] == '?' && rule->mode != ST_COLLECT_OFF) {
        target->query =
            st_collect_query(rule, apr_pstrdup(pool, rest + path_len + 1), pool);
    }
    target->url = apr_pstrcat(
        pool, scheme, "://", apr_pstrmemdup(pool, authority.ptr, authority.len),
        target->path, target->query != NULL ? "?" : "", target->query, NULL);
}

void st_target_read(st_target_t *target, const char *url, const st_collect_t *rule,
                    apr_pool_t *result_pool)
{
    const char *mark = strstr(url, "://");
    *target = (st_target_t){.host = ""};
    if (mark == NULL) {
        authority_read(target, authority_of(url), result_pool);
        return;
    }
    st_str_t name = {.ptr = url, .len = (size_t)(mark - url)};
    st_str_t authority = authority_of(mark + 3);
    const scheme_t *scheme = scheme_find(name);
    const char *shown =
        scheme != NULL ? scheme->shown : apr_pstrmemdup(result_pool, name.ptr, name.len);
    if (scheme != NULL) {
        target->protocol = scheme->protocol;
        target->version = scheme->version;
        target->port = scheme->port;
        target->answer = scheme->answer;
    }
    authority_read(target, authority, result_pool);
    url_read(target, shown, authority, rule, result_pool);
}

int st_target_is_dsn(const st_target_t *target, const st_dsn_t *dsn)
{
    return dsn->kind == ST_DSN_HTTP && target->port == dsn->port &&
           strcasecmp(target->host, dsn->host) == 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* DSN parsing. https://develop.sentry.dev/sdk/foundations/transport/authentication/ */
#include "st_dsn.h"

#include <apr_strings.h>
#include <apr_lib.h>
#include <stdlib.h>
#include <string.h>

#define KEY_LEN     32
#define FILE_KEY    "00000000000000000000000000000000"
#define PORT_MAX    65535
#define PROJECT_MAX "18446744073709551615" /* 2^64 - 1 */

/* The text still to be read, cut piece by piece; `p` is the result pool. */
typedef struct dsn_parser_t {
    st_dsn_t *dsn;
    char *rest;
    const char *why;
    apr_pool_t *p;
} dsn_parser_t;

static apr_status_t refuse(dsn_parser_t *parser, const char *why)
{
    parser->why = why;
    return ST_E_MALFORMED;
}

static int all(const char *text, int (*test)(int c))
{
    for (; *text != '\0'; text++) {
        if (!test((unsigned char)*text)) {
            return 0;
        }
    }
    return 1;
}

static int is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static int is_hex(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int is_word(int c)
{
    return apr_isalnum(c) || c == '_';
}

static int is_host(int c)
{
    return apr_isalnum(c) || c == '.' || c == '-' || c == '_';
}

static int is_ipv6(int c)
{
    return is_hex(c) || c == ':' || c == '.';
}

static int is_path(int c)
{
    return apr_isalnum(c) || strchr("/._~-", c) != NULL;
}

static apr_status_t parse_scheme(dsn_parser_t *parser)
{
    char *end = strstr(parser->rest, "://");
    if (end == NULL) {
        return refuse(parser, "has no scheme (http://, https:// or file:/)");
    }
    *end = '\0';
    apr_status_t rv = APR_SUCCESS;
    if (strcasecmp(parser->rest, "https") == 0) {
        parser->dsn->scheme = "https";
        parser->dsn->port = 443;
    } else if (strcasecmp(parser->rest, "http") == 0) {
        parser->dsn->scheme = "http";
        parser->dsn->port = 80;
    } else {
        rv = refuse(parser, "has a scheme other than http, https and file");
    }
    parser->rest = end + 3;
    return rv;
}

static apr_status_t parse_keys(dsn_parser_t *parser)
{
    char *path = strchr(parser->rest, '/');
    char *at = strchr(parser->rest, '@');
    if (at == NULL || (path != NULL && path < at)) {
        return refuse(parser, "has no public key before the host");
    }
    *at = '\0';
    char *colon = strchr(parser->rest, ':');
    if (colon != NULL) {
        *colon = '\0';
        parser->dsn->secret = colon[1] != '\0' ? colon + 1 : NULL;
    }
    parser->dsn->public_key = parser->rest;
    parser->rest = at + 1;
    /* A key of another length makes Sentry drop the trace header, and so every span. */
    if (strlen(parser->dsn->public_key) != KEY_LEN ||
        !all(parser->dsn->public_key, is_word)) {
        return refuse(parser, "has a public key that is not 32 letters and digits");
    }
    if (parser->dsn->secret != NULL && !all(parser->dsn->secret, is_word)) {
        return refuse(parser,
                      "has a secret with characters other than letters and digits");
    }
    return APR_SUCCESS;
}

static apr_status_t parse_port(dsn_parser_t *parser, const char *text)
{
    if (text[0] == '\0' || strlen(text) > 5 || !all(text, is_digit)) {
        return refuse(parser, "has a port that is not a number");
    }
    parser->dsn->port = (unsigned)strtoul(text, NULL, 10);
    if (parser->dsn->port == 0 || parser->dsn->port > PORT_MAX) {
        return refuse(parser, "has a port outside 1 to 65535");
    }
    return APR_SUCCESS;
}

static apr_status_t parse_host(dsn_parser_t *parser)
{
    char *slash = strchr(parser->rest, '/');
    if (slash == NULL) {
        return refuse(parser, "has no project id after the host");
    }
    *slash = '\0';
    char *host = parser->rest;
    int (*valid)(int c) = is_host;
    char *end = host + strcspn(host, ":");
    if (host[0] == '[') {
        host++;
        valid = is_ipv6;
        end = strchr(host, ']');
        if (end == NULL) {
            return refuse(parser, "has an IPv6 address without closing bracket");
        }
        *end++ = '\0';
    }
    char *port = *end == ':' ? end + 1 : NULL;
    if (*end != ':' && *end != '\0') {
        return refuse(parser, "has something between host and project id");
    }
    *end = '\0';
    if (host[0] == '\0' || !all(host, valid)) {
        return refuse(parser, "has no valid host");
    }
    parser->dsn->host = host;
    parser->rest = slash + 1;
    return port != NULL ? parse_port(parser, port) : APR_SUCCESS;
}

static int is_project_id(const char *text)
{
    size_t len = strlen(text);
    size_t max_len = strlen(PROJECT_MAX);
    return all(text, is_digit) &&
           (len < max_len || (len == max_len && strcmp(text, PROJECT_MAX) <= 0));
}

static apr_status_t parse_path(dsn_parser_t *parser)
{
    char *path = parser->rest;
    char *last = strrchr(path, '/');
    char *project = last != NULL ? last + 1 : path;
    parser->dsn->path = "";
    if (last != NULL) {
        *last = '\0';
        size_t len = strlen(path);
        while (len > 0 && path[len - 1] == '/') {
            path[--len] = '\0';
        }
        parser->dsn->path = len > 0 ? apr_pstrcat(parser->p, "/", path, NULL) : "";
    }
    if (!all(parser->dsn->path, is_path)) {
        return refuse(parser, "has a path with characters that need escaping");
    }
    if (project[0] == '\0') {
        return refuse(parser, "has no project id at its end");
    }
    if (!is_project_id(project)) {
        return refuse(parser, "has a project id that is not a number");
    }
    parser->dsn->project_id = project;
    return APR_SUCCESS;
}

/* The organisation of Sentry's own hosts: o123.ingest.sentry.io belongs to organisation 123. */
static const char *org_of_host(const char *host, apr_pool_t *p)
{
    size_t digits = host[0] == 'o' ? strspn(host + 1, "0123456789") : 0;
    if (digits == 0 || host[1 + digits] != '.') {
        return NULL;
    }
    return apr_pstrmemdup(p, host + 1, digits);
}

static void finish(dsn_parser_t *parser)
{
    st_dsn_t *dsn = parser->dsn;
    int standard = dsn->port == (strcmp(dsn->scheme, "https") == 0 ? 443u : 80u);
    const char *brackets = strchr(dsn->host, ':') != NULL ? "[]" : "";
    const char *host = apr_psprintf(
        parser->p, "%.1s%s%s%s", brackets, dsn->host, brackets[0] != '\0' ? "]" : "",
        standard ? "" : apr_psprintf(parser->p, ":%u", dsn->port));
    dsn->org_id = org_of_host(dsn->host, parser->p);
    dsn->url = apr_psprintf(parser->p, "%s://%s%s/api/%s/envelope/", dsn->scheme, host,
                            dsn->path, dsn->project_id);
    dsn->masked = apr_psprintf(parser->p, "%s://%.4s...@%s%s/%s", dsn->scheme,
                               dsn->public_key, host, dsn->path, dsn->project_id);
}

static apr_status_t parse_file(dsn_parser_t *parser, const char *path)
{
    st_dsn_t *dsn = parser->dsn;
    /* file:///x is the same as file:/x; file://x/ would name a host. */
    if (path[0] == '/' && path[1] == '/') {
        path += 2;
    }
    if (path[0] != '/' || path[1] == '\0') {
        return refuse(parser, "names no absolute path after file:");
    }
    dsn->kind = ST_DSN_FILE;
    dsn->public_key = FILE_KEY;
    dsn->path = "";
    dsn->url = path;
    dsn->masked = apr_pstrcat(parser->p, "file:", path, NULL);
    return APR_SUCCESS;
}

static apr_status_t parse_http(dsn_parser_t *parser)
{
    apr_status_t (*const steps[])(dsn_parser_t *) = {parse_scheme, parse_keys, parse_host,
                                                     parse_path};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        apr_status_t rv = steps[i](parser);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    finish(parser);
    return APR_SUCCESS;
}

apr_status_t st_dsn_parse(st_dsn_t **pdsn, const char **pwhy, const char *text,
                          apr_pool_t *result_pool)
{
    char *copy = apr_pstrdup(result_pool, text);
    dsn_parser_t parser = {.dsn = apr_pcalloc(result_pool, sizeof(st_dsn_t)),
                           .rest = copy,
                           .p = result_pool};
    parser.dsn->kind = ST_DSN_HTTP;
    apr_status_t rv;
    if (strncasecmp(copy, "file:", 5) == 0) {
        rv = parse_file(&parser, copy + 5);
    } else {
        rv = parse_http(&parser);
    }
    if (rv != APR_SUCCESS) {
        *pwhy = parser.why;
        return rv;
    }
    *pdsn = parser.dsn;
    return APR_SUCCESS;
}

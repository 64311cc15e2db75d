/* SPDX-License-Identifier: Apache-2.0 */
/* Texts without the values that must not leave: queries, and headers with URLs and pairs. */
#include "st_collect.h"

#include <string.h>

#define KEY_BYTES_MAX 256

/* One character, which may be percent-encoded, once or several times over. */
typedef struct char_t {
    char c;
    size_t len; /* bytes of it in the text */
    int depth;  /* how often it is encoded */
} char_t;

static int escape_value(st_str_t text, size_t at)
{
    int high = text.len > at + 1 ? st_hex_value(text.ptr[at]) : -1;
    int low = high >= 0 ? st_hex_value(text.ptr[at + 1]) : -1;
    return low >= 0 ? high * 16 + low : -1;
}

static char_t char_at(st_str_t text, size_t at)
{
    char_t read = {.c = text.ptr[at], .len = 1, .depth = 0};
    while (read.c == '%') {
        int value = escape_value(text, at + read.len);
        if (value < 0) {
            break;
        }
        read.c = (char)value;
        read.len += 2;
        read.depth++;
    }
    return read;
}

static int is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* Text that grows; with `out` NULL it is only measured. */
typedef struct sink_t {
    char *out;
    size_t len;
} sink_t;

static void put(sink_t *sink, const char *bytes, size_t len)
{
    if (sink->out != NULL) {
        memcpy(sink->out + sink->len, bytes, len);
    }
    sink->len += len;
}

/* Bytes of user and password at the start of an authority, with their '@'. */
static size_t userinfo_len(st_str_t text, size_t at)
{
    size_t len = 0;
    for (size_t i = at; i < text.len;) {
        char_t read = char_at(text, i);
        if (is_one_of(read.c, "/?#\\\"'<> \t") || (read.depth == 0 && read.c == '&')) {
            break;
        }
        i += read.len;
        if (read.c == '@') {
            len = i - at;
        }
    }
    return len;
}

/* What stands between "//" and an '@' goes. */
static void userinfo_remove(sink_t *sink, st_str_t text)
{
    int slashes = 0;
    for (size_t i = 0; i < text.len;) {
        char_t read = char_at(text, i);
        put(sink, text.ptr + i, read.len);
        i += read.len;
        slashes = read.c == '/' ? slashes + 1 : 0;
        if (slashes >= 2) {
            i += userinfo_len(text, i);
        }
    }
}

/* A text on its way through the filter. */
typedef struct scan_t {
    const st_collect_t *rule;
    st_str_t text;
    size_t at;
    int whole;    /* 1: all of it is a query */
    int in_query; /* 1: behind a '?' */
    sink_t sink;
} scan_t;

/* Where the value at `at` ends that belongs to a '=' of that depth. */
static size_t value_end(const scan_t *scan, size_t at, int depth)
{
    if (!scan->whole && at < scan->text.len && scan->text.ptr[at] == '"') {
        const char *quote = memchr(scan->text.ptr + at + 1, '"', scan->text.len - at - 1);
        return quote != NULL ? (size_t)(quote - scan->text.ptr) + 1 : scan->text.len;
    }
    while (at < scan->text.len) {
        char_t read = char_at(scan->text, at);
        const char *ends = scan->whole      ? "&;"
                           : scan->in_query ? "&; \t\"<>"
                                            : "&;, \t\"<>";
        if (read.depth <= depth && is_one_of(read.c, ends)) {
            break;
        }
        at += read.len;
    }
    return at;
}

/* What is left of a URL from its '?' on. */
static size_t query_end(const scan_t *scan, size_t at)
{
    while (at < scan->text.len && !is_one_of(scan->text.ptr[at], " \t\"<>")) {
        at++;
    }
    return at;
}

static int keeps(const scan_t *scan, const char *key, size_t len)
{
    if (len > KEY_BYTES_MAX) {
        return 0;
    }
    st_str_t text = {key, len};
    return scan->in_query ? st_collect_keeps(scan->rule, text)
                          : !st_collect_key_is_sensitive(text);
}

/* The end of a key: replaces the value, or goes on with it. */
static void pair_value(scan_t *scan, const char *key, size_t key_len,
                       const char_t *equals)
{
    put(&scan->sink, scan->text.ptr + scan->at, equals->len);
    scan->at += equals->len;
    size_t end = value_end(scan, scan->at, equals->depth);
    if (end > scan->at && !keeps(scan, key, key_len)) {
        put(&scan->sink, ST_FILTERED, sizeof(ST_FILTERED) - 1);
        scan->at = end;
    }
}

/* A character that no key has: what follows may be one. */
static void separator(scan_t *scan, const char_t *read)
{
    if (read->c == '?' && !scan->whole && scan->rule->mode == ST_COLLECT_OFF) {
        scan->at = query_end(scan, scan->at);
        return;
    }
    put(&scan->sink, scan->text.ptr + scan->at, read->len);
    scan->at += read->len;
    if (read->c == '?' || read->c == '#') {
        scan->in_query = 1;
    } else if (is_one_of(read->c, " \t\"<>,")) {
        scan->in_query = scan->whole;
    }
}

/* Reads up to the end of a key, or of what turns out to be none. A pair without '=' may be a
 * bare token ("?eyJhbGci..."): it has no key to judge by and stays, as in the SDKs. */
static void key_scan(scan_t *scan)
{
    char key[KEY_BYTES_MAX + 1];
    size_t len = 0;
    while (scan->at < scan->text.len) {
        char_t read = char_at(scan->text, scan->at);
        if (read.c == '=') {
            pair_value(scan, key, len, &read);
            return;
        }
        if (is_one_of(read.c, "&;?#, \t\"'<>")) {
            separator(scan, &read);
            return;
        }
        if (len <= KEY_BYTES_MAX) {
            key[len++] = read.c;
        }
        put(&scan->sink, scan->text.ptr + scan->at, read.len);
        scan->at += read.len;
    }
}

static size_t text_filter(const scan_t *how, st_str_t text, char *out)
{
    scan_t scan = *how;
    scan.text = text;
    scan.sink.out = out;
    while (scan.at < text.len) {
        key_scan(&scan);
    }
    return scan.sink.len;
}

static const char *without_userinfo(const char *text, apr_pool_t *pool)
{
    st_str_t whole = st_str(text);
    sink_t measured = {.out = NULL};
    userinfo_remove(&measured, whole);
    if (measured.len == whole.len) {
        return text;
    }
    sink_t sink = {.out = apr_palloc(pool, measured.len + 1)};
    userinfo_remove(&sink, whole);
    sink.out[sink.len] = '\0';
    return sink.out;
}

static const char *filtered(const scan_t *how, const char *text, apr_pool_t *pool)
{
    if (strpbrk(text, "@%") != NULL) {
        text = without_userinfo(text, pool);
    }
    st_str_t whole = st_str(text);
    size_t len = text_filter(how, whole, NULL);
    char *out = apr_palloc(pool, len + 1);
    text_filter(how, whole, out);
    out[len] = '\0';
    return len == whole.len && memcmp(out, text, len) == 0 ? text : out;
}

const char *st_collect_query(const st_collect_t *rule, const char *query,
                             apr_pool_t *result_pool)
{
    const scan_t how = {.rule = rule, .whole = 1, .in_query = 1};
    return strpbrk(query, "=%@") != NULL ? filtered(&how, query, result_pool) : query;
}

/* Credentials say themselves what they are. */
static int is_credentials(const char *text)
{
    static const char *const schemes[] = {"bearer ",    "basic ", "digest ",
                                          "negotiate ", "token ", "apikey "};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0) {
            return 1;
        }
    }
    return 0;
}

const char *st_collect_text(const st_collect_t *rule, const char *text,
                            apr_pool_t *result_pool)
{
    const scan_t how = {.rule = rule};
    if (is_credentials(text)) {
        return ST_FILTERED;
    }
    return strpbrk(text, "=%@?") != NULL ? filtered(&how, text, result_pool) : text;
}

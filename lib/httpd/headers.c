/* SPDX-License-Identifier: Apache-2.0 */
/* Headers as attributes. */
#include "mst_headers.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>
#include "mst_config.h"
#include "st_attr_named.h"

#define VALUE_BYTES_MAX 1024 /* of one header */
#define COOKIES_MAX     64   /* of one header */

/* What a walk over a table needs. */
typedef struct walk_t {
    st_segment_t *seg;
    st_attr_key_t key;
    const st_collect_t *headers;
    const st_collect_t *cookies;
    const st_collect_t *query;
    int personal;
    int first;               /* where this table's attributes begin in seg->named */
    const apr_table_t *seen; /* names in here were there before; or NULL */
} walk_t;

/* The name in lower case; what is longer than a name may be is cut. */
static st_str_t lower_name(char out[ST_ATTR_NAME_MAX], const char *name)
{
    size_t len = 0;
    for (; name[len] != '\0' && len < ST_ATTR_NAME_MAX; len++) {
        out[len] = (char)apr_tolower(name[len]);
    }
    return (st_str_t){out, len};
}

static int is(st_str_t name, const char *text)
{
    return name.len == strlen(text) && memcmp(name.ptr, text, name.len) == 0;
}

/* The attribute that a header of the same name, sent twice, has made before; or NULL. */
static st_attr_t *named_find(const walk_t *walk, st_attr_key_t key, st_str_t name)
{
    for (int i = walk->first; i < walk->seg->named_count; i++) {
        st_attr_t *attr = &walk->seg->named[i];
        if (attr->key == key && attr->value.str.len > name.len &&
            attr->value.str.ptr[name.len] == '\0' &&
            memcmp(attr->value.str.ptr, name.ptr, name.len) == 0) {
            return attr;
        }
    }
    return NULL;
}

/* A header that comes again adds to its array, as long as there is room. */
static void again_add(const walk_t *walk, st_attr_t *attr, st_str_t text)
{
    st_str_t had = attr->value.str;
    size_t len = had.len + 1 + text.len;
    if (len > VALUE_BYTES_MAX + ST_ATTR_NAME_MAX) {
        return;
    }
    char *both = apr_palloc(walk->seg->pool, len);
    memcpy(both, had.ptr, had.len);
    both[had.len] = '\0';
    memcpy(both + had.len + 1, text.ptr, text.len);
    attr->value.str = (st_str_t){both, len};
}

static void texts_add(const walk_t *walk, st_str_t name, const st_str_t *texts, int count)
{
    st_segment_t *seg = walk->seg;
    st_attr_t *before = named_find(walk, walk->key, name);
    if (before == NULL) {
        st_segment_attr_named(seg, walk->key,
                              st_attr_named_strings(name, texts, count, seg->pool));
        return;
    }
    for (int i = 0; i < count; i++) {
        again_add(walk, before, texts[i]);
    }
}

/* One pair of a Cookie or Set-Cookie header, with its value or without. */
static st_str_t cookie_text(const walk_t *walk, const char *pair, size_t len)
{
    const char *equals = memchr(pair, '=', len);
    apr_pool_t *pool = walk->seg->pool;
    if (equals == NULL || equals == pair) {
        return st_str(ST_FILTERED);
    }
    st_str_t name = {pair, (size_t)(equals - pair)};
    if (!st_collect_keeps_cookie(walk->cookies, name)) {
        return st_str(apr_psprintf(pool, "%.*s=" ST_FILTERED, (int)name.len, name.ptr));
    }
    const char *text =
        st_collect_text(walk->query, apr_pstrmemdup(pool, pair, len), pool);
    return st_str_cut(st_str(text), VALUE_BYTES_MAX);
}

/* Splits "a=1; b=2". Of Set-Cookie only the first is a cookie, the others are its attributes. */
static void cookies_add(const walk_t *walk, st_str_t name, const char *value)
{
    st_str_t texts[COOKIES_MAX];
    int max = walk->key == ST_ATTR_REQUEST_HEADER ? COOKIES_MAX : 1;
    int count = 0;
    size_t room = VALUE_BYTES_MAX;
    while (*value != '\0' && count < max) {
        value += strspn(value, "; \t");
        size_t len = strcspn(value, ";");
        if (len > 0) {
            st_str_t text = cookie_text(walk, value, len);
            if (text.len > room) {
                break;
            }
            room -= text.len;
            texts[count++] = text;
        }
        value += len;
    }
    if (count > 0) {
        texts_add(walk, name, texts, count);
    }
}

/* The conventions give this one a type of its own. */
static void length_add(const walk_t *walk, const char *value)
{
    const st_str_t text = st_str_cut(st_str(value), VALUE_BYTES_MAX);
    const st_str_t key = st_str("http.response.header.content-length");
    if (named_find(walk, ST_ATTR_OWN_STRING, key) == NULL) {
        st_segment_attr_named(walk->seg, ST_ATTR_OWN_STRING,
                              st_attr_named_strings(key, &text, 1, walk->seg->pool));
    }
}

static int header_add(void *baton, const char *key, const char *value)
{
    const walk_t *walk = baton;
    char lower[ST_ATTR_NAME_MAX];
    st_str_t name = lower_name(lower, key);
    if (name.len == 0 || value[0] == '\0' ||
        (walk->seen != NULL && apr_table_get(walk->seen, key) != NULL)) {
        return 1;
    }
    if (is(name, "cookie") || is(name, "set-cookie")) {
        if (walk->cookies->mode != ST_COLLECT_OFF) {
            cookies_add(walk, name, value);
        }
        return 1;
    }
    if (walk->headers->mode == ST_COLLECT_OFF) {
        return 1;
    }
    const char *text = ST_FILTERED;
    if (st_collect_keeps_header(walk->headers, name, walk->personal)) {
        text = st_collect_text(walk->query, value, walk->seg->pool);
    }
    if (is(name, "content-length") && walk->key == ST_ATTR_RESPONSE_HEADER) {
        length_add(walk, text);
        return 1;
    }
    const st_str_t cut = st_str_cut(st_str(text), VALUE_BYTES_MAX);
    texts_add(walk, name, &cut, 1);
    return 1;
}

static void table_walk(walk_t *walk, const apr_table_t *table)
{
    if (walk->headers->mode != ST_COLLECT_OFF || walk->cookies->mode != ST_COLLECT_OFF) {
        apr_table_do(header_add, walk, table, NULL);
    }
}

void mst_headers_add(mst_req_t *req, const request_rec *last)
{
    const request_rec *first = req->top;
    walk_t walk = {
        .seg = req->seg,
        .key = ST_ATTR_REQUEST_HEADER,
        .headers = mst_conf_collect(first, MST_COLLECT_REQUEST_HEADERS),
        .cookies = mst_conf_collect(first, MST_COLLECT_COOKIES),
        .query = mst_conf_collect(first, MST_COLLECT_QUERY),
        .personal = mst_conf_send_default_pii(first),
        .first = req->seg->named_count,
    };
    table_walk(&walk, first->headers_in);
    walk.key = ST_ATTR_RESPONSE_HEADER;
    walk.headers = mst_conf_collect(first, MST_COLLECT_RESPONSE_HEADERS);
    walk.first = req->seg->named_count;
    table_walk(&walk, last->headers_out);
    /* httpd has put them among the others when it wrote the response; not so when it never
     * did. */
    walk.seen = last->headers_out;
    table_walk(&walk, last->err_headers_out);
}

int mst_headers_keep(const request_rec *r, const char *name)
{
    return st_collect_keeps_header(mst_conf_collect(r, MST_COLLECT_REQUEST_HEADERS),
                                   st_str(name), mst_conf_send_default_pii(r));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The output filter that inserts <meta> elements behind a page's <head>.
 *
 * The body passes through as it comes; nothing of it is held back, because the place is right
 * behind a tag. Once it is found, or cannot be, the filter leaves the chain. */
#include "mst_browser.h"

#include <apr_strings.h>
#include <http_request.h>
#include <string.h>
#include "mst_config.h"
#include "st_cache_control.h"
#include "st_head_scan.h"

#define SEARCH_BYTES ((size_t)65536)

static int is_html(const request_rec *r)
{
    static const char type[] = "text/html";
    size_t len = sizeof(type) - 1;
    if (r->content_type == NULL || strncasecmp(r->content_type, type, len) != 0) {
        return 0;
    }
    return strchr("; \t", r->content_type[len]) != NULL; /* or its end */
}

static int is_encoded(const request_rec *r)
{
    const char *encoding = mst_browser_header(r, "Content-Encoding");
    if (encoding == NULL) {
        encoding = r->content_encoding;
    }
    return encoding != NULL && strcasecmp(encoding, "identity") != 0;
}

/* Ranges are cut from the page as it is stored, before or behind this filter. */
static int is_part(const request_rec *r)
{
    return apr_table_get(r->headers_in, "Range") != NULL ||
           mst_browser_header(r, "Content-Range") != NULL;
}

static int must_stay_as_it_is(const request_rec *r)
{
    st_cache_control_t control;
    st_cache_control_parse(&control, mst_browser_header(r, "Cache-Control"));
    return control.has_no_transform;
}

/* httpd's own cache may be told to store private pages, too. */
static int is_being_stored(const ap_filter_t *f)
{
    for (; f != NULL; f = f->next) {
        if (strcasecmp(f->frec->name, "CACHE_SAVE") == 0) {
            return 1;
        }
    }
    return 0;
}

static int is_page(const ap_filter_t *f)
{
    const request_rec *r = f->r;
    return r->status == HTTP_OK && is_html(r) && !is_encoded(r) && !is_part(r) &&
           !must_stay_as_it_is(r) && !is_being_stored(f) && mst_browser_is_unshared(r);
}

/* The page is no longer what these were made from; as mod_include does. */
static void headers_adjust(request_rec *r)
{
    static const char *const names[] = {
        "Content-Length", "Content-MD5", "Content-Digest", "Repr-Digest",
        "Digest",         "ETag",        "Last-Modified",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        apr_table_unset(r->headers_out, names[i]);
        apr_table_unset(r->err_headers_out, names[i]);
    }
    apr_table_setn(r->headers_out, "Accept-Ranges", "none");
}

static apr_bucket *elements_make(const mst_browser_t *browser, const ap_filter_t *f)
{
    apr_pool_t *pool = f->r->pool;
    const char *text = apr_pstrcat(pool, "<meta name=\"sentry-trace\" content=\"",
                                   browser->trace, "\"/>", NULL);
    if (browser->baggage[0] != '\0') {
        text = apr_pstrcat(pool, text, "\n<meta name=\"baggage\" content=\"",
                           ap_escape_html(pool, browser->baggage), "\"/>", NULL);
    }
    return apr_bucket_pool_create(text, strlen(text), pool, f->c->bucket_alloc);
}

/* From here on the response is one that gets the elements. */
static void promise(ap_filter_t *f)
{
    mst_browser_t *browser = f->ctx;
    if (!browser->meta_promised) {
        browser->meta_promised = 1;
        headers_adjust(f->r);
    }
}

/* Searches one bucket, which is cut to what is searched: a file's rest stays a file. With
 * FOUND the bucket ends with the tag.
 * @return APR_SUCCESS; APR_EAGAIN when there is nothing to read yet, and *presult is
 *         untouched; other errors of reading. */
static apr_status_t bucket_search(st_head_scan_t *scan, apr_bucket *b,
                                  apr_read_type_e mode, st_head_result_t *presult)
{
    const char *bytes;
    apr_size_t len;
    size_t end;
    if (b->length != (apr_size_t)-1 && b->length > scan->left) {
        /* Where it cannot be cut, reading gives a piece all the same. */
        (void)apr_bucket_split(b, scan->left);
    }
    apr_status_t rv = apr_bucket_read(b, &bytes, &len, mode);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *presult = st_head_scan_feed(scan, bytes, len, &end);
    if (*presult != ST_HEAD_FOUND || end == len) {
        return APR_SUCCESS;
    }
    return apr_bucket_split(b, end);
}

/* Passes on everything before `b`, so that nobody waits for what comes after. */
static apr_status_t before_pass(ap_filter_t *f, apr_bucket_brigade *bb, apr_bucket *b)
{
    apr_bucket_brigade *rest = apr_brigade_split_ex(bb, b, NULL);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(f->c->bucket_alloc));
    apr_status_t rv = ap_pass_brigade(f->next, bb);
    apr_brigade_cleanup(bb);
    APR_BRIGADE_CONCAT(bb, rest);
    return rv;
}

/* The same for a bucket that may be a script which has not said anything yet. */
static apr_status_t bucket_search_or_wait(ap_filter_t *f, apr_bucket_brigade *bb,
                                          apr_bucket *b, st_head_result_t *presult)
{
    mst_browser_t *browser = f->ctx;
    apr_status_t rv = bucket_search(&browser->scan, b, APR_NONBLOCK_READ, presult);
    if (!APR_STATUS_IS_EAGAIN(rv)) {
        return rv;
    }
    promise(f);
    rv = before_pass(f, bb, b);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return bucket_search(&browser->scan, b, APR_BLOCK_READ, presult);
}

/* Searches what has come, and inserts the elements. MORE: the tag may be in what is still to
 * come. */
static apr_status_t brigade_search(ap_filter_t *f, apr_bucket_brigade *bb,
                                   st_head_result_t *presult)
{
    *presult = ST_HEAD_MORE;
    for (apr_bucket *b = APR_BRIGADE_FIRST(bb);
         b != APR_BRIGADE_SENTINEL(bb) && *presult == ST_HEAD_MORE;
         b = APR_BUCKET_NEXT(b)) {
        if (APR_BUCKET_IS_EOS(b)) {
            *presult = ST_HEAD_NONE;
            break;
        }
        if (APR_BUCKET_IS_METADATA(b)) {
            continue;
        }
        apr_status_t rv = bucket_search_or_wait(f, bb, b, presult);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (*presult == ST_HEAD_FOUND) {
            APR_BUCKET_INSERT_AFTER(b, elements_make(f->ctx, f));
        }
    }
    return APR_SUCCESS;
}

apr_status_t mst_meta_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    mst_browser_t *browser = f->ctx;
    if (!browser->meta_searches && !is_page(f)) {
        ap_remove_output_filter(f);
        return ap_pass_brigade(f->next, bb);
    }
    if (!browser->meta_searches) {
        browser->meta_searches = 1;
        st_head_scan_init(&browser->scan, SEARCH_BYTES);
    }
    st_head_result_t result;
    apr_status_t rv = brigade_search(f, bb, &result);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (result != ST_HEAD_NONE) {
        promise(f);
    }
    if (result != ST_HEAD_MORE) {
        ap_remove_output_filter(f);
    }
    return ap_pass_brigade(f->next, bb);
}

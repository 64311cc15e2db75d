/* SPDX-License-Identifier: Apache-2.0 */
/* The site that the private servers serve. */

#include "te_site.h"
#include "te_dir.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

/* alice:secret */
#define PASSWORDS "alice:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"

const char te_site_conf[] =
    "DirectoryIndex index.html\n"
    "ScriptAlias /cgi/ ${ROOT}/cgi/\n"
    "<Directory ${ROOT}/cgi>\nRequire all granted\n</Directory>\n"
    "<Directory ${DOCS}>\nOptions +Includes\nAddOutputFilter INCLUDES .shtml\n"
    "AddType text/html .shtml\n</Directory>\n"
    "<Directory ${DOCS}/off>\nAllowOverride FileInfo\n</Directory>\n"
    "<Directory ${DOCS}/private>\nAuthType Basic\nAuthName \"te\"\n"
    "AuthUserFile ${ROOT}/passwords\nRequire valid-user\n</Directory>\n"
    "<Location /errordoc>\nErrorDocument 404 /missing.html\n</Location>\n"
    "Redirect 302 /old /hello.txt\n"
    "RewriteEngine On\n"
    "RewriteRule ^/forbidden$ - [F]\n"
    "RewriteRule ^/moved$ /hello.txt [R=302,L]\n"
    "RewriteRule ^/through$ /hello.txt [PT]\n"
    "<Location /deflated>\nSetOutputFilter DEFLATE\n</Location>\n"
    "<Location /bytype>\nAddOutputFilterByType DEFLATE text/plain\n</Location>\n"
    "FilterProvider words SUBSTITUTE \"%{CONTENT_TYPE} =~ m|^text/plain|\"\n"
    "<Location /chain>\nFilterChain words\nSubstitute s/alpha/beta/\n</Location>\n"
    "<Location /substituted>\nSetOutputFilter SUBSTITUTE\nSubstitute s/alpha/beta/\n"
    "</Location>\n"
    "CacheRoot ${ROOT}/spool\nCacheEnable disk /cached\nCacheDetailHeader on\n"
    "<Location /cached>\nHeader set Cache-Control max-age=3600\n</Location>\n"
    "ProxyPass /backend/ http://${BACKEND}/\n";

static const char *const gzip_wanted[] = {"Accept-Encoding: gzip", NULL};
static const char *const any_version_known[] = {"If-None-Match: *", NULL};
static const char *const one_range[] = {"Range: bytes=2-5", NULL};
static const char *const two_ranges[] = {"Range: bytes=0-3,100-199", NULL};
static const char *const text_body[] = {"Content-Type: text/plain", NULL};

const te_site_request_t te_site_requests[] = {
    {.name = "file",
     .status = 200,
     .handler = "default-handler",
     .request = {.path = "/hello.txt"}},
    {.name = "query",
     .status = 200,
     .handler = "default-handler",
     .request = {.path = "/hello.txt?a=1&password=hidden"}},
    {.name = "http 1.0",
     .status = 200,
     .handler = "default-handler",
     .request = {.path = "/hello.txt", .version = TE_HTTP_1_0}},
    {.name = "large file",
     .status = 200,
     .handler = "default-handler",
     .request = {.path = "/text.txt"}},
    {.name = "head",
     .status = 200,
     .handler = "default-handler",
     .request = {.method = "HEAD", .path = "/hello.txt"}},
    {.name = "not found",
     .status = 404,
     .handler = "default-handler",
     .request = {.path = "/nothing"}},
    {.name = "not modified",
     .status = 304,
     .handler = "default-handler",
     .request = {.path = "/hello.txt", .headers = any_version_known}},
    {.name = "range",
     .status = 206,
     .handler = "default-handler",
     .filter = "BYTERANGE",
     .request = {.path = "/hello.txt", .headers = one_range}},
    {.name = "ranges",
     .status = 206,
     .handler = "default-handler",
     .filter = "BYTERANGE",
     .request = {.path = "/text.txt", .headers = two_ranges}},
    {.name = "cgi",
     .by_chance = 1,
     .status = 200,
     .handler = "cgi-script",
     .request = {.path = "/cgi/ok"}},
    {.name = "failing cgi",
     .by_chance = 1,
     .status = 500,
     .handler = "cgi-script",
     .request = {.path = "/cgi/fail"}},
    {.name = "post",
     .by_chance = 1,
     .status = 200,
     .handler = "cgi-script",
     .request = {.method = "POST",
                 .path = "/cgi/echo",
                 .headers = text_body,
                 .body = "some words"}},
    {.name = "put to a file",
     .by_chance = 1,
     .status = 405,
     .handler = "default-handler",
     .request =
         {.method = "PUT", .path = "/hello.txt", .headers = text_body, .body = "x"}},
    {.name = "who are you", .status = 401, .request = {.path = "/private/a.txt"}},
    {.name = "known user",
     .status = 200,
     .handler = "default-handler",
     .request = {.path = "/private/a.txt", .user = "alice:secret"}},
    {.name = "redirect", .status = 302, .request = {.path = "/old"}},
    {.name = "rewrite F", .status = 403, .request = {.path = "/forbidden"}},
    {.name = "rewrite R", .status = 302, .request = {.path = "/moved"}},
    {.name = "rewrite PT",
     .status = 200,
     .handler = "default-handler",
     .request = {.path = "/through"}},
    {.name = "includes",
     .by_chance = 1,
     .status = 200,
     .handler = "default-handler",
     .filter = "INCLUDES",
     .request = {.path = "/page.shtml"}},
    {.name = "error document",
     .status = 404,
     .handler = "default-handler",
     .request = {.path = "/errordoc/x"}},
    {.name = "directory index",
     .status = 200,
     .handler = "default-handler",
     .request = {.path = "/dir/"}},
    {.name = "directory without slash", .status = 301, .request = {.path = "/dir"}},
    {.name = "deflate",
     .status = 200,
     .handler = "default-handler",
     .filter = "DEFLATE",
     .request = {.path = "/deflated/text.txt", .headers = gzip_wanted}},
    {.name = "deflate by type",
     .status = 200,
     .handler = "default-handler",
     .filter = "DEFLATE",
     .request = {.path = "/bytype/text.txt", .headers = gzip_wanted}},
    {.name = "filter chain",
     .status = 200,
     .handler = "default-handler",
     .filter = "SUBSTITUTE",
     .request = {.path = "/chain/text.txt"}},
    {.name = "substitute",
     .status = 200,
     .handler = "default-handler",
     .filter = "SUBSTITUTE",
     .request = {.path = "/substituted/text.txt"}},
    {.name = "cache miss",
     .status = 200,
     .handler = "default-handler",
     .filter = "CACHE_SAVE",
     .request = {.path = "/cached/text.txt"}},
    {.name = "cache hit",
     .status = 200,
     .handler = "quick-handler",
     .filter = "CACHE_OUT",
     .request = {.path = "/cached/text.txt"}},
    {.name = "proxy",
     .status = 200,
     .handler = "proxy-server",
     .request = {.path = "/backend/x"}},
    {.name = NULL},
};

int te_site_count(void)
{
    int count = 0;
    while (te_site_requests[count].name != NULL) {
        count++;
    }
    return count;
}

static const te_reply_t *visit_one(te_env_t *env, int i)
{
    te_request_t request = te_site_requests[i].request;
    const char *headers[4] = {apr_psprintf(env->pool, "User-Agent: te/%d", i)};
    for (int k = 0; request.headers != NULL && request.headers[k] != NULL; k++) {
        headers[k + 1] = request.headers[k];
    }
    request.headers = headers;
    const te_reply_t *reply = te_do(env, &request);
    ck_assert_msg(reply->status == te_site_requests[i].status, "%s: status %d",
                  te_site_requests[i].name, reply->status);
    return reply;
}

const te_reply_t **te_site_visit(te_env_t *env)
{
    int count = te_site_count();
    const te_reply_t **replies =
        apr_pcalloc(env->pool, (apr_size_t)count * sizeof(*replies));
    for (int i = 0; i < count; i++) {
        replies[i] = visit_one(env, i);
    }
    return replies;
}

const te_span_t *te_site_segment(const te_store_t *store, int i)
{
    return te_segment_with(store, "user_agent.original",
                           apr_psprintf(store->pool, "te/%d", i));
}

/* Lines of words; "alpha" once in each. */
static char *text_make(void)
{
    static const char line[] =
        "alpha beta gamma delta epsilon zeta eta theta iota kappa.\n";
    char *text = malloc(TE_SITE_TEXT_BYTES + 1);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < TE_SITE_TEXT_BYTES; i++) {
        text[i] = line[i % (sizeof(line) - 1)];
    }
    text[TE_SITE_TEXT_BYTES] = '\0';
    return text;
}

static void texts_write(const char *root)
{
    static const char *const names[] = {
        "docs/text.txt",       "docs/deflated/text.txt",    "docs/bytype/text.txt",
        "docs/chain/text.txt", "docs/substituted/text.txt", "docs/cached/text.txt"};
    char *text = text_make();
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        te_write(root, names[i], text);
    }
    free(text);
}

static void scripts_write(const char *root)
{
    te_write(root, "cgi/ok",
             "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\nfine\\n'\n");
    te_write(root, "cgi/fail",
             "#!/bin/sh\nprintf 'Status: 500 Broken\\r\\nContent-Type: "
             "text/plain\\r\\n\\r\\nbroken\\n'\n");
    te_write(root, "cgi/crash", "#!/bin/sh\nexit 3\n");
    te_write(root, "cgi/echo",
             "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\ncat\n");
}

void te_site_make(const char *root)
{
    static const char *const directories[] = {
        "docs/dir",         "docs/private", "docs/off",
        "docs/deflated",    "docs/bytype",  "docs/chain",
        "docs/substituted", "docs/cached",  "cgi"};
    for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
        te_dir_sub(root, directories[i]);
    }
    te_write(root, "mime.types", "text/plain txt\ntext/html html\n");
    te_write(root, "passwords", PASSWORDS);
    te_write(root, "docs/hello.txt", "Hello from httpd.\n");
    te_write(root, "docs/index.html", "<p>start</p>\n");
    te_write(root, "docs/missing.html", "<p>Nothing is here.</p>\n");
    te_write(root, "docs/private/a.txt", "private\n");
    te_write(root, "docs/dir/index.html", "<p>index</p>\n");
    te_write(root, "docs/dir/part.html", "<p>part</p>\n");
    te_write(root, "docs/off/a.txt", "not traced\n");
    te_write(root, "docs/off/.htaccess",
             "<IfModule sentry_trace_module>\nSentryTrace Off\n"
             "</IfModule>\n");
    te_write(root, "docs/page.shtml",
             "<p>one</p>\n<!--#include virtual=\"/hello.txt\" -->\n"
             "<!--#include virtual=\"/dir/part.html\" -->\n"
             "<!--#include virtual=\"/cgi/ok\" -->\n");
    texts_write(root);
    scripts_write(root);
}

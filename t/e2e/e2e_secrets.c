/* SPDX-License-Identifier: Apache-2.0 */
/* Requests full of secrets under every combination of settings: none of them shows in what was
 * sent to Sentry nor in a log of the server. The settings allow by name what is secret, so that
 * nothing but the sensitive terms protects it. */

#include "te.h"

/* In every secret, and nowhere else. */
#define MARK "geheim7f3a"

#define CREDENTIALS "dXNlcjpnZWhlaW03ZjNh" /* user:geheim7f3a */

static const char *const headers[] = {
    "Authorization: Bearer " MARK,
    "Proxy-Authorization: Basic " CREDENTIALS,
    "X-Api-Key: " MARK,
    "X-Auth: " MARK,
    "X-CSRF-Token: " MARK,
    "X-Amz-Security-Token: " MARK,
    "X-Session-Id: " MARK,
    "X-Custom: Bearer " MARK,
    "X-Other: Basic " CREDENTIALS,
    "X-Pairs: a=1; password=\"" MARK "\", token=" MARK,
    "Cookie: theme=dark; sid=" MARK "; __Host-id=" MARK "; remember_me=" MARK "; " MARK,
    "Referer: https://me:" MARK "@a.example/b?token=" MARK "&c=1#access_token=" MARK,
    "Origin: http://me:" MARK "@a.example",
    "Baggage: session=" MARK ",other=1",
    "X-Url: /x?next=%2Fy%3Fapi_key%3D" MARK "&d=https%3A%2F%2Fu%3A" MARK "%40h%2F",
    "Sec-WebSocket-Key: " MARK,
    "X-JWT-Assertion: " MARK,
    "Content-Type: application/json",
    NULL,
};

#define QUERY                                                                            \
    "?token=" MARK "&api_key=" MARK "&user%5Bpassword%5D=" MARK "&%74oken=" MARK         \
    "&next=http://me:" MARK "@h/&enc=https%3A%2F%2Fme%3A" MARK "%40h%2F"                 \
    "&deep=%2Fx%3Fjwt%3D" MARK "%26a%3D1;secret=" MARK

#define BODY "{\"password\": \"" MARK "\", \"token\": \"" MARK "\"}"

static const char *const paths[] = {
    "/hello.txt" QUERY, "/private/a.txt" QUERY, "/cgi/echo" QUERY,   "/backend/x" QUERY,
    "/nothing" QUERY,   "/forbidden" QUERY,     "/page.shtml" QUERY,
};

/* What the server answers with. */
#define ANSWER                                                                           \
    "Header always add Set-Cookie \"sid=" MARK "; Path=/\"\n"                            \
    "Header always set X-Access-Token " MARK "\n"                                        \
    "Header always set Refresh \"9; url=http://me:" MARK "@h/?token=" MARK "\"\n"        \
    "Header always set Link \"</a?key=" MARK ">; rel=preload\"\n"

/* Each kind of data in each mode; the same three for all of them. */
static const char *const modes[] = {
    "off",
    "deny x-nothing",
    "allow a e i o u token key auth pass sid cookie session",
};

static const char *const kinds[] = {"request-headers", "response-headers", "cookies",
                                    "query", "user"};

enum { MODES = 3, KINDS = 5, COMBINATIONS = 3 * 3 * 3 * 3 * 3 };

/* Every combination has a folder in the URL, so that one server has them all. */
static const char *sections(const char *pii)
{
    const char **parts = apr_palloc(te_pool, sizeof(*parts) * COMBINATIONS);
    const char *text = "";
    for (int i = 0; i < COMBINATIONS; i++) {
        int rest = i;
        const char *lines = "";
        for (int kind = 0; kind < KINDS; kind++) {
            lines = apr_pstrcat(te_pool, lines, "SentryTraceCollect ", kinds[kind], " ",
                                modes[rest % MODES], "\n", NULL);
            rest /= MODES;
        }
        parts[i] = apr_psprintf(te_pool,
                                "<If \"%%{HTTP:X-Case} == '%d'\">\n"
                                "SentryTraceSendDefaultPII %s\n%s</If>\n",
                                i, pii, lines);
        text = apr_pstrcat(te_pool, text, parts[i], NULL);
    }
    return text;
}

static void expect_silence(const char *where, const char *bytes, size_t len)
{
    static const char *const secrets[] = {MARK, CREDENTIALS, "geheim", "dXNlcjpn"};
    for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
        const char *found = memmem(bytes, len, secrets[i], strlen(secrets[i]));
        ck_assert_msg(found == NULL, "%s: ...%.200s", where,
                      found != NULL && found > bytes + 100 ? found - 100 : found);
    }
}

/* What the fake Sentry got, byte by byte. */
static void expect_silence_in_envelopes(const te_env_t *env)
{
    size_t len;
    const char *path = apr_pstrcat(te_pool, env->httpd->root, "/" TE_ENVELOPES, NULL);
    const char *bytes = te_read(path, &len, te_pool);
    ck_assert_msg(bytes != NULL && len > 0, "there is no %s", path);
    expect_silence(path, bytes, len);
    ck_assert_ptr_nonnull(strstr(bytes, "\"http.request.header.x-api-key\""));
    ck_assert_ptr_nonnull(strstr(bytes, "sid=[Filtered]"));
}

/* What this module logs; others log referrers as they are. */
static void expect_silence_in_log(const te_env_t *env)
{
    size_t len;
    int count = 0;
    const char *path = apr_pstrcat(te_pool, env->httpd->root, "/logs/error_log", NULL);
    const char *line = te_read(path, &len, te_pool);
    ck_assert_msg(line != NULL, "there is no %s", path);
    while (*line != '\0') {
        len = strcspn(line, "\n");
        if (memmem(line, len, "[sentry_trace:", strlen("[sentry_trace:")) != NULL) {
            expect_silence(path, line, len);
            count++;
        }
        line += len + (line[len] != '\0');
    }
    ck_assert_int_gt(count, 0);
}

/* The status page in each of its formats. */
static void expect_silence_in_status(te_env_t *env)
{
    static const char *const formats[] = {"", "?json", "?auto", "?prometheus"};
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
        const char *path = apr_pstrcat(te_pool, TE_STATUS_PATH, formats[i], NULL);
        const te_reply_t *reply = te_get(env, path);
        ck_assert_int_eq(reply->status, 200);
        ck_assert_int_gt((int)reply->len, 0);
        expect_silence(path, reply->body, reply->len);
    }
}

static const char *const *headers_of(int number)
{
    const size_t count = sizeof(headers) / sizeof(*headers);
    const char **with = apr_palloc(te_pool, sizeof(*with) * (count + 1));
    memcpy(with, headers, sizeof(headers));
    with[count - 1] = apr_psprintf(te_pool, "X-Case: %d", number);
    with[count] = NULL;
    return with;
}

static void visit(te_env_t *env, int number)
{
    const te_request_t request = {
        .method = "POST",
        .path = paths[number % (int)(sizeof(paths) / sizeof(*paths))],
        .headers = headers_of(number),
        .body = BODY};
    ck_assert_int_gt(te_do(env, &request)->status, 0);
}

static const struct {
    const char *lifecycle;
    const char *pii;
} cases[] = {{"stream", "Off"}, {"stream", "On"}, {"static", "Off"}, {"static", "On"}};

START_TEST(no_secret_is_told_to_anybody)
{
    te_log_allow("AH01614"); /* credentials of another scheme */
    te_env_t *env =
        te_start(TE_EVENT, apr_pstrcat(te_pool, TE_STATUS, te_site_conf, ANSWER,
                                       "SentryTraceLifecycle ", cases[_i].lifecycle,
                                       "\nLogLevel sentry_trace:trace8\n",
                                       sections(cases[_i].pii), NULL));
    for (int i = 0; i < COMBINATIONS; i++) {
        visit(env, i);
    }
    te_await(env, COMBINATIONS);
    expect_silence_in_status(env);
    te_close(env);
    ck_assert_int_ge(te_store_count(env->store), COMBINATIONS);
    expect_silence_in_envelopes(env);
    expect_silence_in_log(env);
    te_httpd_destroy(env->httpd);
}
END_TEST

/* The search finds what is there: with a header that nothing protects. */
START_TEST(what_is_no_secret_is_told)
{
    static const char *const harmless[] = {"X-Note: " MARK, NULL};
    te_env_t *env = te_start(TE_EVENT, "");
    const te_request_t request = {.path = "/hello.txt", .headers = harmless};
    ck_assert_int_eq(te_do(env, &request)->status, 200);
    te_await(env, 1);
    te_close(env);
    size_t len;
    const char *path = apr_pstrcat(te_pool, env->httpd->root, "/" TE_ENVELOPES, NULL);
    const char *bytes = te_read(path, &len, te_pool);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_ptr_nonnull(memmem(bytes, len, MARK, strlen(MARK)));
    te_httpd_destroy(env->httpd);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, no_secret_is_told_to_anybody, 0,
                        sizeof(cases) / sizeof(*cases));
    tcase_add_test(tcase, what_is_no_secret_is_told);
}

int main(void)
{
    return te_main("e2e_secrets", add_cases);
}

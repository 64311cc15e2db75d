/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes that depend on more than the request line: the operator's own, waiting times, sizes,
 * threads; and texts that are too long or no text at all. */

#include "te.h"

#include <stdio.h>
#include <sys/time.h>

static const te_span_t *only_segment(te_env_t *env)
{
    te_await(env, 1);
    return te_segment(env->store, 0);
}

START_TEST(own_attributes_have_their_types)
{
    te_env_t *env = te_start(
        _i, "Header set X-Count 17\n"
            "SentryTraceAttribute te.text \"%{HTTP:X-Tenant}/%{REQUEST_STATUS}\"\n"
            "SentryTraceAttribute te.count %{resp:X-Count} integer\n"
            "SentryTraceAttribute te.share 0.25 double\n"
            "SentryTraceAttribute te.is \"%{HTTP:X-Is}\" boolean\n"
            "SentryTraceAttribute te.no OFF boolean\n"
            "SentryTraceAttribute te.empty %{HTTP:X-Nothing}\n"
            "SentryTraceAttribute te.word seven integer\n"
            "SentryTraceAttribute te.large 99999999999999999999 integer\n"
            "SentryTraceAttribute te.nan nan double\n"
            "SentryTraceAttribute te.maybe maybe boolean\n"
            "SentryTraceAttribute server.address www.example.com\n"
            "SentryTraceAttribute http.route /own\n"
            "SentryTraceAttribute user.id %{HTTP:X-Tenant}\n"
            "SentryTraceAttribute http.server.request.time_in_queue 1.5\n");
    static const char *const headers[] = {"X-Tenant: acme", "X-Is: yes", NULL};
    const te_request_t request = {.path = "/hello.txt", .headers = headers};
    ck_assert_int_eq(te_do(env, &request)->status, 200);
    const te_span_t *segment = only_segment(env);
    ck_assert_str_eq(te_span_attr_str(segment, "te.text"), "acme/200");
    ck_assert_int_eq(te_span_attr_int(segment, "te.count"), 17);
    ck_assert(te_span_attr_double(segment, "te.share") == 0.25);
    ck_assert_int_eq(te_span_attr_bool(segment, "te.is"), 1);
    ck_assert_int_eq(te_span_attr_bool(segment, "te.no"), 0);
    static const char *const absent[] = {"te.empty", "te.word", "te.large", "te.nan",
                                         "te.maybe"};
    for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++) {
        ck_assert_msg(json_object_get(segment->attributes, absent[i]) == NULL,
                      "there is %s", absent[i]);
    }
    ck_assert_str_eq(te_span_attr_str(segment, "server.address"), "www.example.com");
    ck_assert_str_eq(te_span_attr_str(segment, "http.route"), "/own");
    ck_assert_str_eq(te_span_attr_str(segment, "user.id"), "acme");
    ck_assert(te_span_attr_double(segment, "http.server.request.time_in_queue") == 1.5);
    te_finish(env);
}
END_TEST

START_TEST(own_attributes_of_the_response_are_found_behind_an_error_document)
{
    te_env_t *env = te_start(
        _i, apr_pstrcat(te_pool, te_site_conf,
                        "SentryTraceAttribute te.asked %{REQUEST_URI}\n"
                        "SentryTraceAttribute te.status %{REQUEST_STATUS} integer\n"
                        "SentryTraceAttribute te.type %{resp:Content-Type}\n",
                        NULL));
    ck_assert_int_eq(te_get(env, "/errordoc/nothing")->status, 404);
    const te_span_t *segment = only_segment(env);
    ck_assert_str_eq(te_span_attr_str(segment, "te.asked"), "/errordoc/nothing");
    ck_assert_int_eq(te_span_attr_int(segment, "te.status"), 404);
    ck_assert_str_eq(te_span_attr_str(segment, "te.type"), "text/html");
    te_finish(env);
}
END_TEST

/* Characters of two bytes, but the first. */
START_TEST(long_texts_are_cut_between_characters)
{
    char text[3002] = "x";
    for (int i = 1; i < 3001; i += 2) {
        memcpy(text + i, "\xC3\xA9", 2);
    }
    const char *header = apr_pstrcat(te_pool, "X-Long: ", text, NULL);
    const char *const headers[] = {header, NULL};
    te_env_t *env = te_start(_i, "SentryTraceAttribute te.long %{HTTP:X-Long}\n");
    const te_request_t request = {.path = "/hello.txt", .headers = headers};
    ck_assert_int_eq(te_do(env, &request)->status, 200);
    const te_span_t *segment = only_segment(env);
    const char *own = te_span_attr_str(segment, "te.long");
    ck_assert_uint_eq(strlen(own), 1023);
    ck_assert_int_eq(strncmp(own, text, 1023), 0);
    ck_assert_str_eq(te_span_attr_list(env->store, segment, "http.request.header.x-long"),
                     own);
    te_finish(env);
}
END_TEST

START_TEST(bytes_that_are_no_text_are_replaced)
{
    te_env_t *env = te_start(_i, "SentryTraceAttribute te.raw %{HTTP:X-Raw}\n");
    const char *answer = te_raw_exchange(env->httpd->ports[0],
                                         "GET /hello.txt?a=%FF\xFE HTTP/1.1\r\n"
                                         "Host: 127.0.0.1\r\nConnection: close\r\n"
                                         "X-Raw: a\xFF\"b\\\tc\xC3\r\n\r\n",
                                         te_pool);
    ck_assert_ptr_nonnull(strstr(answer, " 200 "));
    const te_span_t *segment = only_segment(env);
    ck_assert_str_eq(te_span_attr_str(segment, "te.raw"),
                     "a\xEF\xBF\xBD\"b\\\tc\xEF\xBF\xBD");
    ck_assert_str_eq(te_span_attr_str(segment, "url.query"), "a=%FF\xEF\xBF\xBD");
    te_finish(env);
}
END_TEST

START_TEST(time_in_queue_is_measured)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    const char *header = apr_psprintf(te_pool, "X-Request-Start: t=%ld.%06ld",
                                      (long)now.tv_sec - 2, (long)now.tv_usec);
    const char *const headers[] = {header, NULL};
    te_env_t *env = te_start(_i, "");
    const te_request_t request = {.path = "/hello.txt", .headers = headers};
    ck_assert_int_eq(te_do(env, &request)->status, 200);
    double ms =
        te_span_attr_double(only_segment(env), "http.server.request.time_in_queue");
    ck_assert_msg(ms >= 2000.0 && ms < 60000.0, "%f ms", ms);
    te_finish(env);
}
END_TEST

/* The numbers in the lines of a log "body total". */
START_TEST(sizes_are_those_of_the_access_log)
{
    static const char *const gzip[] = {"Accept-Encoding: gzip", NULL};
    static const char *const none[] = {NULL};
    te_env_t *env = te_start(_i, apr_pstrcat(te_pool, te_site_conf,
                                             "LogFormat \"%B %O\" sizes\n"
                                             "CustomLog logs/sizes sizes "
                                             "\"expr=%{REQUEST_URI} != '/te-ready'\"\n",
                                             NULL));
    const te_request_t requests[] = {
        {.path = "/hello.txt", .headers = none},
        {.path = "/deflated/text.txt", .headers = gzip},
        {.path = "/hello.txt", .headers = none, .method = "HEAD"},
        {.path = "/nothing", .headers = none},
        {.path = "/cgi/ok", .headers = none},
    };
    int count = (int)(sizeof(requests) / sizeof(*requests));
    for (int i = 0; i < count; i++) {
        (void)te_do(env, &requests[i]);
        te_await(env, i + 1);
    }
    size_t len;
    const char *log = te_read(apr_pstrcat(te_pool, env->httpd->root, "/logs/sizes", NULL),
                              &len, te_pool);
    for (int i = 0; i < count; i++) {
        long body, total;
        int used;
        ck_assert_int_eq(sscanf(log, "%ld %ld\n%n", &body, &total, &used), 2);
        log += used;
        const te_span_t *segment = te_segment(env->store, i);
        ck_assert_int_eq(te_span_attr_int(segment, "http.response.size"), total);
        if (requests[i].method == NULL) {
            ck_assert_int_eq(te_span_attr_int(segment, "http.response.body.size"), body);
        }
        ck_assert_int_gt(total, 0);
    }
    te_finish(env);
}
END_TEST

START_TEST(refused_requests_have_a_thread)
{
    te_env_t *env = te_start(_i, te_site_conf);
    ck_assert_int_eq(te_get(env, "/forbidden")->status, 403);
    const te_span_t *segment = only_segment(env);
    long pid = te_span_attr_int(segment, "process.pid");
    const char *path = apr_psprintf(te_pool, "/proc/%ld/task/%ld/comm", pid,
                                    te_span_attr_int(segment, "thread.id"));
    char name[32] = "";
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "there is no %s", path);
    ck_assert_ptr_nonnull(fgets(name, sizeof(name), file));
    fclose(file);
    ck_assert_str_eq(
        apr_pstrcat(te_pool, te_span_attr_str(segment, "thread.name"), "\n", NULL), name);
    te_finish(env);
}
END_TEST

START_TEST(connections_with_tls_say_so)
{
    te_setup_t setup = {.mpm = (te_mpm_t)_i,
                        .conf = TE_DSN TE_TLS_VHOST("SSLProtocol -all +TLSv1.2\n")};
    te_env_t *env = te_env_make(&setup, __func__);
    te_tls_make(env->httpd->root, env->pool);
    te_env_run(env);
    te_client_ca_set(env->client, te_tls_certificate(env->httpd->root, te_pool));
    const char *url =
        apr_psprintf(te_pool, "https://localhost:%d/hello.txt", env->httpd->ports[1]);
    ck_assert_int_eq(te_get(env, url)->status, 200);
    const te_span_t *segment = only_segment(env);
    ck_assert_str_eq(te_span_attr_str(segment, "tls.protocol.name"), "tls");
    ck_assert_str_eq(te_span_attr_str(segment, "tls.protocol.version"), "1.2");
    ck_assert_str_eq(te_span_attr_str(segment, "url.scheme"), "https");
    te_finish(env);
}
END_TEST

/* The calls below a filter. */
static int calls_below(te_env_t *env, const te_span_t *filter)
{
    int count = 0;
    for (int i = 0; i < te_store_count(env->store); i++) {
        const te_span_t *span = te_store_span(env->store, i);
        if (span->parent_id != NULL && strcmp(span->op, "function") == 0 &&
            strcmp(span->parent_id, filter->span_id) == 0) {
            ck_assert_str_eq(span->name, filter->name);
            ck_assert_str_eq(te_span_attr_str(span, "middleware.name"),
                             te_span_attr_str(filter, "middleware.name"));
            ck_assert_double_ge(span->start, filter->start);
            ck_assert_double_le(span->end, filter->end);
            count++;
        }
    }
    return count;
}

START_TEST(each_brigade_of_a_filter_is_a_span)
{
    te_env_t *env = te_start(
        _i, apr_pstrcat(te_pool, te_site_conf, "SentryTraceSpans +FilterCalls\n", NULL));
    static const char *const gzip[] = {"Accept-Encoding: gzip", NULL};
    const te_request_t request = {.path = "/deflated/text.txt", .headers = gzip};
    ck_assert_int_eq(te_do(env, &request)->status, 200);
    const te_span_t *segment = only_segment(env);
    const te_span_t *deflate = te_span_find(env->store, segment, "middleware", "DEFLATE");
    const te_span_t *core = te_span_find(env->store, segment, "middleware", "CORE");
    ck_assert_int_ge(calls_below(env, deflate), 1);
    ck_assert_int_ge(calls_below(env, core), calls_below(env, deflate));
    te_finish(env);
}
END_TEST

START_TEST(calls_are_left_out_unless_asked_for)
{
    te_env_t *env = te_start(_i, "");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    ck_assert_int_eq(te_span_count(env->store, only_segment(env), "function", NULL), 0);
    te_finish(env);
}
END_TEST

/* A chunk of the backend is a brigade. */
START_TEST(calls_beyond_the_limit_are_counted)
{
    te_env_t *env = te_start(
        _i, "ProxyPass /backend/ http://${BACKEND}/ flushpackets=on iobuffersize=512\n"
            "ProxyIOBufferSize 512\nSentryTraceSpans +FilterCalls\n");
    size_t len = 400000;
    char *body = apr_palloc(te_pool, len + 1);
    memset(body, 'a', len);
    body[len] = '\0';
    const te_answer_t answer = {.body = body};
    te_server_answer(env->backend, &answer);
    ck_assert_int_eq(te_get(env, "/backend/large")->status, 200);
    const te_span_t *segment = only_segment(env);
    ck_assert_int_eq(te_span_count(env->store, segment, NULL, NULL), 1000);
    te_close(env);
    ck_assert_int_gt(te_store_discarded(env->store, "buffer_overflow"), 0);
    te_httpd_destroy(env->httpd);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, own_attributes_have_their_types);
    te_add_per_mpm(tcase,
                   own_attributes_of_the_response_are_found_behind_an_error_document);
    te_add_per_mpm(tcase, long_texts_are_cut_between_characters);
    te_add_per_mpm(tcase, bytes_that_are_no_text_are_replaced);
    te_add_per_mpm(tcase, time_in_queue_is_measured);
    te_add_per_mpm(tcase, sizes_are_those_of_the_access_log);
    te_add_per_mpm(tcase, refused_requests_have_a_thread);
    te_add_per_mpm(tcase, connections_with_tls_say_so);
    te_add_per_mpm(tcase, each_brigade_of_a_filter_is_a_span);
    te_add_per_mpm(tcase, calls_are_left_out_unless_asked_for);
    te_add_per_mpm(tcase, calls_beyond_the_limit_are_counted);
}

int main(void)
{
    return te_main("e2e_attributes", add_cases);
}

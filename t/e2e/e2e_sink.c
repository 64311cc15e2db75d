/* SPDX-License-Identifier: Apache-2.0 */
/* The handler that stands in for Sentry. */

#include "te.h"

#include <zlib.h>

#define SINK                                                                             \
    "<Location /api>\nSetHandler sentry-trace-sink\n"                                    \
    "SentryTraceSinkFile ${ROOT}/spool/sink\n</Location>\n"

static const char *const packed[] = {"Content-Encoding: gzip", NULL};

/* A server with a sink; nothing is traced. */
static te_env_t *start_sink(te_mpm_t mpm, const char *conf, const char *name)
{
    te_setup_t setup = {.mpm = mpm, .conf = conf};
    te_env_t *env = te_env_make(&setup, name);
    te_env_run(env);
    return env;
}

static const te_reply_t *post(te_env_t *env, const char *body)
{
    te_request_t request = {.method = "POST", .path = "/api/42/envelope/", .body = body};
    return te_do(env, &request);
}

/* What the sink has written. */
static te_store_t *written(te_env_t *env)
{
    return te_store_read(te_path(env->httpd->root, "spool/sink", te_pool), te_pool);
}

START_TEST(envelopes_are_taken_and_written)
{
    te_env_t *env = start_sink(_i, SINK, __func__);
    const te_reply_t *reply = post(env, te_sample_spans(TE_SAMPLE_TRACE, 2, te_pool));
    ck_assert_int_eq(reply->status, 200);
    ck_assert_ptr_nonnull(strstr(reply->body, "\"id\""));
    ck_assert_int_eq(post(env, te_sample_report)->status, 200);
    te_store_t *store = written(env);
    te_store_check(store);
    ck_assert_int_eq(store->envelope_count, 2);
    ck_assert_int_eq(te_store_count(store), 2);
    ck_assert_int_eq(te_store_discarded(store, "sample_rate"), 4);
    te_finish(env);
}
END_TEST

START_TEST(transactions_are_taken_and_answered_with_their_id)
{
    te_env_t *env = start_sink(_i, SINK, __func__);
    const te_reply_t *reply = post(env, te_sample_transaction);
    ck_assert_int_eq(reply->status, 200);
    ck_assert_ptr_nonnull(strstr(reply->body, TE_SAMPLE_EVENT));
    te_store_t *store = written(env);
    te_store_check(store);
    ck_assert_int_eq(store->transaction_count, 1);
    te_finish(env);
}
END_TEST

START_TEST(compressed_envelopes_are_unpacked)
{
    te_env_t *env = start_sink(_i, SINK, __func__);
    const char *envelope = te_sample_spans(TE_SAMPLE_TRACE, 2, te_pool);
    unsigned char body[4096];
    z_stream zlib = {.next_in = (Bytef *)(uintptr_t)envelope,
                     .avail_in = (uInt)strlen(envelope),
                     .next_out = body,
                     .avail_out = sizeof(body)};
    ck_assert_int_eq(deflateInit2(&zlib, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY),
                     Z_OK);
    ck_assert_int_eq(deflate(&zlib, Z_FINISH), Z_STREAM_END);
    te_request_t request = {.method = "POST",
                            .path = "/api/42/envelope/",
                            .headers = packed,
                            .body = (const char *)body,
                            .body_len = zlib.total_out};
    ck_assert_int_eq(te_do(env, &request)->status, 200);
    deflateEnd(&zlib);
    ck_assert_int_eq(te_store_count(written(env)), 2);
    te_finish(env);
}
END_TEST

START_TEST(malformed_envelopes_are_refused_with_a_reason)
{
    te_env_t *env = start_sink(_i, SINK, __func__);
    const char *const bodies[] = {
        "no envelope",
        "{}\n\n{}\n",
        "{}\n{\"type\":\"client_report\",\"length\":999}\n{}\n",
        te_sample_spans("ffffffffffffffffffffffffffffffff", 2, te_pool),
        te_sample_spans(TE_SAMPLE_TRACE, 3, te_pool),
        apr_pstrcat(te_pool, te_sample_report, te_sample_report, NULL),
        apr_pstrcat(te_pool, "{}", strchr(te_sample_transaction, '\n'), NULL),
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        const te_reply_t *reply = post(env, bodies[i]);
        ck_assert_msg(reply->status == 400, "%s: %d", bodies[i], reply->status);
        json_t *json = json_loads(reply->body, 0, NULL);
        const char *why = json_string_value(json_object_get(json, "detail"));
        ck_assert_msg(why != NULL && strlen(why) > 10, "no reason: %s", reply->body);
        json_decref(json);
    }
    ck_assert_int_eq(written(env)->envelope_count, 0);
    te_finish(env);
}
END_TEST

START_TEST(other_requests_are_refused)
{
    static const char *const brotli[] = {"Content-Encoding: br", NULL};
    te_env_t *env = start_sink(_i, SINK, __func__);
    const te_reply_t *get = te_get(env, "/api/42/envelope/");
    ck_assert_int_eq(get->status, 405);
    ck_assert_str_eq(te_reply_header(get, "Allow", te_pool), "POST");
    te_request_t odd = {.method = "POST",
                        .path = "/api/42/envelope/",
                        .headers = brotli,
                        .body = te_sample_report};
    ck_assert_int_eq(te_do(env, &odd)->status, 415);
    odd.headers = packed;
    ck_assert_int_eq(te_do(env, &odd)->status, 400);
    ck_assert_int_eq(written(env)->envelope_count, 0);
    te_finish(env);
}
END_TEST

START_TEST(sink_without_a_file_says_so)
{
    te_log_allow("ST0201");
    te_env_t *env = start_sink(
        _i, "<Location /api>\nSetHandler sentry-trace-sink\n</Location>\n", __func__);
    ck_assert_int_eq(post(env, te_sample_report)->status, 500);
    ck_assert_int_eq(te_log_count(env->httpd, "ST0201"), 1);
    te_finish(env);
}
END_TEST

START_TEST(only_this_machine_may_send_unless_all_may)
{
    static const char *const elsewhere[] = {"X-Forwarded-For: 203.0.113.5", NULL};
    te_env_t *env = start_sink(
        _i,
        SINK "LoadModule remoteip_module ${MODULES}/mod_remoteip.so\n"
             "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1\n"
             "<Location /api/43>\nSentryTraceSinkAllow all\n</Location>\n",
        __func__);
    te_request_t request = {.method = "POST",
                            .path = "/api/42/envelope/",
                            .headers = elsewhere,
                            .body = te_sample_report};
    ck_assert_int_eq(te_do(env, &request)->status, 403);
    request.path = "/api/43/envelope/";
    ck_assert_int_eq(te_do(env, &request)->status, 200);
    ck_assert_int_eq(post(env, te_sample_report)->status, 200);
    ck_assert_int_eq(written(env)->envelope_count, 2);
    te_finish(env);
}
END_TEST

START_TEST(sink_is_not_traced)
{
    te_env_t *env = te_start(_i, SINK);
    ck_assert_int_eq(post(env, te_sample_report)->status, 200);
    ck_assert_int_eq(post(env, "no envelope")->status, 400);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 1);
    te_segment_of(env->store, "/hello.txt");
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, NULL), 0);
    te_finish(env);
}
END_TEST

START_TEST(server_that_traces_into_its_own_sink_comes_to_rest)
{
    te_setup_t setup = {.mpm = _i,
                        .conf = SINK "SentryTraceDSN http://" TE_SENTRY_KEY
                                     "@127.0.0.1:${PORT}/42\nSentryTraceFlush 100ms\n"};
    te_env_t *env = te_env_make(&setup, __func__);
    te_env_run(env);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    }
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (written(env)->segment_count < 3) {
        ck_assert_int_eq(te_tick(deadline), 1);
    }
    te_close(env);
    te_store_t *store = written(env);
    te_store_check(store);
    ck_assert_int_eq(store->segment_count, 3);
    te_finish(env);
}
END_TEST

/* The envelopes pass through the server that sends them. */
START_TEST(sentry_behind_the_traced_server_is_sent_no_echo)
{
    te_setup_t setup = {.mpm = _i,
                        .conf = "SentryTraceDSN http://" TE_SENTRY_KEY
                                "@127.0.0.1:${PORT}/42\nSentryTraceFlush 100ms\n"
                                "ProxyPass /api/ http://${SENTRY}/api/\n"};
    te_env_t *env = te_env_make(&setup, __func__);
    te_env_run(env);
    for (int i = 1; i <= 4; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
        te_await(env, i);
    }
    te_finish(env);
    ck_assert_int_eq(env->store->segment_count, 4);
}
END_TEST

START_TEST(busy_sender_and_sink_lose_and_mix_nothing)
{
    te_env_t *sink = start_sink(_i, SINK "StartServers 4\n", __func__);
    te_setup_t setup = {.mpm = _i,
                        .conf = apr_psprintf(te_pool,
                                             "SentryTraceDSN http://" TE_SENTRY_KEY
                                             "@127.0.0.1:%d/42\n"
                                             "SentryTraceFlush 100ms\n",
                                             sink->httpd->ports[0])};
    te_env_t *env = te_env_make(&setup, __func__);
    te_env_run(env);
    te_load_result_t result =
        te_load_finish(te_load_start(env->httpd->ports[0], "/hello.txt", 300, 8));
    ck_assert_int_eq(result.answered, 300);
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (written(sink)->segment_count < 300) {
        ck_assert_int_eq(te_tick(deadline), 1);
    }
    te_finish(env);
    te_store_t *store = written(sink);
    te_store_check(store);
    ck_assert_int_eq(store->segment_count, 300);
    te_finish(sink);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, envelopes_are_taken_and_written);
    te_add_per_mpm(tcase, transactions_are_taken_and_answered_with_their_id);
    te_add_per_mpm(tcase, compressed_envelopes_are_unpacked);
    te_add_per_mpm(tcase, malformed_envelopes_are_refused_with_a_reason);
    te_add_per_mpm(tcase, other_requests_are_refused);
    te_add_per_mpm(tcase, sink_without_a_file_says_so);
    te_add_per_mpm(tcase, only_this_machine_may_send_unless_all_may);
    te_add_per_mpm(tcase, sink_is_not_traced);
    te_add_per_mpm(tcase, server_that_traces_into_its_own_sink_comes_to_rest);
    te_add_per_mpm(tcase, sentry_behind_the_traced_server_is_sent_no_echo);
    te_add_per_mpm(tcase, busy_sender_and_sink_lose_and_mix_nothing);
}

int main(void)
{
    return te_main("e2e_sink", add_cases);
}

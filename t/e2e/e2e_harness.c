/* SPDX-License-Identifier: Apache-2.0 */
/* What the other end-to-end tests stand on: the private httpd, the fake servers, the checks. */

#include "te.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

START_TEST(httpd_serves_the_site)
{
    te_env_t *env = te_env_make(
        &(te_setup_t){.mpm = _i, .conf = te_site_conf, .without_module = 1}, __func__);
    te_env_run(env);
    te_site_visit(env);
    const te_reply_t *hit = te_get(env, "/cached/text.txt");
    ck_assert_ptr_nonnull(
        strstr(te_reply_header(hit, "X-Cache-Detail", env->pool), "cache hit"));
    te_finish(env);
}
END_TEST

START_TEST(httpd_restarts_and_leaves_nothing_behind)
{
    te_env_t *env =
        te_env_make(&(te_setup_t){.mpm = _i, .conf = "", .without_module = 1}, __func__);
    te_env_run(env);
    pid_t session = env->httpd->pid;
    te_httpd_graceful(env->httpd);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_client_disconnect(env->client); /* or the worker waits for more */
    te_httpd_restart(env->httpd);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_client_disconnect(env->client);
    ck_assert_int_gt(te_proc_session_count(session), 1);
    te_httpd_stop_gracefully(env->httpd);
    ck_assert_int_eq(te_proc_session_count(session), 0);
    te_finish(env);
}
END_TEST

START_TEST(wrong_configuration_is_refused)
{
    te_env_t *env = te_env_make(
        &(te_setup_t){.conf = "NoSuchDirective 1\n", .without_module = 1}, __func__);
    const char *said;
    ck_assert_int_ne(te_httpd_configtest(env->httpd, &said), 0);
    ck_assert_ptr_nonnull(strstr(said, "NoSuchDirective"));
    te_sentry_stop(env->sentry);
    te_httpd_destroy(env->httpd);
}
END_TEST

START_TEST(load_counts_every_answer)
{
    te_env_t *env =
        te_env_make(&(te_setup_t){.mpm = _i, .conf = "", .without_module = 1}, __func__);
    te_env_run(env);
    te_load_t *load = te_load_start(env->httpd->ports[0], "/hello.txt", 300, 8);
    te_httpd_graceful(env->httpd);
    te_load_result_t result = te_load_finish(load);
    ck_assert_int_eq(result.answered, 300);
    ck_assert_int_eq(result.failed, 0);
    te_finish(env);
}
END_TEST

/* One POST of `body` to a server, on a connection of its own. */
static te_message_t *post(te_server_t *server, const char *request)
{
    const char *answer = te_raw_exchange(te_server_port(server), request, te_pool);
    ck_assert_ptr_nonnull(strstr(answer, "HTTP/1.1 200"));
    return te_server_message(server, te_server_message_count(server) - 1);
}

START_TEST(server_reads_chunks)
{
    te_server_t *server = te_server_start();
    te_server_answer(server, &(te_answer_t){.cut = TE_CUT_AFTER});
    te_message_t *message = post(server, "POST /x HTTP/1.1\r\nTransfer-Encoding: "
                                         "chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n"
                                         "0\r\n\r\n");
    ck_assert_str_eq(message->body, "abc0123456789");
    ck_assert_str_eq(message->method, "POST");
    ck_assert_str_eq(message->path, "/x");
    ck_assert_int_eq(message->accepted, 1);
    te_server_stop(server);
}
END_TEST

START_TEST(server_remembers_a_malformed_request)
{
    te_server_t *server = te_server_start();
    te_raw_exchange(te_server_port(server), "POST\r\n\r\n", te_pool);
    ck_assert_str_eq(te_server_failure(server), "malformed request line");
    te_server_stop(server);
}
END_TEST

START_TEST(server_answers_as_scripted)
{
    te_server_t *server = te_server_start();
    te_client_t *client = te_client_create(te_server_port(server), te_pool);
    te_server_answer_next(server, &(te_answer_t){.status = 503, .body = "busy"});
    te_server_answer_next(server, &(te_answer_t){.cut = TE_CUT_BEFORE});
    te_server_answer_next(server, &(te_answer_t){.cut = TE_CUT_BODY});
    te_server_answer_next(server, &(te_answer_t){.headers = "X-More: yes\r\n"});
    const te_reply_t *busy = te_client_get(client, "/");
    ck_assert_int_eq(busy->status, 503);
    ck_assert_str_eq(busy->body, "busy");
    te_request_t fresh = {.path = "/", .fresh = 1};
    ck_assert_int_eq(te_client_do(client, &fresh)->status, 0);
    ck_assert_ptr_nonnull(te_client_do(client, &fresh)->why);
    const te_reply_t *good = te_client_do(client, &fresh);
    ck_assert_int_eq(good->status, 200);
    ck_assert_str_eq(te_reply_header(good, "x-more", te_pool), "yes");
    te_server_await(server, 4);
    te_server_stop(server);
}
END_TEST

START_TEST(server_refuses_and_accepts_again)
{
    te_server_t *server = te_server_start();
    te_client_t *client = te_client_create(te_server_port(server), te_pool);
    ck_assert_int_eq(te_client_get(client, "/")->status, 200);
    te_server_refuse(server, 1);
    ck_assert_int_eq(te_client_get(client, "/")->status, 0);
    te_server_refuse(server, 0);
    ck_assert_int_eq(te_client_get(client, "/")->status, 200);
    te_server_stop(server);
}
END_TEST

START_TEST(server_dawdles)
{
    enum { BYTE_MS = 5 };
    te_server_t *server = te_server_start();
    te_client_t *client = te_client_create(te_server_port(server), te_pool);
    te_server_answer_next(server,
                          &(te_answer_t){.body = "slow", .body_byte_ms = BYTE_MS});
    te_server_answer_next(server, &(te_answer_t){.head_byte_ms = BYTE_MS});
    st_ns_t start = st_clock_mono();
    ck_assert_str_eq(te_client_get(client, "/")->body, "slow");
    ck_assert_int_ge(st_clock_mono() - start, 4 * BYTE_MS * ST_NS_PER_MS);
    ck_assert_int_eq(te_client_get(client, "/")->status, 200);
    ck_assert_int_ge(st_clock_mono() - start, 40 * BYTE_MS * ST_NS_PER_MS);
    te_server_stop(server);
}
END_TEST

/* A client that has seen the status need not wait for the rest. */
START_TEST(status_decides_although_the_client_leaves)
{
    char bytes[64];
    te_server_t *server = te_server_start();
    te_server_answer(server, &(te_answer_t){.body_byte_ms = 1000});
    int fd = te_raw_open(te_server_port(server));
    te_raw_send(fd, "GET / HTTP/1.1\r\n\r\n");
    ck_assert_uint_gt(te_raw_receive(fd, bytes, sizeof(bytes)), 0);
    te_raw_reset(fd);
    te_server_await(server, 1);
    ck_assert_int_eq(te_server_message(server, 0)->accepted, 1);
    te_server_stop(server);
}
END_TEST

START_TEST(server_excuses_clients_that_are_killed)
{
    te_server_t *server = te_server_start();
    te_server_expect_kills(server);
    int fd = te_raw_open(te_server_port(server));
    te_raw_send(fd, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
    close(fd);
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_port_connections(te_server_port(server)) > 0) {
        ck_assert_int_eq(te_tick(deadline), 1);
    }
    ck_assert_ptr_null(te_server_failure(server));
    te_server_stop(server);
}
END_TEST

START_TEST(hole_swallows_until_dropped)
{
    te_server_t *server = te_server_start();
    te_server_answer(server, &(te_answer_t){.cut = TE_CUT_HOLE});
    int fd = te_raw_open(te_server_port(server));
    ck_assert_int_eq(te_raw_send(fd, "GET / HTTP/1.1\r\n\r\n"), 1);
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_server_read_count(server) == 0) {
        ck_assert_int_eq(te_tick(deadline), 1);
    }
    ck_assert_int_eq(te_server_message_count(server), 0);
    te_server_drop(server);
    char byte;
    ck_assert_uint_eq(te_raw_receive(fd, &byte, 1), 0);
    close(fd);
    te_server_stop(server);
}
END_TEST

START_TEST(store_reads_spans_and_reports)
{
    te_store_t *store = te_store_create(te_pool);
    const char *envelope = te_sample_spans(TE_SAMPLE_TRACE, 2, te_pool);
    te_store_add(store, envelope, strlen(envelope), "42", 1);
    te_store_add(store, envelope, strlen(envelope), "42", 0);
    te_store_add(store, te_sample_report, strlen(te_sample_report), "42", 1);
    ck_assert_ptr_null(store->failure);
    const te_span_t *segment = te_segment_of(store, "/a");
    const te_span_t *child = te_span_find(store, segment, "middleware", "CORE");
    ck_assert_ptr_eq(te_span_parent(store, child), segment);
    ck_assert_int_eq(te_store_count(store), 2);
    ck_assert_int_eq(store->rejected_span_count, 2);
    ck_assert_int_eq(store->rejected_segment_count, 1);
    ck_assert_int_eq(te_store_discarded(store, "sample_rate"), 4);
    te_store_check(store);
}
END_TEST

START_TEST(store_reads_transactions)
{
    te_store_t *store = te_store_create(te_pool);
    te_store_add(store, te_sample_transaction, strlen(te_sample_transaction), "42", 1);
    te_store_add(store, te_sample_transaction, strlen(te_sample_transaction), "42", 0);
    te_store_add(store, te_sample_report, strlen(te_sample_report), "42", 1);
    ck_assert_ptr_null(store->failure);
    const te_span_t *segment = te_segment_of(store, "/a");
    ck_assert_str_eq(segment->name, "GET /a");
    const te_span_t *child = te_span_find(store, segment, "middleware", "CORE");
    ck_assert_ptr_eq(te_span_parent(store, child), segment);
    ck_assert(te_span_attr_double(child, "sentry.exclusive_time") == 2.0);
    ck_assert_int_eq(te_store_count(store), 2);
    ck_assert_int_eq(store->transaction_count, 1);
    ck_assert_int_eq(store->rejected_span_count, 2);
    ck_assert_int_eq(store->rejected_segment_count, 1);
    ck_assert_int_eq(te_store_discarded(store, NULL), 4);
    ck_assert_int_eq(te_store_transactions_discarded(store, "sample_rate"), 2);
    ck_assert_int_eq(te_store_transactions_discarded(store, "ignored"), 0);
    te_store_check(store);
}
END_TEST

static const struct {
    const char *attributes;
    const char *why; /* NULL: nothing is wrong */
} vocabularies[] = {
    {"'sentry.op':{'type':'string','value':'handler'},"
     "'http.request.header.x-y':{'type':'array','value':['a']},"
     "'http.response.header.content-length':{'type':'string','value':'1'},"
     "'te.own':{'type':'boolean','value':true}",
     NULL},
    {"'http.method':{'type':'string','value':'GET'}",
     "have no attribute \"http.method\""},
    {"'unheard.of':{'type':'string','value':'a'}", "have no attribute \"unheard.of\""},
    {"'http.request.header.':{'type':'array','value':['a']}", "have no attribute"},
    {"'server.port':{'type':'string','value':'80'}", "\"server.port\" is string instead"},
    {"'http.request.header.a':{'type':'string','value':'b'}",
     "is string instead of array"},
    {"'sentry.op':{'type':'string','value':'apache'}", "no operation \"apache\""},
    {"'url.path':{'type':'string','value':'/'}", "no operation"},
};

START_TEST(store_knows_the_words_of_the_conventions)
{
    char *text = apr_pstrcat(te_pool, "{", vocabularies[_i].attributes, "}", NULL);
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    json_t *attributes = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(attributes);
    const char *why = te_vocabulary_check(attributes, te_pool);
    if (vocabularies[_i].why == NULL) {
        ck_assert_ptr_null(why);
    } else {
        ck_assert_ptr_nonnull(why);
        ck_assert_msg(strstr(why, vocabularies[_i].why) != NULL, "%s", why);
    }
    json_decref(attributes);
}
END_TEST

START_TEST(store_remembers_an_invalid_envelope)
{
    te_store_t *store = te_store_create(te_pool);
    const char *envelope =
        te_sample_spans("ffffffffffffffffffffffffffffffff", 2, te_pool);
    te_store_add(store, envelope, strlen(envelope), "42", 1);
    ck_assert_ptr_nonnull(store->failure);
}
END_TEST

START_TEST(store_takes_what_is_repeated_once)
{
    te_store_t *store = te_store_create(te_pool);
    const char *envelope = te_sample_spans(TE_SAMPLE_TRACE, 2, te_pool);
    te_store_add(store, envelope, strlen(envelope), "42", 1);
    te_store_expect_repeats(store);
    te_store_add(store, envelope, strlen(envelope), "42", 1);
    te_store_add(store, te_sample_report, strlen(te_sample_report), "43", 1);
    ck_assert_int_eq(te_store_count_of(store, "42"), 2);
    ck_assert_int_eq(te_store_count_of(store, "4"), 0);
    ck_assert_int_eq(store->repeated_span_count, 2);
    ck_assert_int_eq(te_store_discarded_of(store, "43", "sample_rate"), 4);
    ck_assert_int_eq(te_store_discarded_of(store, "4", NULL), 0);
    te_store_check(store);
}
END_TEST

START_TEST(orphans_serve_until_they_are_ended)
{
    te_env_t *env =
        te_env_make(&(te_setup_t){.mpm = _i, .conf = "", .without_module = 1}, __func__);
    te_env_run(env);
    pid_t session = env->httpd->pid;
    te_httpd_parent_kill(env->httpd);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_httpd_orphans_end(env->httpd, SIGKILL);
    ck_assert_int_eq(te_proc_session_count(session), 0);
    te_env_run(env);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_finish(env);
}
END_TEST

START_TEST(load_ends_when_it_is_cancelled)
{
    enum { MANY = 1000000 };
    te_env_t *env =
        te_env_make(&(te_setup_t){.mpm = _i, .conf = "", .without_module = 1}, __func__);
    te_env_run(env);
    te_load_t *load = te_load_start(env->httpd->ports[0], "/hello.txt", MANY, 4);
    te_load_pace(load, 1);
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_load_progress(load) < 10) {
        ck_assert_int_eq(te_tick(deadline), 1);
    }
    te_load_cancel(load);
    te_load_result_t result = te_load_finish(load);
    ck_assert_int_ge(result.answered, 10);
    ck_assert_int_lt(result.answered, MANY);
    te_finish(env);
}
END_TEST

START_TEST(shim_shifts_the_clock_of_the_server)
{
    enum { YEARS = 20 };
    te_shim_t *shim = te_shim_make();
    te_setup_t setup = {.mpm = _i, .conf = "", .without_module = 1, .env = shim->env};
    te_env_t *env = te_env_make(&setup, __func__);
    te_env_run(env);
    st_ns_t offset = (st_ns_t)YEARS * 365 * 24 * 3600 * ST_NS_PER_SEC;
    atomic_store(&shim->words->clock_offset, offset);
    time_t then = (time_t)((st_clock_wall() + offset) / ST_NS_PER_SEC);
    struct tm parts;
    char year[8];
    ck_assert_uint_gt(strftime(year, sizeof(year), "%Y", gmtime_r(&then, &parts)), 0);
    const char *date = te_reply_header(te_get(env, "/hello.txt"), "Date", te_pool);
    ck_assert_msg(strstr(date, year) != NULL, "Date: %s", date);
    te_shim_remove(shim);
    te_finish(env);
}
END_TEST

START_TEST(disk_is_as_small_as_it_should_be)
{
    te_disk_enter();
    const char *root = te_dir_make(__func__, te_pool);
    te_disk_t *disk = te_disk_make(root, "disk", 256, te_pool);
    te_disk_fill(disk, 64);
    int fd =
        open(te_path(disk->path, "x", te_pool), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(posix_fallocate(fd, 0, 64 * 1024), 0);
    ck_assert_int_eq(posix_fallocate(fd, 0, 65 * 1024), ENOSPC);
    close(fd);
    te_disk_remove(disk);
    te_dir_remove(root);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, httpd_serves_the_site);
    te_add_per_mpm(tcase, httpd_restarts_and_leaves_nothing_behind);
    tcase_add_test(tcase, wrong_configuration_is_refused);
    te_add_per_mpm(tcase, load_counts_every_answer);
    tcase_add_test(tcase, server_reads_chunks);
    tcase_add_test(tcase, server_remembers_a_malformed_request);
    tcase_add_test(tcase, server_answers_as_scripted);
    tcase_add_test(tcase, server_refuses_and_accepts_again);
    tcase_add_test(tcase, hole_swallows_until_dropped);
    tcase_add_test(tcase, store_reads_spans_and_reports);
    tcase_add_test(tcase, store_reads_transactions);
    tcase_add_loop_test(tcase, store_knows_the_words_of_the_conventions, 0,
                        sizeof(vocabularies) / sizeof(*vocabularies));
    tcase_add_test(tcase, store_remembers_an_invalid_envelope);
    tcase_add_test(tcase, store_takes_what_is_repeated_once);
    tcase_add_test(tcase, server_dawdles);
    tcase_add_test(tcase, status_decides_although_the_client_leaves);
    tcase_add_test(tcase, server_excuses_clients_that_are_killed);
    te_add_per_mpm(tcase, orphans_serve_until_they_are_ended);
    te_add_per_mpm(tcase, load_ends_when_it_is_cancelled);
    te_add_per_mpm(tcase, shim_shifts_the_clock_of_the_server);
    if (te_disk_is_possible("small disks")) {
        tcase_add_test(tcase, disk_is_as_small_as_it_should_be);
    }
}

int main(void)
{
    return te_main("e2e_harness", add_cases);
}

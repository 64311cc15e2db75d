/* SPDX-License-Identifier: Apache-2.0 */
/* One queue and one sender per server: what children leave to each other, what outlives them, and
 * what is told of requests that did not. */

#include "te.h"

#include <grp.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROJECT = 42 };

#define CHILDREN                                                                         \
    "<IfModule mpm_prefork_module>\nStartServers 4\nMinSpareServers 4\n</IfModule>\n"    \
    "<IfModule !mpm_prefork_module>\nStartServers 2\nMinSpareThreads 30\n</IfModule>\n"

/* Long enough for a few probes of a Sentry that is away. */
#define PATIENT "SentryTraceShutdownTimeout 500ms\n"

static void allow_outage(void)
{
    te_log_allow("ST0101"); /* no answer */
}

static void visit(te_env_t *env, int requests)
{
    for (int i = 0; i < requests; i++) {
        ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    }
    /* An untraced one on the same connection: when it is answered the others are over. */
    ck_assert_int_eq(te_get(env, "/te-ready")->status, 404);
}

START_TEST(one_child_sends_for_all)
{
    enum { VISITS = 200, CONNECTIONS = 8 };
    te_env_t *env = te_start(_i, CHILDREN);
    te_load_t *load =
        te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, CONNECTIONS);
    ck_assert_int_eq(te_load_finish(load).answered, VISITS);
    te_await(env, VISITS);
    ck_assert_int_ge(te_httpd_workers(env->httpd)->nelts, 2);
    ck_assert_int_eq(te_sender_threads(env), 1);
    ck_assert_int_eq(te_proc_thread_count_of(env->httpd->pid, "sentry_sender"), 0);
    te_finish(env);
}
END_TEST

/* The request that comes right after the sender was killed may be the last one for long. */
START_TEST(what_a_killed_sender_leaves_is_sent_by_the_next_child)
{
    enum { VISITS = 3 };
    allow_outage();
    te_log_allow("exit signal");
    te_env_t *env = te_start(_i, TE_STATUS CHILDREN);
    te_sentry_expect_kills(env->sentry);
    te_server_refuse(env->sentry->server, 1);
    visit(env, VISITS);
    pid_t sender = te_sender_pid(env);
    te_client_disconnect(env->client);
    te_server_refuse(env->sentry->server, 0);
    te_httpd_child_kill(env->httpd, sender, SIGKILL);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, VISITS + 1);
    ck_assert_int_ne(te_sender_pid(env), sender);
    te_finish(env);
}
END_TEST

START_TEST(what_waits_outlives_a_graceful_restart)
{
    enum { VISITS = 3 };
    allow_outage();
    te_env_t *env = te_start(_i, PATIENT CHILDREN);
    te_server_refuse(env->sentry->server, 1);
    visit(env, VISITS);
    te_client_disconnect(env->client);
    te_log_await(env->httpd, "ST0101");
    te_httpd_graceful(env->httpd);
    te_server_refuse(env->sentry->server, 0);
    te_await(env, VISITS); /* nobody asks for anything meanwhile */
    te_close(env);
    ck_assert_int_eq(te_store_discarded(env->store, NULL), 0);
    te_finish(env);
}
END_TEST

/* A child of the old generation that ends when the new one has gone to sleep. */
START_TEST(last_request_of_an_old_child_is_sent)
{
    te_env_t *env = te_start(_i, "ProxyPass /slow http://${BACKEND}/\n");
    te_server_answer(env->backend, &(te_answer_t){.cut = TE_CUT_HOLE});
    int fd = te_raw_open(env->httpd->ports[0]);
    te_raw_send(fd, "GET /slow HTTP/1.0\r\n\r\n");
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_server_read_count(env->backend) == 0) {
        ck_assert_int_eq(te_tick(deadline), 1);
    }
    te_log_allow("AH01102"); /* the backend does not answer */
    te_log_allow("AH00898");
    te_httpd_graceful(env->httpd);
    te_server_drop(env->backend);
    const char *answer = te_raw_receive_all(fd, te_pool);
    ck_assert_ptr_nonnull(strstr(answer, " 502 "));
    close(fd);
    te_await(env, 1);
    te_finish(env);
}
END_TEST

/* Without a DSN nothing new is traced, but what waits has been promised. */
START_TEST(removed_dsn_gets_what_waited)
{
    enum { VISITS = 3 };
    allow_outage();
    te_env_t *env = te_start(_i, PATIENT);
    te_server_refuse(env->sentry->server, 1);
    visit(env, VISITS);
    te_client_disconnect(env->client);
    te_log_await(env->httpd, "ST0101");
    te_httpd_conf_edit(env->httpd, "SentryTraceDSN ${DSN}", "SentryTraceDSN off");
    te_httpd_graceful(env->httpd);
    te_server_refuse(env->sentry->server, 0);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, VISITS);
    te_finish(env);
}
END_TEST

static const char *queue_file(const te_env_t *env)
{
    return te_path(env->httpd->root, "queue/sentry-trace.queue", te_pool);
}

/* The folder and the file belong to the children, and are nobody else's business. */
static void check_private(const te_env_t *env)
{
    uid_t uid = geteuid() == 0 ? te_child_user()->pw_uid : geteuid();
    struct stat dir;
    struct stat file;
    ck_assert_int_eq(stat(te_path(env->httpd->root, "queue", te_pool), &dir), 0);
    ck_assert_int_eq(stat(queue_file(env), &file), 0);
    ck_assert_int_eq(dir.st_mode, S_IFDIR | 0700);
    ck_assert_int_eq(file.st_mode, S_IFREG | 0600);
    ck_assert_uint_eq(dir.st_uid, uid);
    ck_assert_uint_eq(file.st_uid, uid);
    ck_assert_int_gt(file.st_size, 1024 * 1024);
    ck_assert_int_ge(file.st_blocks * 512, file.st_size);
}

START_TEST(file_keeps_what_waits_over_a_stop)
{
    enum { VISITS = 3 };
    allow_outage();
    te_env_t *env = te_start(_i, TE_FAULT PATIENT "SentryTraceQueue 1M ${ROOT}/queue\n");
    check_private(env);
    te_server_refuse(env->sentry->server, 1);
    te_visit(env, VISITS);
    te_law_created(env, PROJECT, VISITS);
    te_client_disconnect(env->client);
    te_httpd_stop(env->httpd);
    te_law_kept(env, VISITS * TE_SPANS);
    te_server_refuse(env->sentry->server, 0);
    te_env_run(env);
    te_await(env, VISITS);
    const te_account_t *account = te_law_settled(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->delivered, VISITS * TE_SPANS);
    te_finish(env);
    ck_assert_int_eq(te_store_count(env->store), VISITS * TE_SPANS);
}
END_TEST

START_TEST(configtest_makes_nothing)
{
    te_setup_t setup = {.conf = TE_DSN "SentryTraceQueue 1M ${ROOT}/queue\n"};
    te_env_t *env = te_env_make(&setup, __func__);
    const char *said;
    int code = te_httpd_configtest(env->httpd, &said);
    ck_assert_msg(code == 0, "%s", said);
    ck_assert_int_ne(access(te_path(env->httpd->root, "queue", te_pool), F_OK), 0);
    te_sentry_stop(env->sentry);
    te_httpd_destroy(env->httpd);
}
END_TEST

START_TEST(changed_queue_stays_until_the_server_is_started_anew)
{
    te_env_t *env = te_start(_i, TE_FAULT "SentryTraceQueue 1M\n");
    te_visit(env, 1);
    te_client_disconnect(env->client);
    te_await(env, 1);
    long before = te_queue_number(env, "bytes");
    te_httpd_conf_edit(env->httpd, "SentryTraceQueue 1M", "SentryTraceQueue 2M");
    te_httpd_graceful(env->httpd);
    ck_assert_int_eq(te_log_count(env->httpd, "ST0016"), 1);
    ck_assert_int_eq(te_queue_number(env, "bytes"), before);
    te_visit(env, 1);
    te_await(env, 2);
    te_client_disconnect(env->client);
    te_httpd_stop(env->httpd);
    env->httpd->conf.text =
        TE_DSN TE_FAULT "SentryTraceQueue 2M\n"; /* written anew by a start */
    te_env_run(env);
    ck_assert_int_gt(te_queue_number(env, "bytes"), before + 1000 * 1024);
    te_finish(env);
}
END_TEST

/* A folder that everybody may write to. */
static void open_folder_make(const te_env_t *env)
{
    te_dir_spool(env->httpd->root, "queue");
    ck_assert_int_eq(chmod(te_path(env->httpd->root, "queue", te_pool), 0777), 0);
}

START_TEST(folder_of_everybody_fails_the_start)
{
    te_setup_t setup = {.mpm = _i, .conf = TE_DSN "SentryTraceQueue 1M ${ROOT}/queue\n"};
    te_env_t *env = te_env_make(&setup, __func__);
    open_folder_make(env);
    te_log_allow("ST0004");
    te_log_allow("AH00020"); /* "Configuration Failed" */
    const char *said;
    te_httpd_refuses(env->httpd, &said);
    ck_assert_int_eq(te_log_count(env->httpd, "ST0004: SentryTraceQueue"), 1);
    te_close(env);
    te_httpd_destroy(env->httpd);
}
END_TEST

START_TEST(running_server_goes_on_when_no_queue_can_be_made)
{
    te_setup_t setup = {.mpm = _i,
                        .conf = "SentryTraceDSN off\nSentryTraceFlush 100ms\n"
                                "SentryTraceQueue 1M ${ROOT}/queue\n"};
    te_env_t *env = te_env_make(&setup, __func__);
    open_folder_make(env);
    te_env_run(env);
    te_log_allow("ST0004");
    te_httpd_conf_edit(env->httpd, "SentryTraceDSN off", "SentryTraceDSN ${DSN}");
    te_httpd_graceful(env->httpd);
    ck_assert_int_eq(te_log_count(env->httpd, "ST0004: SentryTraceQueue"), 1);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_client_disconnect(env->client);
    ck_assert_int_eq(chmod(te_path(env->httpd->root, "queue", te_pool), 0700), 0);
    te_httpd_graceful(env->httpd);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 1);
    te_finish(env);
}
END_TEST

/* A queue is made with room for sixteen endpoints at least. */
START_TEST(servers_that_find_no_room_are_not_traced)
{
    enum { ROOM = 16, MORE = 20 };
    te_env_t *env = te_start(_i, "# more\n");
    visit(env, 1);
    te_client_disconnect(env->client);
    te_await(env, 1);
    const char *more = "";
    for (int i = 0; i < MORE; i++) {
        more = apr_psprintf(te_pool,
                            "%s<VirtualHost 127.0.0.1:${PORT}>\nServerName v%d\n"
                            "SentryTraceDSN http://" TE_SENTRY_KEY "@127.0.0.1:%d/%d\n"
                            "</VirtualHost>\n",
                            more, i, te_server_port(env->sentry->server), 100 + i);
    }
    te_httpd_conf_edit(env->httpd, "# more\n", more);
    te_log_allow("ST0005");
    te_httpd_graceful(env->httpd);
    ck_assert_int_eq(te_log_count(env->httpd, "ST0005"), 1 + MORE - ROOM);
    for (int i = 0; i < MORE; i++) {
        const char *host = apr_psprintf(te_pool, "Host: v%d", i);
        te_request_t request = {.path = "/hello.txt",
                                .headers = (const char *const[]){host, NULL}};
        ck_assert_int_eq(te_do(env, &request)->status, 200);
    }
    te_await(env, 1 + ROOM - 1);
    te_finish(env);
}
END_TEST

#define CRASH                                                                            \
    "LoadModule te_crash_module " TE_CRASH_SO "\n<Location /crash>\n"                    \
    "SetHandler te-crash\n</Location>\n"

static const struct {
    int number;
    const char *name;
} signals[] = {
    {SIGSEGV, "SIGSEGV"},
    {SIGABRT, "SIGABRT"},
    {SIGKILL, NULL}, /* httpd says nothing of those */
};

enum { SIGNALS = sizeof(signals) / sizeof(*signals) };

/* _i counts through signals and MPMs. */
START_TEST(request_that_kills_its_child_is_told_of)
{
    int sig = signals[_i % SIGNALS].number;
    te_log_allow("exit signal");
    te_env_t *env = te_start((te_mpm_t)(_i / SIGNALS), CRASH);
    te_sentry_expect_kills(env->sentry);
    te_request_t request = {
        .method = "PUT", .path = apr_psprintf(te_pool, "/crash?%d", sig), .body = ""};
    ck_assert_int_eq(te_do(env, &request)->status, 0);
    te_await(env, 1);
    const te_span_t *segment = te_segment_of(env->store, "/crash");
    ck_assert_str_eq(segment->name, "PUT");
    ck_assert_str_eq(segment->status, "error");
    ck_assert_str_eq(te_span_attr_str(segment, "sentry.status.message"), "aborted");
    ck_assert_pstr_eq(te_span_attr_str(segment, "error.type"),
                      signals[_i % SIGNALS].name);
    ck_assert_str_eq(te_span_attr_str(segment, "http.request.method"), "PUT");
    ck_assert_str_eq(te_span_attr_str(segment, "server.address"), "127.0.0.1");
    ck_assert_int_ge((int)segment->end, (int)segment->start);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 2);
    te_finish(env);
}
END_TEST

static void check_aborted(te_env_t *env, const char *path)
{
    const te_span_t *segment = te_segment_of(env->store, path);
    ck_assert_str_eq(segment->status, "error");
    ck_assert_str_eq(te_span_attr_str(segment, "sentry.status.message"), "aborted");
    ck_assert_ptr_null(te_span_attr_str(segment, "error.type"));
}

/* Prefork ends a child in the middle of its request; _i: the one that sends, or another one. */
START_TEST(request_that_a_stop_cuts_off_is_told_of)
{
    te_env_t *env =
        te_start(TE_PREFORK, TE_STATUS CHILDREN "ProxyPass /slow http://${BACKEND}/\n");
    te_server_answer(env->backend, &(te_answer_t){.cut = TE_CUT_HOLE});
    int fds[4];
    int count = _i == 0 ? 1 : 4;
    for (int i = 0; i < count; i++) {
        fds[i] = te_raw_open(env->httpd->ports[0]);
        te_raw_send(fds[i], "GET /slow HTTP/1.0\r\n\r\n");
    }
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_server_read_count(env->backend) < count) {
        ck_assert_int_eq(te_tick(deadline), 1);
    }
    te_httpd_stop(env->httpd);
    te_close(env);
    for (int i = 0; i < count; i++) {
        close(fds[i]);
    }
    ck_assert_int_eq(env->store->segment_count, count);
    for (int i = 0; i < count; i++) {
        ck_assert_str_eq(
            te_span_attr_str(te_segment(env->store, i), "sentry.status.message"),
            "aborted");
    }
    te_finish(env);
}
END_TEST

/* Event gives up a download without a word when it is stopped. */
START_TEST(download_that_a_stop_cuts_off_is_told_of)
{
    enum { BIG = 64 * 1024 * 1024 };
    te_env_t *env = te_start(TE_EVENT, "EnableSendfile On\n");
    char *bytes = apr_pcalloc(te_pool, BIG);
    te_write_bytes(env->httpd->root, "docs/big.bin", bytes, BIG);
    int fd = te_raw_open(env->httpd->ports[0]);
    te_raw_send(fd, "GET /big.bin HTTP/1.0\r\n\r\n");
    char start[16];
    ck_assert_uint_gt(te_raw_receive(fd, start, sizeof(start)), 0);
    te_httpd_stop(env->httpd);
    te_close(env);
    close(fd);
    check_aborted(env, "/big.bin");
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, one_child_sends_for_all);
    te_add_per_mpm(tcase, what_a_killed_sender_leaves_is_sent_by_the_next_child);
    te_add_per_mpm(tcase, what_waits_outlives_a_graceful_restart);
    te_add_per_mpm(tcase, last_request_of_an_old_child_is_sent);
    te_add_per_mpm(tcase, removed_dsn_gets_what_waited);
    te_add_per_mpm(tcase, file_keeps_what_waits_over_a_stop);
    tcase_add_test(tcase, configtest_makes_nothing);
    te_add_per_mpm(tcase, changed_queue_stays_until_the_server_is_started_anew);
    te_add_per_mpm(tcase, folder_of_everybody_fails_the_start);
    te_add_per_mpm(tcase, running_server_goes_on_when_no_queue_can_be_made);
    te_add_per_mpm(tcase, servers_that_find_no_room_are_not_traced);
    tcase_add_loop_test(tcase, request_that_kills_its_child_is_told_of, 0,
                        SIGNALS * TE_MPM_COUNT);
    tcase_add_loop_test(tcase, request_that_a_stop_cuts_off_is_told_of, 0, 2);
    tcase_add_test(tcase, download_that_a_stop_cuts_off_is_told_of);
}

int main(void)
{
    return te_main("e2e_queue", add_cases);
}

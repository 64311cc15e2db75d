/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that are killed: what a client saw answered is delivered or counted, and the requests
 * that were cut off are told of. A span may come twice, here and nowhere else: when the sender
 * was killed between Sentry's answer and its note of it. */

#include "te.h"

#include <signal.h>
#include <unistd.h>

enum { PROJECT = 42, CONNECTIONS = 16 };

/* Several children, again after some were killed, and connections that end now and then, so that
 * all of them are used. */
#define CHILDREN                                                                         \
    "StartServers 3\nMaxKeepAliveRequests 40\n<IfModule !mpm_prefork_module>\n"          \
    "MinSpareThreads 45\n</IfModule>\n"
#define FILE_QUEUE "SentryTraceQueue 8M ${ROOT}/queue\n"

static te_env_t *start_to_be_killed(te_mpm_t mpm, const char *conf, const char *name)
{
    te_law_allow_losses();
    te_log_allow("exit signal");
    te_env_t *env = te_env_start(mpm, conf, name);
    te_sentry_expect_kills(env->sentry);
    return env;
}

static void await_progress(te_env_t *env, te_load_t *load, int answered)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_load_progress(load) < answered) {
        ck_assert_msg(te_tick(deadline), "only %d answers", te_load_progress(load));
        te_sentry_collect(env->sentry);
    }
}

/* Segments that tell of a request which was never logged. */
static int aborted_count(const te_store_t *store)
{
    int count = 0;
    for (int i = 0; i < te_store_count(store); i++) {
        const te_span_t *span = te_store_span(store, i);
        const char *message = span->is_segment && span->attributes != NULL
                                  ? te_span_attr_str(span, "sentry.status.message")
                                  : NULL;
        count += message != NULL && strcmp(message, "aborted") == 0;
    }
    return count;
}

/* Each answer that a client saw has its segment, besides those of requests that were cut off. */
static void check_answered(te_env_t *env, te_load_result_t result)
{
    result.answered += te_law_recover(env, PROJECT);
    const te_account_t *account = te_law_settled_any(env, PROJECT);
    ck_assert_uint_eq(te_account_discarded(account), 0);
    te_law_agreed(env, PROJECT);
    int segments = env->store->segment_count;
    ck_assert_int_ge(segments, result.answered);
    ck_assert_int_le(segments, result.answered + result.failed + result.repeated);
    int aborted = aborted_count(env->store);
    ck_assert_int_eq(te_store_count(env->store),
                     (segments - aborted) * TE_SPANS + aborted);
}

static pid_t find_other(te_env_t *env, pid_t sender)
{
    apr_array_header_t *workers = te_httpd_workers(env->httpd);
    for (int i = 0; i < workers->nelts; i++) {
        pid_t pid = APR_ARRAY_IDX(workers, i, pid_t);
        if (pid != sender) {
            return pid;
        }
    }
    return 0;
}

/* A child that serves and is not `sender`; httpd makes another one when there is none. */
static pid_t other_than(te_env_t *env, pid_t sender)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    pid_t pid = find_other(env, sender);
    while (pid == 0) {
        ck_assert_msg(te_tick(deadline), "no other child comes");
        pid = find_other(env, sender);
    }
    return pid;
}

START_TEST(killed_children_lose_nothing)
{
    enum { VISITS = 1500, KILLS = 3 };
    te_env_t *env = start_to_be_killed(_i, TE_FAULT CHILDREN, __func__);
    te_load_t *load =
        te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, CONNECTIONS);
    for (int i = 1; i <= KILLS; i++) {
        await_progress(env, load, i * VISITS / (KILLS + 1));
        pid_t pid = other_than(env, te_sender_pid(env));
        te_httpd_child_kill(env->httpd, pid, SIGKILL);
    }
    check_answered(env, te_load_finish(load));
    te_finish(env);
}
END_TEST

START_TEST(killed_senders_have_successors_that_lose_nothing)
{
    enum { VISITS = 1000000, KILLS = 2, BETWEEN = 100, PAUSE_MS = 40 };
    te_env_t *env = start_to_be_killed(_i, TE_FAULT CHILDREN, __func__);
    te_load_t *load =
        te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, CONNECTIONS);
    te_load_pace(load, PAUSE_MS);
    pid_t sender = te_sender_pid(env);
    for (int i = 1; i <= KILLS; i++) {
        await_progress(env, load, te_load_progress(load) + BETWEEN);
        te_httpd_child_kill(env->httpd, sender, SIGKILL);
        sender = te_sender_await_other(env, sender);
    }
    te_load_cancel(load);
    check_answered(env, te_load_finish(load));
    te_finish(env);
}
END_TEST

/* Many threads write into a queue that one after the other of their processes is torn out of. */
START_TEST(processes_killed_while_all_threads_append_leave_a_whole_queue)
{
    enum { VISITS = 4000, KILLS = 6, MANY = 48 };
    te_env_t *env =
        start_to_be_killed(_i, TE_STATUS "SentryTraceSpans None\n" CHILDREN, __func__);
    te_load_t *load = te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, MANY);
    for (int i = 1; i <= KILLS; i++) {
        await_progress(env, load, i * VISITS / (KILLS + 1));
        te_httpd_child_kill(env->httpd, other_than(env, 0), SIGKILL);
    }
    te_load_result_t result = te_load_finish(load);
    result.answered += te_law_recover(env, PROJECT);
    const te_account_t *account = te_law_settled_any(env, PROJECT);
    ck_assert_uint_eq(te_account_discarded(account), 0);
    te_law_agreed(env, PROJECT);
    ck_assert_int_ge(env->store->segment_count, result.answered);
    ck_assert_int_le(env->store->segment_count,
                     result.answered + result.failed + result.repeated);
    te_finish(env);
}
END_TEST

/* A request that hangs in its handler, waiting for the backend. */
#define HANG  "ProxyPass /hang http://${BACKEND}/\n"
#define TRACE "0123456789abcdef0123456789abcdef"

/* Sends it on a connection of its own, after one that tells which child has the connection.
 * @return the child */
static pid_t hang(te_env_t *env)
{
    char bytes[4096];
    int fd = te_raw_open(env->httpd->ports[0]);
    te_raw_send(fd, "GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ck_assert_uint_gt(te_raw_receive(fd, bytes, sizeof(bytes)), 0);
    te_sentry_await_segments(env->sentry, 1);
    te_raw_send(fd, "GET /hang?secret HTTP/1.1\r\nHost: localhost\r\n"
                    "sentry-trace: " TRACE "-1111111111111111-1\r\n\r\n");
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_server_read_count(env->backend) == 0) {
        ck_assert_msg(te_tick(deadline), "the backend is not asked");
    }
    return (pid_t)te_span_attr_int(te_segment(env->store, 0), "process.pid");
}

START_TEST(request_that_dies_with_its_child_is_told_of)
{
    static const int signals[TE_MPM_COUNT] = {SIGSEGV, SIGKILL, SIGABRT};
    te_env_t *env = start_to_be_killed(_i, TE_FAULT HANG, __func__);
    te_server_answer(env->backend, &(te_answer_t){.cut = TE_CUT_HOLE});
    pid_t pid = hang(env);
    te_httpd_child_kill(env->httpd, pid, signals[_i]);
    int visits = te_law_recover(env, PROJECT);
    const te_account_t *account = te_law_settled_any(env, PROJECT);
    ck_assert_uint_eq(account->created, (uint64_t)(visits + 1) * TE_SPANS + 1);
    te_law_agreed(env, PROJECT);
    const te_span_t *segment = te_segment_of(env->store, "/hang");
    ck_assert_str_eq(segment->status, "error");
    ck_assert_str_eq(te_span_attr_str(segment, "sentry.status.message"), "aborted");
    ck_assert_str_eq(te_span_attr_str(segment, "http.request.method"), "GET");
    ck_assert_int_eq(te_span_attr_int(segment, "process.pid"), pid);
    ck_assert_str_eq(segment->trace_id, TRACE);
    ck_assert_str_eq(segment->parent_id, "1111111111111111");
    ck_assert_double_ge(segment->start, te_segment(env->store, 0)->start);
    te_finish(env);
}
END_TEST

/* With its parent and all its siblings, as when a machine's memory is exhausted. */
START_TEST(killed_server_delivers_the_rest_from_its_file)
{
    enum { VISITS = 300 };
    te_env_t *env = start_to_be_killed(_i, TE_FAULT CHILDREN FILE_QUEUE, __func__);
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 503});
    te_load_t *load =
        te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, CONNECTIONS);
    te_load_result_t result = te_load_finish(load);
    ck_assert_int_eq(result.answered, VISITS);
    te_law_created(env, PROJECT, VISITS);
    te_client_disconnect(env->client);
    te_httpd_parent_kill(env->httpd);
    te_httpd_orphans_end(env->httpd, SIGKILL);
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 200});
    te_env_run(env);
    check_answered(env, result);
    te_finish(env);
}
END_TEST

/* Only the parent: the children go on serving and sending, beside the next server, which uses the
 * same file, until they are told to end. */
START_TEST(orphans_go_on_and_leave_the_rest_to_the_next_server)
{
    enum { VISITS = 100 };
    te_env_t *env = start_to_be_killed(_i, TE_FAULT CHILDREN FILE_QUEUE, __func__);
    te_visit(env, 1);
    te_law_settled(env, PROJECT, 1);
    te_httpd_parent_kill(env->httpd);
    te_load_t *load = te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, 2);
    te_load_result_t result = te_load_finish(load);
    ck_assert_int_eq(result.answered, VISITS);
    te_law_settled(env, PROJECT, VISITS + 1);
    te_server_refuse(env->sentry->server, 1);
    te_client_t *of_orphans = env->client;
    te_env_run(env);
    te_visit(env, 1);
    ck_assert_int_eq(te_client_get(of_orphans, "/hello.txt")->status, 200);
    te_law_created(env, PROJECT, VISITS + 3);
    te_client_disconnect(of_orphans);
    /* Threads that have no parent do not listen to SIGTERM, with or without the module. */
    te_httpd_orphans_end(env->httpd, _i == TE_PREFORK ? SIGTERM : SIGKILL);
    te_server_refuse(env->sentry->server, 0);
    result.answered += 3;
    check_answered(env, result);
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, killed_children_lose_nothing);
    te_add_per_mpm(tcase, killed_senders_have_successors_that_lose_nothing);
    te_add_per_mpm(tcase, processes_killed_while_all_threads_append_leave_a_whole_queue);
    te_add_per_mpm(tcase, request_that_dies_with_its_child_is_told_of);
    te_add_per_mpm(tcase, killed_server_delivers_the_rest_from_its_file);
    te_add_per_mpm(tcase, orphans_go_on_and_leave_the_rest_to_the_next_server);
}

int main(void)
{
    return te_main("e2e_faults_kill", add_cases);
}

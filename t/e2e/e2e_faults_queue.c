/* SPDX-License-Identifier: Apache-2.0 */
/* A queue that is too small, too full, shared by too many, or on a full disk: what does not fit is
 * counted, the oldest first, and nothing else suffers. */

#include "te.h"

enum { PROJECT = 42 };

#define SMALL_QUEUE "SentryTraceQueue 256K\n"
#define SHORT_STOP  "SentryTraceShutdownTimeout 500ms\n"

/* Everything was delivered, or did not fit; some is not even sampled while that is so. */
static void check_only_pressed(const te_account_t *account, int visits)
{
    ck_assert_uint_eq(account->delivered + account->discarded[ST_REASON_QUEUE_OVERFLOW] +
                          account->discarded[ST_REASON_BACKPRESSURE],
                      (uint64_t)visits * TE_SPANS);
}

START_TEST(overflow_is_counted_exactly)
{
    enum { VISITS = 5000, CONNECTIONS = 24 };
    te_law_allow_losses();
    te_env_t *env = te_start(_i, TE_FAULT SMALL_QUEUE "StartServers 3\n");
    te_server_answer(env->sentry->server, &(te_answer_t){.delay_ms = 200});
    te_load_t *load =
        te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, CONNECTIONS);
    te_load_result_t result = te_load_finish(load);
    ck_assert_int_eq(result.answered, VISITS);
    te_server_answer(env->sentry->server, &(te_answer_t){.status = 200});
    const te_account_t *account = te_law_settled(env, PROJECT, VISITS);
    ck_assert_uint_gt(account->discarded[ST_REASON_QUEUE_OVERFLOW], 0);
    check_only_pressed(account, VISITS);
    te_law_agreed(env, PROJECT);
    te_finish(env);
}
END_TEST

/* The number in the query of a segment, "n=17". */
static int number_of(const te_span_t *segment)
{
    const char *query = te_span_attr_str(segment, "url.query");
    ck_assert_ptr_nonnull(query);
    return (int)strtol(query + strcspn(query, "0123456789"), NULL, 10);
}

/* All that are missing are older than all that are there. */
static void check_newest(te_env_t *env, int visits)
{
    int lowest = visits;
    for (int i = 0; i < te_store_count(env->store); i++) {
        const te_span_t *span = te_store_span(env->store, i);
        if (span->is_segment && number_of(span) < lowest) {
            lowest = number_of(span);
        }
    }
    ck_assert_int_eq(env->store->segment_count, visits - lowest);
    ck_assert_int_gt(lowest, 0);
}

START_TEST(overflow_drops_the_oldest_first)
{
    enum { BURST = 30, BURSTS = 16 };
    te_law_allow_losses();
    /* On one connection, so that no child looks at the queue for the first time, halves its
     * rates, and leaves gaps. */
    te_env_t *env = te_start(_i, TE_FAULT SMALL_QUEUE "MaxKeepAliveRequests 0\n");
    te_server_refuse(env->sentry->server, 1);
    for (int i = 0; i < BURST * BURSTS; i++) {
        const char *path = apr_psprintf(te_pool, "/hello.txt?n=%d", i);
        ck_assert_int_eq(te_get(env, path)->status, 200);
        if (i % BURST == BURST - 1) {
            te_law_created(env, PROJECT, i + 1);
            te_queue_await_room(env);
        }
    }
    te_server_refuse(env->sentry->server, 0);
    te_law_settled(env, PROJECT, BURST * BURSTS);
    te_law_agreed(env, PROJECT);
    check_newest(env, BURST * BURSTS);
    te_finish(env);
}
END_TEST

/* One queue, one sender and a handful of connections for all of them. */
START_TEST(two_hundred_children_share_one_sender)
{
    enum { CHILDREN = 200, VISITS = 2000, CONNECTIONS = 48, SENTRY_MAX = 8 };
    te_env_t *env = te_start(TE_PREFORK, TE_FAULT
                             "ServerLimit 200\nMaxRequestWorkers 200\nStartServers 200\n"
                             "MinSpareServers 200\nMaxSpareServers 200\n"
                             "MaxKeepAliveRequests 10\n");
    long bytes = te_queue_number(env, "bytes");
    te_load_t *load =
        te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, CONNECTIONS);
    ck_assert_int_eq(te_load_finish(load).answered, VISITS);
    const te_account_t *account = te_law_settled(env, PROJECT, VISITS);
    ck_assert_uint_eq(account->delivered, VISITS * TE_SPANS);
    te_law_agreed(env, PROJECT);
    ck_assert_int_ge(te_httpd_workers(env->httpd)->nelts, CHILDREN);
    ck_assert_int_eq(te_sender_threads(env), 1);
    ck_assert_int_le(te_server_connection_count(env->sentry->server), SENTRY_MAX);
    ck_assert_int_eq(te_queue_number(env, "bytes"), bytes);
    te_finish(env);
}
END_TEST

/* A server whose lines are `conf`, with a disk of `kb` KB at ${ROOT}/disk; not started. */
static te_env_t *make_with_disk(te_disk_t **pdisk, te_mpm_t mpm, int kb, const char *conf,
                                const char *name)
{
    te_disk_enter();
    te_setup_t setup = {.mpm = mpm, .conf = conf};
    te_env_t *env = te_env_make(&setup, name);
    *pdisk = te_disk_make(env->httpd->root, "disk", kb, te_pool);
    return env;
}

#define DISK_QUEUE TE_DSN TE_FAULT "SentryTraceQueue 1M ${ROOT}/disk/queue\n"

START_TEST(full_disk_refuses_the_start_with_a_sentence)
{
    te_disk_t *disk;
    te_env_t *env = make_with_disk(&disk, _i, 8192, DISK_QUEUE, __func__);
    te_disk_fill(disk, 512);
    const char *said;
    te_httpd_refuses(env->httpd, &said);
    te_log_allow("ST0004");
    te_log_allow("AH00020"); /* configuration failed */
    te_log_allow("AH00016");
    ck_assert_int_eq(te_log_count(env->httpd, "ST0004: SentryTraceQueue"), 1);
    te_disk_fill(disk, 4096);
    te_env_run(env);
    te_visit(env, 1);
    te_law_settled(env, PROJECT, 1);
    te_law_agreed(env, PROJECT);
    te_close(env);
    te_disk_remove(disk);
    te_finish(env);
}
END_TEST

START_TEST(disk_that_fills_up_later_does_not_hurt_the_queue)
{
    enum { VISITS = 2000 };
    te_law_allow_losses();
    te_disk_t *disk;
    te_env_t *env = make_with_disk(&disk, _i, 8192, DISK_QUEUE, __func__);
    te_env_run(env);
    te_disk_fill(disk, 0);
    te_load_t *load = te_load_start(env->httpd->ports[0], "/hello.txt", VISITS, 4);
    ck_assert_int_eq(te_load_finish(load).answered, VISITS);
    const te_account_t *account = te_law_settled(env, PROJECT, VISITS);
    check_only_pressed(account, VISITS);
    te_law_agreed(env, PROJECT);
    te_close(env);
    te_disk_remove(disk);
    te_finish(env);
}
END_TEST

/* The file is called like the project that te_law asks for. */
#define DISK_FILE TE_FAULT "SentryTraceDSN file:${ROOT}/disk/42\nSentryTraceFlush 100ms\n"

START_TEST(file_on_a_full_disk_loses_nothing_silently)
{
    enum { VISITS = 20 };
    te_law_allow_losses();
    te_disk_t *disk;
    te_env_t *env = make_with_disk(&disk, _i, 1024, DISK_FILE, __func__);
    te_env_run(env);
    te_visit(env, VISITS);
    te_law_settled(env, PROJECT, VISITS);
    te_disk_fill(disk, 0);
    te_visit(env, VISITS);
    te_endpoint_await(env, PROJECT, "last_error.text", "space");
    te_law_created(env, PROJECT, 2 * VISITS);
    te_disk_fill(disk, 512);
    te_visit(env, VISITS);
    const te_account_t *account = te_law_settled(env, PROJECT, 3 * VISITS);
    te_close(env);
    te_store_t *store = te_store_read(te_path(disk->path, "42", te_pool), te_pool);
    te_store_check(store);
    ck_assert_int_eq(te_store_count(store), account->delivered);
    ck_assert_int_gt(te_store_count(store), VISITS * TE_SPANS);
    te_disk_remove(disk);
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, overflow_is_counted_exactly);
    te_add_per_mpm(tcase, overflow_drops_the_oldest_first);
    tcase_add_test(tcase, two_hundred_children_share_one_sender);
    if (te_disk_is_possible("full disks")) {
        te_add_per_mpm(tcase, full_disk_refuses_the_start_with_a_sentence);
        te_add_per_mpm(tcase, disk_that_fills_up_later_does_not_hurt_the_queue);
        te_add_per_mpm(tcase, file_on_a_full_disk_loses_nothing_silently);
    }
}

int main(void)
{
    return te_main("e2e_faults_queue", add_cases);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of a transport, and both kinds behind one. */
#include "t.h"
#include "t_http.h"
#include "st_transport.h"

#include <apr_strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define AGENT    "sentry.httpd/9.8.7"
#define DEADLINE (20 * ST_NS_PER_SEC)

static st_dest_t dests[2];
static char *path;
static int wake_fd;
static int answered[2];

static void on_answer(const st_answer_t *answer, void *baton)
{
    int *which = answer->parcel;
    ck_assert_ptr_eq(baton, &answered);
    ck_assert_int_eq(answer->rv, APR_SUCCESS);
    ck_assert_int_eq(answer->http_status, 200);
    (*which)++;
}

static st_dest_t make_dest(const char *text, int endpoint)
{
    st_dsn_t *dsn;
    const char *why = NULL;
    ck_assert_int_eq(st_dsn_parse(&dsn, &why, text, t_pool), APR_SUCCESS);
    return (st_dest_t){.dsn = dsn,
                       .endpoint = endpoint,
                       .environment = "production",
                       .timeout = 10000000};
}

static st_dest_t http_dest(unsigned port, int endpoint)
{
    return make_dest(
        apr_psprintf(t_pool, "http://0123456789abcdef0123456789abcdef@127.0.0.1:%u/1",
                     port),
        endpoint);
}

static st_dest_t file_dest(int endpoint)
{
    return make_dest(apr_pstrcat(t_pool, "file:", path, NULL), endpoint);
}

static void setup(void)
{
    char cwd[1024];
    ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
    path = apr_psprintf(t_pool, "%s/t_transport.%d", cwd, (int)getpid());
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
}

static void teardown(void)
{
    unlink(path);
    close(wake_fd);
}

/* Makes a transport for the first `count` destinations, posts to each of them `rounds` times,
 * and ends it. */
static void post_all(int count, int rounds)
{
    st_dest_table_t table = {.dests = dests, .count = count, .endpoint_count = count};
    st_transport_t *transport;
    ck_assert_int_eq(st_transport_create(&transport, &table, AGENT, t_pool), APR_SUCCESS);
    transport->answer = on_answer;
    transport->baton = &answered;
    st_ns_t deadline = st_clock_mono() + DEADLINE;
    for (int round = 1; round <= rounds; round++) {
        for (int i = 0; i < count; i++) {
            ck_assert_int_gt(transport->ops->room(transport, &dests[i]), 0);
            ck_assert_int_eq(
                transport->ops->submit(transport, &dests[i], "{}\n", 3, &answered[i]),
                APR_SUCCESS);
        }
        while (answered[0] < round || answered[count - 1] < round) {
            int woken;
            ck_assert_int_lt(st_clock_mono(), deadline);
            ck_assert_int_eq(transport->ops->drive(transport, wake_fd, DEADLINE, &woken),
                             APR_SUCCESS);
        }
    }
    transport->ops->abort(transport);
    transport->ops->destroy(transport);
}

START_TEST(files_and_urls_are_served_by_one_transport)
{
    static const int script[] = {200};
    t_http_t *http = t_http_start(script, 1, NULL, NULL);
    dests[0] = http_dest(http->port, 0);
    dests[1] = file_dest(1);
    post_all(2, 5);
    t_http_stop(http);
    ck_assert_int_eq(http->request_count, 5);
    ck_assert_int_eq(answered[0], 5);
    ck_assert_int_eq(answered[1], 5);
    ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(urls_alone_are_served)
{
    static const int script[] = {200};
    t_http_t *http = t_http_start(script, 1, NULL, NULL);
    dests[0] = http_dest(http->port, 0);
    post_all(1, 5);
    t_http_stop(http);
    ck_assert_int_eq(http->request_count, 5);
}
END_TEST

START_TEST(files_alone_are_served)
{
    dests[0] = file_dest(0);
    post_all(1, 5);
    ck_assert_int_eq(answered[0], 5);
}
END_TEST

START_TEST(entries_without_a_dsn_are_passed_over)
{
    dests[0] = (st_dest_t){.endpoint = -1};
    dests[1] = file_dest(1);
    st_dest_table_t table = {.dests = dests, .count = 2, .endpoint_count = 2};
    st_transport_t *transport;
    ck_assert_int_eq(st_transport_create(&transport, &table, AGENT, t_pool), APR_SUCCESS);
    ck_assert_int_eq(transport->ops->room(transport, &dests[1]), 1);
    transport->ops->destroy(transport);
}
END_TEST

START_TEST(abort_reaches_both_kinds)
{
    dests[0] = http_dest(1, 0);
    dests[1] = file_dest(1);
    st_dest_table_t table = {.dests = dests, .count = 2, .endpoint_count = 2};
    st_transport_t *transport;
    ck_assert_int_eq(st_transport_create(&transport, &table, AGENT, t_pool), APR_SUCCESS);
    ck_assert_int_eq(
        transport->ops->submit(transport, &dests[1], "{}\n", 3, &answered[1]),
        APR_SUCCESS);
    ck_assert_int_eq(transport->ops->room(transport, &dests[1]), 0);
    ck_assert_int_gt(transport->ops->room(transport, &dests[0]), 0);
    transport->answer = on_answer;
    transport->baton = &answered;
    transport->ops->abort(transport);
    ck_assert_int_eq(answered[1], 1);
    transport->ops->destroy(transport);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, files_and_urls_are_served_by_one_transport);
    tcase_add_test(tc, urls_alone_are_served);
    tcase_add_test(tc, files_alone_are_served);
    tcase_add_test(tc, entries_without_a_dsn_are_passed_over);
    tcase_add_test(tc, abort_reaches_both_kinds);
}

T_MAIN("transport", add_cases)

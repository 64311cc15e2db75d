/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_queue.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "../../lib/queue/queue_int.h"
#include "t_fork.h"

#define KEY "0123456789abcdef0123456789abcdef"

static st_queue_t queue;
static int dest;

static void setup(void)
{
    st_queue_layout_t layout = {
        .endpoints = 2, .dests = 2, .open_slots = 3, .ring_bytes = ST_QUEUE_RING_MIN};
    ck_assert_int_eq(st_queue_create(&queue, &layout), APR_SUCCESS);
    st_queue_boot_set(&queue);
    st_dsn_t *dsn;
    const char *why;
    const char *text = "https://" KEY "@h/1";
    ck_assert_int_eq(st_dsn_parse(&dsn, &why, text, t_pool), APR_SUCCESS);
    st_dest_t entered = {.dsn = dsn, .environment = "e"};
    ck_assert_int_eq(st_queue_dest_enter(&queue, &entered, &dest), APR_SUCCESS);
}

static void teardown(void)
{
    st_queue_close(&queue);
}

static uint64_t put(int to_dest)
{
    st_ring_tag_t tag = {.dest = (uint16_t)to_dest, .spans = 1};
    uint64_t pos = 0;
    void *to = st_ring_reserve(&queue.ring, 10, tag, NULL, &pos);
    t_assert(to != NULL);
    st_ring_commit(&queue.ring, pos, NULL);
    return pos;
}

/* Calls `look` while another process has the lease. */
static void while_leased(void (*look)(void))
{
    int ready[2];
    int end[2];
    ck_assert_int_eq(pipe(ready), 0);
    ck_assert_int_eq(pipe(end), 0);
    char byte = 0;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        alarm(T_FORK_DEADLINE_SEC);
        apr_status_t rv = st_lease_take(&queue, st_process_self(), st_clock_mono());
        byte = rv == APR_SUCCESS;
        ssize_t done = write(ready[1], &byte, 1);
        done += read(end[0], &byte, 1);
        _exit(done == 2 ? 0 : 1);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 1);
    look();
    ck_assert_int_eq(write(end[1], &byte, 1), 1);
    ck_assert_int_eq(t_fork_join(pid), 0);
}

START_TEST(records_of_known_destinations_are_fine)
{
    ck_assert_int_eq(st_queue_old_check(&queue, t_pool), APR_SUCCESS);
    put(dest);
    ck_assert_int_eq(st_queue_old_check(&queue, t_pool), APR_SUCCESS);
}
END_TEST

START_TEST(record_without_destination_is_damage)
{
    static const int unknown[] = {1, 2, 65535};
    put(dest);
    uint64_t pos = put(unknown[_i]);
    put(dest);
    ck_assert_int_eq(st_queue_old_check(&queue, t_pool), ST_E_MALFORMED);
    st_ring_release(&queue.ring, pos);
    ck_assert_int_eq(st_queue_old_check(&queue, t_pool), APR_SUCCESS);
}
END_TEST

START_TEST(record_whose_dsn_cannot_be_read_is_damage)
{
    put(dest);
    st_queue_dsn_t *dsn = st_queue_dsn_at(&queue, 0);
    atomic_store(&dsn->len[atomic_load(&dsn->turn) & 1], 5);
    ck_assert_int_eq(st_queue_old_check(&queue, t_pool), ST_E_MALFORMED);
}
END_TEST

START_TEST(queue_is_empty_until_a_record_waits)
{
    ck_assert_int_eq(st_queue_old_is_empty(&queue), 1);
    uint64_t pos = put(dest);
    ck_assert_int_eq(st_queue_old_is_empty(&queue), 0);
    st_ring_release(&queue.ring, pos);
    ck_assert_int_eq(st_queue_old_is_empty(&queue), 1);
}
END_TEST

START_TEST(queue_with_an_open_request_is_not_empty)
{
    atomic_store(&queue.open.slots[2].owner, 1);
    ck_assert_int_eq(st_queue_old_is_empty(&queue), 0);
}
END_TEST

START_TEST(queue_with_a_report_to_send_is_not_empty)
{
    st_counters_t *counters = &queue.endpoints[1].counters;
    st_counters_refused(counters, ST_REASON_QUEUE_OVERFLOW, ST_CATEGORY_SPAN, 1);
    ck_assert_int_eq(st_queue_old_is_empty(&queue), 0);
}
END_TEST

static void expect_not_empty(void)
{
    ck_assert_int_eq(st_queue_old_is_empty(&queue), 0);
}

START_TEST(queue_that_somebody_sends_from_is_not_empty)
{
    while_leased(expect_not_empty);
    ck_assert_int_eq(st_queue_old_is_empty(&queue), 1);
}
END_TEST

static void instants_set(void)
{
    st_ns_t now = st_clock_mono();
    st_endpoint_t *endpoint = &queue.endpoints[0];
    atomic_store(&endpoint->limited_until[ST_LIMIT_SPAN], now + 30 * ST_NS_PER_SEC);
    atomic_store(&endpoint->circuit, ST_CIRCUIT_OPEN);
    atomic_store(&endpoint->retry_at, now + 10 * ST_NS_PER_SEC);
    atomic_store(&endpoint->failed_at, now - 1);
    atomic_store(&queue.open.slots[0].owner, st_process_self());
    st_queue_exit_note(&queue, 4711, 11);
    atomic_store(&st_queue_lease(&queue)->holder, st_process_self());
    atomic_store(&st_queue_lease(&queue)->given_at, now);
    atomic_store(&st_queue_wakeup(&queue)->sleeping, 1);
    atomic_store(&st_queue_wakeup(&queue)->nudged, 1);
}

START_TEST(same_boot_keeps_what_is_known)
{
    instants_set();
    st_queue_old_revive(&queue);
    const st_endpoint_t *endpoint = &queue.endpoints[0];
    ck_assert_int_eq(st_endpoint_is_limited(endpoint, ST_LIMIT_SPAN, st_clock_mono()), 1);
    ck_assert_int_eq(atomic_load(&endpoint->circuit), ST_CIRCUIT_OPEN);
    ck_assert_uint_eq(atomic_load(&queue.open.slots[0].owner), st_process_self());
    ck_assert_int_eq(st_queue_exit_signal(&queue, 4711), 11);
    ck_assert_int_ne(atomic_load(&st_queue_lease(&queue)->given_at), 0);
}
END_TEST

START_TEST(words_of_a_sender_that_has_ended_are_forgotten)
{
    instants_set();
    st_queue_old_revive(&queue);
    ck_assert_uint_eq(atomic_load(&st_queue_lease(&queue)->holder), 0);
    ck_assert_int_eq(atomic_load(&st_queue_wakeup(&queue)->sleeping), 0);
    ck_assert_int_eq(atomic_load(&st_queue_wakeup(&queue)->nudged), 0);
}
END_TEST

static void expect_holder_stays(void)
{
    st_owner_t holder = atomic_load(&st_queue_lease(&queue)->holder);
    ck_assert_uint_ne(holder, 0);
    st_queue_old_revive(&queue);
    ck_assert_uint_eq(atomic_load(&st_queue_lease(&queue)->holder), holder);
}

START_TEST(sender_that_lives_keeps_the_lease)
{
    while_leased(expect_holder_stays);
}
END_TEST

START_TEST(other_boot_means_other_instants_and_processes)
{
    instants_set();
    queue.shm->boot++;
    st_queue_old_revive(&queue);
    const st_endpoint_t *endpoint = &queue.endpoints[0];
    ck_assert_int_eq(atomic_load(&endpoint->limited_until[ST_LIMIT_SPAN]), 0);
    ck_assert_int_eq(atomic_load(&endpoint->circuit), ST_CIRCUIT_CLOSED);
    ck_assert_int_eq(atomic_load(&endpoint->retry_at), 0);
    st_owner_t owner = atomic_load(&queue.open.slots[0].owner);
    ck_assert_uint_ne(owner, 0);
    ck_assert_int_eq(st_process_is_alive(owner), 0);
    ck_assert_uint_eq(atomic_load(&queue.open.slots[1].owner), 0);
    ck_assert_int_eq(st_queue_exit_signal(&queue, 4711), 0);
    ck_assert_int_eq(atomic_load(&st_queue_lease(&queue)->given_at), 0);
    /* It belongs to this boot from now on. */
    instants_set();
    st_queue_old_revive(&queue);
    ck_assert_int_eq(atomic_load(&endpoint->circuit), ST_CIRCUIT_OPEN);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, records_of_known_destinations_are_fine);
    tcase_add_loop_test(tcase, record_without_destination_is_damage, 0, 3);
    tcase_add_test(tcase, record_whose_dsn_cannot_be_read_is_damage);
    tcase_add_test(tcase, queue_is_empty_until_a_record_waits);
    tcase_add_test(tcase, queue_with_an_open_request_is_not_empty);
    tcase_add_test(tcase, queue_with_a_report_to_send_is_not_empty);
    tcase_add_test(tcase, queue_that_somebody_sends_from_is_not_empty);
    tcase_add_test(tcase, same_boot_keeps_what_is_known);
    tcase_add_test(tcase, words_of_a_sender_that_has_ended_are_forgotten);
    tcase_add_test(tcase, sender_that_lives_keeps_the_lease);
    tcase_add_test(tcase, other_boot_means_other_instants_and_processes);
}

T_MAIN("queue_old", add_cases)

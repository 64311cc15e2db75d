/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../../lib/queue/queue_int.h"

#define KEY "0123456789abcdef0123456789abcdef"

static const st_queue_layout_t layout = {
    .endpoints = 3, .dests = 5, .open_slots = 7, .ring_bytes = ST_QUEUE_RING_MIN};

static st_queue_t queue;

static void setup(void)
{
    ck_assert_int_eq(st_queue_create(&queue, &layout), APR_SUCCESS);
}

static void teardown(void)
{
    st_queue_close(&queue);
}

static int dest_enter(const char *dsn_text, const char *environment)
{
    st_dsn_t *dsn;
    const char *why;
    ck_assert_int_eq(st_dsn_parse(&dsn, &why, dsn_text, t_pool), APR_SUCCESS);
    st_dest_t dest = {.dsn = dsn, .environment = environment};
    int index = -1;
    ck_assert_int_eq(st_queue_dest_enter(&queue, &dest, &index), APR_SUCCESS);
    return index;
}

static uint64_t put(int dest, uint32_t spans, uint16_t flags)
{
    st_ring_tag_t tag = {.dest = (uint16_t)dest, .spans = spans, .flags = flags};
    uint64_t pos;
    void *to = st_ring_reserve(&queue.ring, 100, tag, NULL, &pos);
    t_assert(to != NULL);
    memset(to, 0x55, 100);
    st_ring_commit(&queue.ring, pos, NULL);
    return pos;
}

static const st_queue_layout_t wrong_layouts[] = {
    {.endpoints = 0, .dests = 1, .open_slots = 1, .ring_bytes = ST_QUEUE_RING_MIN},
    {.endpoints = -1, .dests = 1, .open_slots = 1, .ring_bytes = ST_QUEUE_RING_MIN},
    {.endpoints = 65536, .dests = 1, .open_slots = 1, .ring_bytes = ST_QUEUE_RING_MIN},
    {.endpoints = 1, .dests = 0, .open_slots = 1, .ring_bytes = ST_QUEUE_RING_MIN},
    {.endpoints = 1, .dests = 65536, .open_slots = 1, .ring_bytes = ST_QUEUE_RING_MIN},
    {.endpoints = 1, .dests = INT_MAX, .open_slots = 1, .ring_bytes = ST_QUEUE_RING_MIN},
    {.endpoints = 1, .dests = 1, .open_slots = 0, .ring_bytes = ST_QUEUE_RING_MIN},
    {.endpoints = 1, .dests = 1, .open_slots = INT_MAX, .ring_bytes = ST_QUEUE_RING_MIN},
    {.endpoints = 1, .dests = 1, .open_slots = 1, .ring_bytes = ST_QUEUE_RING_MIN - 1},
    {.endpoints = 1, .dests = 1, .open_slots = 1, .ring_bytes = ST_QUEUE_RING_MAX + 1},
};

START_TEST(layout_that_is_out_of_range_is_refused)
{
    st_queue_t other;
    ck_assert_int_eq(st_queue_create(&other, &wrong_layouts[_i]), APR_EINVAL);
}
END_TEST

START_TEST(largest_tables_and_ring_are_possible)
{
    st_queue_layout_t most = {.endpoints = ST_QUEUE_DESTS_MAX,
                              .dests = ST_QUEUE_DESTS_MAX,
                              .open_slots = 1 << 20,
                              .ring_bytes = ST_QUEUE_RING_MAX};
    st_queue_t other;
    ck_assert_int_eq(st_queue_create(&other, &most), APR_SUCCESS);
    other.open.slots[(1 << 20) - 1].dest = 1;
    ck_assert_uint_gt(st_ring_capacity(&other.ring), ST_QUEUE_RING_MAX / 100 * 99);
    st_queue_close(&other);
}
END_TEST

START_TEST(new_queue_is_empty)
{
    st_queue_waiting_t waiting[3];
    memset(waiting, 0xFF, sizeof(waiting));
    ck_assert_int_eq(st_queue_waiting(&queue, waiting), APR_SUCCESS);
    for (int i = 0; i < 3; i++) {
        char name[200];
        ck_assert_uint_eq(waiting[i].quantity[ST_CATEGORY_SPAN], 0);
        ck_assert_uint_eq(waiting[i].quantity[ST_CATEGORY_TRANSACTION], 0);
        ck_assert_uint_eq(waiting[i].bytes, 0);
        ck_assert_int_eq(st_queue_endpoint_name(&queue, i, name, sizeof(name)), 0);
    }
    st_dest_table_t table;
    st_queue_dests(&queue, &table, t_pool);
    ck_assert_int_eq(table.count, 5);
    ck_assert_int_eq(table.endpoint_count, 3);
    for (int i = 0; i < 5; i++) {
        ck_assert_ptr_null(table.dests[i].dsn);
        ck_assert_int_eq(table.dests[i].endpoint, -1);
    }
    ck_assert_uint_eq(atomic_load(&st_queue_lease(&queue)->holder), 0);
    ck_assert_int_eq(queue.open.count, 7);
}
END_TEST

START_TEST(keys_of_two_rings_differ)
{
    st_queue_t other;
    ck_assert_int_eq(st_queue_create(&other, &layout), APR_SUCCESS);
    ck_assert_uint_ne(other.ring.key, queue.ring.key);
    st_queue_close(&other);
}
END_TEST

/* Fills all parts but one to their ends, and looks whether that one has kept what it had. */
START_TEST(parts_do_not_overlap)
{
    int dest = -1;
    for (int i = 0; i < 5; i++) {
        const char *const names[] = {"a", "b", "c", "d", "e"};
        dest = dest_enter("https://" KEY "@h/1", names[i]);
    }
    ck_assert_int_eq(dest, 4);
    memset(queue.endpoints, 0xAA, sizeof(*queue.endpoints) * 3);
    memset(queue.open.slots, 0xBB, sizeof(*queue.open.slots) * 7);
    memset(st_queue_lease(&queue), 0xCC, sizeof(st_lease_shm_t));
    memset(st_queue_ledger(&queue), 0xDD, sizeof(st_ledger_shm_t));
    memset(st_queue_wakeup(&queue), 0xEE, sizeof(st_wakeup_shm_t));
    uint64_t spans = 0;
    while (st_ring_used(&queue.ring) + 200 < st_ring_capacity(&queue.ring)) {
        put(dest, 1, 0);
        spans++;
    }
    st_queue_waiting_t waiting[3];
    ck_assert_int_eq(st_queue_waiting(&queue, waiting), APR_SUCCESS);
    ck_assert_uint_eq(waiting[0].quantity[ST_CATEGORY_SPAN], spans);
    st_dest_table_t table;
    st_queue_dests(&queue, &table, t_pool);
    ck_assert_str_eq(table.dests[4].environment, "e");
    ck_assert_str_eq(table.dests[0].environment, "a");
    const unsigned char *bytes[] = {
        (unsigned char *)queue.endpoints, (unsigned char *)queue.open.slots,
        (unsigned char *)st_queue_lease(&queue), (unsigned char *)st_queue_ledger(&queue),
        (unsigned char *)st_queue_wakeup(&queue)};
    const size_t sizes[] = {sizeof(*queue.endpoints) * 3, sizeof(*queue.open.slots) * 7,
                            sizeof(st_lease_shm_t), sizeof(st_ledger_shm_t),
                            sizeof(st_wakeup_shm_t)};
    for (size_t i = 0; i < 5; i++) {
        for (size_t at = 0; at < sizes[i]; at++) {
            t_assert(bytes[i][at] == 0xAA + 0x11 * i);
        }
    }
    ck_assert_uint_eq(st_queue_generation(&queue), 1);
}
END_TEST

START_TEST(programs_do_not_inherit_the_descriptors)
{
    ck_assert_int_eq(fcntl(queue.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(fcntl(queue.wake_fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    uint64_t count;
    ck_assert_int_eq(read(queue.wake_fd, &count, sizeof(count)), -1);
    ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

START_TEST(memory_cannot_be_taken_away_from_under_the_others)
{
    struct stat st;
    ck_assert_int_eq(fstat(queue.fd, &st), 0);
    ck_assert_int_eq(st.st_size, (off_t)queue.size);
    ck_assert_int_eq(ftruncate(queue.fd, 0), -1);
    ck_assert_int_eq(ftruncate(queue.fd, st.st_size * 2), -1);
}
END_TEST

START_TEST(what_a_child_leaves_is_there_after_its_end)
{
    int dest = dest_enter("https://" KEY "@h/1", "e");
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        put(dest, 3, 0);
        st_queue_generation_next(&queue);
        _exit(0);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    st_queue_waiting_t waiting[3];
    ck_assert_int_eq(st_queue_waiting(&queue, waiting), APR_SUCCESS);
    ck_assert_uint_eq(waiting[0].quantity[ST_CATEGORY_SPAN], 3);
    ck_assert_uint_eq(st_queue_generation(&queue), 2);
}
END_TEST

START_TEST(what_waits_is_counted_per_endpoint_and_category)
{
    int first = dest_enter("https://" KEY "@h/1", "a");
    int second = dest_enter("https://" KEY "@h/2", "a");
    int third = dest_enter("https://" KEY "@h/1", "b");
    put(first, 2, 0);
    put(second, 5, ST_QUEUE_TAG_TRANSACTION);
    uint64_t released = put(third, 1000, ST_QUEUE_TAG_TRANSACTION);
    put(third, 7, ST_QUEUE_TAG_TRANSACTION);
    st_ring_release(&queue.ring, released);
    st_queue_waiting_t waiting[3];
    ck_assert_int_eq(st_queue_waiting(&queue, waiting), APR_SUCCESS);
    ck_assert_uint_eq(waiting[0].quantity[ST_CATEGORY_SPAN], 9);
    ck_assert_uint_eq(waiting[0].quantity[ST_CATEGORY_TRANSACTION], 1);
    ck_assert_uint_eq(waiting[1].quantity[ST_CATEGORY_SPAN], 5);
    ck_assert_uint_eq(waiting[1].quantity[ST_CATEGORY_TRANSACTION], 1);
    ck_assert_uint_eq(waiting[2].quantity[ST_CATEGORY_SPAN], 0);
    ck_assert_uint_ge(waiting[0].bytes, 200);
    ck_assert_uint_ge(waiting[1].bytes, 100);
    ck_assert_uint_eq(waiting[0].bytes + waiting[1].bytes, st_ring_used(&queue.ring));
}
END_TEST

START_TEST(entries_of_no_known_destination_count_nowhere)
{
    dest_enter("https://" KEY "@h/1", "a");
    put(3, 5, 0);
    put(5, 5, 0);
    put(65535, 5, 0);
    st_queue_waiting_t waiting[3];
    ck_assert_int_eq(st_queue_waiting(&queue, waiting), APR_SUCCESS);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(waiting[i].quantity[ST_CATEGORY_SPAN], 0);
    }
}
END_TEST

enum { ROUNDS = 30000, WINDOW = 8 };

/* Keeps up to WINDOW entries in the ring. */
static void *push_and_release(void *done)
{
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&queue.ring, &cursor);
    for (int i = 0; i < ROUNDS; i++) {
        if (i >= WINDOW) {
            st_ring_entry_t entry;
            apr_status_t rv = st_ring_next(&queue.ring, &cursor, &entry);
            t_assert(rv == APR_SUCCESS);
            st_ring_release(&queue.ring, entry.pos);
        }
        put(0, 1, 0);
    }
    atomic_store((_Atomic int *)done, 1);
    return NULL;
}

START_TEST(waiting_is_right_or_void_while_the_ring_moves)
{
    dest_enter("https://" KEY "@h/1", "a");
    _Atomic int done = 0;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, push_and_release, &done), 0);
    while (!atomic_load(&done)) {
        st_queue_waiting_t waiting[3];
        apr_status_t rv = st_queue_waiting(&queue, waiting);
        t_assert(rv == APR_SUCCESS || APR_STATUS_IS_EAGAIN(rv));
        if (rv == APR_SUCCESS) {
            t_assert(waiting[0].quantity[ST_CATEGORY_SPAN] <= ROUNDS);
        }
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    st_queue_waiting_t waiting[3];
    ck_assert_int_eq(st_queue_waiting(&queue, waiting), APR_SUCCESS);
    ck_assert_uint_eq(waiting[0].quantity[ST_CATEGORY_SPAN], WINDOW);
}
END_TEST

START_TEST(transaction_counts_in_both_categories)
{
    uint64_t quantity[ST_CATEGORY_COUNT] = {100, 1000};
    st_queue_tag_count((st_ring_tag_t){.spans = 4}, quantity);
    ck_assert_uint_eq(quantity[ST_CATEGORY_SPAN], 104);
    ck_assert_uint_eq(quantity[ST_CATEGORY_TRANSACTION], 1000);
    st_ring_tag_t tag = {.spans = 4, .flags = ST_QUEUE_TAG_TRANSACTION};
    st_queue_tag_count(tag, quantity);
    ck_assert_uint_eq(quantity[ST_CATEGORY_SPAN], 108);
    ck_assert_uint_eq(quantity[ST_CATEGORY_TRANSACTION], 1001);
}
END_TEST

START_TEST(generation_is_never_0)
{
    ck_assert_uint_eq(st_queue_generation(&queue), 1);
    st_queue_generation_next(&queue);
    ck_assert_uint_eq(st_queue_generation(&queue), 2);
    atomic_store(&queue.shm->generation, UINT_MAX);
    st_queue_generation_next(&queue);
    ck_assert_uint_eq(st_queue_generation(&queue), 1);
}
END_TEST

START_TEST(last_exits_are_known)
{
    ck_assert_int_eq(st_queue_exit_signal(&queue, 4711), 0);
    for (int i = 0; i < 3 * ST_QUEUE_EXITS; i++) {
        st_queue_exit_note(&queue, 1000 + i, 1 + i % 31);
    }
    for (int i = 0; i < 3 * ST_QUEUE_EXITS; i++) {
        int is_kept = i >= 2 * ST_QUEUE_EXITS;
        t_assert(st_queue_exit_signal(&queue, 1000 + i) == (is_kept ? 1 + i % 31 : 0));
    }
    ck_assert_int_eq(st_queue_exit_signal(&queue, 0), 0);
}
END_TEST

START_TEST(newer_exit_of_a_pid_hides_the_older)
{
    for (int i = 0; i < 3 * ST_QUEUE_EXITS; i++) {
        st_queue_exit_note(&queue, 4711, 1 + i % 31);
        t_assert(st_queue_exit_signal(&queue, 4711) == 1 + i % 31);
    }
    atomic_store(&queue.shm->exit_count, UINT_MAX);
    st_queue_exit_note(&queue, 5, 9);
    st_queue_exit_note(&queue, 5, 11);
    ck_assert_int_eq(st_queue_exit_signal(&queue, 5), 11);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, layout_that_is_out_of_range_is_refused, 0,
                        sizeof(wrong_layouts) / sizeof(wrong_layouts[0]));
    tcase_add_test(tcase, largest_tables_and_ring_are_possible);
    tcase_add_test(tcase, new_queue_is_empty);
    tcase_add_test(tcase, keys_of_two_rings_differ);
    tcase_add_test(tcase, parts_do_not_overlap);
    tcase_add_test(tcase, programs_do_not_inherit_the_descriptors);
    tcase_add_test(tcase, memory_cannot_be_taken_away_from_under_the_others);
    tcase_add_test(tcase, what_a_child_leaves_is_there_after_its_end);
    tcase_add_test(tcase, what_waits_is_counted_per_endpoint_and_category);
    tcase_add_test(tcase, entries_of_no_known_destination_count_nowhere);
    tcase_add_test(tcase, waiting_is_right_or_void_while_the_ring_moves);
    tcase_add_test(tcase, transaction_counts_in_both_categories);
    tcase_add_test(tcase, generation_is_never_0);
    tcase_add_test(tcase, last_exits_are_known);
    tcase_add_test(tcase, newer_exit_of_a_pid_hides_the_older);
}

T_MAIN("queue", add_cases)

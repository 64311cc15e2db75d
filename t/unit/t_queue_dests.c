/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_queue.h"

#include <apr_strings.h>
#include <pthread.h>
#include <string.h>
#include "../../lib/queue/queue_int.h"
#include "st_id.h"
#include "t_interrupt.h"

#define KEY "0123456789abcdef0123456789abcdef"

enum { ENDPOINTS = 3, DESTS = 4 };

static st_queue_t queue;

static void setup(void)
{
    st_queue_layout_t layout = {.endpoints = ENDPOINTS,
                                .dests = DESTS,
                                .open_slots = 2,
                                .ring_bytes = ST_QUEUE_RING_MIN};
    ck_assert_int_eq(st_queue_create(&queue, &layout), APR_SUCCESS);
}

static void teardown(void)
{
    st_queue_close(&queue);
}

static const st_dsn_t *dsn_of(const char *text)
{
    st_dsn_t *dsn = NULL;
    const char *why;
    apr_status_t rv = st_dsn_parse(&dsn, &why, text, t_pool);
    t_assert(rv == APR_SUCCESS);
    return dsn;
}

/* A destination of project `project`. */
static st_dest_t dest_of(int project, const char *environment)
{
    const char *text = apr_psprintf(t_pool, "https://" KEY "@h/%d", project);
    return (st_dest_t){.dsn = dsn_of(text), .environment = environment};
}

/* @return its index, or minus what is wrong */
static int enter(st_dest_t dest)
{
    int index = -1;
    apr_status_t rv = st_queue_dest_enter(&queue, &dest, &index);
    return rv == APR_SUCCESS ? index : -rv;
}

static st_dest_t dest_at(int i)
{
    st_dest_table_t table;
    st_queue_dests(&queue, &table, t_pool);
    return table.dests[i];
}

static uint64_t put(int dest)
{
    st_ring_tag_t tag = {.dest = (uint16_t)dest, .spans = 1};
    uint64_t pos = 0;
    void *to = st_ring_reserve(&queue.ring, 1, tag, NULL, &pos);
    t_assert(to != NULL);
    st_ring_commit(&queue.ring, pos, NULL);
    return pos;
}

static void generations(int count)
{
    for (int i = 0; i < count; i++) {
        st_queue_generation_next(&queue);
    }
}

static void dest_expect(const st_dest_t *got, const st_dest_t *want)
{
    ck_assert_str_eq(got->dsn->url, want->dsn->url);
    ck_assert_str_eq(got->dsn->masked, want->dsn->masked);
    ck_assert_pstr_eq(got->dsn->secret, want->dsn->secret);
    ck_assert_str_eq(got->environment, want->environment);
    ck_assert_pstr_eq(got->release, want->release);
    ck_assert_pstr_eq(got->org_id, want->org_id);
    ck_assert_pstr_eq(got->server_name, want->server_name);
    ck_assert_pstr_eq(got->ca_file, want->ca_file);
    ck_assert_int_eq(got->timeout, want->timeout);
    ck_assert_int_eq(got->lifecycle, want->lifecycle);
}

START_TEST(destinations_come_back_as_they_were_entered)
{
    const st_dest_t want[] = {
        {.dsn = dsn_of("https://" KEY ":s3cr3t@o1.ingest.sentry.io/7"),
         .environment = "production",
         .release = "shop@1.2.3",
         .org_id = "42",
         .server_name = "web1",
         .ca_file = "/etc/ssl/own.pem",
         .timeout = apr_time_from_sec(30)},
        {.dsn = dsn_of("file:/var/log/envelopes"),
         .lifecycle = ST_LIFECYCLE_STATIC,
         .environment = "",
         .timeout = -1},
        {.dsn = dsn_of("https://" KEY ":s3cr3t@o1.ingest.sentry.io/7"),
         .environment = "\xC3\xA4",
         .release = "",
         .server_name = "",
         .timeout = INT64_MAX},
    };
    int index[3];
    for (int i = 0; i < 3; i++) {
        index[i] = enter(want[i]);
        ck_assert_int_ge(index[i], 0);
    }
    for (int i = 0; i < 3; i++) {
        st_dest_t got = dest_at(index[i]);
        dest_expect(&got, &want[i]);
        ck_assert_int_eq(got.endpoint, i == 1 ? 1 : 0);
        ck_assert_int_eq(st_queue_dest_endpoint(&queue, index[i]), got.endpoint);
    }
    ck_assert_ptr_null(dest_at(3).dsn);
    ck_assert_int_eq(st_queue_dest_endpoint(&queue, 3), -1);
    ck_assert_int_eq(st_queue_dest_endpoint(&queue, 4), -1);
}
END_TEST

START_TEST(nothing_that_was_read_points_into_the_queue)
{
    int i = enter((st_dest_t){.dsn = dsn_of("https://" KEY "@h/7"), .environment = "e"});
    st_dest_t got = dest_at(i);
    memset(queue.shm, 0x55, queue.size);
    ck_assert_str_eq(got.environment, "e");
    ck_assert_str_eq(got.dsn->project_id, "7");
}
END_TEST

static st_dest_t variant(int i)
{
    st_dest_t dest = dest_of(1, "e");
    dest.environment = i == 1 ? "f" : dest.environment;
    dest.release = i == 2 ? "r" : NULL;
    dest.org_id = i == 3 ? "1" : NULL;
    dest.server_name = i == 4 ? "r" : NULL;
    dest.ca_file = i == 5 ? "r" : NULL;
    dest.timeout = i == 6 ? 1 : 0;
    dest.release = i == 7 ? "" : dest.release;
    dest.lifecycle = i == 8 ? ST_LIFECYCLE_STATIC : ST_LIFECYCLE_STREAM;
    return i == 9 ? dest_of(2, "e") : dest;
}

START_TEST(equal_ones_are_one_and_others_are_not)
{
    int first = enter(variant(0));
    ck_assert_int_eq(enter(variant(0)), first);
    st_queue_generation_next(&queue);
    ck_assert_int_eq(enter(variant(0)), first);
    int second = enter(variant(_i));
    ck_assert_int_ge(second, 0);
    ck_assert_int_ne(second, first);
    ck_assert_int_eq(enter(variant(_i)), second);
    ck_assert_int_eq(enter(variant(0)), first);
}
END_TEST

START_TEST(a_lifecycle_that_does_not_exist_makes_no_destination)
{
    int i = enter(variant(0));
    ck_assert_ptr_nonnull(dest_at(i).dsn);
    st_queue_dest_body_t body;
    st_queue_dest_t *dest = st_queue_dest_at(&queue, i);
    st_queue_words_load(&body, dest->body, ST_QUEUE_WORDS(sizeof(body)));
    body.lifecycle = ST_LIFECYCLE_COUNT;
    st_queue_words_store(dest->body, &body, ST_QUEUE_WORDS(sizeof(body)));
    ck_assert_ptr_null(dest_at(i).dsn);
    ck_assert_int_eq(dest_at(i).endpoint, -1);
}
END_TEST

START_TEST(strings_move_between_members_without_being_equal)
{
    st_dest_t a = dest_of(1, "ab");
    st_dest_t b = dest_of(1, "a");
    b.release = "b";
    ck_assert_int_ne(enter(a), enter(b));
}
END_TEST

START_TEST(strings_that_are_too_long_are_refused)
{
    char *most = apr_pcalloc(t_pool, ST_QUEUE_STRINGS_MAX);
    memset(most, 'x', ST_QUEUE_STRINGS_MAX - 1);
    st_dest_t dest = dest_of(1, most);
    dest.server_name = "y";
    int i = enter(dest);
    ck_assert_int_eq(i, 0);
    st_dest_t got = dest_at(i);
    dest_expect(&got, &dest);
    dest.server_name = "yy";
    ck_assert_int_eq(enter(dest), -ST_E_LIMIT);
    dest.server_name = NULL;
    dest.dsn = dsn_of(apr_pstrcat(t_pool, "file:/", most, NULL));
    ck_assert_int_eq(enter(dest), -ST_E_LIMIT);
    ck_assert_ptr_null(dest_at(1).dsn);
}
END_TEST

static void fill(void)
{
    static const char *const names[DESTS] = {"a", "b", "c", "d"};
    for (int i = 0; i < DESTS; i++) {
        ck_assert_int_eq(enter(dest_of(1, names[i])), i);
    }
}

START_TEST(full_table_refuses_what_is_new)
{
    fill();
    ck_assert_int_eq(enter(dest_of(1, "e")), -ST_E_FULL);
    ck_assert_int_eq(enter(dest_of(1, "c")), 2);
    /* Children of the last generation may be at work. */
    st_queue_generation_next(&queue);
    ck_assert_int_eq(enter(dest_of(1, "e")), -ST_E_FULL);
}
END_TEST

START_TEST(entries_of_long_ago_are_used_again)
{
    fill();
    st_queue_generation_next(&queue);
    ck_assert_int_eq(enter(dest_of(1, "b")), 1);
    st_queue_generation_next(&queue);
    for (int i = 0; i < DESTS - 1; i++) {
        static const char *const names[] = {"e", "f", "g"};
        int index = enter(dest_of(1, names[i]));
        ck_assert_int_ge(index, 0);
        ck_assert_int_ne(index, 1);
        ck_assert_str_eq(dest_at(index).environment, names[i]);
    }
    ck_assert_int_eq(enter(dest_of(1, "h")), -ST_E_FULL);
    ck_assert_str_eq(dest_at(1).environment, "b");
}
END_TEST

START_TEST(entries_stay_while_there_is_room_elsewhere)
{
    int first = enter(dest_of(1, "a"));
    generations(10);
    ck_assert_int_ne(enter(dest_of(1, "b")), first);
    ck_assert_str_eq(dest_at(first).environment, "a");
    ck_assert_int_eq(enter(dest_of(1, "a")), first);
}
END_TEST

START_TEST(entry_for_which_records_wait_is_not_used_again)
{
    fill();
    uint64_t pos = put(2);
    generations(5);
    for (int i = 0; i < DESTS - 1; i++) {
        static const char *const names[] = {"e", "f", "g"};
        ck_assert_int_ne(enter(dest_of(1, names[i])), 2);
    }
    ck_assert_int_eq(enter(dest_of(1, "h")), -ST_E_FULL);
    ck_assert_str_eq(dest_at(2).environment, "c");
    st_ring_release(&queue.ring, pos);
    ck_assert_int_eq(enter(dest_of(1, "h")), 2);
}
END_TEST

START_TEST(entry_of_an_open_request_is_not_used_again)
{
    fill();
    st_open_slot_t *slot = st_open_take(&queue.open, st_process_self(), 0);
    ck_assert_ptr_nonnull(slot);
    slot->dest = 3;
    st_open_publish(slot);
    generations(5);
    for (int i = 0; i < DESTS - 1; i++) {
        static const char *const names[] = {"e", "f", "g"};
        ck_assert_int_ne(enter(dest_of(1, names[i])), 3);
    }
    ck_assert_int_eq(enter(dest_of(1, "h")), -ST_E_FULL);
    st_open_free(slot);
    ck_assert_int_eq(enter(dest_of(1, "h")), 3);
}
END_TEST

START_TEST(endpoints_without_destinations_are_used_again)
{
    for (int i = 0; i < ENDPOINTS; i++) {
        ck_assert_int_eq(enter(dest_of(i, "a")), i);
    }
    uint64_t pos = put(1);
    st_counters_created(&queue.endpoints[1].counters, ST_CATEGORY_SPAN, 1);
    st_counters_created(&queue.endpoints[2].counters, ST_CATEGORY_SPAN, 1);
    atomic_store(&queue.endpoints[0].in_flight, 1);
    st_queue_generation_next(&queue);
    ck_assert_int_eq(enter(dest_of(5, "a")), -ST_E_FULL);
    st_queue_generation_next(&queue);
    int index = enter(dest_of(5, "a"));
    ck_assert_int_ge(index, 0);
    ck_assert_int_eq(dest_at(index).endpoint, 2);
    st_counters_t *counters = &queue.endpoints[2].counters;
    ck_assert_uint_eq(st_counters_get_created(counters, ST_CATEGORY_SPAN), 0);
    /* A record waits for one of the others, a report of the other is under way. */
    ck_assert_int_eq(enter(dest_of(6, "a")), -ST_E_FULL);
    atomic_store(&queue.endpoints[0].in_flight, 0);
    ck_assert_int_eq(dest_at(enter(dest_of(6, "a"))).endpoint, 0);
    ck_assert_int_eq(enter(dest_of(7, "a")), -ST_E_FULL);
    counters = &queue.endpoints[1].counters;
    ck_assert_uint_eq(st_counters_get_created(counters, ST_CATEGORY_SPAN), 1);
    st_ring_release(&queue.ring, pos);
    ck_assert_int_eq(dest_at(enter(dest_of(7, "a"))).endpoint, 1);
}
END_TEST

START_TEST(records_follow_an_endpoint_that_moves)
{
    st_dest_t before = {.dsn = dsn_of("http://" KEY "@127.0.0.1:1000/7"),
                        .environment = "e"};
    st_dest_t after = {.dsn = dsn_of("http://" KEY "@127.0.0.1:2000/7"),
                       .environment = "e"};
    st_dest_t other = after;
    other.release = "r";
    int index = enter(before);
    st_queue_generation_next(&queue);
    int renamed = enter(other);
    ck_assert_int_ne(renamed, index);
    ck_assert_int_eq(enter(after), index);
    ck_assert_str_eq(dest_at(index).dsn->url, after.dsn->url);
    ck_assert_int_eq(dest_at(index).endpoint, dest_at(renamed).endpoint);
}
END_TEST

/* What another user's process may have written. */
START_TEST(any_bytes_are_read_as_unused_or_whole)
{
    st_rng_t rng = {.state = (uint64_t)_i};
    fill();
    for (int round = 0; round < 200; round++) {
        char *from = (char *)st_queue_dsn_at(&queue, 0);
        char *to = (char *)st_queue_dest_at(&queue, DESTS);
        for (int i = 0; i < 20; i++) {
            size_t at = st_rng_next(&rng) % (size_t)(to - from);
            /* Lengths and indexes are at the beginnings. */
            if (i % 2 == 0) {
                char *entry = (char *)st_queue_dest_at(&queue, i % DESTS);
                at = (size_t)(entry - from) + st_rng_next(&rng) % 40;
            }
            from[at] = (char)st_rng_next(&rng);
        }
        st_dest_table_t table;
        apr_pool_t *pool;
        t_assert(apr_pool_create(&pool, t_pool) == APR_SUCCESS);
        st_queue_dests(&queue, &table, pool);
        for (int i = 0; i < DESTS; i++) {
            const st_dest_t *dest = &table.dests[i];
            t_assert((dest->dsn == NULL) == (dest->endpoint == -1));
            t_assert(dest->endpoint < ENDPOINTS);
            t_assert(dest->dsn == NULL || dest->environment != NULL);
        }
        apr_pool_destroy(pool);
        st_queue_generation_next(&queue);
        t_assert(enter(dest_of(round, "x")) != -ST_E_LIMIT);
    }
}
END_TEST

enum { ROUNDS = 100000 };

static st_queue_dest_body_t body_of(char letter)
{
    st_queue_dest_body_t body = {.len = {1001, 901}};
    memset(body.strings, letter, sizeof(body.strings));
    return body;
}

/* Uses the last entry again, as the parent does. */
static void use_again(unsigned i)
{
    const st_queue_dest_body_t bodies[2] = {body_of('a'), body_of('b')};
    st_queue_dest_t *dest = st_queue_dest_at(&queue, DESTS - 1);
    st_queue_used_set(&dest->used, 0);
    st_queue_words_store(dest->body, &bodies[i % 2], ST_QUEUE_WORDS(sizeof(bodies[0])));
    st_queue_used_set(&dest->used, 2 + i);
}

static void *use_often(void *done)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        use_again(i);
    }
    atomic_store((_Atomic int *)done, 1);
    return NULL;
}

/* Reads the last entry, which may only be one of body_of(). @return 0 when it is not used. */
static int read_whole(void)
{
    apr_pool_t *pool;
    t_assert(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    st_dest_table_t table;
    st_queue_dests(&queue, &table, pool);
    const st_dest_t *dest = &table.dests[DESTS - 1];
    int is_used = dest->dsn != NULL;
    if (is_used) {
        const char letter[] = {dest->environment[0], '\0'};
        t_assert(strspn(dest->environment, letter) == 1000);
        t_assert(strspn(dest->release, letter) == 900);
    }
    apr_pool_destroy(pool);
    return is_used;
}

START_TEST(readers_never_see_half_an_entry)
{
    enter(dest_of(1, "e"));
    use_again(0);
    _Atomic int done = 0;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, use_often, &done), 0);
    while (!atomic_load(&done)) {
        read_whole();
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(read_whole(), 1);
}
END_TEST

static volatile sig_atomic_t uses;

static void use_once(int sig)
{
    (void)sig;
    use_again((unsigned)uses++);
}

START_TEST(reader_that_was_overtaken_reads_again)
{
    enter(dest_of(1, "e"));
    use_again(0);
    t_interrupt_start(use_once);
    while (uses < 5000) {
        read_whole();
    }
    t_interrupt_end();
    ck_assert_int_eq(read_whole(), 1);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, destinations_come_back_as_they_were_entered);
    tcase_add_test(tcase, nothing_that_was_read_points_into_the_queue);
    tcase_add_loop_test(tcase, equal_ones_are_one_and_others_are_not, 1, 10);
    tcase_add_test(tcase, a_lifecycle_that_does_not_exist_makes_no_destination);
    tcase_add_test(tcase, strings_move_between_members_without_being_equal);
    tcase_add_test(tcase, strings_that_are_too_long_are_refused);
    tcase_add_test(tcase, full_table_refuses_what_is_new);
    tcase_add_test(tcase, entries_of_long_ago_are_used_again);
    tcase_add_test(tcase, entries_stay_while_there_is_room_elsewhere);
    tcase_add_test(tcase, entry_for_which_records_wait_is_not_used_again);
    tcase_add_test(tcase, entry_of_an_open_request_is_not_used_again);
    tcase_add_test(tcase, endpoints_without_destinations_are_used_again);
    tcase_add_test(tcase, records_follow_an_endpoint_that_moves);
    tcase_add_loop_test(tcase, any_bytes_are_read_as_unused_or_whole, 0, 10);
    tcase_add_test(tcase, readers_never_see_half_an_entry);
    tcase_add_test(tcase, reader_that_was_overtaken_reads_again);
}

T_MAIN("queue_dests", add_cases)

/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_queue.h"

#include <apr_strings.h>
#include <pthread.h>
#include <string.h>
#include "../../lib/queue/queue_int.h"
#include "t_interrupt.h"

#define KEY   "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"

static st_queue_t queue;

static void setup(void)
{
    st_queue_layout_t layout = {
        .endpoints = 4, .dests = 4, .open_slots = 1, .ring_bytes = ST_QUEUE_RING_MIN};
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

static int enter(const char *text)
{
    int index = -1;
    apr_status_t rv = st_queue_endpoint_enter(&queue, dsn_of(text), &index);
    t_assert(rv == APR_SUCCESS);
    return index;
}

static const char *name_of(int i)
{
    char name[ST_QUEUE_STRINGS_MAX];
    int is_used = st_queue_endpoint_name(&queue, i, name, sizeof(name));
    return is_used ? apr_pstrdup(t_pool, name) : "unused";
}

static const char *const dsns[] = {
    "https://" KEY "@sentry.example/42",
    "http://" KEY "@sentry.example/42",
    "https://" KEY "@sentry.example:8443/42",
    "http://" KEY "@h:443/7",
    "https://" KEY "@h:80/7",
    "https://" KEY ":s3cr3t@h/7",
    "https://" KEY "@h/a/b/18446744073709551615",
    "https://" KEY "@[2001:db8::1]/7",
    "http://" KEY "@[::1]:9000/x/7",
    "https://" KEY "@o123.ingest.sentry.io/7",
    "file:/var/log/envelopes",
    "file:///var/log/envelopes",
    "file:////two/slashes",
};

START_TEST(dsn_comes_back_as_it_was_entered)
{
    const st_dsn_t *want = dsn_of(dsns[_i]);
    int i = enter(dsns[_i]);
    ck_assert_int_eq(i, 0);
    st_queue_text_t text;
    ck_assert_int_eq(st_queue_dsn_read(&queue, i, &text), 1);
    const st_dsn_t *got = dsn_of(text.text);
    ck_assert_int_eq(got->kind, want->kind);
    ck_assert_pstr_eq(got->scheme, want->scheme);
    ck_assert_pstr_eq(got->public_key, want->public_key);
    ck_assert_pstr_eq(got->secret, want->secret);
    ck_assert_pstr_eq(got->host, want->host);
    ck_assert_uint_eq(got->port, want->port);
    ck_assert_pstr_eq(got->path, want->path);
    ck_assert_pstr_eq(got->project_id, want->project_id);
    ck_assert_pstr_eq(got->org_id, want->org_id);
    ck_assert_pstr_eq(got->url, want->url);
    ck_assert_str_eq(name_of(i), want->masked);
}
END_TEST

START_TEST(name_is_cut_to_what_there_is_room_for)
{
    int i = enter("https://" KEY "@h/7");
    char name[10];
    ck_assert_int_eq(st_queue_endpoint_name(&queue, i, name, sizeof(name)), 1);
    ck_assert_str_eq(name, "https://0");
}
END_TEST

START_TEST(ways_to_write_one_dsn_are_one_endpoint)
{
    int first = enter("https://" KEY "@h/7");
    ck_assert_int_eq(enter("HTTPS://" KEY "@h:443/7"), first);
    ck_assert_int_eq(enter("https://" KEY ":@h//7"), first);
    st_queue_generation_next(&queue);
    ck_assert_int_eq(enter("https://" KEY "@h/7"), first);
    ck_assert_str_eq(name_of(first + 1), "unused");
}
END_TEST

START_TEST(endpoint_moves_with_its_project)
{
    int i = enter("https://" KEY "@h:1000/7");
    st_endpoint_t *endpoint = &queue.endpoints[i];
    st_counters_created(&endpoint->counters, ST_CATEGORY_SPAN, 5);
    atomic_store(&endpoint->limited_until[ST_LIMIT_SPAN], 77);
    atomic_store(&endpoint->circuit, ST_CIRCUIT_OPEN);
    atomic_store(&endpoint->failures, 9);
    atomic_store(&endpoint->retry_at, INT64_MAX);
    for (int port = 2000; port < 2010; port++) {
        st_queue_generation_next(&queue);
        const char *text = apr_psprintf(t_pool, "http://" KEY ":secret@g:%d/p/7", port);
        ck_assert_int_eq(enter(text), i);
        ck_assert_str_eq(name_of(i), dsn_of(text)->masked);
    }
    ck_assert_uint_eq(st_counters_get_created(&endpoint->counters, ST_CATEGORY_SPAN), 5);
    ck_assert_int_eq(atomic_load(&endpoint->limited_until[ST_LIMIT_SPAN]), 77);
    ck_assert_int_eq(atomic_load(&endpoint->circuit), ST_CIRCUIT_CLOSED);
    ck_assert_int_eq(atomic_load(&endpoint->failures), 0);
    ck_assert_int_eq(atomic_load(&endpoint->retry_at), 0);
    ck_assert_str_eq(name_of(1), "unused");
}
END_TEST

/* Pairs of DSNs of two generations, of which the second is not the first one, moved. */
static const char *const strangers[][2] = {
    {"https://" KEY "@h/7", "https://" OTHER "@h/7"},
    {"https://" KEY "@h/7", "https://" KEY "@h/8"},
    {"https://" KEY "@h/7", "https://" KEY "@h/77"},
    {"https://" KEY "@h/77", "https://" KEY "@h/7"},
    {"file:/a/7", "file:/b/7"},
    {"file:/a/7", "https://" KEY "@h/7"},
    {"https://00000000000000000000000000000000@h/7", "file:/a/7"},
};

START_TEST(other_project_is_another_endpoint)
{
    int i = enter(strangers[_i][0]);
    st_queue_generation_next(&queue);
    ck_assert_int_ne(enter(strangers[_i][1]), i);
    ck_assert_str_eq(name_of(i), dsn_of(strangers[_i][0])->masked);
}
END_TEST

START_TEST(two_hosts_of_one_generation_are_two_endpoints)
{
    int first = enter("https://" KEY "@a/7");
    int second = enter("https://" KEY "@b/7");
    ck_assert_int_ne(first, second);
    st_queue_generation_next(&queue);
    ck_assert_int_eq(enter("https://" KEY "@a/7"), first);
    ck_assert_int_eq(enter("https://" KEY "@b/7"), second);
    /* One of them moves, by whatever it is named first. */
    st_queue_generation_next(&queue);
    ck_assert_int_eq(enter("https://" KEY "@b/7"), second);
    ck_assert_int_eq(enter("https://" KEY "@c/7"), first);
}
END_TEST

START_TEST(order_does_not_matter_when_known_dsns_are_kept)
{
    static const char *const wanted[] = {"https://" KEY "@b/7", "https://" KEY "@a/7"};
    int a = enter(wanted[1]);
    st_queue_generation_next(&queue);
    for (int i = 0; i < 2; i++) {
        st_queue_dsn_keep(&queue, dsn_of(wanted[(i + _i) % 2]));
    }
    int index[2];
    for (int i = 0; i < 2; i++) {
        index[(i + _i) % 2] = enter(wanted[(i + _i) % 2]);
    }
    ck_assert_int_eq(index[1], a);
    ck_assert_int_ne(index[0], a);
    ck_assert_str_eq(name_of(a), dsn_of(wanted[1])->masked);
    ck_assert_str_eq(name_of(index[0]), dsn_of(wanted[0])->masked);
}
END_TEST

START_TEST(keeping_an_unknown_dsn_changes_nothing)
{
    int i = enter("https://" KEY "@a/7");
    st_queue_generation_next(&queue);
    st_queue_dsn_keep(&queue, dsn_of("https://" KEY "@b/7"));
    ck_assert_int_eq(enter("https://" KEY "@c/7"), i);
    ck_assert_str_eq(name_of(1), "unused");
}
END_TEST

START_TEST(new_endpoint_starts_with_nothing)
{
    memset(queue.endpoints, 0x55, sizeof(*queue.endpoints) * 4);
    int i = enter("https://" KEY "@a/7");
    static const st_endpoint_t zero;
    ck_assert_mem_eq(&queue.endpoints[i], &zero, sizeof(zero));
}
END_TEST

START_TEST(full_table_refuses)
{
    for (int i = 0; i < 4; i++) {
        enter(apr_psprintf(t_pool, "https://" KEY "@a/%d", i));
    }
    int index = -1;
    ck_assert_int_eq(
        st_queue_endpoint_enter(&queue, dsn_of("https://" KEY "@a/5"), &index),
        ST_E_FULL);
    ck_assert_int_eq(enter("https://" KEY "@a/3"), 3);
}
END_TEST

static const char *file_dsn(size_t len)
{
    char *text = apr_palloc(t_pool, len + 1);
    memset(text, 'x', len);
    memcpy(text, "file:///", 8);
    text[len] = '\0';
    return text;
}

START_TEST(dsn_that_is_too_long_is_refused)
{
    int index = -1;
    const st_dsn_t *most = dsn_of(file_dsn(ST_QUEUE_STRINGS_MAX - 1));
    const st_dsn_t *more = dsn_of(file_dsn(ST_QUEUE_STRINGS_MAX));
    ck_assert_int_eq(st_queue_endpoint_enter(&queue, most, &index), APR_SUCCESS);
    ck_assert_str_eq(name_of(index), most->masked);
    ck_assert_int_eq(st_queue_endpoint_enter(&queue, more, &index), ST_E_LIMIT);
    st_queue_dsn_keep(&queue, more);
    ck_assert_str_eq(name_of(1), "unused");
}
END_TEST

static const char *const damaged[] = {
    "", "x", "://", "@", "https://", "https://@", "https://abc@h/7", "@https://" KEY,
};

START_TEST(damaged_dsn_has_no_name)
{
    st_queue_dsn_t *dsn = st_queue_dsn_at(&queue, 0);
    st_queue_text_t text = {.len = strlen(damaged[_i])};
    strcpy(text.text, damaged[_i]);
    st_queue_words_store(dsn->text[0], text.text, 10);
    atomic_store(&dsn->len[0], (uint32_t)text.len);
    st_queue_used_set(&dsn->used, 1);
    ck_assert_str_eq(name_of(0), "unused");
}
END_TEST

START_TEST(impossible_length_is_no_dsn)
{
    st_queue_dsn_t *dsn = st_queue_dsn_at(&queue, enter("https://" KEY "@a/7"));
    st_queue_text_t text;
    static const uint32_t lens[] = {ST_QUEUE_STRINGS_MAX, ST_QUEUE_STRINGS_MAX + 1,
                                    UINT32_MAX};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        atomic_store(&dsn->len[1], lens[i]);
        ck_assert_int_eq(st_queue_dsn_read(&queue, 0, &text), 0);
        ck_assert_str_eq(text.text, "");
    }
}
END_TEST

enum { MOVES = 200000, LEN = 1500 };

static st_queue_text_t letters(char letter)
{
    st_queue_text_t text = {.len = LEN};
    memset(text.text, letter, LEN);
    return text;
}

static void *replace(void *done)
{
    const st_queue_text_t texts[2] = {letters('a'), letters('b')};
    for (int i = 0; i < MOVES; i++) {
        st_queue_dsn_replace(st_queue_dsn_at(&queue, 0), &texts[i % 2]);
    }
    atomic_store((_Atomic int *)done, 1);
    return NULL;
}

/* Reads once, what may only be one of the texts of letters(). @return 0 when it could not. */
static int read_whole(void)
{
    st_queue_text_t text;
    int is_used = st_queue_dsn_read(&queue, 0, &text);
    const char letter[] = {text.text[0], '\0'};
    t_assert(!is_used || letter[0] == 'a' || letter[0] == 'b');
    t_assert(!is_used || strspn(text.text, letter) == LEN);
    return is_used;
}

static void enter_letters(void)
{
    enter("https://" KEY "@h/7");
    st_queue_text_t text = letters('b');
    st_queue_dsn_replace(st_queue_dsn_at(&queue, 0), &text);
}

START_TEST(readers_never_see_half_a_move)
{
    enter_letters();
    _Atomic int done = 0;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, replace, &done), 0);
    int seen = 0;
    while (!atomic_load(&done)) {
        seen += read_whole();
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_gt(seen, 0);
}
END_TEST

static volatile sig_atomic_t moves;

/* As if the reader had stood still for two restarts. */
static void move_twice(int sig)
{
    (void)sig;
    const st_queue_text_t texts[2] = {letters('a'), letters('b')};
    int first = moves++ % 2;
    st_queue_dsn_replace(st_queue_dsn_at(&queue, 0), &texts[first]);
    st_queue_dsn_replace(st_queue_dsn_at(&queue, 0), &texts[!first]);
}

START_TEST(reader_that_was_overtaken_reads_again)
{
    enter_letters();
    t_interrupt_start(move_twice);
    while (moves < 1000) {
        read_whole();
    }
    t_interrupt_end();
    ck_assert_int_eq(read_whole(), 1);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, dsn_comes_back_as_it_was_entered, 0,
                        sizeof(dsns) / sizeof(dsns[0]));
    tcase_add_test(tcase, name_is_cut_to_what_there_is_room_for);
    tcase_add_test(tcase, ways_to_write_one_dsn_are_one_endpoint);
    tcase_add_test(tcase, endpoint_moves_with_its_project);
    tcase_add_loop_test(tcase, other_project_is_another_endpoint, 0,
                        sizeof(strangers) / sizeof(strangers[0]));
    tcase_add_test(tcase, two_hosts_of_one_generation_are_two_endpoints);
    tcase_add_loop_test(tcase, order_does_not_matter_when_known_dsns_are_kept, 0, 2);
    tcase_add_test(tcase, keeping_an_unknown_dsn_changes_nothing);
    tcase_add_test(tcase, new_endpoint_starts_with_nothing);
    tcase_add_test(tcase, full_table_refuses);
    tcase_add_test(tcase, dsn_that_is_too_long_is_refused);
    tcase_add_loop_test(tcase, damaged_dsn_has_no_name, 0,
                        sizeof(damaged) / sizeof(damaged[0]));
    tcase_add_test(tcase, impossible_length_is_no_dsn);
    tcase_add_test(tcase, readers_never_see_half_a_move);
    tcase_add_test(tcase, reader_that_was_overtaken_reads_again);
}

T_MAIN("queue_dsns", add_cases)

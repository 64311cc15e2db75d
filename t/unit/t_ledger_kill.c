/* SPDX-License-Identifier: Apache-2.0 */
/* A sender is killed at random moments, hundreds of times. Whatever it was doing: nothing that
 * was in the ring is lost, doubled, or counted twice. */
#include "t_ledger.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "st_id.h"
#include "st_process.h"
#include "t_fork.h"

#define SPAN        ST_CATEGORY_SPAN
#define TRANSACTION ST_CATEGORY_TRANSACTION
#define ROUNDS      300
#define HELD        64
#define WAITING_MAX 8192 /* more than fit the ring */

/* In memory shared with the senders. */
typedef struct shared_t {
    _Atomic uint64_t steps;    /* that senders have done */
    _Atomic uint64_t appended; /* entries that senders have committed */
    _Atomic uint64_t moved;
} shared_t;

static shared_t *shared;
static st_rng_t rng;

/* Entries with even numbers are put by the test, those with odd ones appended by senders: as
 * transactions without spans, so that they are counted apart. */
static uint64_t put_count;

static void setup(void)
{
    t_queue_setup();
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(shared, MAP_FAILED);
    rng = (st_rng_t){.state = 1};
    put_count = 0;
}

static void teardown(void)
{
    munmap(shared, sizeof(*shared));
    t_queue_teardown();
}

/* What a sender holds of the ring. */
typedef struct held_t {
    st_ring_cursor_t cursor;
    st_ring_entry_t entries[HELD];
    int count;
} held_t;

static int is_held(const held_t *held, uint64_t pos)
{
    for (int i = 0; i < held->count; i++) {
        if (held->entries[i].pos == pos) {
            return 1;
        }
    }
    return 0;
}

/* Takes more; what it has moved itself comes by again and is passed over. */
static void take_more(held_t *held)
{
    st_ring_entry_t entry;
    while (held->count < HELD && t_next(&t_queue, &held->cursor, &entry)) {
        if (!is_held(held, entry.pos)) {
            held->entries[held->count] = entry;
            held->count++;
        }
    }
}

static void settle_one(held_t *held, int i, st_rng_t *random)
{
    const st_ring_entry_t *entry = &held->entries[i];
    uint64_t quantity[ST_CATEGORY_COUNT] = {0};
    int outcome = (int)(st_rng_next(random) % (ST_REASON_COUNT + 1)) - 1;
    st_queue_tag_count(entry->tag, quantity);
    st_ledger_settle(&t_queue, entry->pos, entry->tag.dest, outcome, quantity);
    held->count--;
    held->entries[i] = held->entries[held->count];
}

static void move_one(held_t *held, int i)
{
    apr_status_t rv = st_ledger_move(&t_queue, &held->entries[i]);
    if (rv == APR_SUCCESS) {
        atomic_fetch_add(&shared->moved, 1);
    }
}

static void append_one(void)
{
    uint64_t pos;
    st_ring_tag_t tag = {.dest = 1, .flags = ST_QUEUE_TAG_TRANSACTION};
    void *mem = st_ledger_append(&t_queue, T_WORDS * 8, tag, &pos);
    if (mem != NULL) {
        t_fill(mem, 2 * atomic_load(&shared->appended) + 1);
        st_ledger_append_commit(&t_queue, pos);
        atomic_fetch_add(&shared->appended, 1);
    }
}

static void step(held_t *held, st_rng_t *random)
{
    uint64_t what = st_rng_next(random) % 8;
    take_more(held);
    int i = held->count > 0 ? (int)(st_rng_next(random) % (uint64_t)held->count) : -1;
    if (i < 0 || what < 3) {
        append_one();
    } else if (what < 7) {
        settle_one(held, i, random);
    } else {
        move_one(held, i);
    }
}

/* The life of a sender: what it does is random, too. */
static int live(void *baton)
{
    st_rng_t *random = baton;
    held_t held = {.count = 0};
    st_ledger_recover(&t_queue);
    st_ring_cursor_init(&t_queue.ring, &held.cursor);
    for (uint64_t steps = 1; steps != 0; steps++) {
        step(&held, random);
        atomic_fetch_add(&shared->steps, 1);
    }
    return 1;
}

/* Runs a sender, and kills it some steps later, somewhere in one. */
static void send_and_kill(void)
{
    uint64_t target = atomic_load(&shared->steps) + 1 + st_rng_next(&rng) % 2000;
    st_rng_t random = {.state = st_rng_next(&rng)};
    pid_t pid = t_fork(live, &random);
    st_ns_t deadline = st_clock_mono() + T_FORK_DEADLINE_SEC * ST_NS_PER_SEC;
    while (atomic_load(&shared->steps) < target) {
        t_assert(st_clock_mono() < deadline);
        sched_yield();
    }
    t_fork_kill(pid);
}

static void fill_some(void)
{
    uint64_t count = st_rng_next(&rng) % 400;
    size_t most = st_ring_capacity(&t_queue.ring) / 2;
    for (uint64_t i = 0; i < count && st_ring_used(&t_queue.ring) < most; i++) {
        t_put((int)(i % 2), 3, 2 * put_count);
        put_count++;
    }
}

/* All that came out of the ring, of both endpoints. */
static uint64_t counted(st_category_t category)
{
    uint64_t sum = 0;
    for (int i = 0; i < 2; i++) {
        const st_counters_t *counters = &t_queue.endpoints[i].counters;
        sum += st_counters_get_delivered(counters, category);
        for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
            sum += st_counters_get_discarded(counters, (st_reason_t)reason, category);
        }
    }
    return sum;
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Looks at all that waits, none of it twice. @return how many were put; others are appended */
static uint64_t waiting(uint64_t *pappended)
{
    uint64_t numbers[WAITING_MAX];
    int count = t_take_all(&t_queue, numbers, WAITING_MAX);
    uint64_t puts = 0;
    qsort(numbers, (size_t)count, sizeof(numbers[0]), compare);
    for (int i = 0; i < count; i++) {
        t_assert(i == 0 || numbers[i] != numbers[i - 1]);
        puts += numbers[i] % 2 == 0;
    }
    *pappended = (uint64_t)count - puts;
    return puts;
}

/* The last sender may have committed what it had no time to note. */
static void appended_correct(void)
{
    uint64_t numbers[WAITING_MAX];
    uint64_t next = 2 * atomic_load(&shared->appended) + 1;
    int count = t_take_all(&t_queue, numbers, WAITING_MAX);
    for (int i = 0; i < count; i++) {
        t_assert(numbers[i] % 2 == 0 || numbers[i] <= next);
        if (numbers[i] == next) {
            atomic_fetch_add(&shared->appended, 1);
        }
    }
}

START_TEST(nothing_is_lost_or_counted_twice_when_senders_are_killed)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t appended;
        fill_some();
        send_and_kill();
        st_ledger_recover(&t_queue);
        appended_correct();
        uint64_t puts = waiting(&appended);
        ck_assert_uint_eq(3 * put_count, 3 * puts + counted(SPAN));
        ck_assert_uint_eq(shared->appended, appended + counted(TRANSACTION));
    }
    ck_assert_uint_gt(counted(SPAN), 1000);
    ck_assert_uint_gt(counted(TRANSACTION), 1000);
    ck_assert_uint_gt(shared->moved, 1000);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 240);
    tcase_add_test(tc, nothing_is_lost_or_counted_twice_when_senders_are_killed);
}

T_MAIN("ledger_kill", add_cases)

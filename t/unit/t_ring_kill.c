/* SPDX-License-Identifier: Apache-2.0 */
/* Producers in processes of their own that are killed at any moment, and the consumer that
 * comes to terms with what they leave. */
#include "t.h"
#include "st_open.h"
#include "st_ring.h"

#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "st_id.h"

enum { PRODUCERS = 4, SLOTS = 8, ROUNDS = 150, WORDS_MAX = 400, HELD = 24 };
#define RING_BYTES ((size_t)128 * 1024)

typedef struct message_t {
    uint64_t producer; /* how many were started before it */
    uint64_t number;
    uint64_t sum;
    uint64_t words[WORDS_MAX];
} message_t;

/* Shared by all processes. */
typedef struct shared_t {
    st_open_slot_t slots[SLOTS];
    _Atomic uint64_t committed[PRODUCERS]; /* messages, at least */
    _Alignas(64) char ring[RING_BYTES];
} shared_t;

typedef struct producer_t {
    pid_t pid;
    uint64_t id;
    uint64_t received; /* messages 0..received-1 */
} producer_t;

typedef struct consumer_t {
    shared_t *shared;
    st_open_t open;
    st_ring_t ring;
    st_ring_cursor_t cursor;
    producer_t producers[PRODUCERS];
    uint64_t held[HELD]; /* taken and not released */
    int held_count;
    st_rng_t rng;
    uint64_t started;
    int holes;
    int written; /* slots of the dead whose record stood in the ring */
    int lost;    /* and those whose record did not */
} consumer_t;

static size_t message_len(uint64_t words)
{
    return offsetof(message_t, words) + sizeof(uint64_t) * words;
}

static uint64_t sum_of(const message_t *message, uint64_t words)
{
    uint64_t sum = message->producer + message->number;
    for (uint64_t i = 0; i < words; i++) {
        sum += message->words[i] * (i + 1);
    }
    return sum;
}

/* So that something is likely to be killed just here. @return a random number. */
static uint64_t linger(st_rng_t *rng, int turns)
{
    uint64_t last = st_rng_next(rng);
    for (int i = 0; i < turns; i++) {
        last = st_rng_next(rng);
    }
    return last;
}

static void message_write(message_t *to, uint64_t words, st_rng_t *rng)
{
    for (uint64_t i = 0; i < words; i++) {
        to->words[i] = linger(rng, 50);
    }
    to->sum = sum_of(to, words);
}

/* One message, as a request does it. @return 1 when there was room. */
static int produce(consumer_t *me, st_owner_t self, uint64_t id, uint64_t number)
{
    st_open_slot_t *slot = st_open_take(&me->open, self, (unsigned)id);
    if (slot == NULL) {
        return 0;
    }
    slot->trace_id = (st_trace_id_t){{0}};
    slot->span_id = id;
    slot->parent = number;
    st_open_publish(slot);
    uint64_t pos;
    uint64_t words = st_rng_next(&me->rng) % (WORDS_MAX + 1);
    message_t *to = st_ring_reserve(&me->ring, message_len(words), (st_ring_tag_t){0},
                                    &slot->claim, &pos);
    if (to != NULL) {
        to->sum = linger(&me->rng, 1000);
        st_open_push(slot);
        to->producer = id;
        to->number = number;
        message_write(to, words, &me->rng);
        st_ring_commit(&me->ring, pos, &slot->claim);
        slot->start = (st_ns_t)linger(&me->rng, 3000);
    }
    st_open_free(slot);
    return to != NULL;
}

static void produce_until_killed(const consumer_t *consumer, uint64_t id)
{
    _Atomic uint64_t *committed = &consumer->shared->committed[id % PRODUCERS];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    consumer_t me = *consumer;
    me.rng = (st_rng_t){.state = id};
    st_owner_t self = st_process_self();
    for (uint64_t number = 0;;) {
        int is_done = produce(&me, self, id, number);
        if (is_done) {
            number++;
            atomic_store(committed, number);
        } else {
            sched_yield();
        }
    }
}

static void start(consumer_t *consumer, producer_t *producer)
{
    producer->id = consumer->started++;
    producer->received = 0;
    atomic_store(&consumer->shared->committed[producer->id % PRODUCERS], 0);
    producer->pid = fork();
    ck_assert_int_ge(producer->pid, 0);
    if (producer->pid == 0) {
        produce_until_killed(consumer, producer->id);
    }
}

static producer_t *producer_of(consumer_t *consumer, uint64_t id)
{
    for (int i = 0; i < PRODUCERS; i++) {
        if (consumer->producers[i].id == id) {
            return &consumer->producers[i];
        }
    }
    ck_abort_msg("a message of nobody");
    return NULL;
}

static void expect_whole(consumer_t *consumer, const st_ring_entry_t *entry)
{
    const message_t *message = entry->data;
    producer_t *producer = producer_of(consumer, message->producer);
    uint64_t words = (entry->len - offsetof(message_t, words)) / sizeof(uint64_t);
    if (message->sum != sum_of(message, words)) {
        ck_abort_msg("message %llu is torn", (unsigned long long)message->number);
    }
    if (message->number != producer->received) {
        ck_abort_msg("message %llu came instead of %llu",
                     (unsigned long long)message->number,
                     (unsigned long long)producer->received);
    }
    producer->received++;
}

static void release_one(consumer_t *consumer)
{
    int i = (int)(st_rng_next(&consumer->rng) % (uint64_t)consumer->held_count);
    st_ring_release(&consumer->ring, consumer->held[i]);
    consumer->held[i] = consumer->held[--consumer->held_count];
}

static int hole_skip(consumer_t *consumer)
{
    size_t bytes = st_ring_hole_skip(&consumer->ring, &consumer->cursor, st_open_claimed,
                                     &consumer->open);
    if (bytes == 0) {
        return 0;
    }
    uint64_t end = consumer->cursor.pos;
    st_open_lost(&consumer->open, end - bytes, end);
    consumer->holes++;
    return 1;
}

/* @return 1 when there was something. */
static int consume(consumer_t *consumer)
{
    st_ring_entry_t entry;
    apr_status_t rv = st_ring_next(&consumer->ring, &consumer->cursor, &entry);
    int is_full = consumer->held_count == HELD;
    if (is_full || (rv != APR_SUCCESS && consumer->held_count > 0)) {
        release_one(consumer);
    }
    if (rv == APR_SUCCESS) {
        expect_whole(consumer, &entry);
        consumer->held[consumer->held_count++] = entry.pos;
        return 1;
    }
    return hole_skip(consumer);
}

static void consume_some(consumer_t *consumer)
{
    int count = (int)(st_rng_next(&consumer->rng) % 200);
    while (count > 0) {
        int is_some = consume(consumer);
        if (is_some) {
            count--;
        } else {
            sched_yield();
        }
    }
}

/* A slow producer, as far as the consumer can tell: however often it looks, it waits. */
static void stop_one(consumer_t *consumer)
{
    producer_t *producer = &consumer->producers[st_rng_next(&consumer->rng) % PRODUCERS];
    kill(producer->pid, SIGSTOP);
    for (int i = 0; i < 100; i++) {
        consume(consumer);
    }
    kill(producer->pid, SIGCONT);
}

/* Takes what is left. Until the kernel has really ended them, the killed are alive. */
static void drain(consumer_t *consumer)
{
    do {
        while (consume(consumer)) {
        }
    } while (st_ring_is_stuck(&consumer->ring, &consumer->cursor));
    while (consumer->held_count > 0) {
        release_one(consumer);
    }
}

/* All that was committed has come; the last one may have died before it could say so. */
static void expect_all(const consumer_t *consumer)
{
    for (int i = 0; i < PRODUCERS; i++) {
        const producer_t *producer = &consumer->producers[i];
        uint64_t committed =
            atomic_load(&consumer->shared->committed[producer->id % PRODUCERS]);
        ck_assert_uint_ge(producer->received, committed);
        ck_assert_uint_le(producer->received, committed + 1);
    }
}

/* The slot of a dead producer says whether the message it names has come. */
static void judge(st_open_slot_t *slot, void *baton)
{
    consumer_t *consumer = baton;
    int phase = atomic_load(&slot->phase);
    if (phase != ST_OPEN_FILLING) {
        producer_t *producer = producer_of(consumer, slot->span_id);
        int is_written = st_open_is_written(slot);
        ck_assert_uint_eq(producer->received, slot->parent + (uint64_t)is_written);
        consumer->written += is_written;
        consumer->lost += !is_written;
    }
    st_open_free(slot);
}

static uint64_t put_all(st_ring_t *ring, size_t len)
{
    uint64_t pos;
    uint64_t count = 0;
    for (;;) {
        char *to = st_ring_reserve(ring, len, (st_ring_tag_t){0}, NULL, &pos);
        if (to == NULL) {
            return count;
        }
        memset(to, (int)count, len);
        st_ring_commit(ring, pos, NULL);
        count++;
    }
}

/* Nothing is pinned: as many entries fit as there is memory for. */
static void expect_usable(consumer_t *consumer)
{
    size_t cap = st_ring_capacity(&consumer->ring);
    ck_assert_uint_eq(st_ring_used(&consumer->ring), 0);
    uint64_t count = put_all(&consumer->ring, 0);
    ck_assert_uint_le(cap - st_ring_used(&consumer->ring), 32);
    for (uint64_t i = 0; i < count; i++) {
        st_ring_entry_t entry;
        ck_assert_int_eq(st_ring_next(&consumer->ring, &consumer->cursor, &entry),
                         APR_SUCCESS);
        st_ring_release(&consumer->ring, entry.pos);
    }
    ck_assert_uint_eq(st_ring_used(&consumer->ring), 0);
}

static void run_round(consumer_t *consumer)
{
    for (int i = 0; i < PRODUCERS; i++) {
        start(consumer, &consumer->producers[i]);
    }
    consume_some(consumer);
    stop_one(consumer);
    for (int i = 0; i < PRODUCERS; i++) {
        ck_assert_int_eq(kill(consumer->producers[i].pid, SIGKILL), 0);
        if (i < PRODUCERS - 1) {
            consume_some(consumer);
        }
    }
    /* They are zombies, or not even that yet. */
    drain(consumer);
    for (int i = 0; i < PRODUCERS; i++) {
        pid_t pid = consumer->producers[i].pid;
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    }
    drain(consumer);
    expect_all(consumer);
    ck_assert_int_eq(st_open_reap(&consumer->open, judge, consumer), 0);
    expect_usable(consumer);
}

static void setup(consumer_t *consumer)
{
    shared_t *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(shared, MAP_FAILED);
    *consumer = (consumer_t){.shared = shared,
                             .open = {.slots = shared->slots, .count = SLOTS},
                             .rng = {.state = 61}};
    ck_assert_int_eq(
        st_ring_format(shared->ring, RING_BYTES, UINT64_C(0x5bd1e9955bd1e995)),
        APR_SUCCESS);
    ck_assert_int_eq(st_ring_attach(&consumer->ring, shared->ring, RING_BYTES),
                     APR_SUCCESS);
    st_ring_cursor_init(&consumer->ring, &consumer->cursor);
}

START_TEST(killed_producers_lose_only_what_they_were_writing)
{
    consumer_t consumer;
    setup(&consumer);
    int has_all = 0;
    for (int round = 0; round < ROUNDS || (!has_all && round < 20 * ROUNDS); round++) {
        run_round(&consumer);
        has_all = consumer.holes > 0 && consumer.lost > 0 && consumer.written > 0;
    }
    ck_assert_int_gt(consumer.holes, 0);
    ck_assert_int_gt(consumer.lost, 0);
    ck_assert_int_gt(consumer.written, 0);
    munmap(consumer.shared, sizeof(*consumer.shared));
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, killed_producers_lose_only_what_they_were_writing);
}

T_MAIN("ring_kill", add_cases)

/* SPDX-License-Identifier: Apache-2.0 */
/* Producers and the consumer at the same time; run it under ThreadSanitizer too. */
#include "t.h"
#include "st_ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "st_id.h"

enum { PRODUCERS = 4, MESSAGES = 40000, WORDS_MAX = 40, HELD = 16 };

typedef struct message_t {
    uint64_t producer;
    uint64_t number;
    uint64_t sum; /* of the words */
    uint64_t words[WORDS_MAX];
} message_t;

static size_t message_len(uint64_t words)
{
    return offsetof(message_t, words) + sizeof(uint64_t) * words;
}

typedef struct producer_t {
    st_ring_t ring;
    st_ring_claim_t claim;
    uint64_t id;
    int words_max;
    _Atomic int *room; /* messages that may be added, or NULL: no bound but the ring's */
    int refused;
} producer_t;

static void message_write(message_t *to, const producer_t *producer, uint64_t number,
                          uint64_t words, st_rng_t *rng)
{
    to->producer = producer->id;
    to->number = number;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < words; i++) {
        to->words[i] = st_rng_next(rng);
        sum += to->words[i] * (i + 1);
    }
    to->sum = sum;
}

static void *produce(void *baton)
{
    producer_t *producer = baton;
    st_ring_tag_t tag = {.dest = (uint16_t)producer->id, .spans = 77};
    st_rng_t rng = {.state = producer->id};
    for (uint64_t number = 0; number < MESSAGES;) {
        uint64_t words = st_rng_next(&rng) % (uint64_t)(producer->words_max + 1);
        while (producer->room != NULL &&
               atomic_fetch_sub_explicit(producer->room, 1, memory_order_relaxed) <= 0) {
            atomic_fetch_add_explicit(producer->room, 1, memory_order_relaxed);
            sched_yield();
        }
        uint64_t pos;
        message_t *to = st_ring_reserve(&producer->ring, message_len(words), tag,
                                        &producer->claim, &pos);
        if (to == NULL) {
            producer->refused++;
            if (producer->room != NULL) {
                atomic_fetch_add_explicit(producer->room, 1, memory_order_relaxed);
            }
            sched_yield();
            continue;
        }
        message_write(to, producer, number, words, &rng);
        st_ring_commit(&producer->ring, pos, &producer->claim);
        number++;
    }
    return NULL;
}

/* What the consumer knows. */
typedef struct consumer_t {
    st_ring_t ring;
    const producer_t *producers;
    st_ring_cursor_t cursor;
    uint64_t next[PRODUCERS]; /* number expected from each */
    uint64_t held[HELD];      /* taken and not released */
    int held_count;
    st_rng_t rng;
    _Atomic int *room;
} consumer_t;

static void expect_whole(consumer_t *consumer, const message_t *message, size_t len)
{
    uint64_t words = (len - offsetof(message_t, words)) / sizeof(uint64_t);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < words; i++) {
        sum += message->words[i] * (i + 1);
    }
    if (message->producer >= PRODUCERS || sum != message->sum ||
        message->number != consumer->next[message->producer]) {
        ck_abort_msg("message %llu of %llu is torn, lost or out of order",
                     (unsigned long long)message->number,
                     (unsigned long long)message->producer);
    }
    consumer->next[message->producer]++;
}

/* Releases one of the held entries, whichever. */
static void release_one(consumer_t *consumer)
{
    int i = (int)(st_rng_next(&consumer->rng) % (uint64_t)consumer->held_count);
    st_ring_release(&consumer->ring, consumer->held[i]);
    consumer->held[i] = consumer->held[--consumer->held_count];
}

/* In the order they came, so that the room given back is really free. */
static void release_all(consumer_t *consumer)
{
    for (int i = 0; i < consumer->held_count; i++) {
        st_ring_release(&consumer->ring, consumer->held[i]);
    }
    atomic_fetch_add_explicit(consumer->room, consumer->held_count, memory_order_relaxed);
    consumer->held_count = 0;
}

/* All producers live. Acquire: pairs with the stores of ring.c. */
static int is_claimed(uint64_t pos, const void *baton)
{
    const consumer_t *consumer = baton;
    for (int i = 0; i < PRODUCERS; i++) {
        const st_ring_claim_t *claim = &consumer->producers[i].claim;
        uint64_t from = atomic_load_explicit(&claim->from, memory_order_acquire);
        uint64_t to = atomic_load_explicit(&claim->to, memory_order_acquire);
        if (pos >= from && pos < to) {
            return 1;
        }
    }
    return 0;
}

static void consume(consumer_t *consumer)
{
    for (int left = PRODUCERS * MESSAGES; left > 0;) {
        st_ring_entry_t entry;
        apr_status_t rv = st_ring_next(&consumer->ring, &consumer->cursor, &entry);
        int full = rv != APR_SUCCESS || consumer->held_count == HELD - 1;
        if (rv == APR_SUCCESS) {
            expect_whole(consumer, entry.data, entry.len);
            consumer->held[consumer->held_count++] = entry.pos;
            left--;
        } else {
            /* Nobody has died: there is no hole, however slow they are. */
            size_t bytes = st_ring_hole_skip(&consumer->ring, &consumer->cursor,
                                             is_claimed, consumer);
            t_assert(bytes == 0);
            sched_yield();
        }
        if (full && consumer->room != NULL) {
            release_all(consumer);
        } else if (full && consumer->held_count > 0) {
            release_one(consumer);
        }
    }
}

/* Someone who looks at all that waits, again and again. */
typedef struct looker_t {
    st_ring_t ring;
    _Atomic int is_over;
    int looks;
} looker_t;

static void *look(void *baton)
{
    looker_t *looker = baton;
    int is_over;
    do {
        is_over = atomic_load_explicit(&looker->is_over, memory_order_relaxed);
        st_ring_cursor_t cursor;
        st_ring_cursor_init(&looker->ring, &cursor);
        apr_status_t rv = APR_SUCCESS;
        while (rv == APR_SUCCESS) {
            st_ring_tag_t tag = {0};
            rv = st_ring_peek(&looker->ring, &cursor, &tag);
            t_assert(rv != APR_SUCCESS || (tag.dest < PRODUCERS && tag.spans == 77));
        }
        t_assert(rv == APR_EOF || rv == APR_EAGAIN);
        looker->looks++;
    } while (!is_over);
    return NULL;
}

/* @return how often a producer was refused. */
static int run(size_t size, int words_max, _Atomic int *room)
{
    void *mem = aligned_alloc(64, size);
    memset(mem, 0, size);
    ck_assert_int_eq(st_ring_format(mem, size, UINT64_C(0xfedcba9876543210)),
                     APR_SUCCESS);
    consumer_t consumer = {.rng = {.state = 51}, .room = room};
    ck_assert_int_eq(st_ring_attach(&consumer.ring, mem, size), APR_SUCCESS);
    st_ring_cursor_init(&consumer.ring, &consumer.cursor);
    producer_t producers[PRODUCERS];
    pthread_t threads[PRODUCERS];
    consumer.producers = producers;
    looker_t looker = {.ring = consumer.ring};
    pthread_t looking;
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i] = (producer_t){.ring = consumer.ring,
                                    .id = (uint64_t)i,
                                    .words_max = words_max,
                                    .room = room};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
    }
    ck_assert_int_eq(pthread_create(&looking, NULL, look, &looker), 0);
    consume(&consumer);
    atomic_store_explicit(&looker.is_over, 1, memory_order_relaxed);
    ck_assert_int_eq(pthread_join(looking, NULL), 0);
    ck_assert_int_gt(looker.looks, 0);
    int refused = 0;
    for (int i = 0; i < PRODUCERS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_uint_eq(consumer.next[i], MESSAGES);
        refused += producers[i].refused;
    }
    while (consumer.held_count > 0) {
        release_one(&consumer);
    }
    ck_assert_uint_eq(st_ring_used(&consumer.ring), 0);
    free(mem);
    return refused;
}

START_TEST(nothing_is_lost_or_torn_in_a_crowded_ring)
{
    ck_assert_int_ge(run(ST_RING_BYTES_MIN, WORDS_MAX, NULL), 0);
}
END_TEST

START_TEST(nothing_is_lost_or_torn_in_a_roomy_ring)
{
    ck_assert_int_ge(run(1 << 20, WORDS_MAX, NULL), 0);
}
END_TEST

/* 40 messages of at most 112 bytes and the padding at the end are less than the ring. */
START_TEST(ring_with_room_never_refuses)
{
    _Atomic int room = 40;
    ck_assert_int_eq(run(ST_RING_BYTES_MIN, 6, &room), 0);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, nothing_is_lost_or_torn_in_a_crowded_ring);
    tcase_add_test(tcase, nothing_is_lost_or_torn_in_a_roomy_ring);
    tcase_add_test(tcase, ring_with_room_never_refuses);
}

T_MAIN("ring_threads", add_cases)

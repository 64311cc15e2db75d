/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_open.h"

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static st_open_t make_open(int count)
{
    size_t size = sizeof(st_open_slot_t) * (size_t)count;
    st_open_t open = {.slots = aligned_alloc(64, size), .count = count};
    memset(open.slots, 0, size);
    return open;
}

/* A process that was and is no more. */
static st_owner_t dead_owner(void)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    return (st_owner_t)pid << 32 | 12345;
}

static st_open_slot_t *take(const st_open_t *open, st_owner_t owner)
{
    st_open_slot_t *slot = st_open_take(open, owner, 0);
    ck_assert_ptr_nonnull(slot);
    return slot;
}

/* As if its process had reserved this in the ring. */
static st_open_slot_t *take_pushing(const st_open_t *open, st_owner_t owner,
                                    uint64_t from, uint64_t to)
{
    st_open_slot_t *slot = take(open, owner);
    st_open_publish(slot);
    slot->claim.from = from;
    slot->claim.to = to;
    st_open_push(slot);
    return slot;
}

START_TEST(each_slot_is_given_out_once)
{
    st_open_t open = make_open(10);
    st_owner_t self = st_process_self();
    for (int i = 0; i < 10; i++) {
        st_open_slot_t *slot = st_open_take(&open, self, 7);
        ck_assert_ptr_eq(slot, &open.slots[(7 + i) % 10]);
        ck_assert_uint_eq(slot->owner, self);
        ck_assert_int_eq(slot->phase, ST_OPEN_FILLING);
    }
    ck_assert_ptr_null(st_open_take(&open, self, 7));
    st_open_free(&open.slots[3]);
    ck_assert_ptr_eq(st_open_take(&open, self, UINT32_MAX), &open.slots[3]);
    free(open.slots);
}
END_TEST

START_TEST(no_slots_are_none)
{
    st_open_t open = {0};
    ck_assert_ptr_null(st_open_take(&open, st_process_self(), 5));
    ck_assert_int_eq(st_open_claimed(0, &open), 0);
}
END_TEST

START_TEST(search_ends_in_a_full_neighbourhood)
{
    st_open_t open = make_open(ST_OPEN_LOOKS + 2);
    for (int i = 0; i < ST_OPEN_LOOKS; i++) {
        open.slots[i].owner = 1;
    }
    ck_assert_ptr_null(st_open_take(&open, 2, 0));
    ck_assert_ptr_eq(st_open_take(&open, 2, 1), &open.slots[ST_OPEN_LOOKS]);
    free(open.slots);
}
END_TEST

START_TEST(freed_slot_keeps_nothing_of_its_progress)
{
    st_open_t open = make_open(1);
    st_open_slot_t *slot = take_pushing(&open, st_process_self(), 64, 128);
    ck_assert_int_eq(slot->phase, ST_OPEN_PUSHING);
    st_open_free(slot);
    ck_assert_uint_eq(slot->owner, 0);
    ck_assert_int_eq(slot->phase, ST_OPEN_FILLING);
    ck_assert_uint_eq(slot->claim.from, 0);
    ck_assert_uint_eq(slot->claim.to, 0);
    free(open.slots);
}
END_TEST

START_TEST(texts_are_cut_between_characters)
{
    char out[8];
    memset(out, 'x', sizeof(out));
    st_open_text(out, sizeof(out), "GET");
    ck_assert_str_eq(out, "GET");
    st_open_text(out, sizeof(out), NULL);
    ck_assert_str_eq(out, "");
    st_open_text(out, sizeof(out), "1234567");
    ck_assert_str_eq(out, "1234567");
    st_open_text(out, sizeof(out), "12345678");
    ck_assert_str_eq(out, "1234567");
    st_open_text(out, sizeof(out), "123456\xC3\xA9");
    ck_assert_str_eq(out, "123456");
    st_open_text(out, sizeof(out), "12345\xE2\x82\xAC");
    ck_assert_str_eq(out, "12345");
}
END_TEST

START_TEST(living_process_claims_what_it_writes_and_no_more)
{
    st_open_t open = make_open(4);
    st_owner_t self = st_process_self();
    st_open_slot_t *slot = take_pushing(&open, self, 160, 320);
    ck_assert_int_eq(st_open_claimed(159, &open), 0);
    ck_assert_int_eq(st_open_claimed(160, &open), 1);
    ck_assert_int_eq(st_open_claimed(319, &open), 1);
    ck_assert_int_eq(st_open_claimed(320, &open), 0);
    slot->claim.from = 320;
    ck_assert_int_eq(st_open_claimed(160, &open), 0);
    ck_assert_int_eq(st_open_claimed(319, &open), 0);
    /* Half set: the place before is not claimed any more. */
    slot->claim.from = 400;
    ck_assert_int_eq(st_open_claimed(320, &open), 0);
    ck_assert_int_eq(st_open_claimed(400, &open), 0);
    free(open.slots);
}
END_TEST

START_TEST(claims_of_the_dead_and_of_free_slots_do_not_count)
{
    st_open_t open = make_open(8);
    st_owner_t dead = dead_owner();
    take_pushing(&open, dead, 0, 320);
    take_pushing(&open, dead, 160, 320);
    open.slots[5].claim.to = 500;
    ck_assert_int_eq(st_open_claimed(160, &open), 0);
    ck_assert_int_eq(st_open_claimed(0, &open), 0);
    take_pushing(&open, st_process_self(), 160, 176);
    ck_assert_int_eq(st_open_claimed(160, &open), 1);
    ck_assert_int_eq(st_open_claimed(0, &open), 0);
    free(open.slots);
}
END_TEST

START_TEST(dead_that_pushed_into_a_hole_are_open_again)
{
    st_open_t open = make_open(8);
    st_owner_t dead = dead_owner();
    st_open_slot_t *before = take_pushing(&open, dead, 0, 160);
    st_open_slot_t *padded = take_pushing(&open, dead, 144, 320);
    st_open_slot_t *inside = take_pushing(&open, dead, 176, 192);
    st_open_slot_t *behind = take_pushing(&open, dead, 320, 480);
    st_open_slot_t *alive = take_pushing(&open, st_process_self(), 176, 192);
    st_open_slot_t *filling = take(&open, dead);
    filling->claim.to = 320;
    st_open_lost(&open, 160, 320);
    ck_assert_int_eq(before->phase, ST_OPEN_PUSHING);
    ck_assert_int_eq(padded->phase, ST_OPEN_OPEN);
    ck_assert_int_eq(inside->phase, ST_OPEN_OPEN);
    ck_assert_int_eq(behind->phase, ST_OPEN_PUSHING);
    ck_assert_int_eq(alive->phase, ST_OPEN_PUSHING);
    ck_assert_int_eq(filling->phase, ST_OPEN_FILLING);
    ck_assert_int_eq(st_open_is_written(before), 1);
    ck_assert_int_eq(st_open_is_written(padded), 0);
    free(open.slots);
}
END_TEST

START_TEST(only_what_was_reserved_and_is_no_hole_is_written)
{
    st_open_t open = make_open(4);
    st_owner_t self = st_process_self();
    st_open_slot_t *slot = take(&open, self);
    ck_assert_int_eq(st_open_is_written(slot), 0);
    st_open_publish(slot);
    ck_assert_int_eq(slot->phase, ST_OPEN_OPEN);
    slot->claim.to = 64;
    ck_assert_int_eq(st_open_is_written(slot), 0);
    st_open_push(slot);
    ck_assert_int_eq(st_open_is_written(slot), 1);
    /* As st_ring_commit leaves it, and as it is when there was no room. */
    slot->claim.from = 64;
    ck_assert_int_eq(st_open_is_written(slot), 1);
    slot->claim.from = 0;
    slot->claim.to = 0;
    ck_assert_int_eq(st_open_is_written(slot), 0);
    free(open.slots);
}
END_TEST

typedef struct told_t {
    int count;
    int is_freeing;
    st_open_slot_t *slots[8];
} told_t;

static void tell(st_open_slot_t *slot, void *baton)
{
    told_t *told = baton;
    ck_assert_int_lt(told->count, 8);
    told->slots[told->count++] = slot;
    if (told->is_freeing) {
        st_open_free(slot);
    }
}

START_TEST(slots_of_the_dead_are_told_until_they_are_freed)
{
    st_open_t open = make_open(8);
    st_owner_t dead = dead_owner();
    take(&open, st_process_self());
    st_open_slot_t *first = take(&open, dead);
    take(&open, st_process_self());
    st_open_slot_t *second = take_pushing(&open, dead, 0, 16);
    told_t told = {0};
    ck_assert_int_eq(st_open_reap(&open, tell, &told), 4);
    told.is_freeing = 1;
    ck_assert_int_eq(st_open_reap(&open, tell, &told), 2);
    ck_assert_int_eq(told.count, 4);
    ck_assert_ptr_eq(told.slots[0], first);
    ck_assert_ptr_eq(told.slots[1], second);
    ck_assert_ptr_eq(told.slots[2], first);
    ck_assert_ptr_eq(told.slots[3], second);
    ck_assert_int_eq(st_open_reap(&open, tell, &told), 2);
    ck_assert_int_eq(told.count, 4);
    free(open.slots);
}
END_TEST

/* Whose pids share a place among the remembered answers. */
START_TEST(processes_are_told_apart)
{
    st_open_t open = make_open(8);
    st_owner_t self = st_process_self();
    for (int i = 0; i < 8; i++) {
        /* No pid is that high. */
        open.slots[i].owner = i % 2 == 0 ? self : self + ((st_owner_t)1 << 54);
    }
    told_t told = {0};
    ck_assert_int_eq(st_open_reap(&open, tell, &told), 8);
    ck_assert_int_eq(told.count, 4);
    for (int i = 0; i < 4; i++) {
        ck_assert_ptr_eq(told.slots[i], &open.slots[2 * i + 1]);
    }
    free(open.slots);
}
END_TEST

START_TEST(texts_of_the_dead_have_an_end)
{
    st_open_t open = make_open(1);
    memset(open.slots, 0xFF, sizeof(*open.slots));
    told_t told = {0};
    ck_assert_int_eq(st_open_reap(&open, tell, &told), 1);
    ck_assert_int_eq(told.count, 1);
    ck_assert_uint_lt(strnlen(open.slots->method, ST_OPEN_METHOD_MAX),
                      ST_OPEN_METHOD_MAX);
    ck_assert_uint_lt(strnlen(open.slots->path, ST_OPEN_PATH_MAX), ST_OPEN_PATH_MAX);
    ck_assert_uint_lt(strnlen(open.slots->host, ST_OPEN_HOST_MAX), ST_OPEN_HOST_MAX);
    free(open.slots);
}
END_TEST

enum { THREADS = 4, TURNS = 20000 };

typedef struct worker_t {
    const st_open_t *open;
    unsigned id;
    int missed;
} worker_t;

static void *work(void *baton)
{
    worker_t *worker = baton;
    for (unsigned i = 0; i < TURNS; i++) {
        st_open_slot_t *slot = st_open_take(worker->open, worker->id, i);
        if (slot == NULL) {
            worker->missed++;
            continue;
        }
        /* Plain stores: nobody else has it. */
        slot->start = (st_ns_t)worker->id;
        slot->parent = i;
        st_open_publish(slot);
        t_assert(slot->start == (st_ns_t)worker->id);
        t_assert(slot->parent == i);
        st_open_push(slot);
        st_open_free(slot);
    }
    return NULL;
}

START_TEST(slot_belongs_to_one_thread_at_a_time)
{
    st_open_t open = make_open(THREADS);
    pthread_t threads[THREADS];
    worker_t workers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (worker_t){.open = &open, .id = i + 1};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_lt(workers[i].missed, TURNS);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_uint_eq(open.slots[i].owner, 0);
    }
    free(open.slots);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, each_slot_is_given_out_once);
    tcase_add_test(tcase, no_slots_are_none);
    tcase_add_test(tcase, search_ends_in_a_full_neighbourhood);
    tcase_add_test(tcase, freed_slot_keeps_nothing_of_its_progress);
    tcase_add_test(tcase, texts_are_cut_between_characters);
    tcase_add_test(tcase, living_process_claims_what_it_writes_and_no_more);
    tcase_add_test(tcase, claims_of_the_dead_and_of_free_slots_do_not_count);
    tcase_add_test(tcase, dead_that_pushed_into_a_hole_are_open_again);
    tcase_add_test(tcase, only_what_was_reserved_and_is_no_hole_is_written);
    tcase_add_test(tcase, slots_of_the_dead_are_told_until_they_are_freed);
    tcase_add_test(tcase, processes_are_told_apart);
    tcase_add_test(tcase, texts_of_the_dead_have_an_end);
    tcase_add_test(tcase, slot_belongs_to_one_thread_at_a_time);
}

T_MAIN("open", add_cases)

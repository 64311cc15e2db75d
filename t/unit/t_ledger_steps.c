/* SPDX-License-Identifier: Apache-2.0 */
/* The sender is killed after each single store: a process is led through what it does one
 * instruction at a time, and whenever shared memory has changed, a copy of it is recovered. */
#include "t_ledger.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include "st_process.h"
#include "t_fork.h"

#define SPAN        ST_CATEGORY_SPAN
#define TRANSACTION ST_CATEGORY_TRANSACTION
#define MANY        10
#define STATES_MAX  200

static st_queue_t copy; /* what a successor finds */
static uint64_t numbers[MANY];

/* The memory of t_queue after each store, `size` bytes each. */
static char *states[STATES_MAX];
static int state_count;

static _Atomic int *is_acting; /* shared with the process that does what is cut */

static uint64_t first_pos;
static uint64_t second_pos;

static void setup(void)
{
    t_queue_setup();
    is_acting = mmap(NULL, sizeof(*is_acting), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne((void *)is_acting, MAP_FAILED);
    ck_assert_int_eq(st_queue_create(&copy, &t_queue.layout), APR_SUCCESS);
    copy.ring.key = t_queue.ring.key;
    first_pos = t_put(0, 3, 1);
    second_pos = t_put(1, 4, 2);
    state_count = 0;
}

static void teardown(void)
{
    for (int i = 0; i < state_count; i++) {
        free(states[i]);
    }
    munmap((void *)is_acting, sizeof(*is_acting));
    st_queue_close(&copy);
    t_queue_teardown();
}

static void state_add(void)
{
    ck_assert_int_lt(state_count, STATES_MAX);
    states[state_count] = malloc(t_queue.size);
    memcpy(states[state_count], t_queue.shm, t_queue.size);
    state_count++;
}

static void state_add_if_new(void)
{
    if (memcmp(t_queue.shm, states[state_count - 1], t_queue.size) != 0) {
        state_add();
    }
}

typedef void act_fn(void);

static int act_traced(void *baton)
{
    act_fn **act = baton;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
        return 1;
    }
    alarm(0); /* it ends with its tracer */
    raise(SIGSTOP);
    (*act)();
    *is_acting = 0;
    return 0;
}

/* Runs `act` in a process, and notes each state of the memory from now on. */
static void trace(act_fn *act)
{
    int status;
    *is_acting = 1;
    pid_t pid = t_fork(act_traced, &act);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSTOPPED(status), "processes may not be traced here");
    ck_assert_int_eq(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL), 0);
    state_add();
    while (*is_acting) {
        t_assert(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0);
        t_assert(waitpid(pid, &status, 0) == pid);
        t_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
        state_add_if_new();
    }
    t_fork_kill(pid);
}

static inline void recover(void)
{
    st_ledger_recover(&t_queue);
}

#if defined(__SANITIZE_THREAD__)
#define TRACE_RECOVERY() state_add() /* a hundred times as many instructions */
#else
#define TRACE_RECOVERY() trace(recover)
#endif

/* A successor, and one more, who finds everything done. */
static void recovered_check(act_fn *check)
{
    for (int i = 0; i < 2; i++) {
        st_ledger_recover(&copy);
        check();
    }
}

/* Recovers each state, and each state that the recovery itself may be cut at, and checks what
 * is found then. @return how many states there were */
static int check_each(act_fn *act, act_fn *check)
{
    trace(act);
    int count = state_count;
    for (int i = 0; i < count; i++) {
        memcpy(t_queue.shm, states[i], t_queue.size);
        TRACE_RECOVERY();
        while (state_count > count) {
            state_count--;
            memcpy(copy.shm, states[state_count], copy.size);
            free(states[state_count]);
            recovered_check(check);
        }
    }
    return count;
}

static void settle(void)
{
    static const uint64_t quantity[ST_CATEGORY_COUNT] = {3, 1};
    st_ledger_settle(&t_queue, first_pos, 0, ST_REASON_SEND_ERROR, quantity);
}

/* Either both categories are counted and the entry is gone, or nothing of it. */
static void settled_check(void)
{
    const st_counters_t *counters = &copy.endpoints[0].counters;
    uint64_t spans = counters->settled[ST_REASON_SEND_ERROR][SPAN];
    int count = t_take_all(&copy, numbers, MANY);
    ck_assert(spans == 0 || spans == 3);
    ck_assert_uint_eq(counters->settled[ST_REASON_SEND_ERROR][TRANSACTION],
                      spans == 3 ? 1 : 0);
    ck_assert_int_eq(count, spans == 3 ? 1 : 2);
    ck_assert_uint_eq(numbers[count - 1], 2);
    ck_assert_uint_eq(copy.endpoints[1].counters.delivered[SPAN], 0);
}

START_TEST(a_settlement_is_whole_wherever_it_is_cut)
{
    /* Position, endpoint, outcome, values, armed, 2 counters, released, tail, disarmed. */
    ck_assert_int_ge(check_each(settle, settled_check), 8);
}
END_TEST

/* The next one, with the first one's notes in memory. */
static void settle_both(void)
{
    static const uint64_t quantity[ST_CATEGORY_COUNT] = {4, 0};
    settle();
    st_ledger_settle(&t_queue, second_pos, 1, ST_OUTCOME_DELIVERED, quantity);
}

static void settled_both_check(void)
{
    uint64_t first = copy.endpoints[0].counters.settled[ST_REASON_SEND_ERROR][SPAN];
    uint64_t second = copy.endpoints[1].counters.delivered[SPAN];
    ck_assert_int_eq(t_take_all(&copy, numbers, MANY), (first == 0) + (second == 0));
    ck_assert(second == 0 || (second == 4 && first == 3));
}

START_TEST(settlements_in_a_row_are_whole_wherever_they_are_cut)
{
    ck_assert_int_ge(check_each(settle_both, settled_both_check), 15);
}
END_TEST

static void deliver_part(void)
{
    static const uint64_t quantity[ST_CATEGORY_COUNT] = {3, 1};
    st_ledger_deliver(&t_queue, first_pos, 0, quantity, 2);
}

static void delivered_part_check(void)
{
    const st_counters_t *counters = &copy.endpoints[0].counters;
    uint64_t transactions = counters->delivered[TRANSACTION];
    ck_assert_uint_eq(counters->delivered[SPAN], transactions);
    ck_assert_uint_eq(counters->settled[ST_REASON_BUFFER_OVERFLOW][SPAN],
                      2 * transactions);
    ck_assert_int_eq(t_take_all(&copy, numbers, MANY), 2 - (int)transactions);
}

START_TEST(what_is_delivered_in_part_is_counted_whole_wherever_it_is_cut)
{
    ck_assert_int_ge(check_each(deliver_part, delivered_part_check), 9);
}
END_TEST

static void move(void)
{
    st_ring_cursor_t cursor;
    st_ring_entry_t entry;
    st_ring_cursor_init(&t_queue.ring, &cursor);
    apr_status_t rv = st_ring_next(&t_queue.ring, &cursor, &entry);
    if (rv == APR_SUCCESS) {
        rv = st_ledger_move(&t_queue, &entry);
    }
    if (rv != APR_SUCCESS) {
        _exit(2);
    }
}

/* Each entry is there once, and the moved one in one place or the other. */
static void moved_check(void)
{
    ck_assert_int_eq(t_take_all(&copy, numbers, MANY), 2);
    ck_assert_uint_eq(numbers[0] + numbers[1], 3);
    ck_assert(numbers[0] == 1 || numbers[0] == 2);
}

START_TEST(a_moved_entry_is_in_one_place_wherever_the_move_is_cut)
{
    ck_assert_int_ge(check_each(move, moved_check), 12);
    memcpy(copy.shm, states[state_count - 1], copy.size);
    moved_check();
    ck_assert_uint_eq(numbers[0], 2);
}
END_TEST

static void append(void)
{
    uint64_t pos;
    st_ring_tag_t tag = {.spans = 1};
    void *mem = st_ledger_append(&t_queue, T_WORDS * 8, tag, &pos);
    if (mem == NULL) {
        _exit(2);
    }
    t_fill(mem, 3);
    st_ledger_append_commit(&t_queue, pos);
}

/* The new entry is there, as a whole, or not, and nothing stands in the way of others. */
static void appended_check(void)
{
    int count = t_take_all(&copy, numbers, MANY);
    ck_assert(count == 2 || count == 3);
    for (int i = 0; i < count; i++) {
        ck_assert_uint_eq(numbers[i], (uint64_t)i + 1);
    }
}

START_TEST(an_append_is_whole_wherever_it_is_cut)
{
    ck_assert_int_ge(check_each(append, appended_check), 12);
    memcpy(copy.shm, states[state_count - 1], copy.size);
    ck_assert_int_eq(t_take_all(&copy, numbers, MANY), 3);
}
END_TEST

/* Requests that are killed on their way into the ring: slot 0 after it has written its record, slot
 * 1 before. */
static int push_and_die(void *baton)
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t pos;
        st_open_slot_t *slot = st_open_take(&t_queue.open, st_process_self(), i);
        st_open_publish(slot);
        void *mem = st_ring_reserve(&t_queue.ring, T_WORDS * 8, (st_ring_tag_t){0},
                                    &slot->claim, &pos);
        st_open_push(slot);
        if (i == 0) {
            t_fill(mem, 3);
            st_ring_commit(&t_queue.ring, pos, &slot->claim);
        }
    }
    return baton == NULL ? 0 : 1;
}

static void pass_all(void)
{
    (void)t_take_all(&t_queue, numbers, MANY);
}

/* Whoever passes everything afterwards knows which of the two requests is lost. */
static void passed_check(void)
{
    int count = t_take_all(&copy, numbers, MANY);
    ck_assert_int_eq(count, 4);
    ck_assert_uint_eq(numbers[2], 3);
    ck_assert_uint_eq(numbers[3], 4);
    ck_assert_int_eq(st_open_is_written(&copy.open.slots[0]), 1);
    ck_assert_int_eq(copy.open.slots[1].phase, ST_OPEN_OPEN);
}

START_TEST(a_lost_request_is_known_wherever_passing_its_hole_is_cut)
{
    ck_assert_int_eq(t_fork_run(push_and_die, NULL), 0);
    t_put(0, 1, 4);
    ck_assert_int_eq(t_queue.open.slots[1].phase, ST_OPEN_PUSHING);
    ck_assert_int_ge(check_each(pass_all, passed_check), 12);
}
END_TEST

/* The same, where the hole is the oldest, so that the tail moves over it at once. */
START_TEST(a_lost_request_is_known_although_its_hole_is_gone)
{
    st_ring_release(&t_queue.ring, first_pos);
    st_ring_release(&t_queue.ring, second_pos);
    ck_assert_int_eq(t_fork_run(push_and_die, NULL), 0);
    st_ring_cursor_t cursor;
    st_ring_entry_t entry;
    st_ring_cursor_init(&t_queue.ring, &cursor);
    ck_assert_int_eq(st_ring_next(&t_queue.ring, &cursor, &entry), APR_SUCCESS);
    st_ring_release(&t_queue.ring, entry.pos);
    t_put(0, 1, 4);
    trace(pass_all);
    ck_assert_int_ge(state_count, 10);
    for (int i = 0; i < state_count; i++) {
        memcpy(copy.shm, states[i], copy.size);
        st_ledger_recover(&copy);
        ck_assert_int_eq(t_take_all(&copy, numbers, MANY), 1);
        ck_assert_uint_eq(numbers[0], 4);
        ck_assert_int_eq(st_open_is_written(&copy.open.slots[0]), 1);
        ck_assert_int_eq(copy.open.slots[1].phase, ST_OPEN_OPEN);
    }
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_settlement_is_whole_wherever_it_is_cut);
    tcase_add_test(tc, what_is_delivered_in_part_is_counted_whole_wherever_it_is_cut);
    tcase_add_test(tc, settlements_in_a_row_are_whole_wherever_they_are_cut);
    tcase_add_test(tc, a_moved_entry_is_in_one_place_wherever_the_move_is_cut);
    tcase_add_test(tc, an_append_is_whole_wherever_it_is_cut);
    tcase_add_test(tc, a_lost_request_is_known_wherever_passing_its_hole_is_cut);
    tcase_add_test(tc, a_lost_request_is_known_although_its_hole_is_gone);
}

T_MAIN("ledger_steps", add_cases)

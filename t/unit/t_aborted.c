/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of processes that are dead, in slots and in the ring. */
#include "t.h"
#include "t_send.h"

#include <signal.h>
#include <sys/wait.h>

#define SEC ST_NS_PER_SEC

/* The pid of a process that has ended; nobody has it now. */
static pid_t dead_pid;
static st_owner_t dead;

static void setup(void)
{
    t_world_setup();
    dead_pid = fork();
    if (dead_pid == 0) {
        _exit(0);
    }
    ck_assert_int_gt(dead_pid, 0);
    ck_assert_int_eq(waitpid(dead_pid, NULL, 0), dead_pid);
    /* With a start time that no process has. */
    dead = (st_owner_t)(uint64_t)dead_pid << 32 | UINT32_MAX;
    ck_assert_int_eq(st_process_is_alive(dead), 0);
}

/* A request of `owner` that began a second ago. */
static st_open_slot_t *open_slot(st_owner_t owner)
{
    st_rng_t rng = st_id_source_rng(&t_world->ids);
    st_open_slot_t *slot = st_open_take(&t_world->queue.open, owner, 0);
    ck_assert_ptr_nonnull(slot);
    slot->dest = 2;
    slot->trace_id = st_trace_id_make(&rng);
    slot->span_id = st_span_id_make(&rng);
    slot->parent = 0;
    slot->start = t_world_wall() - SEC;
    st_open_text(slot->method, sizeof(slot->method), "POST");
    st_open_text(slot->path, sizeof(slot->path), "/crash/here");
    st_open_text(slot->host, sizeof(slot->host), "www.example");
    st_open_publish(slot);
    return slot;
}

static int slots_used(void)
{
    int count = 0;
    for (int i = 0; i < t_send_layout.open_slots; i++) {
        count += t_world->queue.open.slots[i].owner != 0;
    }
    return count;
}

static uint64_t created(int endpoint)
{
    return st_counters_get_created(&t_endpoint(endpoint)->counters, ST_CATEGORY_SPAN);
}

/* The only span of envelope i. */
static json_t *span_of(int i)
{
    const st_envelope_t *envelope = t_world->sent[i].envelope;
    ck_assert_int_eq(t_world->sent[i].spans, 1);
    return json_array_get(json_object_get(envelope->items[0].json, "items"), 0);
}

static const char *attribute(json_t *span, const char *key)
{
    json_t *all = json_object_get(span, "attributes");
    return json_string_value(json_object_get(json_object_get(all, key), "value"));
}

static void note_signal(int sig)
{
    st_queue_exit_note(&t_world->queue, dead_pid, sig);
}

START_TEST(an_open_request_of_a_dead_process_becomes_an_aborted_segment)
{
    st_open_slot_t *slot = open_slot(dead);
    char id[ST_SPAN_ID_HEX + 1] = {0};
    st_span_id_hex(id, slot->span_id);
    note_signal(SIGSEGV);
    t_step();
    ck_assert_int_eq(slots_used(), 0);
    ck_assert_uint_eq(created(1), 1);
    t_expect_law(1, 1);
    t_step_after(T_SEND_FLUSH);
    ck_assert_int_eq(t_world->sent_count, 1);
    json_t *span = span_of(0);
    ck_assert_str_eq(json_string_value(json_object_get(span, "span_id")), id);
    ck_assert_str_eq(json_string_value(json_object_get(span, "name")), "POST");
    ck_assert_str_eq(json_string_value(json_object_get(span, "status")), "error");
    ck_assert_ptr_null(json_object_get(span, "parent_span_id"));
    ck_assert_str_eq(attribute(span, "sentry.status.message"), "aborted");
    ck_assert_str_eq(attribute(span, "error.type"), "SIGSEGV");
    ck_assert_str_eq(attribute(span, "http.request.method"), "POST");
    ck_assert_str_eq(attribute(span, "url.path"), "/crash/here");
    ck_assert_str_eq(attribute(span, "server.address"), "www.example");
    ck_assert_str_eq(attribute(span, "sentry.kind"), "server");
    t_answer(0, 200);
    t_expect_all_over();
}
END_TEST

START_TEST(one_of_a_static_destination_becomes_a_transaction)
{
    st_open_slot_t *slot = open_slot(dead);
    slot->dest = T_SEND_STATIC;
    note_signal(SIGSEGV);
    t_step();
    ck_assert_uint_eq(created(0), 1);
    t_expect_law_of(0, ST_CATEGORY_SPAN, 1);
    t_expect_law_of(0, ST_CATEGORY_TRANSACTION, 1);
    t_step_after(T_SEND_FLUSH);
    ck_assert_int_eq(t_world->sent_count, 1);
    ck_assert_int_eq(t_world->sent[0].transactions, 1);
    ck_assert_int_eq(t_world->sent[0].spans, 1);
    t_answer(0, 200);
    ck_assert_uint_eq(t_delivered(0), 1);
    t_expect_all_over();
}
END_TEST

static double number(json_t *span, const char *key)
{
    return json_number_value(json_object_get(span, key));
}

START_TEST(it_lasts_until_its_death_was_noticed_and_names_the_process)
{
    open_slot(dead);
    t_step();
    double noticed = (double)t_world_wall() / 1e9;
    t_step_after(4 * SEC);
    t_step_after(T_SEND_FLUSH);
    json_t *span = span_of(0);
    ck_assert_double_eq_tol(number(span, "end_timestamp"), noticed, 0.001);
    ck_assert_double_eq_tol(number(span, "start_timestamp"), noticed - 1, 0.001);
    json_t *all = json_object_get(span, "attributes");
    ck_assert_int_eq(
        json_integer_value(json_object_get(json_object_get(all, "process.pid"), "value")),
        dead_pid);
}
END_TEST

START_TEST(it_belongs_to_its_trace)
{
    st_open_slot_t *slot = open_slot(dead);
    char trace[ST_TRACE_ID_HEX + 1] = {0};
    st_trace_id_hex(trace, &slot->trace_id);
    slot->parent = UINT64_C(0x123456789abcdef0);
    note_signal(SIGKILL);
    t_step();
    t_step_after(T_SEND_FLUSH);
    json_t *span = span_of(0);
    ck_assert_str_eq(json_string_value(json_object_get(span, "trace_id")), trace);
    ck_assert_str_eq(json_string_value(json_object_get(span, "parent_span_id")),
                     "123456789abcdef0");
    ck_assert_str_eq(attribute(span, "error.type"), "SIGKILL");
}
END_TEST

START_TEST(a_signal_that_nobody_tells_is_waited_for_three_seconds)
{
    open_slot(dead);
    for (int i = 0; i < 3; i++) {
        t_step_after(SEC);
        ck_assert_int_eq(slots_used(), 1);
    }
    t_step_after(SEC);
    ck_assert_int_eq(slots_used(), 0);
    t_step_after(T_SEND_FLUSH);
    ck_assert_ptr_null(attribute(span_of(0), "error.type"));
}
END_TEST

START_TEST(a_signal_that_is_told_late_is_in_time)
{
    open_slot(dead);
    t_step();
    t_step_after(SEC);
    note_signal(40);
    t_step_after(SEC);
    ck_assert_int_eq(slots_used(), 0);
    t_step_after(T_SEND_FLUSH);
    ck_assert_str_eq(attribute(span_of(0), "error.type"), "signal 40");
}
END_TEST

START_TEST(a_flush_waits_for_no_signal)
{
    open_slot(dead);
    st_sender_thr_flush_begin(t_world->sender, t_world->now);
    t_step();
    ck_assert_int_eq(slots_used(), 0);
    ck_assert_int_eq(t_world->sent_count, 1);
}
END_TEST

START_TEST(the_living_are_left_alone)
{
    open_slot(st_process_self());
    for (int i = 0; i < 10; i++) {
        t_step_after(SEC);
    }
    ck_assert_int_eq(slots_used(), 1);
    ck_assert_uint_eq(created(1), 0);
}
END_TEST

START_TEST(what_was_not_filled_in_is_forgotten)
{
    st_open_slot_t *slot = st_open_take(&t_world->queue.open, dead, 0);
    ck_assert_ptr_nonnull(slot);
    t_step();
    ck_assert_int_eq(slots_used(), 0);
    ck_assert_uint_eq(created(0) + created(1), 0);
}
END_TEST

START_TEST(a_slot_without_a_destination_is_forgotten)
{
    static const uint16_t dests[] = {T_SEND_DESTS, 6, 65535};
    st_open_slot_t *slot = open_slot(dead);
    slot->dest = dests[_i];
    note_signal(SIGBUS);
    t_step();
    ck_assert_int_eq(slots_used(), 0);
    ck_assert_uint_eq(created(0) + created(1), 0);
}
END_TEST

START_TEST(times_that_cannot_be_make_a_span_without_length)
{
    static const st_ns_t starts[] = {0, -5, INT64_MIN, INT64_MAX};
    st_open_slot_t *slot = open_slot(dead);
    slot->start = starts[_i];
    slot->method[0] = '\0';
    note_signal(SIGABRT);
    t_step();
    t_step_after(T_SEND_FLUSH);
    json_t *span = span_of(0);
    ck_assert_double_eq(number(span, "start_timestamp"), number(span, "end_timestamp"));
    ck_assert_str_eq(json_string_value(json_object_get(span, "name")), "HTTP");
}
END_TEST

/* Pushes the record of a slot's request as its process does. @return where it stands */
static uint64_t push(st_open_slot_t *slot, int is_committed)
{
    st_segment_t *seg = t_segment(&slot->trace_id, 2);
    seg->span_id = slot->span_id;
    const st_ring_tag_t tag = {.dest = slot->dest, .spans = 3};
    size_t size = st_record_size(seg);
    uint64_t pos;
    void *mem = st_ring_reserve(&t_world->queue.ring, size, tag, &slot->claim, &pos);
    ck_assert_ptr_nonnull(mem);
    st_open_push(slot);
    st_record_pack(seg, slot->dest, mem, size);
    if (is_committed) {
        t_created(1, 3);
        st_ring_commit(&t_world->queue.ring, pos, &slot->claim);
    }
    return pos;
}

static void steps(int seconds)
{
    for (int i = 0; i < seconds * 10; i++) {
        t_step_after(SEC / 10);
    }
}

START_TEST(a_request_whose_record_was_written_is_not_aborted)
{
    push(open_slot(dead), 1);
    note_signal(SIGSEGV);
    steps(5);
    ck_assert_int_eq(slots_used(), 0);
    ck_assert_uint_eq(created(1), 3);
    ck_assert_int_eq(t_world->sent_count, 1);
    t_answer(0, 200);
    t_expect_all_over();
}
END_TEST

START_TEST(nor_when_the_record_came_out_of_the_ring_before)
{
    st_open_slot_t *slot = open_slot(dead);
    push(slot, 1);
    st_owner_t owner = slot->owner;
    slot->owner = st_process_self();
    t_step_after(T_SEND_LINGER);
    t_answer(0, 200);
    ck_assert_uint_eq(st_ring_used(&t_world->queue.ring), 0);
    slot->owner = owner;
    note_signal(SIGSEGV);
    steps(5);
    ck_assert_int_eq(slots_used(), 0);
    ck_assert_uint_eq(created(1), 3);
    t_expect_all_over();
}
END_TEST

START_TEST(a_request_whose_record_is_a_hole_is_aborted)
{
    push(open_slot(dead), 0);
    note_signal(SIGSEGV);
    steps(5);
    ck_assert_int_eq(slots_used(), 0);
    ck_assert_uint_eq(created(1), 1);
    ck_assert_uint_eq(st_queue_ledger(&t_world->queue)->holes, 1);
    ck_assert_int_eq(t_world->sent_count, 1);
    ck_assert_str_eq(attribute(span_of(0), "sentry.status.message"), "aborted");
    t_answer(0, 200);
    t_expect_all_over();
}
END_TEST

START_TEST(also_when_the_sender_stops_right_away)
{
    t_world->drive_status = 200;
    push(open_slot(dead), 0);
    st_sender_stop(t_world->sender);
    st_sender_thr_run(t_world->sender);
    ck_assert_int_eq(slots_used(), 0);
    ck_assert_int_eq(t_world->sent_count, 1);
    ck_assert_str_eq(attribute(span_of(0), "sentry.status.message"), "aborted");
    t_expect_all_over();
}
END_TEST

/* A sender that dies while it writes the record of an aborted request has claimed its place in
 * the slot. */
START_TEST(a_sender_that_dies_over_it_leaves_no_second_one)
{
    st_open_slot_t *slot = open_slot(dead);
    note_signal(SIGSEGV);
    t_step();
    ck_assert_int_eq(slots_used(), 0);
    /* As if it had not come to free the slot. */
    slot->owner = dead;
    slot->phase = ST_OPEN_PUSHING;
    slot->claim.from = slot->claim.to = st_ring_used(&t_world->queue.ring);
    t_world_sender_kill();
    t_world_sender(ST_SENDER_BODY_MAX);
    steps(5);
    ck_assert_int_eq(slots_used(), 0);
    ck_assert_uint_eq(created(1), 1);
    ck_assert_int_eq(t_world->sent_count, 1);
}
END_TEST

START_TEST(in_a_full_ring_the_slot_waits)
{
    st_open_slot_t *slot = open_slot(dead);
    note_signal(SIGSEGV);
    t_world->limit = 1000;
    int room = 1;
    for (int children = 300; children >= 0; children -= room ? 0 : 100) {
        room = t_push(0, NULL, children);
    }
    t_world->now += T_SEND_LINGER;
    t_step();
    t_step_after(SEC);
    ck_assert_uint_eq(slot->owner, dead);
    t_fake_give_all(t_world, APR_SUCCESS, 200);
    t_step_after(SEC);
    ck_assert_int_eq(slots_used(), 0);
    ck_assert_uint_eq(created(1), 1);
}
END_TEST

START_TEST(many_dead_processes_have_their_turn)
{
    for (unsigned i = 0; i < 8; i++) {
        open_slot(dead - i);
    }
    note_signal(SIGSEGV);
    t_step();
    ck_assert_int_eq(slots_used(), 0);
    ck_assert_uint_eq(created(1), 8);
    ck_assert_int_eq(t_world->sender->aborted.dead_count, 0);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, t_world_teardown);
    tcase_add_test(tc, an_open_request_of_a_dead_process_becomes_an_aborted_segment);
    tcase_add_test(tc, one_of_a_static_destination_becomes_a_transaction);
    tcase_add_test(tc, it_lasts_until_its_death_was_noticed_and_names_the_process);
    tcase_add_test(tc, it_belongs_to_its_trace);
    tcase_add_test(tc, a_signal_that_nobody_tells_is_waited_for_three_seconds);
    tcase_add_test(tc, a_signal_that_is_told_late_is_in_time);
    tcase_add_test(tc, a_flush_waits_for_no_signal);
    tcase_add_test(tc, the_living_are_left_alone);
    tcase_add_test(tc, what_was_not_filled_in_is_forgotten);
    tcase_add_loop_test(tc, a_slot_without_a_destination_is_forgotten, 0, 3);
    tcase_add_loop_test(tc, times_that_cannot_be_make_a_span_without_length, 0, 4);
    tcase_add_test(tc, a_request_whose_record_was_written_is_not_aborted);
    tcase_add_test(tc, nor_when_the_record_came_out_of_the_ring_before);
    tcase_add_test(tc, a_request_whose_record_is_a_hole_is_aborted);
    tcase_add_test(tc, also_when_the_sender_stops_right_away);
    tcase_add_test(tc, a_sender_that_dies_over_it_leaves_no_second_one);
    tcase_add_test(tc, in_a_full_ring_the_slot_waits);
    tcase_add_test(tc, many_dead_processes_have_their_turn);
}

T_MAIN("aborted", add_cases)

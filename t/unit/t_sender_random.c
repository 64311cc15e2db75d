/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that can happen to spans between requests and Sentry, at random, in a ring that is
 * too small for it; at each point the law holds, and in the end every record was accepted
 * once, or is counted as lost once. */
#include "t.h"
#include "t_send.h"

#define SEEDS      16
#define ROUNDS     400
#define ENDPOINTS  3
#define DESTS      4
#define RECORD_MAX 20000
#define SEC        ST_NS_PER_SEC

/* No process has this pid. */
#define NOBODY ((st_owner_t)INT32_MAX << 32)

/* What was pushed, or would have been. */
typedef struct pushed_t {
    st_span_id_t id; /* of the segment */
    int endpoint;
    int spans;
    int accepted;
} pushed_t;

/* How an endpoint behaves for the time being. */
typedef enum { WELL = 0, FLAKY, DOWN, SILENT, STRICT, MODE_COUNT } modes_t;

static st_rng_t dice;
static pushed_t *pushed;
static int pushed_count;
static modes_t mode[ENDPOINTS];
static uint64_t reported[ENDPOINTS]; /* acknowledged */

static int roll(int sides)
{
    return (int)(st_rng_next(&dice) % (uint64_t)sides);
}

static int endpoint_of(int dest)
{
    return dest < 2 ? 0 : dest - 1;
}

static void sender_next(void)
{
    st_queue_generation_next(&t_world->queue);
    ck_assert_int_eq(t_world_dest(T_SEND_DSN_ONE, "production"), 0);
    ck_assert_int_eq(t_world_dest(T_SEND_DSN_ONE, "staging"), 1);
    ck_assert_int_eq(t_world_dest(T_SEND_DSN_TWO, "production"), 2);
    ck_assert_int_eq(
        t_world_dest("http://0000456789abcdef0123456789abcdef@three.example/3", "p"), 3);
    t_world_sender(ST_SENDER_BODY_MAX);
    t_world->sender->rng = (st_rng_t){.state = st_rng_next(&dice)};
}

static void setup(void)
{
    t_world_setup();
    pushed = calloc(RECORD_MAX, sizeof(*pushed));
    pushed_count = 0;
    memset(mode, 0, sizeof(mode));
    memset(reported, 0, sizeof(reported));
}

static void teardown(void)
{
    t_world_teardown();
    free(pushed);
}

static void remember(st_span_id_t id, int dest, int spans)
{
    ck_assert_int_lt(pushed_count, RECORD_MAX);
    pushed[pushed_count++] =
        (pushed_t){.id = id, .endpoint = endpoint_of(dest), .spans = spans};
}

static st_segment_t *random_segment(void)
{
    st_rng_t trace_rng = {.state = (uint64_t)roll(5)};
    st_trace_id_t trace_id = st_trace_id_make(&trace_rng);
    st_segment_t *seg =
        t_segment(roll(2) ? &trace_id : NULL, roll(10) == 0 ? roll(60) : roll(6));
    return seg;
}

static void push(int dest)
{
    const st_segment_t *seg = random_segment();
    st_counters_t *counters = &t_endpoint(endpoint_of(dest))->counters;
    uint64_t spans = (uint64_t)seg->span_count + 1;
    const st_ring_tag_t tag = {.dest = (uint16_t)dest, .spans = (uint32_t)spans};
    size_t size = st_record_size(seg);
    uint64_t pos;
    void *mem = st_ring_reserve(&t_world->queue.ring, size, tag, NULL, &pos);
    st_counters_created(counters, ST_CATEGORY_SPAN, spans);
    if (mem == NULL) {
        st_counters_refused(counters, ST_REASON_QUEUE_OVERFLOW, ST_CATEGORY_SPAN, spans);
        return;
    }
    st_record_pack(seg, (uint16_t)dest, mem, size);
    st_ring_commit(&t_world->queue.ring, pos, NULL);
    remember(seg->span_id, dest, (int)spans);
}

static void push_damage(int dest)
{
    const st_ring_tag_t tag = {.dest = (uint16_t)dest, .spans = 7};
    uint64_t pos;
    void *mem = st_ring_reserve(&t_world->queue.ring, 64, tag, NULL, &pos);
    if (mem == NULL) {
        return;
    }
    memset(mem, 'x', 64);
    st_counters_created(&t_endpoint(endpoint_of(dest))->counters, ST_CATEGORY_SPAN, 7);
    st_ring_commit(&t_world->queue.ring, pos, NULL);
    remember(0, dest, 7);
}

/* A request whose process dies: before it pushes, with a hole, or after the record is
 * written. */
static void die(int dest)
{
    st_open_slot_t *slot = st_open_take(&t_world->queue.open, NOBODY, 0);
    if (slot == NULL) {
        return;
    }
    st_segment_t *seg = random_segment();
    int how = roll(3);
    const st_ring_tag_t tag = {.dest = (uint16_t)dest,
                               .spans = (uint32_t)seg->span_count + 1};
    size_t size = st_record_size(seg);
    uint64_t pos;
    slot->dest = (uint16_t)dest;
    slot->trace_id = seg->trace_id;
    slot->span_id = seg->span_id;
    slot->start = t_world_wall();
    st_open_publish(slot);
    void *mem =
        how == 0 ? NULL
                 : st_ring_reserve(&t_world->queue.ring, size, tag, &slot->claim, &pos);
    if (mem != NULL) {
        st_open_push(slot);
        st_record_pack(seg, (uint16_t)dest, mem, size);
    }
    if (mem != NULL && how == 2) {
        st_counters_created(&t_endpoint(endpoint_of(dest))->counters, ST_CATEGORY_SPAN,
                            tag.spans);
        st_ring_commit(&t_world->queue.ring, pos, &slot->claim);
        remember(seg->span_id, dest, (int)tag.spans);
        return;
    }
    remember(seg->span_id, dest, 1);
}

static pushed_t *find(st_span_id_t id)
{
    for (int i = pushed_count - 1; i >= 0; i--) {
        if (pushed[i].id == id) {
            return &pushed[i];
        }
    }
    ck_abort_msg("a segment that nobody pushed");
    return NULL;
}

/* The server takes what is in the envelope. */
static void accept_sent(const t_sent_t *sent)
{
    int endpoint = sent->dest->endpoint;
    reported[endpoint] += sent->reported;
    const st_envelope_item_t *item = &sent->envelope->items[0];
    if (sent->spans == 0) {
        return;
    }
    json_t *spans = json_object_get(item->json, "items");
    size_t at;
    json_t *span;
    json_array_foreach(spans, at, span)
    {
        if (json_is_true(json_object_get(span, "is_segment"))) {
            const char *text = json_string_value(json_object_get(span, "span_id"));
            pushed_t *one = find(strtoull(text, NULL, 16));
            ck_assert_int_eq(one->endpoint, endpoint);
            ck_assert_int_eq(one->accepted, 0);
            one->accepted = 1;
        }
    }
}

/* What has been sent although it should not. */
static void check_sent(const t_sent_t *sent)
{
    const st_endpoint_t *endpoint = t_endpoint(sent->dest->endpoint);
    if (sent->spans > 0) {
        ck_assert_int_eq(st_endpoint_is_limited(endpoint, ST_LIMIT_SPAN, t_world->now),
                         0);
    }
    if (sent->reported > 0) {
        ck_assert_int_eq(st_endpoint_is_limited(endpoint, ST_LIMIT_REPORT, t_world->now),
                         0);
    }
}

static int status_of(modes_t how)
{
    static const int flaky[] = {200, 503, 0, 200, 502, 200};
    static const int strict[] = {200, 429, 400, 200, 500, 413};
    switch (how) {
    case FLAKY:
        return flaky[roll(6)];
    case STRICT:
        return strict[roll(6)];
    case DOWN:
        return 0;
    default:
        return 200;
    }
}

static void answer(int i)
{
    static const char *const limits[] = {NULL, NULL, "3:span", "2:", "9:transaction"};
    static const char *const retry[] = {NULL, NULL, NULL, "2", "0"};
    t_sent_t *sent = &t_world->sent[i];
    modes_t how = mode[sent->dest->endpoint];
    if (how == SILENT) {
        return;
    }
    int status = status_of(how);
    t_world->limits = how == STRICT ? limits[roll(5)] : NULL;
    t_world->retry_after = how == STRICT ? retry[roll(5)] : NULL;
    if (status >= 200 && status <= 299) {
        accept_sent(sent);
    }
    t_fake_give(t_world, i, status != 0 ? APR_SUCCESS : ST_E_NETWORK, status);
}

/* Forgets what is answered. */
static void sent_compact(void)
{
    int kept = 0;
    for (int i = 0; i < t_world->sent_count; i++) {
        if (!t_world->sent[i].answered) {
            t_world->sent[kept++] = t_world->sent[i];
        }
    }
    t_world->sent_count = kept;
}

static void answer_some(int all)
{
    for (int i = 0; i < t_world->sent_count; i++) {
        if (all || roll(3) > 0) {
            answer(i);
        }
    }
    sent_compact();
}

static void step(st_ns_t time)
{
    int before = t_world->sent_count;
    t_step_after(time);
    for (int i = before; i < t_world->sent_count; i++) {
        check_sent(&t_world->sent[i]);
    }
}

static void expect_law(void)
{
    for (int i = 0; i < ENDPOINTS; i++) {
        t_expect_law(i, t_waiting(i));
        ck_assert_int_eq(t_endpoint(i)->in_flight, t_world->in_flight[i]);
    }
}

/* The sender is killed, or ends in peace, or a new generation begins. */
static void sender_change(void)
{
    if (roll(2)) {
        st_sender_thr_end(t_world->sender);
        st_sender_thr_close(t_world->sender);
        t_world->destroyed = 0;
    } else {
        t_world_sender_kill();
    }
    sent_compact();
    sender_next();
}

static void round_play(void)
{
    static const st_ns_t times[] = {0, SEC / 50, SEC / 10, SEC, 3 * SEC, 70 * SEC};
    int burst = roll(8) == 0 ? 60 : roll(8);
    for (int i = 0; i < burst; i++) {
        push(roll(DESTS));
    }
    if (roll(10) == 0) {
        t_unsampled(roll(ENDPOINTS), 3);
    }
    if (roll(20) == 0) {
        push_damage(roll(DESTS));
    }
    if (roll(10) == 0) {
        die(roll(DESTS));
    }
    if (roll(15) == 0) {
        mode[roll(ENDPOINTS)] = (modes_t)roll(MODE_COUNT);
    }
    step(times[roll(6)]);
    expect_law();
    answer_some(0);
    expect_law();
    if (roll(40) == 0) {
        sender_change();
        expect_law();
    }
}

/* All is well now, and all goes out. */
static void play_out(void)
{
    memset(mode, 0, sizeof(mode));
    t_world->now += 25 * 3600 * SEC; /* no limit lasts longer */
    answer_some(1);
    for (int i = 0; i < 300; i++) {
        step(SEC);
        answer_some(1);
        expect_law();
    }
}

static void expect_end(int endpoint)
{
    const st_counters_t *counters = &t_endpoint(endpoint)->counters;
    uint64_t accepted = 0;
    uint64_t lost = 0;
    uint64_t settled = 0;
    uint64_t to_report = 0;
    for (int i = 0; i < pushed_count; i++) {
        uint64_t spans = (uint64_t)pushed[i].spans;
        accepted += pushed[i].endpoint == endpoint && pushed[i].accepted ? spans : 0;
        lost += pushed[i].endpoint == endpoint && !pushed[i].accepted ? spans : 0;
    }
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        settled += counters->settled[reason][ST_CATEGORY_SPAN];
        if (st_reason_is_reported((st_reason_t)reason)) {
            to_report += t_discarded(endpoint, (st_reason_t)reason);
        }
    }
    t_expect_law(endpoint, 0);
    ck_assert_uint_eq(accepted, t_delivered(endpoint));
    ck_assert_uint_eq(lost, settled);
    ck_assert_uint_eq(reported[endpoint], to_report);
}

START_TEST(the_law_holds_and_each_record_is_accepted_or_counted_once)
{
    dice = (st_rng_t){.state = (uint64_t)_i};
    t_world_sender_kill();
    sender_next();
    for (int i = 0; i < ROUNDS; i++) {
        round_play();
    }
    play_out();
    for (int i = 0; i < ENDPOINTS; i++) {
        expect_end(i);
        ck_assert_uint_gt(t_delivered(i), 0);
    }
    ck_assert_uint_eq(st_ring_used(&t_world->queue.ring), 0);
}
END_TEST

static void add_cases(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, the_law_holds_and_each_record_is_accepted_or_counted_once, 0,
                        SEEDS);
}

T_MAIN("sender_random", add_cases)

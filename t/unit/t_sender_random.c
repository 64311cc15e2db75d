/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that can happen to spans between requests and Sentry, at random, in a ring that is
 * too small for it; at each point the law holds, and in the end every record was accepted
 * once, or is counted as lost once. */
#include "t.h"
#include "t_send.h"

#define SEEDS      16
#define ROUNDS     400
#define ENDPOINTS  3
#define DESTS      5
#define RECORD_MAX 20000
#define SEC        ST_NS_PER_SEC

/* No process has this pid. */
#define NOBODY ((st_owner_t)INT32_MAX << 32)

/* What was pushed, or would have been. */
typedef struct pushed_t {
    st_span_id_t id; /* of the segment */
    int endpoint;
    uint64_t quantity[ST_CATEGORY_COUNT];
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
    static const int endpoints[DESTS] = {0, 0, 1, 0, 2};
    return endpoints[dest];
}

static st_ring_tag_t tag_of(int dest, int spans)
{
    return (st_ring_tag_t){.dest = (uint16_t)dest,
                           .flags = dest == T_SEND_STATIC ? ST_QUEUE_TAG_TRANSACTION : 0,
                           .spans = (uint32_t)spans};
}

/* Counts what a tag stands for as created. */
static void create(st_ring_tag_t tag)
{
    uint64_t quantity[ST_CATEGORY_COUNT] = {0};
    st_counters_t *counters = &t_endpoint(endpoint_of(tag.dest))->counters;
    st_queue_tag_count(tag, quantity);
    for (int i = 0; i < ST_CATEGORY_COUNT; i++) {
        st_counters_created(counters, (st_category_t)i, quantity[i]);
    }
}

static void refuse(st_ring_tag_t tag)
{
    uint64_t quantity[ST_CATEGORY_COUNT] = {0};
    st_counters_t *counters = &t_endpoint(endpoint_of(tag.dest))->counters;
    st_queue_tag_count(tag, quantity);
    for (int i = 0; i < ST_CATEGORY_COUNT; i++) {
        st_counters_refused(counters, ST_REASON_QUEUE_OVERFLOW, (st_category_t)i,
                            quantity[i]);
    }
}

static void sender_next(void)
{
    st_queue_generation_next(&t_world->queue);
    ck_assert_int_eq(t_world_dest(T_SEND_DSN_ONE, "production"), 0);
    ck_assert_int_eq(t_world_dest(T_SEND_DSN_ONE, "staging"), 1);
    ck_assert_int_eq(t_world_dest(T_SEND_DSN_TWO, "production"), 2);
    ck_assert_int_eq(t_world_dest_of(T_SEND_DSN_ONE, "production", ST_LIFECYCLE_STATIC),
                     T_SEND_STATIC);
    ck_assert_int_eq(
        t_world_dest("http://0000456789abcdef0123456789abcdef@three.example/3", "p"), 4);
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

static void remember(st_span_id_t id, st_ring_tag_t tag)
{
    ck_assert_int_lt(pushed_count, RECORD_MAX);
    pushed_t *one = &pushed[pushed_count++];
    *one = (pushed_t){.id = id, .endpoint = endpoint_of(tag.dest)};
    st_queue_tag_count(tag, one->quantity);
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
    const st_ring_tag_t tag = tag_of(dest, seg->span_count + 1);
    size_t size = st_record_size(seg);
    uint64_t pos;
    void *mem = st_ring_reserve(&t_world->queue.ring, size, tag, NULL, &pos);
    create(tag);
    if (mem == NULL) {
        refuse(tag);
        return;
    }
    st_record_pack(seg, (uint16_t)dest, mem, size);
    st_ring_commit(&t_world->queue.ring, pos, NULL);
    remember(seg->span_id, tag);
}

static void push_damage(int dest)
{
    const st_ring_tag_t tag = tag_of(dest, 7);
    uint64_t pos;
    void *mem = st_ring_reserve(&t_world->queue.ring, 64, tag, NULL, &pos);
    if (mem == NULL) {
        return;
    }
    memset(mem, 'x', 64);
    create(tag);
    st_ring_commit(&t_world->queue.ring, pos, NULL);
    remember(0, tag);
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
    const st_ring_tag_t tag = tag_of(dest, seg->span_count + 1);
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
        create(tag);
        st_ring_commit(&t_world->queue.ring, pos, &slot->claim);
        remember(seg->span_id, tag);
        return;
    }
    remember(seg->span_id, tag_of(dest, 1));
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

static void accept_segment(json_t *span_id, int endpoint)
{
    pushed_t *one = find(strtoull(json_string_value(span_id), NULL, 16));
    ck_assert_int_eq(one->endpoint, endpoint);
    ck_assert_int_eq(one->accepted, 0);
    one->accepted = 1;
}

static json_t *transaction_id(json_t *payload)
{
    json_t *contexts = json_object_get(payload, "contexts");
    return json_object_get(json_object_get(contexts, "trace"), "span_id");
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
    if (sent->transactions > 0) {
        accept_segment(transaction_id(item->json), endpoint);
        return;
    }
    json_t *spans = json_object_get(item->json, "items");
    size_t at;
    json_t *span;
    json_array_foreach(spans, at, span)
    {
        if (json_is_true(json_object_get(span, "is_segment"))) {
            accept_segment(json_object_get(span, "span_id"), endpoint);
        }
    }
}

/* What has been sent although it should not. */
static void check_sent(const t_sent_t *sent)
{
    const st_endpoint_t *endpoint = t_endpoint(sent->dest->endpoint);
    if (sent->spans > 0) {
        st_limit_t limit = sent->transactions > 0 ? ST_LIMIT_TRANSACTION : ST_LIMIT_SPAN;
        ck_assert_int_eq(st_endpoint_is_limited(endpoint, limit, t_world->now), 0);
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
        t_expect_law_now(i);
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

/* @return how much client reports had to name */
static uint64_t expect_end_of(int endpoint, st_category_t category)
{
    const st_counters_t *counters = &t_endpoint(endpoint)->counters;
    uint64_t sums[2] = {0}; /* lost, accepted */
    uint64_t settled = 0;
    uint64_t to_report = 0;
    for (int i = 0; i < pushed_count; i++) {
        sums[pushed[i].accepted] +=
            pushed[i].endpoint == endpoint ? pushed[i].quantity[category] : 0;
    }
    for (int i = 0; i < ST_REASON_COUNT; i++) {
        st_reason_t reason = (st_reason_t)i;
        settled += counters->settled[reason][category];
        if (st_reason_is_reported(reason)) {
            to_report += st_counters_get_discarded(counters, reason, category);
        }
    }
    t_expect_law_of(endpoint, category, 0);
    ck_assert_uint_eq(sums[0], settled);
    ck_assert_uint_eq(sums[1], st_counters_get_delivered(counters, category));
    return to_report;
}

static void expect_end(int endpoint)
{
    uint64_t to_report = 0;
    for (int i = 0; i < ST_CATEGORY_COUNT; i++) {
        to_report += expect_end_of(endpoint, (st_category_t)i);
    }
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

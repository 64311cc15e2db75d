/* SPDX-License-Identifier: Apache-2.0 */
/* Random call trees against a simple model of who runs when. */
#include "t.h"
#include "st_segment.h"

#include <string.h>

#define START       1000
#define OWNERS      12
#define CALLS_MAX   400
#define DEPTH_MAX   8
#define SPAN_NOBODY CALLS_MAX /* cell of the model for time outside all spans */

static const char owners[OWNERS];

typedef struct model_t {
    st_segment_t *seg;
    st_rng_t rng;
    st_ns_t now;
    st_ns_t self[CALLS_MAX + 1];
    st_frame_t frames[CALLS_MAX];
    int spans[CALLS_MAX];   /* of the frames */
    int running[CALLS_MAX]; /* frames that run, outermost first */
    int running_count;
    int calls;
} model_t;

static int chance(model_t *model, int out_of)
{
    return st_rng_next(&model->rng) % (uint64_t)out_of == 0;
}

/* The span whose time it is. */
static int model_calling(const model_t *model)
{
    for (int i = model->running_count - 1; i >= 0; i--) {
        if (model->spans[model->running[i]] != ST_SPAN_NONE) {
            return model->spans[model->running[i]];
        }
    }
    return ST_SPAN_SEGMENT;
}

static void tick(model_t *model)
{
    st_ns_t time = (st_ns_t)(st_rng_next(&model->rng) % 100);
    int span = model_calling(model);
    model->now += time;
    model->self[span == ST_SPAN_SEGMENT ? SPAN_NOBODY : span] += time;
}

static int linear_find(const st_segment_t *seg, const void *owner, int scope)
{
    for (int i = 0; i < seg->span_count; i++) {
        if (seg->spans[i].owner == owner && seg->spans[i].owner_scope == scope) {
            return i;
        }
    }
    return ST_SPAN_NONE;
}

static int add(model_t *model, const void *owner, int scope)
{
    int span = st_segment_span_add(model->seg, ST_OP_MIDDLEWARE, "f", NULL, model->now);
    if (span == ST_SPAN_NONE) {
        return span;
    }
    model->seg->spans[span].owner = owner;
    model->seg->spans[span].owner_scope = scope;
    t_assert(model->seg->spans[span].parent == model_calling(model));
    t_assert(model->seg->spans[span].parent < span);
    return span;
}

/* A span for the next call: a filter's, a new one, or none. */
static int choose_span(model_t *model)
{
    if (chance(model, 8)) {
        return ST_SPAN_NONE;
    }
    if (chance(model, 4)) {
        return add(model, &model->frames[model->calls], ST_SPAN_SEGMENT);
    }
    const void *owner = &owners[st_rng_next(&model->rng) % OWNERS];
    int scope = chance(model, 3) ? 0 : ST_SPAN_SEGMENT;
    int span = st_segment_span_find(model->seg, owner, scope);
    t_assert(span == linear_find(model->seg, owner, scope));
    return span != ST_SPAN_NONE ? span : add(model, owner, scope);
}

static void leave(model_t *model, int frame)
{
    st_frame_leave(model->seg, &model->frames[frame], model->now);
    int i = model->running_count;
    while (i > 0 && model->running[i - 1] != frame) {
        i--;
    }
    if (i > 0) {
        model->running_count = i - 1;
    }
}

static void call(model_t *model, int depth)
{
    int frame = model->calls++;
    model->spans[frame] = choose_span(model);
    st_frame_enter(model->seg, &model->frames[frame], model->spans[frame], model->now);
    model->running[model->running_count++] = frame;
    tick(model);
    while (depth < DEPTH_MAX && model->calls < CALLS_MAX && !chance(model, 3)) {
        call(model, depth + 1);
        tick(model);
    }
    if (!chance(model, 20)) {
        leave(model, frame);
    }
    if (chance(model, 20)) {
        leave(model, frame);
    }
}

static void run(model_t *model, uint64_t seed, int span_max, int sampled)
{
    memset(model, 0, sizeof(*model));
    model->rng = (st_rng_t){.state = seed};
    model->now = START;
    model->seg = st_segment_open(t_pool, model->rng, 0, START, span_max);
    if (!sampled) {
        st_segment_unsample(model->seg);
    }
    while (model->calls < CALLS_MAX && !chance(model, 30)) {
        tick(model);
        call(model, 0);
    }
    tick(model);
    st_segment_close(model->seg, model->now);
}

START_TEST(times_of_random_calls_are_exclusive_and_complete)
{
    static model_t model;
    for (uint64_t seed = 0; seed < 500; seed++) {
        run(&model, seed, CALLS_MAX, 1);
        const st_segment_t *seg = model.seg;
        st_ns_t sum = model.self[SPAN_NOBODY];
        ck_assert_ptr_null(seg->top);
        for (int i = 0; i < seg->span_count; i++) {
            const st_span_t *span = &seg->spans[i];
            t_assert(span->self == model.self[i]);
            t_assert(span->end <= seg->end);
            t_assert(span->end >= span->start);
            sum += span->self;
        }
        ck_assert_int_eq(sum, seg->end - seg->start);
        ck_assert_int_eq(seg->overflow, 0);
    }
}
END_TEST

START_TEST(limit_moves_time_up_and_loses_none)
{
    static model_t model;
    for (uint64_t seed = 0; seed < 500; seed++) {
        run(&model, seed, 1 + (int)(seed % 20), 1);
        const st_segment_t *seg = model.seg;
        for (int i = 0; i < seg->span_count; i++) {
            t_assert(seg->spans[i].self == model.self[i]);
        }
        ck_assert_int_le(seg->span_count, 1 + (int)(seed % 20));
    }
}
END_TEST

START_TEST(unsampled_segment_counts_what_a_sampled_one_has)
{
    static model_t sampled;
    static model_t unsampled;
    int overflows = 0;
    for (uint64_t seed = 0; seed < 500; seed++) {
        int span_max = 1 + (int)(seed % 50);
        run(&sampled, seed, span_max, 1);
        run(&unsampled, seed, span_max, 0);
        ck_assert_int_eq(unsampled.seg->span_count, sampled.seg->span_count);
        ck_assert_int_eq(unsampled.seg->overflow, sampled.seg->overflow);
        ck_assert_int_eq(st_segment_span_total(unsampled.seg),
                         st_segment_span_total(sampled.seg));
        overflows += sampled.seg->overflow > 0;
    }
    ck_assert_int_gt(overflows, 0);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, times_of_random_calls_are_exclusive_and_complete);
    tcase_add_test(tcase, limit_moves_time_up_and_loses_none);
    tcase_add_test(tcase, unsampled_segment_counts_what_a_sampled_one_has);
}

T_MAIN("segment_random", add_cases)

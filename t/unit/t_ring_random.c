/* SPDX-License-Identifier: Apache-2.0 */
/* Random use of a ring against a list of what should be in it. */
#include "t.h"
#include "st_ring.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "st_id.h"

#define LIVE_MAX 600

typedef enum { RESERVED, COMMITTED, TAKEN, RELEASED } state_t;

typedef struct live_t {
    uint64_t pos;
    unsigned char *data;
    size_t len;
    unsigned char fill;
    state_t state;
} live_t;

/* Entries in the order they were reserved, from the oldest that is not free yet. */
typedef struct model_t {
    st_ring_t ring;
    st_ring_cursor_t cursor;
    st_rng_t rng;
    live_t live[LIVE_MAX];
    int count;
    int next; /* index of the entry the cursor stands before */
    int refused;
} model_t;

static void expect_filled(const live_t *live)
{
    for (size_t i = 0; i < live->len; i++) {
        if (live->data[i] != live->fill) {
            ck_abort_msg("byte %zu of the entry at %llu was overwritten", i,
                         (unsigned long long)live->pos);
        }
    }
}

static size_t bytes_of(const live_t *live)
{
    return 16 + ((live->len + 15) & ~(size_t)15);
}

static void reserve(model_t *model)
{
    size_t max = st_ring_len_max(&model->ring);
    size_t len =
        st_rng_next(&model->rng) % (st_rng_next(&model->rng) % 4 ? 200 : max + 1);
    live_t live = {.len = len, .fill = (unsigned char)st_rng_next(&model->rng)};
    size_t used = st_ring_used(&model->ring);
    live.data = st_ring_reserve(&model->ring, len, &live.pos);
    if (live.data == NULL) {
        /* With room for it and for a padding that is shorter than itself it has to fit. */
        t_assert(used + 2 * bytes_of(&live) > st_ring_capacity(&model->ring));
        model->refused++;
        return;
    }
    size_t pad = st_ring_used(&model->ring) - used - bytes_of(&live);
    t_assert(pad < bytes_of(&live));
    memset(live.data, live.fill, len);
    t_assert(model->count < LIVE_MAX);
    model->live[model->count++] = live;
}

static live_t *random_live(model_t *model, state_t state)
{
    int first =
        model->count > 0 ? (int)(st_rng_next(&model->rng) % (uint64_t)model->count) : 0;
    for (int i = 0; i < model->count; i++) {
        live_t *live = &model->live[(first + i) % model->count];
        if (live->state == state) {
            return live;
        }
    }
    return NULL;
}

static void commit(model_t *model)
{
    live_t *live = random_live(model, RESERVED);
    if (live != NULL) {
        st_ring_commit(&model->ring, live->pos);
        live->state = COMMITTED;
    }
}

static void take(model_t *model)
{
    const void *data;
    size_t len;
    uint64_t pos;
    apr_status_t rv = st_ring_next(&model->ring, &model->cursor, &data, &len, &pos);
    while (model->next < model->count && model->live[model->next].state == RELEASED) {
        model->next++;
    }
    if (model->next == model->count || model->live[model->next].state == RESERVED) {
        t_assert(rv == APR_EAGAIN);
        return;
    }
    live_t *live = &model->live[model->next++];
    t_assert(rv == APR_SUCCESS);
    t_assert(pos == live->pos);
    t_assert(len == live->len);
    t_assert(data == live->data);
    expect_filled(live);
    live->state = TAKEN;
}

static void release(model_t *model)
{
    live_t *live = random_live(model, TAKEN);
    if (live == NULL) {
        return;
    }
    expect_filled(live);
    st_ring_release(&model->ring, live->pos);
    live->state = RELEASED;
    int gone = 0;
    while (gone < model->count && model->live[gone].state == RELEASED) {
        gone++;
    }
    model->count -= gone;
    model->next = model->next > gone ? model->next - gone : 0;
    memmove(model->live, model->live + gone, sizeof(*live) * (size_t)model->count);
    if (model->count > 0) {
        uint64_t newest =
            model->live[model->count - 1].pos + bytes_of(&model->live[model->count - 1]);
        t_assert(st_ring_used(&model->ring) >= newest - model->live[0].pos);
    }
}

/* Another consumer begins where the entries begin that are not released; what the last one
 * has taken is not taken any more. */
static void restart(model_t *model)
{
    st_ring_cursor_init(&model->ring, &model->cursor);
    model->next = 0;
    for (int i = 0; i < model->count; i++) {
        if (model->live[i].state == TAKEN) {
            model->live[i].state = COMMITTED;
        }
    }
}

static void step(model_t *model)
{
    switch (st_rng_next(&model->rng) % 16) {
    case 0:
        restart(model);
        break;
    case 1:
    case 2:
    case 3:
    case 4:
        reserve(model);
        break;
    case 5:
    case 6:
    case 7:
    case 8:
        commit(model);
        break;
    case 9:
    case 10:
    case 11:
        take(model);
        break;
    default:
        release(model);
        break;
    }
    t_assert(st_ring_used(&model->ring) <= st_ring_capacity(&model->ring));
}

static void drain(model_t *model)
{
    while (random_live(model, RESERVED) != NULL) {
        commit(model);
    }
    restart(model);
    while (random_live(model, COMMITTED) != NULL) {
        take(model);
    }
    while (model->count > 0) {
        release(model);
    }
}

START_TEST(ring_does_what_a_list_would_do)
{
    static model_t model;
    size_t size = ST_RING_BYTES_MIN + (size_t)_i * 1000;
    void *mem = aligned_alloc(64, (size + 63) & ~(size_t)63);
    memset(mem, 0, size);
    memset(&model, 0, sizeof(model));
    model.rng.state = 41 + (uint64_t)_i;
    ck_assert_int_eq(st_ring_format(mem, size, st_rng_next(&model.rng)), APR_SUCCESS);
    ck_assert_int_eq(st_ring_attach(&model.ring, mem, size), APR_SUCCESS);
    st_ring_cursor_init(&model.ring, &model.cursor);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 2000; i++) {
            step(&model);
        }
        drain(&model);
        /* Padding before the last entry went with it. */
        ck_assert_uint_eq(st_ring_used(&model.ring), 0);
    }
    ck_assert_int_gt(model.refused, 0);
    free(mem);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, ring_does_what_a_list_would_do, 0, 5);
}

T_MAIN("ring_random", add_cases)

/* SPDX-License-Identifier: Apache-2.0 */
/* Random use of a ring against a list of what should be in it. */
#include "t.h"
#include "st_ring.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "st_id.h"

#define LIVE_MAX 600

/* DEAD: its producer died before it committed. */
typedef enum { RESERVED, DEAD, COMMITTED, TAKEN, RELEASED } state_t;

typedef struct live_t {
    uint64_t pos;
    unsigned char *data;
    size_t len;
    unsigned char fill;
    state_t state;
    st_ring_claim_t claim;
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
    int holes;
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
    return 32 + ((live->len + 15) & ~(size_t)15);
}

static void reserve(model_t *model)
{
    size_t max = st_ring_len_max(&model->ring);
    size_t len =
        st_rng_next(&model->rng) % (st_rng_next(&model->rng) % 4 ? 200 : max + 1);
    live_t live = {.len = len, .fill = (unsigned char)st_rng_next(&model->rng)};
    size_t used = st_ring_used(&model->ring);
    st_ring_tag_t tag = {.spans = live.fill};
    live.data = st_ring_reserve(&model->ring, len, tag, &live.claim, &live.pos);
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
        st_ring_commit(&model->ring, live->pos, &live->claim);
        live->state = COMMITTED;
    }
}

static void kill_one(model_t *model)
{
    live_t *live = random_live(model, RESERVED);
    if (live != NULL) {
        live->state = DEAD;
    }
}

static int is_claimed(uint64_t pos, const void *baton)
{
    const model_t *model = baton;
    for (int i = 0; i < model->count; i++) {
        const live_t *live = &model->live[i];
        if (live->state == RESERVED && pos >= live->claim.from && pos < live->claim.to) {
            return 1;
        }
    }
    return 0;
}

static apr_status_t next_behind_holes(model_t *model, st_ring_entry_t *entry)
{
    for (;;) {
        apr_status_t rv = st_ring_next(&model->ring, &model->cursor, entry);
        if (rv != APR_EAGAIN) {
            return rv;
        }
        uint64_t before = model->cursor.pos;
        size_t bytes = st_ring_hole_skip(&model->ring, &model->cursor, is_claimed, model);
        t_assert(model->cursor.pos == before + bytes);
        if (bytes == 0) {
            return rv;
        }
        model->holes++;
    }
}

/* What the cursor has to come to; what died before it is passed. NULL: nothing. */
static live_t *expected_next(model_t *model)
{
    for (; model->next < model->count; model->next++) {
        live_t *live = &model->live[model->next];
        if (live->state == DEAD) {
            live->state = RELEASED;
        }
        if (live->state != RELEASED) {
            return live;
        }
    }
    return NULL;
}

static void take(model_t *model)
{
    st_ring_entry_t entry;
    apr_status_t rv = next_behind_holes(model, &entry);
    live_t *live = expected_next(model);
    if (live == NULL || live->state == RESERVED) {
        t_assert(rv == APR_EAGAIN);
        t_assert(st_ring_is_stuck(&model->ring, &model->cursor) == (live != NULL));
        return;
    }
    model->next++;
    t_assert(rv == APR_SUCCESS);
    t_assert(entry.pos == live->pos);
    t_assert(entry.len == live->len);
    t_assert(entry.data == live->data);
    t_assert(entry.tag.spans == live->fill);
    t_assert(st_ring_state(&model->ring, entry.pos) == ST_RING_WAITING);
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
    t_assert(st_ring_state(&model->ring, live->pos) != ST_RING_WAITING);
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

/* Who looks without taking sees what is committed and not released, behind holes too. */
static void look(model_t *model)
{
    st_ring_cursor_t cursor;
    st_ring_cursor_init(&model->ring, &cursor);
    for (int i = 0; i < model->count; i++) {
        const live_t *live = &model->live[i];
        if (live->state == COMMITTED || live->state == TAKEN) {
            st_ring_tag_t tag;
            apr_status_t rv = st_ring_peek(&model->ring, &cursor, &tag);
            t_assert(rv == APR_SUCCESS);
            t_assert(tag.spans == live->fill);
        }
    }
    st_ring_tag_t tag;
    apr_status_t rv = st_ring_peek(&model->ring, &cursor, &tag);
    t_assert(rv == APR_EOF);
}

static void step(model_t *model)
{
    switch (st_rng_next(&model->rng) % 18) {
    case 0:
        restart(model);
        break;
    case 16:
        kill_one(model);
        break;
    case 17:
        look(model);
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
    while (random_live(model, COMMITTED) != NULL || random_live(model, DEAD) != NULL) {
        take(model);
    }
    while (random_live(model, TAKEN) != NULL) {
        release(model);
    }
    model->count = 0;
    model->next = 0;
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
        /* Padding and holes went with the entries. */
        ck_assert_uint_eq(st_ring_used(&model.ring), 0);
    }
    ck_assert_int_gt(model.refused, 0);
    ck_assert_int_gt(model.holes, 0);
    free(mem);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, ring_does_what_a_list_would_do, 0, 5);
}

T_MAIN("ring_random", add_cases)

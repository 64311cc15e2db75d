/* SPDX-License-Identifier: Apache-2.0 */
/* The faults, and how often each happens. */

#include "soak_fault.h"

#include <string.h>

const soak_fault_t soak_fault_none = {.name = "fine"};

static const soak_fault_t faults[] = {
    {.name = "429", .weight = 1, .answer = {.status = 429}}, /* a minute without any */
    {.name = "429, limits",
     .weight = 4,
     .answer = {.status = 429, .headers = "X-Sentry-Rate-Limits: 1:span:key\r\n"}},
    {.name = "429, retry after",
     .weight = 4,
     .answer = {.status = 429, .headers = "Retry-After: 1\r\n"}},
    {.name = "200, limits",
     .weight = 4,
     .answer = {.headers = "X-Sentry-Rate-Limits: 1:span:key, 1:error:key\r\n"}},
    {.name = "500", .weight = 4, .answer = {.status = 500}},
    {.name = "503", .weight = 8, .answer = {.status = 503}},
    {.name = "cut before", .weight = 4, .answer = {.cut = TE_CUT_BEFORE}},
    {.name = "cut in status", .weight = 4, .answer = {.cut = TE_CUT_STATUS}},
    {.name = "cut in body", .weight = 4, .answer = {.cut = TE_CUT_BODY}},
    {.name = "cut after", .weight = 4, .answer = {.cut = TE_CUT_AFTER}},
    {.name = "black hole", .weight = 8, .answer = {.cut = TE_CUT_HOLE}},
    {.name = "late", .weight = 8, .answer = {.delay_ms = 300}},
    {.name = "slow head", .weight = 4, .answer = {.head_byte_ms = 4}},
    {.name = "slow body", .weight = 4, .answer = {.body_byte_ms = 100}},
    {.name = "refused", .weight = 8, .refuse = 1},
};

static const struct {
    const char *text;
    int weight;
} events[SOAK_EVENT_COUNT] = {
    [SOAK_NOTHING] = {"", 24},
    [SOAK_KILL_CHILD] = {"kill child", 6},
    [SOAK_KILL_SENDER] = {"kill sender", 6},
    [SOAK_GRACEFUL] = {"graceful", 6},
    [SOAK_RESTART] = {"restart", 2},
    [SOAK_STOP] = {"stop", 3},
    [SOAK_CLOCK] = {"clock", 3},
    [SOAK_BURST] = {"burst", 6},
};

const char *soak_event_text(soak_event_t event)
{
    return events[event].text;
}

soak_event_t soak_event_parse(const char *text)
{
    int event = 0;
    while (event < SOAK_EVENT_COUNT && strcmp(events[event].text, text) != 0) {
        event++;
    }
    return (soak_event_t)event;
}

int soak_draw(st_rng_t *rng, int bound)
{
    return (int)(st_rng_next(rng) % (uint64_t)bound);
}

const soak_fault_t *soak_fault_draw(st_rng_t *rng)
{
    enum { COUNT = sizeof(faults) / sizeof(*faults) };
    int sum = 0;
    for (int i = 0; i < COUNT; i++) {
        sum += faults[i].weight;
    }
    int drawn = soak_draw(rng, sum);
    int i = 0;
    for (; drawn >= faults[i].weight; i++) {
        drawn -= faults[i].weight;
    }
    return &faults[i];
}

soak_event_t soak_event_draw(st_rng_t *rng)
{
    int sum = 0;
    for (int i = 0; i < SOAK_EVENT_COUNT; i++) {
        sum += events[i].weight;
    }
    int drawn = soak_draw(rng, sum);
    int event = 0;
    for (; drawn >= events[event].weight; event++) {
        drawn -= events[event].weight;
    }
    return (soak_event_t)event;
}

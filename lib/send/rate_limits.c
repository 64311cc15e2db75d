/* SPDX-License-Identifier: Apache-2.0 */
/* X-Sentry-Rate-Limits and Retry-After.
 *
 *   limits = limit *( "," limit )
 *   limit  = seconds ":" [ category *( ";" category ) ] *( ":" anything )
 *
 * (https://develop.sentry.dev/sdk/foundations/transport/rate-limiting/) */
#include "st_rate_limits.h"

#include <apr_date.h>
#include <string.h>
#include "st_text.h"

#define DELAY_DEFAULT (60 * ST_NS_PER_SEC) /* same page: where no number can be read */
#define NUMBER_MAX    64                   /* bytes; longer ones are none */

#define LIMIT_BIT(limit) (1u << (limit))
#define LIMITS_ALL       (LIMIT_BIT(ST_LIMIT_COUNT) - 1)

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static st_str_t trim(st_str_t text)
{
    while (text.len > 0 && is_space(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* Cuts the part before the next separator off `rest`, or all of it. @return it, trimmed */
static st_str_t part_next(st_str_t *rest, char separator)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, separator, rest->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - rest->ptr) : rest->len;
    st_str_t part = {rest->ptr, len};
    size_t cut = end != NULL ? len + 1 : len;
    *rest = (st_str_t){rest->ptr + cut, rest->len - cut};
    return trim(part);
}

static st_ns_t delay_from(double seconds)
{
    if (seconds * (double)ST_NS_PER_SEC >= (double)ST_ENDPOINT_LIMIT_MAX) {
        return ST_ENDPOINT_LIMIT_MAX;
    }
    return seconds > 0.0 ? (st_ns_t)(seconds * (double)ST_NS_PER_SEC) : 0;
}

/* @return APR_SUCCESS, or ST_E_MALFORMED when `text` is no number and *pdelay untouched. */
static apr_status_t delay_parse(st_ns_t *pdelay, st_str_t text)
{
    char number[NUMBER_MAX];
    double seconds;
    if (text.len >= sizeof(number)) {
        return ST_E_MALFORMED;
    }
    memcpy(number, text.ptr, text.len);
    number[text.len] = '\0';
    apr_status_t rv = st_number_parse(&seconds, number);
    if (rv == APR_SUCCESS) {
        *pdelay = delay_from(seconds);
    }
    return rv;
}

static void limits_hold(st_endpoint_t *endpoint, unsigned limits, st_ns_t until)
{
    for (int i = 0; i < ST_LIMIT_COUNT; i++) {
        /* Relaxed: the sender alone writes it; others want to know the instant only. */
        _Atomic st_ns_t *word = &endpoint->limited_until[i];
        st_ns_t before = atomic_load_explicit(word, memory_order_relaxed);
        if ((limits & LIMIT_BIT(i)) != 0 && until > before) {
            atomic_store_explicit(word, until, memory_order_relaxed);
        }
    }
}

/* Client reports have no name here: a limit on them by name is not one on us (same page). */
static unsigned limit_named(st_str_t name)
{
    static const struct {
        const char *name;
        unsigned limits;
    } names[] = {
        {"span", LIMIT_BIT(ST_LIMIT_SPAN)},
        {"transaction", LIMIT_BIT(ST_LIMIT_TRANSACTION)},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len = strlen(names[i].name);
        if (name.len == len && memcmp(name.ptr, names[i].name, len) == 0) {
            return names[i].limits;
        }
    }
    return 0;
}

/* None named is all; only unknown ones named is none. */
static unsigned limits_named(st_str_t categories)
{
    unsigned limits = categories.len == 0 ? LIMITS_ALL : 0;
    while (categories.len > 0) {
        limits |= limit_named(part_next(&categories, ';'));
    }
    return limits;
}

static void limit_note(st_endpoint_t *endpoint, st_str_t limit, st_ns_t now)
{
    st_ns_t delay;
    apr_status_t rv = delay_parse(&delay, part_next(&limit, ':'));
    if (rv != APR_SUCCESS) {
        delay = DELAY_DEFAULT;
    }
    unsigned limits = limits_named(part_next(&limit, ':'));
    limits_hold(endpoint, limits, now + delay);
}

/* Empty elements of the list are none (RFC 9110, 5.6.1). @return 1 when there was any limit. */
static int limits_note(st_endpoint_t *endpoint, const char *header, st_ns_t now)
{
    int found = 0;
    st_str_t rest = st_str(header);
    while (rest.len > 0) {
        st_str_t limit = part_next(&rest, ',');
        if (limit.len > 0) {
            limit_note(endpoint, limit, now);
            found = 1;
        }
    }
    return found;
}

/* Seconds, or a date: no longer than the longest limit, and nothing if it has gone by. */
static st_ns_t retry_after_delay(const char *header, st_ns_t wall)
{
    st_ns_t delay;
    apr_status_t rv = delay_parse(&delay, trim(st_str(header)));
    if (rv == APR_SUCCESS) {
        return delay;
    }
    apr_time_t date = apr_date_parse_http(header);
    if (date == APR_DATE_BAD) {
        return DELAY_DEFAULT;
    }
    return delay_from((double)(date - wall / ST_NS_PER_US) / (double)APR_USEC_PER_SEC);
}

void st_rate_limits_note(st_endpoint_t *endpoint, const st_rate_limits_t *answer,
                         st_ns_t now, st_ns_t wall)
{
    int found = limits_note(endpoint, answer->limits, now);
    if (found) {
        return;
    }
    if (answer->retry_after != NULL) {
        st_ns_t delay = retry_after_delay(answer->retry_after, wall);
        limits_hold(endpoint, LIMITS_ALL, now + delay);
    } else if (answer->http_status == 429) {
        limits_hold(endpoint, LIMITS_ALL, now + DELAY_DEFAULT);
    }
}

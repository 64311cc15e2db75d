/* SPDX-License-Identifier: Apache-2.0 */
/* One endpoint: what goes out when.
 *
 * A client report rides on the next envelope of spans, or goes alone when there has been none
 * for a flush interval. After one went out, by whichever way and with whatever success, the
 * next waits a flush interval, so that an endpoint that refuses is not asked in a loop. The
 * shutdown sends one more when everything else is answered. */
#include "sender_int.h"

void st_outlet_init(st_outlet_t *outlet, const st_dest_t *dest, st_counters_t *counters)
{
    *outlet = (st_outlet_t){.dest = dest, .lane = dest->endpoint, .counters = counters};
    st_notice_init(&outlet->notice, dest->dsn->masked);
}

static int room(const st_sender_t *sender, const st_outlet_t *outlet)
{
    return sender->transport->ops->room(sender->transport, outlet->dest);
}

static int report_is_pending(const st_outlet_t *outlet)
{
    return st_counters_report_pending(outlet->counters);
}

static void report_went_out(const st_sender_t *sender, st_outlet_t *outlet)
{
    outlet->report_from = sender->now + sender->options.flush_interval;
    outlet->report_alone = 0;
}

static void send_spans(st_sender_t *sender, st_outlet_t *outlet, st_bucket_t *bucket)
{
    int with_report = sender->now >= outlet->report_from && report_is_pending(outlet);
    st_delivery_send(sender, outlet, bucket, with_report);
    if (with_report) {
        report_went_out(sender, outlet);
    }
}

/* Starts the clock of a pending report. */
static void report_notice(const st_sender_t *sender, st_outlet_t *outlet)
{
    if (outlet->report_alone == 0 && report_is_pending(outlet)) {
        outlet->report_alone = sender->now + sender->options.flush_interval;
    }
}

static int report_is_due(const st_sender_t *sender, const st_outlet_t *outlet)
{
    if (sender->flushing) {
        return !outlet->report_final && outlet->in_flight == 0 &&
               st_bucket_is_empty(sender->buckets, outlet->lane) &&
               report_is_pending(outlet);
    }
    return outlet->report_alone > 0 && sender->now >= outlet->report_alone;
}

static void report_send(st_sender_t *sender, st_outlet_t *outlet)
{
    outlet->report_final = sender->flushing;
    st_delivery_send(sender, outlet, NULL, 1);
    report_went_out(sender, outlet);
}

void st_outlet_send(st_sender_t *sender, st_outlet_t *outlet, int all)
{
    int free_places = room(sender, outlet);
    while (free_places > 0) {
        st_bucket_t *bucket =
            st_bucket_take(sender->buckets, outlet->lane, sender->now, all);
        if (bucket == NULL) {
            break;
        }
        send_spans(sender, outlet, bucket);
        free_places = room(sender, outlet);
    }
    report_notice(sender, outlet);
    if (free_places > 0 && report_is_due(sender, outlet)) {
        report_send(sender, outlet);
    }
}

static st_ns_t earlier(st_ns_t a, st_ns_t b)
{
    return a < b ? a : b;
}

/* Without room only an answer helps, which wakes by itself; but as long as buckets wait the
 * ring is read in the rhythm of the linger, so that requests need not wake the sender. */
st_ns_t st_outlet_due(const st_sender_t *sender, const st_outlet_t *outlet)
{
    st_ns_t due = ST_BUCKET_NEVER;
    if (room(sender, outlet) == 0) {
        return sender->now + sender->options.linger;
    }
    if (outlet->report_alone > 0) {
        due = outlet->report_alone;
    }
    return earlier(due, st_bucket_due(sender->buckets, outlet->lane));
}

int st_outlet_is_idle(const st_sender_t *sender, const st_outlet_t *outlet)
{
    return outlet->in_flight == 0 && st_bucket_is_empty(sender->buckets, outlet->lane) &&
           (outlet->report_final || !report_is_pending(outlet));
}

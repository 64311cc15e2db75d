/* SPDX-License-Identifier: Apache-2.0 */
/* Rate-limited log lines of one endpoint. */
#include "notice.h"

#include <inttypes.h>

#include "st_log.h"

#define QUIET (60 * ST_NS_PER_SEC)

void st_notice_init(st_notice_t *notice, const char *endpoint, int is_down)
{
    *notice = (st_notice_t){.endpoint = endpoint, .is_down = is_down};
}

void st_notice_down(st_notice_t *notice, const st_notice_outage_t *outage, st_ns_t now)
{
    if (notice->is_down || now < notice->down_quiet) {
        return;
    }
    notice->is_down = 1;
    notice->down_quiet = now + QUIET;
    st_ns_t sec = (outage->retry_in + ST_NS_PER_SEC - 1) / ST_NS_PER_SEC;
    st_log(ST_LOG_WARNING, outage->rv,
           "ST0101: no answer from %s: %s; next try in %" PRId64 " s, %" PRIu64
           " spans wait",
           notice->endpoint, outage->text, sec, outage->waiting);
}

void st_notice_up(st_notice_t *notice)
{
    if (notice->is_down) {
        notice->is_down = 0;
        st_log(ST_LOG_NOTICE, 0, "ST0110: %s answers again", notice->endpoint);
    }
}

static void say_first(const st_notice_t *notice, st_notice_kind_t kind, apr_status_t rv,
                      const char *text, uint64_t spans)
{
    const char *dsn = notice->endpoint;
    switch (kind) {
    case ST_NOTICE_REFUSED:
        st_log(ST_LOG_WARNING, rv, "ST0102: %s refused spans: %s; %" PRIu64 " spans lost",
               dsn, text, spans);
        break;
    case ST_NOTICE_LIMITED:
        st_log(ST_LOG_WARNING, rv,
               "ST0103: %s limits the rate of spans: %s; %" PRIu64 " spans lost", dsn,
               text, spans);
        break;
    case ST_NOTICE_ENCODING:
        st_log(ST_LOG_ERR, rv,
               "ST0104: could not make an envelope for %s: %s; %" PRIu64 " spans lost",
               dsn, text, spans);
        break;
    case ST_NOTICE_RECORD:
        st_log(ST_LOG_ERR, rv,
               "ST0105: damaged record in the queue: %s; %" PRIu64 " spans of %s lost",
               text, spans, dsn);
        break;
    case ST_NOTICE_OVERFLOW:
        st_log(
            ST_LOG_WARNING, rv,
            "ST0111: the queue is nearly full, the oldest spans for %s go: %s; %" PRIu64
            " spans lost",
            dsn, text, spans);
        break;
    default:
        st_log(ST_LOG_WARNING, rv,
               "ST0112: %s answers, but not to this envelope: %s; %" PRIu64 " spans lost",
               dsn, text, spans);
        break;
    }
}

void st_notice_lost(st_notice_t *notice, st_notice_kind_t kind, apr_status_t rv,
                    const char *text, uint64_t spans, st_ns_t now)
{
    unsigned bit = 1u << kind;
    if (!(notice->said & bit)) {
        notice->said |= bit;
        notice->quiet_until = now + QUIET;
        say_first(notice, kind, rv, text, spans);
        return;
    }
    notice->more += spans;
    if (now < notice->quiet_until || notice->more == 0) {
        return;
    }
    notice->quiet_until = now + QUIET;
    st_log(ST_LOG_WARNING, rv,
           "ST0106: %s: %" PRIu64 " more spans lost, the last ones: %s", notice->endpoint,
           notice->more, text);
    notice->more = 0;
}

void st_notice_end(st_notice_t *notice)
{
    if (notice->more > 0) {
        st_log(ST_LOG_WARNING, 0, "ST0107: %s: %" PRIu64 " more spans lost",
               notice->endpoint, notice->more);
        notice->more = 0;
    }
}

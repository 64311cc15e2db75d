/* SPDX-License-Identifier: Apache-2.0 */
/* Rate-limited log lines of one endpoint. */
#include "notice.h"

#include <inttypes.h>

#include "st_log.h"

#define QUIET (60 * ST_NS_PER_SEC)

void st_notice_init(st_notice_t *notice, const char *endpoint)
{
    *notice = (st_notice_t){.endpoint = endpoint};
}

static void say_first(const st_notice_t *notice, st_notice_kind_t kind, apr_status_t rv,
                      const char *text, uint64_t spans)
{
    const char *dsn = notice->endpoint;
    switch (kind) {
    case ST_NOTICE_NETWORK:
        st_log(ST_LOG_WARNING, rv,
               "ST0101: no answer from %s: %s; %" PRIu64 " spans lost", dsn, text, spans);
        break;
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
    default:
        st_log(ST_LOG_ERR, rv,
               "ST0105: damaged record in the queue: %s; %" PRIu64
               " spans of %s lost at least",
               text, spans, dsn);
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

void st_notice_end(st_notice_t *notice, uint64_t left)
{
    if (notice->more > 0) {
        st_log(ST_LOG_WARNING, 0, "ST0107: %s: %" PRIu64 " more spans lost",
               notice->endpoint, notice->more);
        notice->more = 0;
    }
    if (left > 0) {
        st_log(ST_LOG_WARNING, 0,
               "ST0108: %s: %" PRIu64 " spans could not be sent before the end",
               notice->endpoint, left);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's queue: made once, kept over restarts, looked at once more at the end. */
#include "mst_keeper.h"

#include <ap_mpm.h>
#include <apr_strings.h>
#include <string.h>
#include <unistd.h>
#include <unixd.h>
#include "mst_config.h"
#include "mst_dests.h"
#include "mst_directives.h"

/* Room for a configuration that grows while the server runs. */
#define ENDPOINTS_MIN 16
#define DESTS_MIN     64

/* Twice the requests that can run at a time: what waits for a slow client has no thread, but is
 * not over. */
#define SLOTS_MIN 256
#define SLOTS_MAX 4096

/* Lives in the process's pool; nothing in it points to our code or to a configuration. */
typedef struct kept_t {
    st_queue_t queue;
    size_t ring_bytes; /* as asked for when it was made */
    const char *dir;   /* likewise; NULL: memory without a name */
} kept_t;

static kept_t *kept;
static pid_t parent;
static unsigned generation;

st_queue_t *mst_keeper_queue(void)
{
    return kept != NULL ? &kept->queue : NULL;
}

unsigned mst_keeper_generation(void)
{
    return generation;
}

void mst_keeper_forget(void)
{
    kept = NULL;
}

/* Under which name the handle is kept: a newer module must not misread an older one's. */
static const char *kept_key(apr_pool_t *pool)
{
    return apr_psprintf(pool,
                        "sentry_trace.queue.%" APR_UINT64_T_HEX_FMT ".%" APR_SIZE_T_FMT,
                        st_queue_kind(), sizeof(kept_t));
}

static int at_least(int low, int value)
{
    return value > low ? value : low;
}

static int open_slots(void)
{
    int daemons = 1;
    int threads = 1;
    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &daemons);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    int64_t slots = (int64_t)at_least(1, daemons) * at_least(1, threads) * 2;
    return slots < SLOTS_MAX ? at_least(SLOTS_MIN, (int)slots) : SLOTS_MAX;
}

static st_queue_layout_t layout_of(const mst_queue_conf_t *conf)
{
    const st_dest_table_t *wanted = mst_dests_wanted();
    int dests = at_least(DESTS_MIN, 2 * wanted->count);
    int endpoints = at_least(ENDPOINTS_MIN, 2 * wanted->endpoint_count);
    return (st_queue_layout_t){
        .endpoints = endpoints < ST_QUEUE_DESTS_MAX ? endpoints : ST_QUEUE_DESTS_MAX,
        .dests = dests < ST_QUEUE_DESTS_MAX ? dests : ST_QUEUE_DESTS_MAX,
        .open_slots = open_slots(),
        .ring_bytes = conf->bytes,
    };
}

static apr_status_t file_open(st_queue_t *queue, const st_queue_layout_t *layout,
                              const char *dir, const char **pwhy, server_rec *s,
                              apr_pool_t *pool)
{
    int is_root = geteuid() == 0;
    uid_t uid = is_root ? ap_unixd_config.user_id : geteuid();
    gid_t gid = is_root ? ap_unixd_config.group_id : getegid();
    int was_aside = 0;
    apr_status_t rv =
        st_queue_open_file(queue, layout, dir, uid, gid, &was_aside, pwhy, pool);
    if (was_aside) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, s,
            "ST0015: the file in %s is no queue that can be used now (another size, "
            "another version, damaged, or not ours); it was renamed to end in "
            ".aside, and what waits in it is not sent",
            dir);
    }
    return rv;
}

static apr_status_t queue_make(kept_t *made, server_rec *s, apr_pool_t *pool)
{
    const mst_queue_conf_t *conf = mst_conf_queue(s);
    const char *where = conf->dir != NULL ? conf->dir : "memory";
    const char *why = NULL;
    st_queue_layout_t layout = layout_of(conf);
    apr_status_t rv = conf->dir != NULL
                          ? file_open(&made->queue, &layout, conf->dir, &why, s, pool)
                          : st_queue_create(&made->queue, &layout);
    if (rv == APR_SUCCESS) {
        made->ring_bytes = conf->bytes;
        return APR_SUCCESS;
    }
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, rv, s,
                 "ST0004: " MST_DIRECTIVE_QUEUE ": the queue cannot be made in %s%s%s; "
                 "allowed is a folder of the user that the server runs as, with room for "
                 "%" APR_SIZE_T_FMT " KB, that no other server uses",
                 where, why != NULL ? ": " : "", why != NULL ? why : "",
                 layout.ring_bytes / 1024);
    return rv;
}

static int same_dir(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Children of the generation before still use the one that there is. */
static void log_unchanged(const server_rec *s)
{
    const mst_queue_conf_t *conf = mst_conf_queue(s);
    if (conf->bytes != kept->ring_bytes || !same_dir(conf->dir, kept->dir)) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "ST0016: " MST_DIRECTIVE_QUEUE
                     " has changed; the queue stays as it is "
                     "until the server is stopped and started");
    }
}

apr_status_t mst_keeper_open(server_rec *main_server, apr_pool_t *ptemp)
{
    apr_pool_t *pool = main_server->process->pool;
    const char *key = kept_key(ptemp);
    void *found = NULL;
    apr_pool_userdata_get(&found, key, pool);
    kept = found;
    if (kept != NULL) {
        log_unchanged(main_server);
    } else if (mst_dests_wanted()->count > 0) {
        kept_t made;
        apr_status_t rv = queue_make(&made, main_server, ptemp);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        made.dir = apr_pstrdup(pool, mst_conf_queue(main_server)->dir);
        kept = apr_pmemdup(pool, &made, sizeof(made));
        apr_pool_userdata_set(kept, key, NULL, pool); /* copies the key */
    }
    if (kept != NULL) {
        parent = getpid();
        st_queue_generation_next(&kept->queue);
        generation = st_queue_generation(&kept->queue);
    }
    return APR_SUCCESS;
}

/* The pid and the signal in "AH00052: child pid 7 exit signal Aborted (6)", which httpd
 * (server/mpm_common.c) says with 00051 when there may be a core dump.
 * @return 0 when the message says something else. */
static int exit_parse(const char *message, pid_t *ppid, int *psig)
{
    static const char child[] = "child pid ";
    static const char signal[] = " exit signal ";
    const char *at = message + strlen("AH00052: ");
    if (strncmp(at, child, sizeof(child) - 1) != 0) {
        return 0;
    }
    char *end;
    *ppid = (pid_t)strtol(at + sizeof(child) - 1, &end, 10);
    if (strncmp(end, signal, sizeof(signal) - 1) != 0) {
        return 0;
    }
    const char *number = strchr(end, '(');
    *psig = number != NULL ? (int)strtol(number + 1, NULL, 10) : 0;
    return *ppid > 0 && *psig > 0;
}

void mst_error_log(const ap_errorlog_info *info, const char *message)
{
    pid_t pid;
    int sig;
    if (kept == NULL || (strncmp(message, "AH00052: ", 9) != 0 &&
                         strncmp(message, "AH00051: ", 9) != 0)) {
        return;
    }
    if (getpid() == parent && exit_parse(message, &pid, &sig)) {
        st_queue_exit_note(&kept->queue, pid, sig);
    }
}

static uint64_t waiting_count(const st_counters_t *counters)
{
    uint64_t created = st_counters_get_created(counters, ST_CATEGORY_SPAN);
    uint64_t over = st_counters_get_delivered(counters, ST_CATEGORY_SPAN);
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        over += st_counters_get_discarded(counters, reason, ST_CATEGORY_SPAN);
    }
    return created > over ? created - over : 0;
}

/* Spans that were dropped and that no client report has told Sentry about. */
static uint64_t unreported_count(const st_counters_t *counters)
{
    st_report_t report;
    uint64_t count = 0;
    int is_any = st_counters_report_read(counters, &report);
    for (int reason = 0; is_any && reason < ST_REASON_COUNT; reason++) {
        count += report.quantity[reason][ST_CATEGORY_SPAN];
    }
    return count;
}

static void log_kept(const server_rec *s, const char *name, uint64_t waiting)
{
    if (waiting > 0) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "ST0017: %" APR_UINT64_T_FMT
                     " spans for %s wait in %s until the server "
                     "is started again",
                     waiting, name, kept->dir);
    }
}

static void log_lost(const server_rec *s, const char *name, uint64_t waiting,
                     uint64_t unreported)
{
    if (waiting > 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "ST0018: %" APR_UINT64_T_FMT
                     " spans for %s are lost: the server ends before they could be sent",
                     waiting, name);
    }
    if (unreported > 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "ST0010: %" APR_UINT64_T_FMT
                     " spans for %s were dropped, and the server "
                     "ends before it could report them",
                     unreported, name);
    }
}

/* Who is told, and by whom. In pconf. */
typedef struct end_watch_t {
    apr_pool_t *plog;
    server_rec *main_server;
} end_watch_t;

/* Pre-cleanup of plog: at the end of the server that pool goes before all others, and the error
 * log is still open. All children have ended. */
static apr_status_t end_tell(void *baton)
{
    const end_watch_t *watch = baton;
    char name[ST_QUEUE_STRINGS_MAX + 1];
    if (kept == NULL || getpid() != parent) {
        return APR_SUCCESS;
    }
    for (int i = 0; i < kept->queue.layout.endpoints; i++) {
        const st_counters_t *counters = &kept->queue.endpoints[i].counters;
        if (!st_queue_endpoint_name(&kept->queue, i, name, sizeof(name))) {
            continue;
        }
        uint64_t waiting = waiting_count(counters);
        if (kept->dir != NULL) {
            log_kept(watch->main_server, name, waiting);
        } else {
            log_lost(watch->main_server, name, waiting, unreported_count(counters));
        }
    }
    return APR_SUCCESS;
}

/* Cleanup of pconf: at a restart that pool goes first, and nothing ends. */
static apr_status_t end_unwatch(void *baton)
{
    const end_watch_t *watch = baton;
    apr_pool_cleanup_kill(watch->plog, watch, end_tell);
    return APR_SUCCESS;
}

void mst_keeper_watch_end(server_rec *main_server, apr_pool_t *pconf, apr_pool_t *plog)
{
    end_watch_t *watch = apr_palloc(pconf, sizeof(*watch));
    *watch = (end_watch_t){.plog = plog, .main_server = main_server};
    apr_pool_pre_cleanup_register(plog, watch, end_tell);
    apr_pool_cleanup_register(pconf, watch, end_unwatch, apr_pool_cleanup_null);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A child's start and end. */
#include "mst_child.h"

#include <ap_mpm.h>
#include <apr_portable.h>
#include <apr_thread_proc.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#include "mst_config.h"
#include "mst_dests.h"
#include "st_version.h"

/* Room for a burst while envelopes are under way: a typical record has 1.5 KB. The memory is
 * touched only as far as it is used. */
#define RING_BYTES_PER_THREAD (128 * 1024)
#define RING_BYTES_MIN        (512 * 1024)
#define RING_BYTES_MAX        (8 * 1024 * 1024)

#define LINGER (500 * ST_NS_PER_MS)
#define JOIN_SLACK                                                                       \
    ST_NS_PER_SEC /* beyond the shutdown timeout, before the thread is left */

static mst_child_t *child;

/* What the sender thread needs to run and to be joined. */
typedef struct sender_thread_t {
    st_sender_t *sender;
    server_rec *server;
    apr_thread_t *thread;
    st_ns_t join_timeout;
} sender_thread_t;

mst_child_t *mst_child(void)
{
    return child;
}

static size_t ring_bytes(void)
{
    int threads = 1;
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    size_t bytes = (size_t)(threads > 0 ? threads : 1) * RING_BYTES_PER_THREAD;
    if (bytes < RING_BYTES_MIN) {
        return RING_BYTES_MIN;
    }
    return bytes < RING_BYTES_MAX ? bytes : RING_BYTES_MAX;
}

/* Zeroed pages; they end with the process. NULL when there are none. */
static void *pages(size_t bytes)
{
    void *mem =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mem != MAP_FAILED ? mem : NULL;
}

static apr_status_t queue_start(mst_child_t *new_child)
{
    size_t bytes = ring_bytes();
    void *mem = pages(bytes);
    new_child->counters =
        pages(sizeof(*new_child->counters) * (size_t)mst_dests()->endpoint_count);
    if (mem == NULL || new_child->counters == NULL) {
        return APR_ENOMEM;
    }
    st_rng_t rng = st_id_source_rng(&new_child->ids);
    apr_status_t rv = st_ring_format(mem, bytes, st_rng_next(&rng));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return st_ring_attach(&new_child->ring, mem, bytes);
}

/* The sender outlives no request but may outlive a bounded join, so its memory hangs on no
 * pool that the child destroys, and has an allocator that no other thread uses. */
static apr_status_t sender_pool(apr_pool_t **ppool)
{
    apr_allocator_t *allocator;
    apr_status_t rv = apr_allocator_create(&allocator);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_pool_create_unmanaged_ex(ppool, NULL, allocator);
    if (rv != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return rv;
    }
    apr_allocator_owner_set(allocator, *ppool);
    apr_pool_tag(*ppool, "sentry_trace_sender");
    return APR_SUCCESS;
}

static apr_status_t sender_start(mst_child_t *new_child, server_rec *s, apr_pool_t *pool)
{
    st_sender_options_t options = {
        .ring = &new_child->ring,
        .dests = mst_dests(),
        .counters = new_child->counters,
        .flush_interval = mst_conf_flush_interval(s) * ST_NS_PER_US,
        .linger = LINGER,
        .shutdown_timeout = mst_conf_shutdown_timeout(s) * ST_NS_PER_US,
        .user_agent = ST_SDK_NAME "/" ST_VERSION,
    };
    if (options.linger > options.flush_interval) {
        options.linger = options.flush_interval;
    }
    return st_sender_create(&new_child->sender, &options, pool);
}

/* Spans that were dropped and that no client report has told Sentry about. */
static uint64_t unreported_count(const st_counters_t *counters)
{
    uint64_t count = 0;
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        if (st_reason_is_reported(reason)) {
            count += counters->discarded[reason][ST_CATEGORY_SPAN] -
                     counters->reported[reason][ST_CATEGORY_SPAN];
        }
    }
    return count;
}

/* A name for the log: the DSN of the first destination that uses the endpoint. */
static const char *endpoint_name(int endpoint)
{
    const st_dest_table_t *dests = mst_dests();
    int i = 0;
    while (dests->dests[i].endpoint != endpoint) {
        i++;
    }
    return dests->dests[i].dsn->masked;
}

static void log_endpoints(const server_rec *s)
{
    for (int i = 0; i < mst_dests()->endpoint_count; i++) {
        ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, s,
                     "ST0014: this child sends its spans to %s", endpoint_name(i));
    }
}

static void log_unreported(const server_rec *s)
{
    for (int i = 0; i < mst_dests()->endpoint_count; i++) {
        uint64_t count = unreported_count(&child->counters[i]);
        if (count > 0) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                         "ST0010: %" APR_UINT64_T_FMT
                         " spans for %s were dropped, and this "
                         "child ends before it could report them",
                         count, endpoint_name(i));
        }
    }
}

static void *APR_THREAD_FUNC sender_main(apr_thread_t *thread, void *baton)
{
    sender_thread_t *st = baton;
    pthread_setname_np(pthread_self(), "sentry_sender"); /* for top -H */
    st_sender_thr_run(st->sender);
    st_sender_thr_close(st->sender);
    log_unreported(st->server);
    return NULL;
}

/* Keeps our code mapped until the process is gone, for a thread that still runs in it. */
static void code_pin(void)
{
    Dl_info info;
    if (dladdr((void *)code_pin, &info) != 0 && info.dli_fname != NULL) {
        (void)dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
    }
}

/* Pre-cleanup of pchild: requests are over, pools are whole. On prefork this may run inside
 * the signal handler of the main thread, so it takes no lock and allocates nothing. */
static apr_status_t sender_stop(void *baton)
{
    sender_thread_t *st = baton;
    st_sender_stop(st->sender);
    pthread_t *os_thread;
    apr_os_thread_get((apr_os_thread_t **)&os_thread, st->thread);
    st_ns_t deadline = st_clock_wall() + st->join_timeout;
    struct timespec ts = {.tv_sec = deadline / ST_NS_PER_SEC,
                          .tv_nsec = deadline % ST_NS_PER_SEC};
    int err = pthread_timedjoin_np(*os_thread, NULL, &ts);
    if (err != 0) {
        code_pin();
        ap_log_error(APLOG_MARK, APLOG_WARNING, err, st->server,
                     "ST0011: the sender thread did not end in time and is left behind");
        return APR_SUCCESS;
    }
    st_sender_destroy(
        st->sender); /* only now: the stop above may still have been writing */
    return APR_SUCCESS;
}

/* Signals are for httpd's threads. */
static apr_status_t thread_create_silent(sender_thread_t *st, apr_pool_t *pool)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    apr_status_t rv = apr_thread_create(&st->thread, NULL, sender_main, st, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rv;
}

static apr_status_t thread_start(mst_child_t *new_child, server_rec *s,
                                 apr_pool_t *pchild)
{
    apr_pool_t *pool;
    apr_status_t rv = sender_pool(&pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = sender_start(new_child, s, pool);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return rv;
    }
    sender_thread_t *st = apr_pcalloc(pool, sizeof(*st));
    st->sender = new_child->sender;
    st->server = s;
    st->join_timeout = mst_conf_shutdown_timeout(s) * ST_NS_PER_US + JOIN_SLACK;
    child = new_child; /* the thread reads it at its end */
    rv = thread_create_silent(st, pool);
    if (rv != APR_SUCCESS) {
        child = NULL;
        st_sender_destroy(new_child->sender);
        apr_pool_destroy(pool);
        return rv;
    }
    apr_pool_pre_cleanup_register(pchild, st, sender_stop);
    return APR_SUCCESS;
}

void mst_child_start(apr_pool_t *pchild, server_rec *main_server)
{
    child = NULL;
    if (mst_dests()->count == 0) {
        return;
    }
    mst_child_t *new_child = apr_pcalloc(pchild, sizeof(*new_child));
    new_child->pid = getpid();
    st_id_source_seed(&new_child->ids);
    apr_status_t rv = queue_start(new_child);
    if (rv == APR_SUCCESS) {
        rv = thread_start(new_child, main_server, pchild);
    }
    if (rv == APR_SUCCESS) {
        log_endpoints(main_server);
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, rv, main_server,
                 "ST0012: no sender could be started; this child does not trace");
}

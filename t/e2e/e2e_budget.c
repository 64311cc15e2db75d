/* SPDX-License-Identifier: Apache-2.0 */
/* What tracing may cost: nothing where it is off, a fixed handful of allocations where it is
 * on. Counted by alloc_watch.c, which is preloaded into the server. */
#include "te.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WATCH_FILE "/allocations"
#define REQUESTS   50

/* Allocations of one traced request for a small file: state, segment, spans (twice as their
 * array grows), clean-up, URL. Names and attributes are borrowed. */
#define TRACED_MAX 8

typedef struct watch_t {
    te_env_t *env;
    volatile uint64_t *count;
} watch_t;

static volatile uint64_t *count_map(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fchmod(fd, 0666), 0);
    ck_assert_int_eq(ftruncate(fd, sizeof(uint64_t)), 0);
    void *mem = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(mem, MAP_FAILED);
    close(fd);
    return mem;
}

/* A server under watch, which has answered once, so that everything is set up. */
static watch_t watch_start(te_mpm_t mpm, const char *conf, const char *name)
{
    const char *path = apr_pstrcat(te_pool, te_dir_base(), WATCH_FILE, NULL);
    const char **env = apr_pcalloc(te_pool, 3 * sizeof(*env));
    env[0] = apr_pstrcat(te_pool, "ALLOC_WATCH=", path, NULL);
    env[1] = "LD_PRELOAD=" TE_ALLOC_WATCH_SO;
    watch_t watch = {.count = count_map(path)};
    watch.env = te_env_make(
        &(te_setup_t){.mpm = mpm,
                      .env = env,
                      .conf = apr_pstrcat(te_pool, TE_DSN "LogLevel sentry_trace:debug\n",
                                          conf, NULL)},
        name);
    te_env_run(watch.env);
    te_log_await(watch.env->httpd, "ST0014"); /* the sender has what it needs */
    unlink(path);
    ck_assert_int_eq(te_get(watch.env, "/hello.txt")->status, 200);
    ck_assert_uint_gt(*watch.count, 0); /* its configuration alone: the watch works */
    return watch;
}

/* Allocations while REQUESTS files are served. */
static uint64_t cost(const watch_t *watch)
{
    uint64_t before = *watch->count;
    for (int i = 0; i < REQUESTS; i++) {
        ck_assert_int_eq(te_get(watch->env, "/hello.txt")->status, 200);
    }
    return *watch->count - before;
}

START_TEST(off_allocates_nothing)
{
    watch_t watch = watch_start(_i, "SentryTrace Off\n", __func__);
    ck_assert_uint_eq(cost(&watch), 0);
    te_finish(watch.env);
}
END_TEST

/* The sender is kept from its work, so that only requests are counted. */
START_TEST(a_traced_request_allocates_a_handful)
{
    watch_t watch =
        watch_start(_i, "SentryTraceFlush 60s\nSentryTraceSampleRate 0\n", __func__);
    uint64_t unsampled = cost(&watch);
    ck_assert_uint_gt(unsampled, 0);
    ck_assert_uint_le(unsampled, REQUESTS * TRACED_MAX);
    te_finish(watch.env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, off_allocates_nothing);
    te_add_per_mpm(tcase, a_traced_request_allocates_a_handful);
}

int main(void)
{
    return te_main("budget", add_cases);
}

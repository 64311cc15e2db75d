/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a private httpd: shifts its wall clock, and answers for a domain that nobody
 * has, as the test says in a shared file (te_shim.h). Monotonic clocks are left alone, and so are
 * waits of the C library that end at a wall clock's time: they know the real one. */

#include "te_shim.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static te_shim_words_t *words;

__attribute__((constructor)) static void shim_start(void)
{
    const char *path = getenv(TE_SHIM_VARIABLE);
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd == -1) {
        return;
    }
    void *mem = mmap(NULL, sizeof(*words), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mem != MAP_FAILED) {
        words = mem;
    }
}

/* The C library's own function would be found by a search that takes locks: these are called
 * from signal handlers. */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, ts);
    int wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (rc != 0 || !wall || words == NULL) {
        return rc;
    }
    st_ns_t shifted = ts->tv_sec * ST_NS_PER_SEC + ts->tv_nsec +
                      atomic_load_explicit(&words->clock_offset, memory_order_relaxed);
    ts->tv_sec = shifted / ST_NS_PER_SEC;
    ts->tv_nsec = shifted % ST_NS_PER_SEC;
    return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec ts;
    int rc = clock_gettime(CLOCK_REALTIME, &ts);
    if (rc == 0) {
        tv->tv_sec = ts.tv_sec;
        tv->tv_usec = ts.tv_nsec / 1000;
    }
    return rc;
}

time_t time(time_t *ptime)
{
    struct timespec ts = {.tv_sec = 0};
    clock_gettime(CLOCK_REALTIME, &ts);
    if (ptime != NULL) {
        *ptime = ts.tv_sec;
    }
    return ts.tv_sec;
}

static int is_ours(const char *name)
{
    size_t len = name != NULL ? strlen(name) : 0;
    size_t domain_len = strlen(TE_SHIM_DOMAIN);
    return words != NULL && len > domain_len &&
           strcmp(name + len - domain_len, TE_SHIM_DOMAIN) == 0;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **presult)
{
    if (!is_ours(name)) {
        int (*real)(const char *, const char *, const struct addrinfo *,
                    struct addrinfo **) =
            (int (*)(const char *, const char *, const struct addrinfo *,
                     struct addrinfo **))dlsym(RTLD_NEXT, "getaddrinfo");
        return real(name, service, hints, presult);
    }
    atomic_fetch_add(&words->lookups, 1);
    while (atomic_load(&words->resolver) == TE_RESOLVER_HANGS) {
        struct timespec pause = {.tv_nsec = 5 * ST_NS_PER_MS};
        nanosleep(&pause, NULL);
    }
    return EAI_NONAME;
}

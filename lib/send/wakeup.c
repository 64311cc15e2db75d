/* SPDX-License-Identifier: Apache-2.0 */
/* The words and the descriptor between requests and the sleeping sender. */
#include "wakeup.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A full fence, as read-modify-write of a word that nobody else looks at: ThreadSanitizer does
 * not know atomic_thread_fence, and on x86 this is what a fence costs as well. */
static void fence(void)
{
#if defined(__SANITIZE_THREAD__)
    static _Atomic int word;
    atomic_fetch_add_explicit(&word, 0, memory_order_seq_cst);
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

apr_status_t st_wakeup_open(st_wakeup_t *wakeup)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        return errno;
    }
    *wakeup = (st_wakeup_t){.fd = fd};
    return APR_SUCCESS;
}

void st_wakeup_close(st_wakeup_t *wakeup)
{
    close(wakeup->fd);
}

/* Can fail only when the descriptor is readable already. Keeps errno for whoever is
 * interrupted by a signal. */
static void fd_write(const st_wakeup_t *wakeup)
{
    int saved = errno;
    uint64_t one = 1;
    ssize_t n = write(wakeup->fd, &one, sizeof(one));
    (void)n;
    errno = saved;
}

void st_wakeup_notify(st_wakeup_t *wakeup, const st_ring_t *ring)
{
    fence(); /* between the commit and the look at `sleeping`; partner: thr_sleep */
    int sleeping = atomic_load_explicit(&wakeup->sleeping, memory_order_relaxed);
    if (sleeping) {
        /* Relaxed: the fence has ordered it; only one of many wins and writes. */
        sleeping = atomic_exchange_explicit(&wakeup->sleeping, 0, memory_order_relaxed);
        if (sleeping) {
            fd_write(wakeup);
        }
        return;
    }
    if (st_ring_used(ring) <= st_ring_capacity(ring) / 2) {
        return;
    }
    /* Relaxed: it guards nothing but the number of writes. */
    int nudged = atomic_load_explicit(&wakeup->nudged, memory_order_relaxed);
    if (!nudged) {
        nudged = atomic_exchange_explicit(&wakeup->nudged, 1, memory_order_relaxed);
        if (!nudged) {
            fd_write(wakeup);
        }
    }
}

void st_wakeup_stop(st_wakeup_t *wakeup)
{
    /* Release: partner is_stopping. */
    int before = atomic_exchange_explicit(&wakeup->stopping, 1, memory_order_release);
    if (!before) {
        fd_write(wakeup);
    }
}

int st_wakeup_is_stopping(const st_wakeup_t *wakeup)
{
    /* Acquire: what happened before the stop is seen, the last records too. */
    return atomic_load_explicit(&wakeup->stopping, memory_order_acquire);
}

void st_wakeup_thr_sleep(st_wakeup_t *wakeup)
{
    atomic_store_explicit(&wakeup->sleeping, 1, memory_order_relaxed);
    fence(); /* between `sleeping` and the last look into the ring; partner: notify */
}

void st_wakeup_thr_awake(st_wakeup_t *wakeup, int woken)
{
    atomic_store_explicit(&wakeup->sleeping, 0, memory_order_relaxed);
    if (woken) {
        uint64_t count;
        ssize_t n = read(wakeup->fd, &count, sizeof(count));
        (void)n; /* fails only when there is nothing to take back */
    }
}

void st_wakeup_thr_nudge_again(st_wakeup_t *wakeup)
{
    atomic_store_explicit(&wakeup->nudged, 0, memory_order_relaxed);
}

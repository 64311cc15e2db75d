/* SPDX-License-Identifier: Apache-2.0 */
/* The words and the descriptor between requests and the sleeping sender. */
#include "st_wakeup.h"

#include <errno.h>
#include <unistd.h>
#include "st_queue.h"

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

void st_wakeup_kick(const st_queue_t *queue)
{
    int saved = errno; /* of whoever is interrupted by a signal */
    uint64_t one = 1;
    ssize_t n = write(queue->wake_fd, &one, sizeof(one));
    (void)n; /* can fail only when the descriptor is readable already */
    errno = saved;
}

/* Sets `word`; of many that do so at once, one finds it different and kicks. Relaxed: what has
 * to be ordered is ordered by the fence. */
static void kick_once(const st_queue_t *queue, _Atomic int *word, int value)
{
    int before = atomic_exchange_explicit(word, value, memory_order_relaxed);
    if (before != value) {
        st_wakeup_kick(queue);
    }
}

void st_wakeup_notify(const st_queue_t *queue)
{
    st_wakeup_shm_t *wakeup = st_queue_wakeup(queue);
    fence(); /* between the commit and the look at `sleeping`; partner: thr_sleep */
    int sleeping = atomic_load_explicit(&wakeup->sleeping, memory_order_relaxed);
    if (sleeping) {
        kick_once(queue, &wakeup->sleeping, 0);
        return;
    }
    if (st_ring_used(&queue->ring) <= st_ring_capacity(&queue->ring) / 2) {
        return;
    }
    /* Relaxed: it guards nothing but the number of writes. */
    int nudged = atomic_load_explicit(&wakeup->nudged, memory_order_relaxed);
    if (!nudged) {
        kick_once(queue, &wakeup->nudged, 1);
    }
}

void st_wakeup_thr_sleep(const st_queue_t *queue)
{
    atomic_store_explicit(&st_queue_wakeup(queue)->sleeping, 1, memory_order_relaxed);
    fence(); /* between `sleeping` and the last look into the ring; partner: notify */
}

void st_wakeup_thr_awake(const st_queue_t *queue, int woken)
{
    atomic_store_explicit(&st_queue_wakeup(queue)->sleeping, 0, memory_order_relaxed);
    if (woken) {
        uint64_t count;
        ssize_t n = read(queue->wake_fd, &count, sizeof(count));
        (void)n; /* fails only when there is nothing to take back */
    }
}

void st_wakeup_thr_nudge_again(const st_queue_t *queue)
{
    atomic_store_explicit(&st_queue_wakeup(queue)->nudged, 0, memory_order_relaxed);
}

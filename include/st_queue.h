/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_QUEUE_H
#define ST_QUEUE_H

/* The queue: memory shared by all processes of a server. Made by the parent before it forks and
 * kept by it across restarts, so that nothing which waits is lost when children come and go.
 *
 *   ┌──────┬───────────┬──────────────┬───────────────┬──────┐
 *   │ head │ endpoints │ destinations │ open requests │ ring │
 *   └──────┴───────────┴──────────────┴───────────────┴──────┘
 *
 * It is a memory file without a name, or, so that what waits survives the parent too, a file
 * in a folder. The descriptor of either is what the sender's lease is locked on (st_lease.h).
 *
 * Records name their destination by its index here, whose entry stays as long as records may
 * wait for it, whatever the configuration has become. Destinations name endpoints, which are
 * distinct DSNs, again by index. */

#include <apr_pools.h>
#include "st_dest.h"
#include "st_endpoint.h"
#include "st_lease.h"
#include "st_ledger.h"
#include "st_open.h"
#include "st_ring.h"
#include "st_wakeup.h"

/* Sizes, fixed when the queue is made. */
typedef struct st_queue_layout_t {
    int endpoints;
    int dests;
    int open_slots;
    size_t ring_bytes;
} st_queue_layout_t;

#define ST_QUEUE_RING_MIN  ((size_t)256 * 1024)
#define ST_QUEUE_RING_MAX  ((size_t)4 * 1024 * 1024 * 1024)
#define ST_QUEUE_DESTS_MAX 65535

/* Bytes of all strings of one destination, or of one endpoint's DSN, at most. */
#define ST_QUEUE_STRINGS_MAX 2000

typedef struct st_queue_shm_t st_queue_shm_t;

/* A process's handle; all of it may be copied into a child by fork. */
typedef struct st_queue_t {
    st_queue_shm_t *shm;
    size_t size;
    int fd;      /* of the memory; close-on-exec; never closed while the process traces */
    int wake_fd; /* eventfd that wakes the sender, whichever process has it; close-on-exec */
    st_queue_layout_t layout;
    st_endpoint_t *endpoints;
    st_open_t open;
    st_ring_t ring;
} st_queue_t;

/* Makes an empty queue without a name. The parent.
 * @return APR_SUCCESS; APR_EINVAL when the layout is out of range; why there is no memory. */
apr_status_t st_queue_create(st_queue_t *queue,
                             const st_queue_layout_t *layout) ST_MUST_CHECK;

/* Opens or makes the queue in the file `dir`/sentry-trace.queue. The parent; makes `dir`
 * (mode 0700, not its parents) if it is missing, and gives both to uid and gid when run as
 * root. The file has mode 0600 and all its bytes from the start. What stands there and is no
 * whole queue of this build of the module in a plain file of the right owner with one link is
 * renamed to sentry-trace.queue.aside, and a new one is made. A queue of another layout than
 * what is asked for is kept as it is (queue->layout says which) as long as something waits in
 * it; an empty one is replaced.
 * @param pwas_aside set to 1 when a file was set aside
 * @param pwhy on failure a sentence part ("its folder belongs to user 1000, not to ...")
 * @return APR_SUCCESS; APR_EBUSY when another server uses the file; ENOSPC when the disk is
 *         full; APR_EACCES when the folder's owner or mode cannot be trusted; or why not. */
apr_status_t st_queue_open_file(st_queue_t *queue, const st_queue_layout_t *layout,
                                const char *dir, uid_t uid, gid_t gid, int *pwas_aside,
                                const char **pwhy, apr_pool_t *pool) ST_MUST_CHECK;

/* Unmaps and closes. For tests and failed starts: who serves keeps its queue to the end. */
void st_queue_close(st_queue_t *queue);

/* Differs between builds of this library that cannot use each other's queues. */
uint64_t st_queue_kind(void);

/* One configuration run after another. The parent, before it forks. */
void st_queue_generation_next(st_queue_t *queue);
unsigned st_queue_generation(const st_queue_t *queue);

/* Index of the destination that is equal to `dest`, entered if it is new; its endpoint
 * (dest->endpoint is not looked at) likewise. A DSN with the key and project of an endpoint that
 * this generation has not named yet is that endpoint, moved: what waits for it follows, and its
 * circuit is closed. Entries that neither this nor the last generation has named, and for
 * which nothing waits and no request is open, are used again when there is no room. Called by
 * the parent for all destinations of a configuration, after st_queue_generation_next and
 * st_queue_dsn_keep.
 * @return APR_SUCCESS; ST_E_FULL when there is no room; ST_E_LIMIT when its strings are too
 *         long. */
apr_status_t st_queue_dest_enter(st_queue_t *queue, const st_dest_t *dest,
                                 int *pindex) ST_MUST_CHECK;

/* Says that this generation is going to name `dsn`, too: if there is such an endpoint, it is not
 * taken for another one that has moved. The parent, for all DSNs of a configuration before the
 * first st_queue_dest_enter; so the order of entering does not matter. */
void st_queue_dsn_keep(st_queue_t *queue, const st_dsn_t *dsn);

/* The table of all destinations as they stand now, parsed from what the memory says. Indexes are
 * those of the queue; an entry that is unused or cannot be parsed has dsn NULL and endpoint -1.
 * endpoint_count is layout.endpoints. Any process.
 * @param table in result_pool, nothing in it points into shared memory */
void st_queue_dests(const st_queue_t *queue, st_dest_table_t *table,
                    apr_pool_t *result_pool);

/* Endpoint `i` for messages: its masked DSN; 0 when it is unused. Any process. */
int st_queue_endpoint_name(const st_queue_t *queue, int i, char *out, size_t size);

/* What waits per endpoint and category, counted by looking at every entry of the ring: the
 * independent side of the law. Any process.
 * @param waiting array of layout.endpoints, filled
 * @return APR_SUCCESS; APR_EAGAIN when the ring moved too fast to be looked at. */
typedef struct st_queue_waiting_t {
    uint64_t quantity[ST_CATEGORY_COUNT];
    uint64_t bytes; /* of the ring, with what was released before each entry */
} st_queue_waiting_t;
apr_status_t st_queue_waiting(const st_queue_t *queue,
                              st_queue_waiting_t *waiting) ST_MUST_CHECK;

/* Flag in st_ring_tag_t: the record leaves as a transaction, which counts in both categories. */
#define ST_QUEUE_TAG_TRANSACTION 1

/* Adds to quantity what an entry with this tag stands for. */
void st_queue_tag_count(st_ring_tag_t tag, uint64_t quantity[ST_CATEGORY_COUNT]);

/* The last children that ended by a signal, as far as the parent has heard. */
void st_queue_exit_note(st_queue_t *queue, pid_t pid, int sig);
int st_queue_exit_signal(const st_queue_t *queue, pid_t pid); /* 0: not known */

/* The parts that others build on. */
st_lease_shm_t *st_queue_lease(const st_queue_t *queue);
st_ledger_shm_t *st_queue_ledger(const st_queue_t *queue);
st_wakeup_shm_t *st_queue_wakeup(const st_queue_t *queue);

#endif /* ST_QUEUE_H */

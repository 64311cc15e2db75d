/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_QUEUE_INT_H
#define ST_QUEUE_INT_H

/* What stands in the queue's memory, for queue.c, queue_file.c and queue_dests.c alone.
 *
 * The parent, which may run as root, reads memory that processes of another user can write:
 * where parts are follows from the layout in its handle, which no one else can reach, and every
 * length and index is checked where it is used. */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "st_queue.h"

#define ST_QUEUE_MAGIC   UINT64_C(0x31455545555153ff)
#define ST_QUEUE_VERSION 2 /* to be raised when the meaning of something changes */

/* What never changes once a queue is made. */
typedef struct st_queue_fixed_t {
    uint64_t magic;
    uint32_t version;
    uint32_t shape; /* of all structs in the memory, as this build has them */
    uint32_t endpoints;
    uint32_t dests;
    uint32_t open_slots;
    uint32_t reserved;
    uint64_t ring_bytes;
    uint64_t sum; /* of everything before */
} st_queue_fixed_t;

#define ST_QUEUE_EXITS 64

struct st_queue_shm_t {
    st_queue_fixed_t fixed;
    uint64_t boot; /* which boot of the machine the instants in the memory belong to */
    _Atomic unsigned generation;
    _Atomic unsigned exit_count;            /* notes ever made; the last ones are kept */
    _Atomic uint64_t exits[ST_QUEUE_EXITS]; /* pid << 32 | signal */
    _Alignas(64) st_lease_shm_t lease;
    _Alignas(64) st_ledger_shm_t ledger;
    _Alignas(64) st_wakeup_shm_t wakeup;
};

/* Shared bytes are copied in words, so that a reader which comes in between is no data race; it
 * sees by `used` or `turn` that it came in between, and reads again. */
#define ST_QUEUE_WORDS(bytes) (((bytes) + 7) / 8)

/* How often at most: the parent writes an entry once per restart. */
#define ST_QUEUE_READ_TRIES 100

/* Release, each word: who sees one sees what was stored before it. Partner: words_load. */
static inline void st_queue_words_store(_Atomic uint64_t *to, const void *from,
                                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t word;
        memcpy(&word, (const char *)from + i * sizeof(word), sizeof(word));
        atomic_store_explicit(&to[i], word, memory_order_release);
    }
}

static inline void st_queue_words_load(void *to, const _Atomic uint64_t *from,
                                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t word = atomic_load_explicit(&from[i], memory_order_acquire);
        memcpy((char *)to + i * sizeof(word), &word, sizeof(word));
    }
}

/* For the parent, which alone writes it: relaxed. */
static inline unsigned st_queue_used(const _Atomic unsigned *used)
{
    return atomic_load_explicit(used, memory_order_relaxed);
}

/* Release: who sees the generation sees the entry. Partner: the acquire of its readers. */
static inline void st_queue_used_set(_Atomic unsigned *used, unsigned generation)
{
    atomic_store_explicit(used, generation, memory_order_release);
}

/* The text of a DSN, terminated; the rest of it is zeros when it is to be entered. */
typedef struct st_queue_text_t {
    size_t len;
    char text[ST_QUEUE_WORDS(ST_QUEUE_STRINGS_MAX) * 8 + 1];
} st_queue_text_t;

/* The DSN of an endpoint, in two copies: `turn` says which one counts, so that it can change while
 * others read. Not terminated. */
typedef struct st_queue_dsn_t {
    _Atomic unsigned used; /* the generation that named it last; 0: unused */
    _Atomic unsigned turn; /* copies written so far; the last one counts */
    _Atomic uint32_t len[2];
    _Atomic uint64_t text[2][ST_QUEUE_WORDS(ST_QUEUE_STRINGS_MAX)];
} st_queue_dsn_t;

enum {
    ST_QUEUE_ENVIRONMENT = 0,
    ST_QUEUE_RELEASE,
    ST_QUEUE_ORG_ID,
    ST_QUEUE_SERVER_NAME,
    ST_QUEUE_CA_FILE,
    ST_QUEUE_STRING_COUNT
};

/* What makes a destination; equal ones are equal byte by byte. */
typedef struct st_queue_dest_body_t {
    int64_t timeout;
    uint32_t endpoint;
    uint16_t len[ST_QUEUE_STRING_COUNT]; /* plus one; 0: NULL */
    uint16_t lifecycle;                  /* st_lifecycle_t */
    char strings[ST_QUEUE_STRINGS_MAX];  /* one after the other, not terminated */
} st_queue_dest_body_t;

_Static_assert(sizeof(st_queue_dest_body_t) == 24 + ST_QUEUE_STRINGS_MAX,
               "no padding in what is compared");

typedef struct st_queue_dest_t {
    _Atomic unsigned used; /* as above; 0 also while the body is written */
    unsigned reserved;
    _Atomic uint64_t body[ST_QUEUE_WORDS(sizeof(st_queue_dest_body_t))];
} st_queue_dest_t;

/* Bytes of a queue of this layout; 0 when the layout is out of range. */
size_t st_queue_size(const st_queue_layout_t *layout);

/* Maps `fd`, which has st_queue_size(layout) bytes, and makes the wake-up descriptor; nothing is
 * read yet. On success the queue owns `fd`. */
apr_status_t st_queue_map(st_queue_t *queue, int fd,
                          const st_queue_layout_t *layout) ST_MUST_CHECK;

/* Makes mapped memory, all zero, an empty queue. */
apr_status_t st_queue_format(st_queue_t *queue) ST_MUST_CHECK;

/* Attaches to the ring in mapped memory. @return APR_SUCCESS; ST_E_MALFORMED. */
apr_status_t st_queue_attach(st_queue_t *queue) ST_MUST_CHECK;

/* Reads the layout of a whole queue from its first bytes.
 * @return APR_SUCCESS; ST_E_MALFORMED when another kind or build of module has written it. */
apr_status_t st_queue_layout_read(st_queue_layout_t *layout,
                                  const st_queue_fixed_t *fixed) ST_MUST_CHECK;

st_queue_dsn_t *st_queue_dsn_at(const st_queue_t *queue, int i);
st_queue_dest_t *st_queue_dest_at(const st_queue_t *queue, int i);

/* Index of the endpoint with this DSN, entered if it is new. The parent.
 * @return APR_SUCCESS; ST_E_LIMIT; ST_E_FULL. */
apr_status_t st_queue_endpoint_enter(st_queue_t *queue, const st_dsn_t *dsn,
                                     int *pindex) ST_MUST_CHECK;

/* The DSN of endpoint `i`. Any process. @return 0 when it is unused. */
int st_queue_dsn_read(const st_queue_t *queue, int i, st_queue_text_t *text);

/* Makes `text` the DSN; the copy that counts stays as it is until the other one is written. The
 * parent. */
void st_queue_dsn_replace(st_queue_dsn_t *dsn, const st_queue_text_t *text);

/* The endpoint of a destination, as far as it is one that the queue has; else -1. Any process. */
int st_queue_dest_endpoint(const st_queue_t *queue, int i);

/* A sum of bytes: against accidents, not against malice. */
uint64_t st_queue_sum(const void *bytes, size_t len);

/* Notes in a new queue which boot of the machine it is of. */
void st_queue_boot_set(st_queue_t *queue);

/* Whether everything that waits in an old queue can find its way.
 * @return APR_SUCCESS; ST_E_MALFORMED. */
apr_status_t st_queue_old_check(const st_queue_t *queue,
                                apr_pool_t *scratch_pool) ST_MUST_CHECK;

/* 1 when nothing is lost with an old queue: no record, request, report or sender. */
int st_queue_old_is_empty(const st_queue_t *queue);

/* Makes an old queue this server's: forgets instants and processes of another boot, and who
 * had the lease. */
void st_queue_old_revive(st_queue_t *queue);

/* Looks once at every entry that waits in the ring.
 * @param fn gets the entry's tag, and the bytes of the ring from the end of the one before
 * @return APR_SUCCESS; APR_EAGAIN when the ring moved too fast: what fn was told is void. */
typedef void st_queue_entry_fn(st_ring_tag_t tag, uint64_t bytes, void *baton);
apr_status_t st_queue_walk(const st_queue_t *queue, st_queue_entry_fn *fn,
                           void *baton) ST_MUST_CHECK;

#endif /* ST_QUEUE_INT_H */

/* SPDX-License-Identifier: Apache-2.0 */
/* Picks the transport of each destination; stands between only when there are two kinds. */
#include "st_transport.h"

typedef struct pair_transport_t {
    st_transport_t base;
    st_transport_t *curl;
    st_transport_t *file;
} pair_transport_t;

static st_transport_t *part_for(const st_transport_t *transport, const st_dest_t *dest)
{
    const pair_transport_t *pair = (const pair_transport_t *)transport;
    return dest->dsn->kind == ST_DSN_FILE ? pair->file : pair->curl;
}

static int pair_room(const st_transport_t *transport, const st_dest_t *dest)
{
    const st_transport_t *part = part_for(transport, dest);
    return part->ops->room(part, dest);
}

static apr_status_t pair_submit(st_transport_t *transport, const st_dest_t *dest,
                                const char *body, size_t len, void *parcel)
{
    st_transport_t *part = part_for(transport, dest);
    return part->ops->submit(part, dest, body, len, parcel);
}

/* Answers of the file part come at once; while it may have given one, nobody waits. */
static apr_status_t pair_drive(st_transport_t *transport, int wake_fd, st_ns_t timeout,
                               int *pwoken)
{
    pair_transport_t *pair = (pair_transport_t *)transport;
    int file_is_idle = pair->file->ops->room(pair->file, NULL) > 0;
    if (!file_is_idle) {
        apr_status_t rv = pair->file->ops->drive(pair->file, wake_fd, 0, pwoken);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        timeout = 0;
    }
    return pair->curl->ops->drive(pair->curl, wake_fd, timeout, pwoken);
}

static void pair_abort(st_transport_t *transport)
{
    pair_transport_t *pair = (pair_transport_t *)transport;
    pair->file->ops->abort(pair->file);
    pair->curl->ops->abort(pair->curl);
}

static void pair_destroy(st_transport_t *transport)
{
    pair_transport_t *pair = (pair_transport_t *)transport;
    pair->file->ops->destroy(pair->file);
    pair->curl->ops->destroy(pair->curl);
}

/* Passes an answer of a part on. */
static void pair_answer(const st_answer_t *answer, void *baton)
{
    pair_transport_t *pair = baton;
    pair->base.answer(answer, pair->base.baton);
}

static st_transport_t *pair_create(st_transport_t *curl, st_transport_t *file,
                                   apr_pool_t *pool)
{
    static const st_transport_ops_t ops = {
        .room = pair_room,
        .submit = pair_submit,
        .drive = pair_drive,
        .abort = pair_abort,
        .destroy = pair_destroy,
    };
    pair_transport_t *pair = apr_palloc(pool, sizeof(*pair));
    *pair = (pair_transport_t){.base = {.ops = &ops}, .curl = curl, .file = file};
    curl->answer = file->answer = pair_answer;
    curl->baton = file->baton = pair;
    return &pair->base;
}

static int count_kind(const st_dest_table_t *dests, st_dsn_kind_t kind)
{
    int count = 0;
    for (int i = 0; i < dests->count; i++) {
        const st_dsn_t *dsn = dests->dests[i].dsn;
        count += dsn != NULL && dsn->kind == kind;
    }
    return count;
}

apr_status_t st_transport_create(st_transport_t **ptransport,
                                 const st_dest_table_t *dests, const char *user_agent,
                                 apr_pool_t *pool)
{
    int files = count_kind(dests, ST_DSN_FILE);
    int urls = count_kind(dests, ST_DSN_HTTP);
    if (files > 0 && urls == 0) {
        *ptransport = st_file_transport_create(pool);
        return APR_SUCCESS;
    }
    st_transport_t *curl;
    apr_status_t rv = st_curl_create(&curl, dests, user_agent, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *ptransport =
        files > 0 ? pair_create(curl, st_file_transport_create(pool), pool) : curl;
    return APR_SUCCESS;
}

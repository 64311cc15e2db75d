/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ST_DEST_H
#define ST_DEST_H

/* A destination: where the spans of a virtual host go and what is said of all of them.
 * Records name theirs by its index in the table. Made at configuration time, never changed
 * afterwards, so any thread may read it. */

#include <apr_time.h>
#include "st_dsn.h"

/* How a segment with its children leaves: as spans, each for itself, or as one transaction. */
typedef enum {
    ST_LIFECYCLE_STREAM = 0,
    ST_LIFECYCLE_STATIC,
    ST_LIFECYCLE_COUNT
} st_lifecycle_t;

typedef struct st_dest_t {
    const st_dsn_t *dsn;
    st_lifecycle_t lifecycle;
    int endpoint;            /* index of the distinct DSN; destinations may share one */
    const char *environment; /* never NULL */
    const char *release;     /* or NULL */
    const char *org_id;      /* digits; NULL: what the DSN says, see st_dest_org_id */
    const char
        *server_name;    /* this machine, or what SentryTraceServerName says; or NULL */
    const char *ca_file; /* CA certificates to verify with, or NULL: the system's */
    apr_interval_time_t timeout; /* of one request to the endpoint */
} st_dest_t;

typedef struct st_dest_table_t {
    const st_dest_t *dests;
    int count;
    int endpoint_count;
} st_dest_table_t;

/* The organisation's id, or NULL when it is not known. */
static inline const char *st_dest_org_id(const st_dest_t *dest)
{
    return dest->org_id != NULL ? dest->org_id : dest->dsn->org_id;
}

#endif /* ST_DEST_H */

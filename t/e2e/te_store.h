/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TE_STORE_H
#define TE_STORE_H

/* What envelopes said: spans as flat structs, and the sums of client reports. A transaction is
 * a segment with its children, too; data gets the types of attributes.
 *
 * Every envelope is checked as strictly as Sentry would, and every attribute and operation against
 * the conventions (te_vocabulary.h); the first failure is remembered in
 * `failure` and ends the test in te_store_check. One thread. */

#include <apr_hash.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <jansson.h>

/* Spans that keep their attributes; later ones keep ids, names and times only, so that a load
 * test fits into memory. */
#define TE_STORE_ATTRS_MAX 4000

typedef struct te_span_t {
    const char *trace_id;
    const char *span_id;
    const char *parent_id; /* NULL: none */
    const char *name;
    const char *op;
    const char *status;
    const char *project; /* project id of the DSN it was sent to */
    int is_segment;
    int is_transaction; /* 1: a segment that came as one */
    int envelope;       /* number of its envelope, from 1 */
    double start;
    double end;
    json_t *attributes; /* {"key": {"type", "value"}}, or NULL: not kept */
} te_span_t;

/* One line of a client report. */
typedef struct te_discard_t {
    const char *project;
    const char *category;
    const char *reason;
    long quantity;
} te_discard_t;

typedef struct te_store_t {
    apr_pool_t *pool;
    apr_array_header_t *spans;     /* of te_span_t *, in order of arrival */
    apr_array_header_t *discarded; /* of te_discard_t, as reported */
    json_t *kept;                  /* array that owns the attributes */
    json_t *last_header;           /* header of the last envelope with spans, or NULL */
    json_t *last_transaction; /* payload of the last one that was accepted, or NULL */
    int transaction_count;
    int envelope_count;
    int report_count;
    int segment_count;
    apr_hash_t *ids;         /* of spans, where repeats are expected; or NULL */
    int repeated_span_count; /* that had come before */
    int rejected_span_count; /* in envelopes that were not answered 200 */
    int rejected_segment_count;
    const char *failure; /* or NULL */
} te_store_t;

te_store_t *te_store_create(apr_pool_t *pool);

/* From now on spans may come twice, because a process was killed between the answer and what it
 * would have done about it. The second is only counted. */
void te_store_expect_repeats(te_store_t *store);

/* Reads all envelopes in bytes[0..len), which may be freed afterwards.
 * @param accepted 0: they were not taken; their spans are only counted */
void te_store_add(te_store_t *store, const char *bytes, size_t len, const char *project,
                  int accepted);

/* Reads all envelopes of a file into a new store, which is empty when there is no file. */
te_store_t *te_store_read(const char *path, apr_pool_t *pool);

/* Number of spans, and span i. */
int te_store_count(const te_store_t *store);
const te_span_t *te_store_span(const te_store_t *store, int i);

/* Spans that client reports named for `reason`; NULL: for all reasons. */
long te_store_discarded(const te_store_t *store, const char *reason);
long te_store_discarded_of(const te_store_t *store, const char *project,
                           const char *reason);

/* Spans that were sent to `project`. */
long te_store_count_of(const te_store_t *store, const char *project);

/* The same of transactions. */
long te_store_transactions_discarded(const te_store_t *store, const char *reason);
long te_store_transactions_of(const te_store_t *store, const char *project);

/* The same of any category, by its name; project NULL: of all projects. */
long te_store_reported(const te_store_t *store, const char *project, const char *category,
                       const char *reason);

/* Ends the test when an envelope was invalid, or when the spans form no trees: in each trace
 * one segment, parents that exist in it, ids unique, children within the segment's time. */
void te_store_check(const te_store_t *store);

/* Segment i in order of arrival; the test ends when there is none. */
const te_span_t *te_segment(const te_store_t *store, int i);

/* The segment whose string attribute `key` is `value`; the test ends unless there is exactly
 * one. */
const te_span_t *te_segment_with(const te_store_t *store, const char *key,
                                 const char *value);

/* The segment whose url.path is `path`, likewise. */
const te_span_t *te_segment_of(const te_store_t *store, const char *path);

/* Spans of the segment's trace with that op and name (either may be NULL: any). */
int te_span_count(const te_store_t *store, const te_span_t *segment, const char *op,
                  const char *name);

/* The first of those; the test ends when there is none. */
const te_span_t *te_span_find(const te_store_t *store, const te_span_t *segment,
                              const char *op, const char *name);

/* The parent of a child. */
const te_span_t *te_span_parent(const te_store_t *store, const te_span_t *span);

/* An attribute; NULL or -1 when it is absent, and the test ends when its type differs. */
const char *te_span_attr_str(const te_span_t *span, const char *key);
long te_span_attr_int(const te_span_t *span, const char *key);

/* The texts of an array attribute, joined by "|"; NULL when it is absent. */
const char *te_span_attr_list(const te_store_t *store, const te_span_t *span,
                              const char *key);

/* 1 or 0, of a boolean attribute; -1 when it is absent. */
int te_span_attr_bool(const te_span_t *span, const char *key);

/* A double attribute; NAN when it is absent. */
double te_span_attr_double(const te_span_t *span, const char *key);

/* All spans as an indented tree, in pool: what a failed test shows. */
const char *te_store_dump(const te_store_t *store, apr_pool_t *pool);

#endif /* TE_STORE_H */

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOD_SENTRY_TRACE_H
#define MOD_SENTRY_TRACE_H

/* What mod_sentry_trace offers to other modules: optional functions, so that a module that
 * uses them works without it, and links nothing.
 *
 *   static APR_OPTIONAL_FN_TYPE(sentry_trace_span_start) *span_start;
 *   static APR_OPTIONAL_FN_TYPE(sentry_trace_span_finish) *span_finish;
 *
 *   static void functions_find(void)      (ap_hook_optional_fn_retrieve)
 *   {
 *       span_start = APR_RETRIEVE_OPTIONAL_FN(sentry_trace_span_start);
 *       span_finish = APR_RETRIEVE_OPTIONAL_FN(sentry_trace_span_finish);
 *   }
 *
 *   sentry_trace_span_t *span = span_start != NULL ? span_start(r, "function", "render") : NULL;
 *   ...
 *   if (span_finish != NULL)
 *       span_finish(span, failed ? "internal_error" : NULL);
 *
 * `r` is any request: a main request, a sub-request, an internal redirect. All functions are
 * for the thread that runs the request, from post_read_request on and until log_transaction
 * has run, log_transaction hooks included. They do nothing, and say so, for a request that is
 * not traced; none of them can fail a request. They copy every text they are given. */

#include <httpd.h>
#include <apr_optional.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A child span that was started. Lives as long as the main request; no need to free it. */
typedef struct sentry_trace_span_t sentry_trace_span_t;

/* The id of the request's trace, 32 lower-case hex digits, or NULL when it is not traced. The
 * text lives as long as the main request. It may change once, before handlers run, when the
 * directory's configuration does not continue the client's trace. */
APR_DECLARE_OPTIONAL_FN(const char *, sentry_trace_trace_id, (const request_rec *r));

/* The id of the span that runs now (a handler's, a filter's, one that was started here), 16
 * lower-case hex digits in r->pool; the id of the whole request's span when the request is not
 * sampled; NULL when it is not traced. */
APR_DECLARE_OPTIONAL_FN(const char *, sentry_trace_span_id, (const request_rec *r));

/* 1 when the request's spans are recorded, 0 when its trace is only handed on, -1 when it is not
 * traced or this is not decided yet, which happens before handlers run. */
APR_DECLARE_OPTIONAL_FN(int, sentry_trace_is_sampled, (const request_rec *r));

/* Starts a child span of the span that runs now; spans that begin before it is finished are
 * below it. It runs at most until the handler, or the filter's call, in which it was started
 * returns; when it is finished later, only its end moves.
 * @param op   "function", "middleware" or "http.client"
 * @param name few different ones: no ids, no paths
 * @return NULL when the request is not traced, or op is not one of these, or name is NULL or
 *         empty. Every function below takes NULL for a span and then does nothing. */
APR_DECLARE_OPTIONAL_FN(sentry_trace_span_t *, sentry_trace_span_start,
                        (request_rec * r, const char *op, const char *name));

/* Ends the span, and those started in it and still running. Only the first call counts.
 * @param failure NULL when all went well; else what failed, for instance "not_found" */
APR_DECLARE_OPTIONAL_FN(void, sentry_trace_span_finish,
                        (sentry_trace_span_t * span, const char *failure));

/* Set an attribute of a span. The value replaces an earlier one, and what this module would say.
 * @param key one of Sentry's conventions that this module knows, such as "http.route"; none
 *        that begins with "sentry.", nor "middleware.name"
 * @return 1 when it is kept; 0 when the key is not known or of another type, the value is NULL
 *         or empty, the span is NULL, full or over, or nothing is recorded. */
APR_DECLARE_OPTIONAL_FN(int, sentry_trace_span_string,
                        (sentry_trace_span_t * span, const char *key, const char *value));
APR_DECLARE_OPTIONAL_FN(int, sentry_trace_span_integer,
                        (sentry_trace_span_t * span, const char *key, apr_int64_t value));

/* The same for the span of the whole request. Keys that tell who the client or the user is
 * ("client.", "user.", "network.peer.") are refused there and above unless
 * SentryTraceSendDefaultPII is On. */
APR_DECLARE_OPTIONAL_FN(int, sentry_trace_request_string,
                        (const request_rec *r, const char *key, const char *value));
APR_DECLARE_OPTIONAL_FN(int, sentry_trace_request_integer,
                        (const request_rec *r, const char *key, apr_int64_t value));

#ifdef __cplusplus
}
#endif

#endif /* MOD_SENTRY_TRACE_H */

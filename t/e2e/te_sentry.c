/* SPDX-License-Identifier: Apache-2.0 */
/* A fake Sentry. */

#include "te_sentry.h"
#include "te_wait.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

te_sentry_t *te_sentry_start(apr_pool_t *pool)
{
    te_sentry_t *sentry = apr_pcalloc(pool, sizeof(*sentry));
    sentry->pool = pool;
    sentry->server = te_server_start();
    sentry->store = te_store_create(pool);
    return sentry;
}

const char *te_sentry_address(const te_sentry_t *sentry, apr_pool_t *pool)
{
    return apr_psprintf(pool, "127.0.0.1:%d", te_server_port(sentry->server));
}

const char *te_sentry_dsn(const te_sentry_t *sentry, int project, apr_pool_t *pool)
{
    return apr_psprintf(pool, "http://%s@%s/%d", TE_SENTRY_KEY,
                        te_sentry_address(sentry, pool), project);
}

void te_sentry_expect_kills(te_sentry_t *sentry)
{
    te_server_expect_kills(sentry->server);
    te_store_expect_repeats(sentry->store);
}

static void expect(te_sentry_t *sentry, int holds, const te_message_t *message,
                   const char *what)
{
    if (!holds && sentry->failure == NULL) {
        sentry->failure =
            apr_psprintf(sentry->pool, "%s in this request: %s", what, message->head);
    }
}

/* Whether a request is one that Sentry takes. @return its project id, in pool. */
static const char *check_request(te_sentry_t *sentry, const te_message_t *message)
{
    char value[512];
    char project[32] = "";
    int end = 0;
    sscanf(message->path, "/api/%31[0-9]/envelope/%n", project, &end);
    expect(sentry, end > 0 && message->path[end] == '\0', message, "wrong path");
    expect(sentry, strcmp(message->method, "POST") == 0, message, "wrong method");
    const char *type = te_message_header(message, "Content-Type", value, sizeof(value));
    expect(sentry, type != NULL && strcmp(type, "application/x-sentry-envelope") == 0,
           message, "wrong Content-Type");
    const char *agent = te_message_header(message, "User-Agent", value, sizeof(value));
    expect(sentry, agent != NULL && strncmp(agent, "sentry.httpd/", 13) == 0, message,
           "wrong User-Agent");
    const char *auth = te_message_header(message, "X-Sentry-Auth", value, sizeof(value));
    expect(sentry,
           auth != NULL && strncmp(auth, "Sentry ", 7) == 0 &&
               strstr(auth, "sentry_version=7") != NULL &&
               strstr(auth, "sentry_client=sentry.httpd/") != NULL &&
               strstr(auth, "sentry_key=" TE_SENTRY_KEY) != NULL,
           message, "wrong X-Sentry-Auth");
    return apr_pstrdup(sentry->pool, project);
}

static void log_append(const te_sentry_t *sentry, const te_message_t *message)
{
    FILE *file = sentry->log != NULL ? fopen(sentry->log, "abe") : NULL;
    if (file != NULL) {
        fwrite(message->body, 1, message->len, file);
        fclose(file);
    }
}

void te_sentry_collect(te_sentry_t *sentry)
{
    int count = sentry->server != NULL ? te_server_message_count(sentry->server) : 0;
    while (sentry->seen < count) {
        te_message_t *message = te_server_message(sentry->server, sentry->seen);
        const char *project = check_request(sentry, message);
        te_store_add(sentry->store, message->body, message->len, project,
                     message->accepted);
        if (message->accepted) {
            log_append(sentry, message);
        }
        free(message->body);
        message->body = NULL;
        sentry->seen++;
    }
}

void te_sentry_await_segments(te_sentry_t *sentry, int count)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    te_sentry_collect(sentry);
    while (sentry->store->segment_count < count) {
        ck_assert_msg(te_tick(deadline), "%d of %d segments arrived",
                      sentry->store->segment_count, count);
        te_sentry_collect(sentry);
    }
}

void te_sentry_await_spans(te_sentry_t *sentry, int count)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    te_sentry_collect(sentry);
    while (te_store_count(sentry->store) < count) {
        ck_assert_msg(te_tick(deadline), "%d of %d spans arrived",
                      te_store_count(sentry->store), count);
        te_sentry_collect(sentry);
    }
}

void te_sentry_await_reports(te_sentry_t *sentry, int count)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    te_sentry_collect(sentry);
    while (sentry->store->report_count < count) {
        ck_assert_msg(te_tick(deadline), "%d of %d client reports arrived",
                      sentry->store->report_count, count);
        te_sentry_collect(sentry);
    }
}

void te_sentry_await_reads(te_sentry_t *sentry, int count)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    while (te_server_read_count(sentry->server) < count) {
        ck_assert_msg(te_tick(deadline), "%d of %d requests came in",
                      te_server_read_count(sentry->server), count);
    }
}

void te_sentry_stop(te_sentry_t *sentry)
{
    if (sentry->server == NULL) {
        return;
    }
    te_server_drop(sentry->server); /* what is being answered ends first */
    te_sentry_collect(sentry);
    const char *failure = te_server_failure(sentry->server);
    if (sentry->failure == NULL) {
        sentry->failure = failure;
    }
    te_server_stop(sentry->server);
    sentry->server = NULL;
}

void te_sentry_check(te_sentry_t *sentry)
{
    ck_assert_msg(sentry->failure == NULL, "fake Sentry: %s", sentry->failure);
    te_store_check(sentry->store);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The module's own account, as the status page gives it in JSON. */

#include "te_status.h"
#include "te_wait.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

static apr_status_t json_free(void *json)
{
    json_decref(json);
    return APR_SUCCESS;
}

/* @return NULL when no whole page has come, as while the process that answers is killed. */
static json_t *page_fetch(te_env_t *env)
{
    /* It must not keep a child of prefork from its work. */
    static const char *const headers[] = {"Connection: close", NULL};
    static const te_request_t request = {
        .path = TE_STATUS_PATH "?json", .headers = headers, .fresh = 1};
    const te_reply_t *reply = te_do(env, &request);
    if (reply->why != NULL || reply->status == 0) {
        return NULL;
    }
    ck_assert_msg(reply->status == 200, "the status page answers %d", reply->status);
    json_error_t error;
    json_t *json = json_loads(reply->body, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(json != NULL, "%s: %s", error.text, reply->body);
    apr_pool_cleanup_register(env->pool, json, json_free, apr_pool_cleanup_null);
    return json;
}

static te_status_t *page_wrap(te_env_t *env, json_t *json)
{
    te_status_t *status = apr_pcalloc(env->pool, sizeof(*status));
    *status = (te_status_t){.json = json, .env = env};
    return status;
}

/* The page when nothing moved while it was made, or NULL. */
static const te_status_t *page_try(te_env_t *env)
{
    json_t *json = page_fetch(env);
    if (json == NULL || json_is_true(json_object_get(json, "moving"))) {
        return NULL;
    }
    te_status_t *status = page_wrap(env, json);
    te_status_law(status);
    return status;
}

const te_status_t *te_status_moving(te_env_t *env)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    json_t *json = page_fetch(env);
    while (json == NULL) {
        ck_assert_msg(te_tick(deadline), "the status page does not come");
        json = page_fetch(env);
    }
    return page_wrap(env, json);
}

typedef int wanted_fn(const te_status_t *status, const void *baton);

static const te_status_t *page_await(te_env_t *env, wanted_fn *wanted, const void *baton,
                                     const char *what)
{
    te_deadline_t deadline = te_deadline(TE_PATIENCE_SEC);
    const te_status_t *last = NULL;
    do {
        const te_status_t *status = page_try(env);
        if (status != NULL && wanted(status, baton)) {
            return status;
        }
        last = status != NULL ? status : last;
    } while (te_tick(deadline));
    char *text = last != NULL ? json_dumps(last->json, JSON_INDENT(1)) : NULL;
    ck_abort_msg("the status page never shows %s; last: %s", what,
                 text != NULL ? text : "nothing that stood still");
    return NULL;
}

static int is_fine(const te_status_t *status, const void *unused)
{
    return 1;
}

const te_status_t *te_status(te_env_t *env)
{
    return page_await(env, is_fine, NULL, "numbers that stand still");
}

static uint64_t number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    ck_assert_msg(json_is_integer(value) && json_integer_value(value) >= 0,
                  "the status page has no number \"%s\"", key);
    return (uint64_t)json_integer_value(value);
}

static void account_read(te_account_t *account, json_t *category)
{
    *account = (te_account_t){.created = number(category, "created"),
                              .delivered = number(category, "delivered"),
                              .waiting = number(category, "waiting")};
    json_t *discarded = json_object_get(category, "discarded");
    ck_assert(json_is_object(discarded));
    size_t known = 0;
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        const char *text = st_reason_text((st_reason_t)reason);
        if (json_object_get(discarded, text) != NULL) {
            account->discarded[reason] = number(discarded, text);
            known++;
        }
    }
    ck_assert_uint_eq(known, json_object_size(discarded));
}

uint64_t te_account_discarded(const te_account_t *account)
{
    uint64_t sum = 0;
    for (int reason = 0; reason < ST_REASON_COUNT; reason++) {
        sum += account->discarded[reason];
    }
    return sum;
}

static json_t *endpoints(const te_status_t *status)
{
    json_t *list = json_object_get(status->json, "endpoints");
    ck_assert(json_is_array(list));
    return list;
}

static const char *dsn_of(const json_t *endpoint)
{
    const char *dsn = json_string_value(json_object_get(endpoint, "dsn"));
    ck_assert_ptr_nonnull(dsn);
    return dsn;
}

void te_status_law(const te_status_t *status)
{
    size_t i;
    json_t *endpoint;
    json_array_foreach(endpoints(status), i, endpoint)
    {
        json_t *categories = json_object_get(endpoint, "categories");
        const char *name;
        json_t *category;
        ck_assert(json_is_object(json_object_get(categories, "span")));
        json_object_foreach(categories, name, category)
        {
            te_account_t account;
            account_read(&account, category);
            uint64_t settled =
                account.delivered + te_account_discarded(&account) + account.waiting;
            char *text = json_dumps(category, 0);
            ck_assert_msg(account.created == settled,
                          "%s, %s: %" PRIu64 " created, but %" PRIu64
                          " delivered, discarded and waiting: %s",
                          dsn_of(endpoint), name, account.created, settled, text);
            free(text);
        }
    }
}

static int nothing_waits(const te_status_t *status, const void *unused)
{
    size_t i;
    json_t *endpoint;
    json_array_foreach(endpoints(status), i, endpoint)
    {
        if (number(endpoint, "waiting_bytes") != 0) {
            return 0;
        }
    }
    return 1;
}

const te_status_t *te_status_settled(te_env_t *env)
{
    return page_await(env, nothing_waits, NULL, "that nothing waits");
}

typedef struct wait_t {
    int project;
    uint64_t spans;
} wait_t;

static int enough_waits(const te_status_t *status, const void *baton)
{
    const wait_t *wait = baton;
    return te_status_endpoint(status, wait->project) != NULL &&
           te_status_account(status, wait->project, ST_CATEGORY_SPAN)->waiting >=
               wait->spans;
}

const te_status_t *te_status_waiting(te_env_t *env, int project, uint64_t spans)
{
    wait_t wait = {.project = project, .spans = spans};
    return page_await(env, enough_waits, &wait, "that so many spans wait");
}

json_t *te_status_endpoint(const te_status_t *status, int project)
{
    const char *end = apr_psprintf(status->env->pool, "/%d", project);
    json_t *found = NULL;
    size_t i;
    json_t *endpoint;
    json_array_foreach(endpoints(status), i, endpoint)
    {
        const char *last = strrchr(dsn_of(endpoint), '/');
        if (last != NULL && strcmp(last, end) == 0) {
            ck_assert_msg(found == NULL, "project %d has several endpoints", project);
            found = endpoint;
        }
    }
    return found;
}

const te_account_t *te_status_account(const te_status_t *status, int project,
                                      st_category_t category)
{
    json_t *endpoint = te_status_endpoint(status, project);
    ck_assert_msg(endpoint != NULL, "project %d has no endpoint", project);
    json_t *numbers = json_object_get(json_object_get(endpoint, "categories"),
                                      st_category_text(category));
    te_account_t *account = apr_pcalloc(status->env->pool, sizeof(*account));
    if (numbers != NULL) {
        account_read(account, numbers);
    }
    return account;
}

json_t *te_status_member(const te_status_t *status, const char *path)
{
    char *rest = apr_pstrdup(status->env->pool, path);
    json_t *member = status->json;
    char *state = NULL;
    for (char *key = apr_strtok(rest, ".", &state); key != NULL;
         key = apr_strtok(NULL, ".", &state)) {
        member = json_object_get(member, key);
    }
    ck_assert_msg(member != NULL, "the status page has no %s", path);
    return member;
}

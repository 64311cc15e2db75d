/* SPDX-License-Identifier: Apache-2.0 */
/* Nobody notices the module: answers, other modules, and what it costs when it is off. */

#include "te.h"

/* `text` with every occurrence of `word` replaced. */
static char *replaced(const char *text, const char *word, const char *by,
                      apr_pool_t *pool)
{
    const char *out = "";
    for (const char *at = strstr(text, word); at != NULL; at = strstr(text, word)) {
        out = apr_pstrcat(pool, out, apr_pstrmemdup(pool, text, (apr_size_t)(at - text)),
                          by, NULL);
        text = at + strlen(word);
    }
    return apr_pstrcat(pool, out, text, NULL);
}

/* Cuts out the header line `name`, if it is there. */
static void line_cut(char *head, const char *name)
{
    char *line = strstr(head, name);
    if (line != NULL) {
        const char *end = strstr(line + 2, "\r\n");
        memmove(line, end, strlen(end) + 1);
    }
}

/* Replaces what may differ from one start to the next: the server's port, the date, and the
 * boundary between several ranges, whose very length is random. */
static void mask(const te_env_t *env, te_reply_t *reply)
{
    const char *port = apr_itoa(env->pool, env->httpd->ports[0]);
    int is_text = strlen(reply->body) == reply->len; /* else it is compressed */
    char *head = replaced(reply->head, port, "PORT", env->pool);
    const char *body =
        is_text ? replaced(reply->body, port, "PORT", env->pool) : reply->body;
    const char *boundary = strstr(head, "boundary=");
    if (boundary != NULL) {
        boundary += strlen("boundary=");
        boundary = apr_pstrmemdup(env->pool, boundary, strcspn(boundary, "\r\n"));
        head = replaced(head, boundary, "BOUNDARY", env->pool);
        body = replaced(body, boundary, "BOUNDARY", env->pool);
        line_cut(head, "\r\nContent-Length:");
    }
    line_cut(head, "\r\nDate:");
    reply->head = head;
    reply->body = body;
    reply->len = is_text ? strlen(body) : reply->len;
}

/* Starts the server with the site and `lines`, with or without the module, visits, stops. */
static const te_reply_t **visit_with(te_env_t *env, const char *lines, int without_module)
{
    te_dir_remove(te_path(env->httpd->root, "spool", env->pool));
    te_dir_spool(env->httpd->root, "spool");
    env->httpd->conf.text = apr_pstrcat(env->pool, lines, te_site_conf, NULL);
    env->httpd->conf.without_module = without_module;
    te_env_run(env);
    const te_reply_t **replies = te_site_visit(env);
    for (int i = 0; i < te_site_count(); i++) {
        te_reply_t *reply = apr_pmemdup(env->pool, replies[i], sizeof(*reply));
        mask(env, reply);
        replies[i] = reply;
    }
    te_client_disconnect(env->client);
    te_httpd_stop(env->httpd);
    return replies;
}

static void check_same(const te_reply_t **before, const te_reply_t **after)
{
    for (int i = 0; i < te_site_count(); i++) {
        const te_site_request_t *site = &te_site_requests[i];
        ck_assert_msg(before[i]->len == after[i]->len, "%s: length", site->name);
        if (!site->by_chance) {
            ck_assert_str_eq(before[i]->head, after[i]->head);
        }
        ck_assert_msg(memcmp(before[i]->body, after[i]->body, before[i]->len) == 0,
                      "%s: body", site->name);
    }
}

START_TEST(answers_are_the_same_with_the_module)
{
    te_setup_t setup = {.mpm = _i, .conf = ""};
    te_env_t *env = te_env_make(&setup, __func__);
    const te_reply_t **bare = visit_with(env, "", 1);
    const te_reply_t **loaded = visit_with(env, "", 0);
    const te_reply_t **off = visit_with(env, TE_DSN "SentryTrace Off\n", 0);
    te_sentry_collect(env->sentry);
    ck_assert_int_eq(te_server_read_count(env->sentry->server), 0);
    const te_reply_t **on = visit_with(env, TE_DSN, 0);
    check_same(bare, loaded);
    check_same(bare, off);
    check_same(bare, on);
    te_close(env);
    ck_assert_int_ge(env->store->segment_count, te_site_count() - 1);
    te_finish(env);
}
END_TEST

/* Most threads that a child has. On prefork a bare one has one. */
static int child_threads(te_env_t *env)
{
    apr_array_header_t *children = te_proc_children(env->httpd->pid, env->pool);
    int most = 0;
    for (int i = 0; i < children->nelts; i++) {
        int threads = te_proc_thread_count(APR_ARRAY_IDX(children, i, pid_t));
        most = threads > most ? threads : most;
    }
    return most;
}

static int threads_with(const char *lines, const char *name)
{
    te_setup_t setup = {.mpm = TE_PREFORK, .conf = lines};
    te_env_t *env = te_env_make(&setup, name);
    te_env_run(env);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    int threads = child_threads(env);
    te_finish(env);
    ck_assert_int_eq(te_log_count(env->httpd, "ST0"), 0);
    return threads;
}

START_TEST(without_a_dsn_there_is_no_thread)
{
    ck_assert_int_eq(threads_with("", __func__), 1);
    ck_assert_int_eq(threads_with("SentryTraceDSN off\n", __func__), 1);
    ck_assert_int_eq(threads_with(TE_DSN, __func__), 2);
}
END_TEST

START_TEST(on_without_a_dsn_is_worth_a_warning)
{
    te_log_allow("ST0001");
    te_setup_t setup = {.mpm = _i, .conf = "SentryTrace On\n"};
    te_env_t *env = te_env_make(&setup, __func__);
    te_env_run(env);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    ck_assert_int_gt(te_log_count(env->httpd, "ST0001: SentryTrace is On"), 0);
    te_finish(env);
}
END_TEST

#define STATUS_PAGES                                                                     \
    "<Location /status>\nSetHandler server-status\n</Location>\n"                        \
    "<Location /info>\nSetHandler server-info\n</Location>\nExtendedStatus On\n"

/* What server-info says about hooks. */
static const char *hooks_page(te_env_t *env, const char *lines)
{
    env->httpd->conf.text = apr_pstrcat(env->pool, lines, STATUS_PAGES, NULL);
    te_env_run(env);
    const te_reply_t *reply = te_get(env, "/info?hooks");
    ck_assert_int_eq(reply->status, 200);
    ck_assert_ptr_nonnull(strstr(reply->body, "mod_sentry_trace.c"));
    const char *port = apr_itoa(env->pool, env->httpd->ports[0]);
    const char *page = replaced(reply->body, port, "PORT", env->pool);
    ck_assert_ptr_nonnull(
        strstr(te_get(env, "/status?auto")->body, "ServerUptimeSeconds"));
    te_client_disconnect(env->client);
    te_httpd_stop(env->httpd);
    return page;
}

START_TEST(status_and_list_of_hooks_are_unchanged)
{
    te_setup_t setup = {.mpm = _i, .conf = ""};
    te_env_t *env = te_env_make(&setup, __func__);
    const char *without = hooks_page(env, "");
    const char *with = hooks_page(env, TE_DSN);
    ck_assert_str_eq(without, with);
    te_finish(env);
}
END_TEST

START_TEST(configuration_check_opens_no_connection)
{
    te_setup_t setup = {.mpm = _i, .conf = TE_DSN};
    te_env_t *env = te_env_make(&setup, __func__);
    const char *said;
    ck_assert_int_eq(te_httpd_configtest(env->httpd, &said), 0);
    ck_assert_ptr_nonnull(strstr(said, "Syntax OK"));
    ck_assert_int_eq(te_server_connection_count(env->sentry->server), 0);
    te_sentry_stop(env->sentry);
    te_httpd_destroy(env->httpd);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, answers_are_the_same_with_the_module);
    tcase_add_test(tcase, without_a_dsn_there_is_no_thread);
    te_add_per_mpm(tcase, on_without_a_dsn_is_worth_a_warning);
    te_add_per_mpm(tcase, status_and_list_of_hooks_are_unchanged);
    te_add_per_mpm(tcase, configuration_check_opens_no_connection);
}

int main(void)
{
    return te_main("e2e_transparent", add_cases);
}

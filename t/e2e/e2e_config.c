/* SPDX-License-Identifier: Apache-2.0 */
/* Directives and environment: what is refused, what holds where. */

#include "te.h"

/* A line that configtest refuses, and what the sentence about it has to name. */
typedef struct wrong_t {
    const char *line;
    const char *directive;
    const char *value; /* NULL: must not be repeated */
    const char *allowed;
} wrong_t;

#define LETTERS_70                                                                       \
    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"

static const wrong_t wrong[] = {
    {"SentryTrace maybe", "SentryTrace", "maybe", "On and Off"},
    {"SentryTraceDSN nonsense", "SentryTraceDSN", NULL, "KEY@HOST"},
    {"SentryTraceDSN http://secretkey@host/", "SentryTraceDSN", NULL, "KEY@HOST"},
    {"SentryTraceDSN ftp://" TE_SENTRY_KEY "@h/1", "SentryTraceDSN", NULL, "KEY@HOST"},
    {"SentryTraceDSN http://" TE_SENTRY_KEY "@h/x", "SentryTraceDSN", NULL, "KEY@HOST"},
    {"SentryTraceDSN file:relative", "SentryTraceDSN", NULL, "file:/"},
    {"SentryTraceLifecycle batch", "SentryTraceLifecycle", "batch", "stream and static"},
    {"SentryTraceEnvironment \"a b\"", "SentryTraceEnvironment", "a b", "64"},
    {"SentryTraceEnvironment a/b", "SentryTraceEnvironment", "a/b", "64"},
    {"SentryTraceEnvironment " LETTERS_70, "SentryTraceEnvironment", LETTERS_70, "64"},
    {"SentryTraceEnvironment \"\"", "SentryTraceEnvironment", NULL, "takes one argument"},
    {"SentryTraceRelease a/b", "SentryTraceRelease", "a/b", "200"},
    {"SentryTraceRelease ..", "SentryTraceRelease", "..", "200"},
    {"SentryTraceServerName \"\"", "SentryTraceServerName", NULL, "takes one argument"},
    {"SentryTraceSampleRate 1.1", "SentryTraceSampleRate", "1.1", "0 to 1"},
    {"SentryTraceSampleRate -0.1", "SentryTraceSampleRate", "-0.1", "0 to 1"},
    {"SentryTraceSampleRate half", "SentryTraceSampleRate", "half", "0 to 1"},
    {"SentryTraceSampleRate 0,5", "SentryTraceSampleRate", "0,5", "0 to 1"},
    {"SentryTraceSampleRate nan", "SentryTraceSampleRate", "nan", "0 to 1"},
    {"SentryTraceSampleRate \"\"", "SentryTraceSampleRate", NULL, "takes 1-2 arguments"},
    {"SentryTraceSpans Handlers", "SentryTraceSpans", "Handlers", "OutputFilters"},
    {"SentryTraceSpans Handler +Hook", "SentryTraceSpans", "+Hook", "OutputFilters"},
    {"SentryTraceSpans +None", "SentryTraceSpans", "+None", "OutputFilters"},
    {"SentryTraceSendDefaultPII yes", "SentryTraceSendDefaultPII", "yes", "On and Off"},
    {"SentryTraceCollect", "SentryTraceCollect", "\"\"", "request-headers"},
    {"SentryTraceCollect headers off", "SentryTraceCollect", "headers", "cookies"},
    {"SentryTraceCollect query", "SentryTraceCollect", "\"\"", "off, deny and allow"},
    {"SentryTraceCollect query some", "SentryTraceCollect", "some",
     "off, deny and allow"},
    {"SentryTraceCollect query off a", "SentryTraceCollect", "\"a\"", "no terms"},
    {"SentryTraceCollect query allow", "SentryTraceCollect", "query allow", "64 words"},
    {"SentryTraceCollect query deny \"\" a", "SentryTraceCollect", "\"\"", "every key"},
    {"SentryTraceAttribute \"a b\" x", "SentryTraceAttribute", "a b", "letters"},
    {"SentryTraceAttribute sentry.op x", "SentryTraceAttribute", "sentry.op", "Sentry's"},
    {"SentryTraceAttribute http.request.header.x x", "SentryTraceAttribute",
     "http.request.header.x", "SentryTraceCollect"},
    {"SentryTraceAttribute a x number", "SentryTraceAttribute", "number", "boolean"},
    {"SentryTraceAttribute server.port 1 string", "SentryTraceAttribute", "server.port",
     "integer"},
    {"SentryTraceAttribute a %{", "SentryTraceAttribute", "%{", "<If>"},
    {"SentryTraceAttribute a", "SentryTraceAttribute", NULL, "two or three arguments"},
    {"SentryTraceFlush 0", "SentryTraceFlush", "\"0\"", "100ms to 60s"},
    {"SentryTraceFlush 2min", "SentryTraceFlush", "2min", "100ms to 60s"},
    {"SentryTraceFlush -1s", "SentryTraceFlush", "-1s", "100ms to 60s"},
    {"SentryTraceFlush soon", "SentryTraceFlush", "soon", "100ms to 60s"},
    {"SentryTraceShutdownTimeout 9s", "SentryTraceShutdownTimeout", "9s", "100ms to 8s"},
    {"SentryTraceQueue 255K", "SentryTraceQueue", "255K", "256K to 4G"},
    {"SentryTraceQueue 5g", "SentryTraceQueue", "5g", "256K to 4G"},
    {"SentryTraceQueue 16", "SentryTraceQueue", "16", "K, M and G"},
    {"SentryTraceQueue 16MB", "SentryTraceQueue", "16MB", "K, M and G"},
    {"SentryTraceQueue -1M", "SentryTraceQueue", "-1M", "256K to 4G"},
    {"SentryTraceQueue 1.5M", "SentryTraceQueue", "1.5M", "256K to 4G"},
    {"SentryTraceQueue 99999999999G", "SentryTraceQueue", "99999999999G", "256K to 4G"},
    {"SentryTraceQueue M", "SentryTraceQueue", "\"M\"", "256K to 4G"},
    {"SentryTraceQueue 16M /nonexistent/queue/x", "SentryTraceQueue",
     "/nonexistent/queue/x", "folder"},
    {"SentryTraceQueue 16M passwords", "SentryTraceQueue", "passwords", "folder"},
    {"SentryTraceQueue 16M a b", "SentryTraceQueue", NULL, "takes 1-2 arguments"},
    {"SentryTraceTimeout 1ms", "SentryTraceTimeout", "1ms", "100ms to 300s"},
    {"SentryTraceCACertificateFile /nonexistent/ca", "SentryTraceCACertificateFile",
     "/nonexistent/ca", "PEM"},
    {"SentryTraceSinkFile /nonexistent/sink", "SentryTraceSinkFile", "/nonexistent/sink",
     "folder"},
    {"SentryTraceSinkAllow everybody", "SentryTraceSinkAllow", "everybody",
     "loopback and all"},
};

/* A server that is only asked to check its configuration. */
static te_env_t *checked(const char *name)
{
    te_setup_t setup = {.conf = ""};
    return te_env_make(&setup, name);
}

static void checked_finish(te_env_t *env)
{
    te_sentry_stop(env->sentry);
    te_httpd_destroy(env->httpd);
}

START_TEST(wrong_value_is_refused_with_a_sentence)
{
    te_env_t *env = checked(__func__);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        const char *said;
        env->httpd->conf.text = wrong[i].line;
        int code = te_httpd_configtest(env->httpd, &said);
        ck_assert_msg(code == 1, "%s: exit code %d", wrong[i].line, code);
        ck_assert_msg(strstr(said, wrong[i].directive) != NULL, "%s: %s", wrong[i].line,
                      said);
        ck_assert_msg(strstr(said, wrong[i].allowed) != NULL, "%s: %s", wrong[i].line,
                      said);
        ck_assert_msg(wrong[i].value == NULL || strstr(said, wrong[i].value) != NULL,
                      "%s: %s", wrong[i].line, said);
        ck_assert_msg(strstr(said, "secretkey") == NULL &&
                          strstr(said, TE_SENTRY_KEY) == NULL,
                      "the key is repeated: %s", said);
    }
    checked_finish(env);
}
END_TEST

START_TEST(allowed_values_are_accepted)
{
    static const char *const lines[] = {
        "SentryTrace on",
        "SentryTraceDSN OFF",
        "SentryTraceDSN https://" TE_SENTRY_KEY ":secret@o1.ingest.example.com/p/q/77",
        "SentryTraceDSN http://" TE_SENTRY_KEY "@[::1]:9000/1",
        "SentryTraceDSN file:${ROOT}/spool/out",
        "SentryTraceLifecycle Stream",
        "SentryTraceLifecycle static",
        "SentryTraceEnvironment staging-2",
        "SentryTraceRelease \"shop@1.4.2 (beta)\"",
        "SentryTraceServerName \"web 1\"",
        "SentryTraceSampleRate 0",
        "SentryTraceSampleRate 1",
        "SentryTraceSampleRate 1e-3",
        "SentryTraceSpans all -outputfilters",
        "SentryTraceSendDefaultPII ON",
        "SentryTraceCollect Request-Headers OFF",
        "SentryTraceCollect cookies allow theme lang",
        "SentryTraceCollect query deny",
        "SentryTraceAttribute my.key %{REQUEST_URI}",
        "SentryTraceAttribute server.port 8080",
        "SentryTraceAttribute user.name %{REMOTE_USER} String",
        "SentryTraceFlush 100ms",
        "SentryTraceFlush 60",
        "SentryTraceShutdownTimeout 8s",
        "SentryTraceTimeout 5min",
        "SentryTraceQueue 256K",
        "SentryTraceQueue 4g",
        "SentryTraceQueue 1024M spool/queue",
        "SentryTraceQueue 1M ${ROOT}/spool/",
        "SentryTraceCACertificateFile ${ROOT}/passwords",
        "SentryTraceSinkFile spool/sink",
        "SentryTraceSinkAllow LOOPBACK",
    };
    te_env_t *env = checked(__func__);
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        const char *said;
        env->httpd->conf.text = lines[i];
        int code = te_httpd_configtest(env->httpd, &said);
        ck_assert_msg(code == 0, "%s: %s", lines[i], said);
    }
    checked_finish(env);
}
END_TEST

START_TEST(directives_are_refused_where_they_do_not_belong)
{
    static const char *const lines[] = {
        "<Location />\nSentryTraceDSN off\n</Location>",
        "<Directory />\nSentryTraceEnvironment x\n</Directory>",
        "<Location />\nSentryTraceFlush 1s\n</Location>",
        "<VirtualHost *:1>\nSentryTraceFlush 1s\n</VirtualHost>",
        "<VirtualHost *:1>\nSentryTraceShutdownTimeout 1s\n</VirtualHost>",
        "<VirtualHost *:1>\nSentryTraceQueue 1M\n</VirtualHost>",
        "<Location />\nSentryTraceQueue 1M\n</Location>",
    };
    te_env_t *env = checked(__func__);
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        const char *said;
        env->httpd->conf.text = lines[i];
        ck_assert_int_eq(te_httpd_configtest(env->httpd, &said), 1);
        ck_assert_msg(strstr(said, "not allowed") != NULL ||
                          strstr(said, "cannot occur") != NULL,
                      "%s: %s", lines[i], said);
    }
    checked_finish(env);
}
END_TEST

START_TEST(wrong_environment_is_refused_with_a_sentence)
{
    static const char *const variables[][2] = {
        {"SENTRY_DSN", "nonsense"},         {"SENTRY_TRACES_SAMPLE_RATE", "2"},
        {"SENTRY_ENVIRONMENT", "a b"},      {"SENTRY_RELEASE", "a/b"},
        {"SENTRY_TRACE_LIFECYCLE", "both"},
    };
    te_env_t *env = checked(__func__);
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        const char *said;
        const char *environment[] = {
            apr_pstrcat(te_pool, variables[i][0], "=", variables[i][1], NULL), NULL};
        env->httpd->env = environment;
        ck_assert_int_ne(te_httpd_configtest(env->httpd, &said), 0);
        ck_assert_msg(strstr(said, variables[i][0]) != NULL, "%s", said);
        ck_assert_msg(strstr(said, "allowed") != NULL, "%s", said);
    }
    checked_finish(env);
}
END_TEST

/* Starts a server with the DSN and more in the environment. */
static te_env_t *start_by_environment(te_mpm_t mpm, const char *conf, const char *rate,
                                      const char *name)
{
    te_setup_t setup = {
        .mpm = mpm, .conf = apr_pstrcat(te_pool, "SentryTraceFlush 100ms\n", conf, NULL)};
    te_env_t *env = te_env_make(&setup, name);
    const char **variables = apr_pcalloc(te_pool, 5 * sizeof(*variables));
    variables[0] =
        apr_pstrcat(te_pool, "SENTRY_DSN=", te_sentry_dsn(env->sentry, 7, te_pool), NULL);
    variables[1] = "SENTRY_ENVIRONMENT=from-env";
    variables[2] = "SENTRY_RELEASE=env@1";
    variables[3] = apr_pstrcat(te_pool, "SENTRY_TRACES_SAMPLE_RATE=", rate, NULL);
    env->httpd->env = variables;
    te_env_run(env);
    return env;
}

START_TEST(environment_holds_where_directives_say_nothing)
{
    te_env_t *env = start_by_environment(_i, "", "1", __func__);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    ck_assert_str_eq(segment->project, "7");
    ck_assert_str_eq(te_span_attr_str(segment, "sentry.environment"), "from-env");
    ck_assert_str_eq(te_span_attr_str(segment, "sentry.release"), "env@1");
    te_finish(env);
}
END_TEST

START_TEST(directives_win_over_the_environment)
{
    te_env_t *env = start_by_environment(
        _i,
        "SentryTraceDSN ${DSN}\nSentryTraceEnvironment mine\nSentryTraceRelease r@2\n"
        "SentryTraceSampleRate 1\n",
        "0", __func__);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    ck_assert_str_eq(segment->project, "42");
    ck_assert_str_eq(te_span_attr_str(segment, "sentry.environment"), "mine");
    ck_assert_str_eq(te_span_attr_str(segment, "sentry.release"), "r@2");
    te_finish(env);
}
END_TEST

START_TEST(rate_of_the_environment_samples)
{
    te_env_t *env = start_by_environment(_i, "SentryTraceSpans None\n", "0", __func__);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_sentry_await_reports(env->sentry, 1);
    te_close(env);
    ck_assert_int_eq(te_store_count(env->store), 0);
    ck_assert_int_eq(te_store_discarded(env->store, "sample_rate"), 1);
    te_finish(env);
}
END_TEST

START_TEST(dsn_off_wins_over_the_environment)
{
    te_env_t *env = start_by_environment(_i, "SentryTraceDSN off\n", "1", __func__);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_close(env);
    ck_assert_int_eq(env->store->envelope_count, 0);
    te_finish(env);
}
END_TEST

START_TEST(each_virtual_host_has_its_destination)
{
    te_setup_t setup = {.mpm = _i,
                        .conf = TE_DSN
                        "SentryTraceEnvironment outer\nSentryTraceRelease r@1\n"
                        "Listen 127.0.0.1:${PORT2}\nListen 127.0.0.1:${PORT3}\n"
                        "<VirtualHost 127.0.0.1:${PORT2}>\nServerName two\n"
                        "SentryTraceDSN http://" TE_SENTRY_KEY "@${SENTRY}/43\n"
                        "SentryTraceEnvironment inner\n</VirtualHost>\n"
                        "<VirtualHost 127.0.0.1:${PORT3}>\nServerName three\n"
                        "SentryTraceDSN off\n</VirtualHost>\n"};
    te_env_t *env = te_env_make(&setup, __func__);
    te_env_run(env);
    for (int i = 0; i < TE_PORT_COUNT; i++) {
        te_client_t *client = te_client_create(env->httpd->ports[i], te_pool);
        ck_assert_int_eq(te_client_get(client, "/hello.txt")->status, 200);
        te_client_disconnect(client);
    }
    te_await(env, 2);
    int first = strcmp(te_segment(env->store, 0)->project, "42") == 0 ? 0 : 1;
    const te_span_t *outer = te_segment(env->store, first);
    const te_span_t *inner = te_segment(env->store, 1 - first);
    ck_assert_str_eq(outer->project, "42");
    ck_assert_str_eq(inner->project, "43");
    ck_assert_str_eq(te_span_attr_str(outer, "sentry.environment"), "outer");
    ck_assert_str_eq(te_span_attr_str(inner, "sentry.environment"), "inner");
    ck_assert_str_eq(te_span_attr_str(inner, "sentry.release"), "r@1");
    ck_assert_int_eq(te_span_attr_int(inner, "server.port"), env->httpd->ports[1]);
    te_finish(env);
}
END_TEST

START_TEST(each_virtual_host_has_its_lifecycle)
{
    static const char *const variables[] = {"SENTRY_TRACE_LIFECYCLE=Static", NULL};
    te_setup_t setup = {.mpm = _i,
                        .env = variables,
                        .conf =
                            TE_DSN "Listen 127.0.0.1:${PORT2}\n"
                                   "<VirtualHost 127.0.0.1:${PORT2}>\nServerName two\n"
                                   "SentryTraceLifecycle stream\n</VirtualHost>\n"};
    te_env_t *env = te_env_make(&setup, __func__);
    te_env_run(env);
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 1);
    ck_assert_int_eq(env->store->transaction_count, 1);
    ck_assert_str_eq(te_segment(env->store, 0)->name, "GET /hello.txt");
    te_client_t *client = te_client_create(env->httpd->ports[1], te_pool);
    ck_assert_int_eq(te_client_get(client, "/hello.txt")->status, 200);
    te_client_disconnect(client);
    te_await(env, 2);
    ck_assert_int_eq(env->store->transaction_count, 1);
    ck_assert_str_eq(te_segment(env->store, 1)->name, "GET");
    te_finish(env);
}
END_TEST

START_TEST(server_name_is_on_the_children)
{
    te_env_t *env = te_start(_i, "SentryTraceServerName web-1\n");
    ck_assert_int_eq(te_get(env, "/hello.txt")->status, 200);
    te_await(env, 1);
    const te_span_t *segment = te_segment(env->store, 0);
    const te_span_t *handler = te_span_find(env->store, segment, "handler", NULL);
    ck_assert_str_eq(te_span_attr_str(handler, "server.address"), "web-1");
    ck_assert_str_eq(te_span_attr_str(segment, "server.address"), "127.0.0.1");
    te_finish(env);
}
END_TEST

START_TEST(htaccess_may_switch_but_not_sample)
{
    te_log_allow("not allowed here"); /* core:alert about the second .htaccess */
    te_env_t *env =
        te_start(_i, "<Directory ${DOCS}>\nAllowOverride FileInfo\n</Directory>\n");
    te_write(env->httpd->root, "docs/dir/.htaccess", "SentryTraceSpans None\n");
    te_write(env->httpd->root, "docs/private/.htaccess", "SentryTraceSampleRate 1\n");
    ck_assert_int_eq(te_get(env, "/dir/part.html")->status, 200);
    ck_assert_int_eq(te_get(env, "/off/a.txt")->status, 200);
    ck_assert_int_eq(te_get(env, "/private/a.txt")->status, 500);
    te_await(env, 2);
    const te_span_t *quiet = te_segment_of(env->store, "/dir/part.html");
    ck_assert_int_eq(te_span_count(env->store, quiet, NULL, NULL), 1);
    const te_span_t *failed = te_segment_of(env->store, "/private/a.txt");
    ck_assert_str_eq(failed->status, "error");
    te_finish(env);
}
END_TEST

START_TEST(htaccess_needs_permission)
{
    te_log_allow("not allowed here");
    te_env_t *env =
        te_start(_i, "<Directory ${DOCS}>\nAllowOverride AuthConfig\n</Directory>\n");
    te_write(env->httpd->root, "docs/dir/.htaccess", "SentryTrace Off\n");
    ck_assert_int_eq(te_get(env, "/dir/part.html")->status, 500);
    te_await(env, 1);
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, wrong_value_is_refused_with_a_sentence);
    tcase_add_test(tcase, allowed_values_are_accepted);
    tcase_add_test(tcase, directives_are_refused_where_they_do_not_belong);
    tcase_add_test(tcase, wrong_environment_is_refused_with_a_sentence);
    te_add_per_mpm(tcase, environment_holds_where_directives_say_nothing);
    te_add_per_mpm(tcase, directives_win_over_the_environment);
    te_add_per_mpm(tcase, rate_of_the_environment_samples);
    te_add_per_mpm(tcase, dsn_off_wins_over_the_environment);
    te_add_per_mpm(tcase, each_virtual_host_has_its_destination);
    te_add_per_mpm(tcase, each_virtual_host_has_its_lifecycle);
    te_add_per_mpm(tcase, server_name_is_on_the_children);
    te_add_per_mpm(tcase, htaccess_may_switch_but_not_sample);
    te_add_per_mpm(tcase, htaccess_needs_permission);
}

int main(void)
{
    return te_main("e2e_config", add_cases);
}

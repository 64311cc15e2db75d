/* SPDX-License-Identifier: Apache-2.0 */
/* What of a request is collected, and what is filtered on the way: docs/data-collection.md. */

#include "te.h"

#define REQUEST  "http.request.header."
#define RESPONSE "http.response.header."

/* What an attribute is to be; NULL: not there. */
typedef const char *pair_t[2];

static const te_span_t *segment_of(te_env_t *env, const te_request_t *request)
{
    ck_assert_int_eq(te_do(env, request)->status, 200);
    te_await(env, 1);
    return te_segment(env->store, 0);
}

static void expect(const char *key, const char *got, const char *wanted)
{
    int same = got == NULL || wanted == NULL ? got == wanted : strcmp(got, wanted) == 0;
    ck_assert_msg(same, "%s is %s instead of %s", key, got, wanted);
}

static void expect_lists(const te_env_t *env, const te_span_t *span, const pair_t *pairs,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        expect(pairs[i][0], te_span_attr_list(env->store, span, pairs[i][0]),
               pairs[i][1]);
    }
}

static void expect_texts(const te_span_t *span, const pair_t *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        expect(pairs[i][0], te_span_attr_str(span, pairs[i][0]), pairs[i][1]);
    }
}

#define EXPECT_LISTS(env, span, list)                                                    \
    expect_lists((env), (span), (list), sizeof(list) / sizeof(*list))
#define EXPECT_TEXTS(span, list)                                                         \
    expect_texts((span), (list), sizeof(list) / sizeof(*list))

static const char *const headers[] = {
    "Accept-Language: de, en;q=0.5",
    "Authorization: Bearer geheim",
    "X-API-Key: geheim",
    "X-Forwarded-For: 192.0.2.7",
    "X-Real-IP: 192.0.2.7",
    "X-Note: first",
    "Referer: http://me:geheim@a.example/b?token=geheim&page=2#sid=geheim",
    "Cookie: theme=dark; sid=geheim; __Host-x=geheim; lang",
    "User-Agent: te/1",
    NULL,
};

#define ANSWER                                                                           \
    "Header set X-Answer yes\nHeader add X-Twice a\nHeader add X-Twice b\n"              \
    "Header always set X-Always on\nHeader add Set-Cookie \"theme=dark; Path=/\"\n"      \
    "Header add Set-Cookie \"session=geheim; HttpOnly\"\n"                               \
    "Header set X-Auth-Token geheim\n"

START_TEST(headers_are_collected_by_default_and_filtered)
{
    te_env_t *env = te_start(_i, ANSWER);
    const te_request_t request = {.path = "/hello.txt", .headers = headers};
    const te_span_t *segment = segment_of(env, &request);
    static const pair_t lists[] = {
        {REQUEST "accept-language", "de, en;q=0.5"},
        {REQUEST "authorization", "[Filtered]"},
        {REQUEST "x-api-key", "[Filtered]"},
        {REQUEST "x-forwarded-for", "[Filtered]"},
        {REQUEST "x-real-ip", "[Filtered]"},
        {REQUEST "x-note", "first"},
        {REQUEST "referer", "http://a.example/b?token=[Filtered]&page=2#sid=[Filtered]"},
        {REQUEST "user-agent", "te/1"},
        {REQUEST "cookie", NULL},
        {RESPONSE "x-answer", "yes"},
        {RESPONSE "x-twice", "a|b"},
        {RESPONSE "x-always", "on"},
        {RESPONSE "content-type", "text/plain"},
        {RESPONSE "x-auth-token", "[Filtered]"},
        {RESPONSE "set-cookie", NULL},
    };
    EXPECT_LISTS(env, segment, lists);
    static const pair_t texts[] = {
        {"user_agent.original", "te/1"},
        {RESPONSE "content-length", "18"},
        {"client.address", NULL},
    };
    EXPECT_TEXTS(segment, texts);
    te_finish(env);
}
END_TEST

START_TEST(headers_are_left_out)
{
    te_env_t *env = te_start(_i, ANSWER "SentryTraceCollect request-headers off\n"
                                        "SentryTraceCollect response-headers off\n");
    const te_request_t request = {.path = "/hello.txt", .headers = headers};
    const te_span_t *segment = segment_of(env, &request);
    const char *key;
    json_t *attribute;
    json_object_foreach(segment->attributes, key, attribute)
    {
        ck_assert_msg(strstr(key, ".header.") == NULL, "there is %s", key);
    }
    ck_assert_ptr_null(te_span_attr_str(segment, "user_agent.original"));
    te_finish(env);
}
END_TEST

START_TEST(terms_deny_and_allow_headers)
{
    te_env_t *env =
        te_start(_i, ANSWER "SentryTraceCollect request-headers deny NOTE agent\n"
                            "SentryTraceCollect response-headers allow x- forwarded\n");
    const te_request_t request = {.path = "/hello.txt", .headers = headers};
    const te_span_t *segment = segment_of(env, &request);
    static const pair_t lists[] = {
        {REQUEST "x-note", "[Filtered]"},
        {REQUEST "user-agent", "[Filtered]"},
        {REQUEST "accept-language", "de, en;q=0.5"},
        {RESPONSE "x-answer", "yes"},
        {RESPONSE "x-auth-token", "[Filtered]"},
        {RESPONSE "content-type", "[Filtered]"},
    };
    EXPECT_LISTS(env, segment, lists);
    static const pair_t texts[] = {
        {"user_agent.original", NULL},
        {RESPONSE "content-length", "[Filtered]"},
    };
    EXPECT_TEXTS(segment, texts);
    te_finish(env);
}
END_TEST

START_TEST(headers_about_the_client_are_personal)
{
    te_env_t *env = te_start(_i, "SentryTraceSendDefaultPII On\n");
    const te_request_t request = {.path = "/hello.txt", .headers = headers};
    const te_span_t *segment = segment_of(env, &request);
    static const pair_t lists[] = {
        {REQUEST "x-forwarded-for", "192.0.2.7"},
        {REQUEST "x-real-ip", "192.0.2.7"},
        {REQUEST "authorization", "[Filtered]"},
    };
    EXPECT_LISTS(env, segment, lists);
    te_finish(env);
}
END_TEST

START_TEST(cookies_are_filtered_one_by_one)
{
    te_env_t *env = te_start(_i, ANSWER "SentryTraceCollect cookies deny\n");
    const te_request_t request = {.path = "/hello.txt", .headers = headers};
    const te_span_t *segment = segment_of(env, &request);
    static const pair_t lists[] = {
        {REQUEST "cookie", "theme=dark|sid=[Filtered]|__Host-x=[Filtered]|[Filtered]"},
        {RESPONSE "set-cookie", "theme=dark|session=[Filtered]"},
    };
    EXPECT_LISTS(env, segment, lists);
    te_finish(env);
}
END_TEST

START_TEST(cookies_stand_apart_in_transactions)
{
    te_env_t *env =
        te_start(_i, "SentryTraceLifecycle static\nSentryTraceCollect cookies allow e\n"
                     "SentryTraceCollect request-headers off\n");
    const te_request_t request = {.path = "/hello.txt", .headers = headers};
    (void)segment_of(env, &request);
    const json_t *said = json_object_get(env->store->last_transaction, "request");
    const json_t *cookies = json_object_get(said, "cookies");
    ck_assert_uint_eq(json_object_size(cookies), 3);
    ck_assert_str_eq(json_string_value(json_object_get(cookies, "theme")), "dark");
    ck_assert_str_eq(json_string_value(json_object_get(cookies, "sid")), "[Filtered]");
    ck_assert_ptr_null(json_object_get(said, "headers"));
    te_finish(env);
}
END_TEST

static const struct {
    const char *line;
    const char *query;    /* url.query of the request */
    const char *upstream; /* url.query of the call behind it */
} queries[] = {
    {"", "page=2&token=[Filtered]&u=http://h/", "page=2&token=[Filtered]&u=http://h/"},
    {"SentryTraceCollect query deny page\n",
     "page=[Filtered]&token=[Filtered]&u=http://h/",
     "page=[Filtered]&token=[Filtered]&u=http://h/"},
    {"SentryTraceCollect query allow page token\n",
     "page=2&token=[Filtered]&u=[Filtered]", "page=2&token=[Filtered]&u=[Filtered]"},
    {"SentryTraceCollect query off\n", NULL, NULL},
};

START_TEST(queries_are_filtered_wherever_they_stand)
{
    te_env_t *env = te_start(
        TE_EVENT, apr_pstrcat(te_pool, "ProxyPass /backend/ http://${BACKEND}/\n",
                              queries[_i].line, NULL));
    const te_request_t request = {
        .path = "/backend/x?page=2&token=geheim&u=http://me:geheim@h/"};
    const te_span_t *segment = segment_of(env, &request);
    const te_span_t *call = te_span_find(env->store, segment, "http.client", NULL);
    expect("url.query", te_span_attr_str(segment, "url.query"), queries[_i].query);
    expect("url.query", te_span_attr_str(call, "url.query"), queries[_i].upstream);
    const char *full = te_span_attr_str(segment, "url.full");
    const char *mark = strchr(full, '?');
    expect("url.full", mark != NULL ? mark + 1 : NULL, queries[_i].query);
    mark = strchr(te_span_attr_str(call, "url.full"), '?');
    expect("url.full", mark != NULL ? mark + 1 : NULL, queries[_i].upstream);
    te_finish(env);
}
END_TEST

static const struct {
    const char *lines;
    const char *name;
    const char *address;
} users[] = {
    {"", NULL, NULL},
    {"SentryTraceSendDefaultPII On\n", "alice", "127.0.0.1"},
    {"SentryTraceCollect user deny\n", "alice", "127.0.0.1"},
    {"SentryTraceCollect user deny name\n", NULL, "127.0.0.1"},
    {"SentryTraceCollect user allow name\n", "alice", NULL},
    {"SentryTraceSendDefaultPII On\nSentryTraceCollect user off\n", NULL, NULL},
};

START_TEST(users_are_collected_field_by_field)
{
    te_env_t *env =
        te_start(TE_EVENT, apr_pstrcat(te_pool, te_site_conf, users[_i].lines, NULL));
    const te_request_t request = {.path = "/private/a.txt", .user = "alice:secret"};
    const te_span_t *segment = segment_of(env, &request);
    const pair_t texts[] = {
        {"user.name", users[_i].name},
        {"user.ip_address", users[_i].address},
        {"client.address", users[_i].address},
        {"network.peer.address", users[_i].address},
    };
    EXPECT_TEXTS(segment, texts);
    te_finish(env);
}
END_TEST

static const struct {
    const char *proxies;
    const char *address;
} proxies[] = {
    {"RemoteIPInternalProxy 127.0.0.1\n", "198.51.100.3"},
    {"RemoteIPInternalProxy 127.0.0.1 198.51.100.3\n", "192.0.2.7"},
    {"RemoteIPInternalProxy 10.0.0.1\n", "127.0.0.1"},
    {"", "127.0.0.1"},
};

START_TEST(the_client_is_who_mod_remoteip_says)
{
    static const char *const forwarded[] = {"X-Forwarded-For: 192.0.2.7, 198.51.100.3",
                                            NULL};
    const char *header = proxies[_i].proxies[0] != '\0'
                             ? "LoadModule remoteip_module ${MODULES}/mod_remoteip.so\n"
                               "RemoteIPHeader X-Forwarded-For\n"
                             : "";
    te_env_t *env =
        te_start(TE_EVENT, apr_pstrcat(te_pool, header, proxies[_i].proxies,
                                       "SentryTraceSendDefaultPII On\n", NULL));
    const te_request_t request = {.path = "/hello.txt", .headers = forwarded};
    const te_span_t *segment = segment_of(env, &request);
    const pair_t texts[] = {
        {"client.address", proxies[_i].address},
        {"user.ip_address", proxies[_i].address},
        {"network.peer.address", "127.0.0.1"},
    };
    EXPECT_TEXTS(segment, texts);
    te_finish(env);
}
END_TEST

START_TEST(the_directory_decides)
{
    te_env_t *env = te_start(TE_EVENT, "SentryTraceCollect query off\n"
                                       "<Location /hello.txt>\n"
                                       "SentryTraceCollect query deny\n</Location>\n");
    const te_request_t request = {.path = "/hello.txt?a=1"};
    expect("url.query", te_span_attr_str(segment_of(env, &request), "url.query"), "a=1");
    te_finish(env);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, headers_are_collected_by_default_and_filtered);
    te_add_per_mpm(tcase, headers_are_left_out);
    te_add_per_mpm(tcase, terms_deny_and_allow_headers);
    te_add_per_mpm(tcase, headers_about_the_client_are_personal);
    te_add_per_mpm(tcase, cookies_are_filtered_one_by_one);
    te_add_per_mpm(tcase, cookies_stand_apart_in_transactions);
    tcase_add_loop_test(tcase, queries_are_filtered_wherever_they_stand, 0,
                        sizeof(queries) / sizeof(*queries));
    tcase_add_loop_test(tcase, users_are_collected_field_by_field, 0,
                        sizeof(users) / sizeof(*users));
    tcase_add_loop_test(tcase, the_client_is_who_mod_remoteip_says, 0,
                        sizeof(proxies) / sizeof(*proxies));
    tcase_add_test(tcase, the_directory_decides);
}

int main(void)
{
    return te_main("e2e_collect", add_cases);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Trace headers of clients that mean no good: the answer is the one that httpd gives without the
 * module, and the request is one segment as any other. */

#include "te.h"

#define ID     "4bf92f3577b34da6a3ce929d0e0e4..."
#define PARENT "00f067aa0ba902b7"
#define VALID  "sentry-trace: " ID "-" PARENT "-1\r\n"
#define KEY    "fedcba9876543210fedcba9876543210"

/* Header lines; `fill` is repeated in place of "@". "..." stands for digits that no other
 * request has, so that no trace comes twice. */
typedef struct hostile_set_t {
    const char *lines;
    const char *fill;
    int times;
} hostile_set_t;

static const hostile_set_t sets[] = {
    {.lines = "sentry-trace:\r\n"},
    {.lines = "sentry-trace: -\r\n"},
    {.lines = "sentry-trace: --\r\n"},
    {.lines = "sentry-trace: ---------\r\n"},
    {.lines = "sentry-trace: " ID "\r\n"},
    {.lines = "sentry-trace: " ID "-\r\n"},
    {.lines = "sentry-trace: " ID "-" PARENT "-\r\n"},
    {.lines = "sentry-trace: " ID "-" PARENT "-9\r\n"},
    {.lines = "sentry-trace: " ID "-" PARENT "-11\r\n"},
    {.lines = "sentry-trace: " ID "-" PARENT "-1-1\r\n"},
    {.lines = "sentry-trace: " ID ID "-" PARENT "-1\r\n"},
    {.lines = "sentry-trace: " ID "-ffffffffffffffff-1\r\n"},
    {.lines = "sentry-trace: ffffffffffffffffffffffffffffe4...-" PARENT "-1\r\n"},
    {.lines = "sentry-trace: 00000000000000000000000000000000-0000000000000000-0\r\n"},
    {.lines = "sentry-trace: ../../../../etc/passwd\r\n"},
    {.lines = "sentry-trace: ' OR 1=1 --\r\n"},
    {.lines = "sentry-trace: <script>alert(1)</script>\r\n"},
    {.lines = "sentry-trace: %s%s%s%n%n\r\n"},
    {.lines = "sentry-trace: \x80\x81\xfe\xff\r\n"},
    {.lines = "sentry-trace: ,,,,,,,,,,,,,,\r\n"},
    {.lines = "sentry-trace: @\r\n", .fill = "4", .times = 8000},
    {.lines = "sentry-trace: @\r\n", .fill = ",", .times = 8000},
    {.lines = "sentry-trace: @\r\n", .fill = "-", .times = 8000},
    {.lines = "sentry-trace: @" ID "-" PARENT "-1\r\n", .fill = " ", .times = 7000},
    {.lines = "@", .fill = "sentry-trace: x\r\n", .times = 50},
    {.lines = "@", .fill = "baggage: sentry-trace_id=1\r\n", .times = 50},
    {.lines = VALID "baggage:\r\n"},
    {.lines = VALID "baggage: =\r\n"},
    {.lines = VALID "baggage: sentry-=\r\n"},
    {.lines = VALID "baggage: sentry-=1\r\n"},
    {.lines = VALID "baggage: sentry-trace_id\r\n"},
    {.lines = VALID "baggage: sentry-trace_id=%zz\r\n"},
    {.lines = VALID "baggage: sentry-trace_id=%\r\n"},
    {.lines = VALID "baggage: sentry-trace_id=%00\r\n"},
    {.lines = VALID "baggage: sentry-trace_id=%ff%fe\r\n"},
    {.lines = VALID "baggage: sentry-trace_id=11111111111111111111111111111111\r\n"},
    {.lines = VALID "baggage: sentry-public_key=short\r\n"},
    {.lines = VALID "baggage: sentry-public_key=%22%7D%5D%0A%7B%22\r\n"},
    {.lines = VALID "baggage: sentry-sample_rate=NaN,sentry-public_key=" KEY "\r\n"},
    {.lines = VALID "baggage: sentry-sample_rate=-1,sentry-public_key=" KEY "\r\n"},
    {.lines = VALID "baggage: sentry-sample_rate=1e999,sentry-public_key=" KEY "\r\n"},
    {.lines = VALID "baggage: sentry-sample_rand=7,sentry-sampled=maybe\r\n"},
    {.lines = VALID "baggage: sentry-replay_id=../../x,sentry-public_key=" KEY "\r\n"},
    {.lines = VALID "baggage: sentry-org_id=99999999999999999999999999999999999\r\n"},
    {.lines =
         VALID "baggage: sentry-transaction=%3Cscript%3E,sentry-release=%0d%0aX: y\r\n"},
    {.lines = VALID "baggage: sentry-a=1;;;;;,sentry-a=2,sentry-a=3\r\n"},
    {.lines = VALID "baggage: @\r\n", .fill = "sentry-a=1,", .times = 700},
    {.lines = VALID "baggage: @\r\n", .fill = ",", .times = 8000},
    {.lines = VALID "baggage: @\r\n", .fill = "%", .times = 8000},
    {.lines = VALID "baggage: sentry-x=@\r\n", .fill = "%41", .times = 2600},
    {.lines = VALID "baggage: sentry-@=1\r\n", .fill = "k", .times = 8000},
    {.lines = VALID "baggage: @\r\n", .fill = "a=b;c=d,", .times = 1000},
    {.lines = VALID "baggage: \"sentry-trace_id=1,2\",\\,sentry-\\=\\\r\n"},
    {.lines = VALID "baggage: SENTRY-trace_id=1,Sentry-sampled=false\r\n"},
    {.lines = VALID VALID VALID "baggage: a\r\nbaggage: ,\r\nbaggage: =\r\n"},
    {.lines = "SENTRY-TRACE: " ID "-" PARENT "-1\r\nBAGGAGE: sentry-sampled=false\r\n"},
    {.lines = "sentry_trace: " ID "-" PARENT "-1\r\n"},
    {.lines = "traceparent: 00-" ID "-" PARENT "-01\r\ntracestate: @\r\n",
     .fill = "a=b,",
     .times = 1900},
};

#define SETS ((int)(sizeof(sets) / sizeof(sets[0])))

/* The lines of a set, for the request of that number. */
static char *lines_of(const hostile_set_t *set, int number)
{
    const char *at = set->fill != NULL ? strchr(set->lines, '@') : NULL;
    char *text = apr_pstrdup(te_pool, set->lines);
    if (at != NULL) {
        size_t len = strlen(set->fill) * (size_t)set->times;
        char *filled = apr_palloc(te_pool, len + 1);
        filled[0] = '\0';
        for (int k = 0; k < set->times; k++) {
            strcpy(filled + strlen(set->fill) * (size_t)k, set->fill);
        }
        text = apr_pstrcat(te_pool,
                           apr_pstrndup(te_pool, set->lines, (size_t)(at - set->lines)),
                           filled, at + 1, NULL);
    }
    const char *digits = apr_psprintf(te_pool, "%03d", number);
    for (char *dots = strstr(text, "e4..."); dots != NULL; dots = strstr(dots, "e4...")) {
        memcpy(dots + 2, digits, 3);
    }
    return text;
}

/* The answer without the line that tells the time. */
static const char *answer_to(te_env_t *env, const char *path, int i, int number)
{
    const char *request =
        apr_psprintf(te_pool, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n",
                     path, lines_of(&sets[i], number));
    const char *answer = te_raw_exchange(env->httpd->ports[0], request, te_pool);
    const char *date = strstr(answer, "\r\nDate: ");
    ck_assert_msg(date != NULL, "set %d: %s", i, answer);
    return apr_pstrcat(te_pool, apr_pstrndup(te_pool, answer, (size_t)(date - answer)),
                       strstr(date + 2, "\r\n"), NULL);
}

/* Every set to a file, a redirect and a missing page of both servers. */
START_TEST(answers_are_those_of_httpd_without_the_module)
{
    static const char *const paths[] = {"/hello.txt", "/old", "/missing"};
    /* Files of two servers differ in their age. */
    const char *conf = apr_pstrcat(te_pool, te_site_conf,
                                   "FileETag None\nHeader unset Last-Modified\n", NULL);
    te_setup_t setup = {.mpm = _i, .without_module = 1, .conf = conf};
    te_env_t *plain = te_env_make(&setup, "plain");
    te_env_run(plain);
    te_env_t *env = te_start(_i, conf);
    for (int i = 0; i < SETS; i++) {
        for (int k = 0; k < 3; k++) {
            const char *expected = answer_to(plain, paths[k], i, 3 * i + k);
            const char *answer = answer_to(env, paths[k], i, 3 * i + k);
            ck_assert_msg(strcmp(expected, answer) == 0, "set %d, %s: %s", i, paths[k],
                          answer);
        }
    }
    te_finish(plain);
    te_close(env);
    ck_assert_int_eq(env->store->segment_count, 3 * SETS);
    te_httpd_destroy(env->httpd);
}
END_TEST

static void add_cases(TCase *tcase)
{
    te_add_per_mpm(tcase, answers_are_those_of_httpd_without_the_module);
}

int main(void)
{
    return te_main("e2e_hostile", add_cases);
}

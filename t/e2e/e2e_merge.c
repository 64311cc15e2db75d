/* SPDX-License-Identifier: Apache-2.0 */
/* Every directive, at random places, in a real httpd: server, virtual host, two nested
 * directories with their .htaccess files, two nested locations. What the getters then say
 * (mod_te_config.c) is compared with this table and a fold over the places from outside to
 * inside. */

#include "te.h"

#include <stdio.h>

/* Places from outside to inside, in the order in which httpd merges them. */
typedef enum {
    AT_SERVER = 0,
    AT_VHOST,
    AT_DIRECTORY,
    AT_HTACCESS,
    AT_SUBDIRECTORY,
    AT_SUBHTACCESS,
    AT_LOCATION,
    AT_SUBLOCATION,
    AT_COUNT
} place_t;

#define IN_SERVERS (1u << AT_SERVER | 1u << AT_VHOST)
#define IN_DIRS                                                                          \
    (IN_SERVERS | 1u << AT_DIRECTORY | 1u << AT_SUBDIRECTORY | 1u << AT_LOCATION |       \
     1u << AT_SUBLOCATION)
#define ANYWHERE (IN_DIRS | 1u << AT_HTACCESS | 1u << AT_SUBHTACCESS)

#define VALUES_MAX 6

typedef struct row_t row_t;

struct row_t {
    const char *name;
    unsigned places;
    const char *unset;              /* what the getter says without the directive */
    const char *values[VALUES_MAX]; /* arguments, NULL-terminated */
    const char *shown[VALUES_MAX];  /* what the getter says then; unused with a fold */
    /* What the getter says when an inner place adds values[value]. NULL: the inner wins. */
    const char *(*fold)(const row_t *row, const char *outer, int value);
};

static const char *fold_spans(const row_t *row, const char *outer, int value);
static const char *fold_rates(const row_t *row, const char *outer, int value);
static const char *fold_ignore(const row_t *row, const char *outer, int value);
static const char *fold_collect(const row_t *row, const char *outer, int value);
static const char *fold_attribute(const row_t *row, const char *outer, int value);

#define ON_OFF .values = {"On", "Off"}, .shown = {"On", "Off"}

static const row_t rows[] = {
    {"SentryTrace", ANYWHERE, "On", ON_OFF},
    {"SentryTraceDSN",
     IN_SERVERS,
     "-",
     {"file:${ROOT}/logs/a", "off", "file:${ROOT}/logs/b"},
     .shown = {"a", "-", "b"}},
    {"SentryTraceLifecycle",
     IN_SERVERS,
     "stream",
     {"static", "stream"},
     .shown = {"static", "stream"}},
    {"SentryTraceEnvironment", IN_SERVERS, "production", {"a", "b"}, .shown = {"a", "b"}},
    {"SentryTraceRelease", IN_SERVERS, "-", {"a@1", "b@2"}, .shown = {"a@1", "b@2"}},
    {"SentryTraceServerName",
     IN_SERVERS,
     "-",
     {"web-1", "web-2"},
     .shown = {"web-1", "web-2"}},
    {"SentryTraceCACertificateFile",
     IN_SERVERS,
     "-",
     {"${ROOT}/mime.types", "passwords"},
     .shown = {"mime.types", "passwords"}},
    {"SentryTraceOrgId", IN_SERVERS, "-", {"1", "22"}, .shown = {"1", "22"}},
    {"SentryTraceTrust",
     IN_SERVERS,
     "xxx",
     {"all", "none", "10.0.0.0/8", "192.0.2.7 2001:db8::/32"},
     .shown = {"xxx", "...", "x..", ".xx"}},
    {"SentryTraceStrictContinuation", IN_SERVERS, "Off", ON_OFF},
    {"SentryTraceTraceparent", IN_SERVERS, "Off", ON_OFF},
    {"SentryTraceTimeout",
     IN_SERVERS,
     "30000ms",
     {"5s", "30s"},
     .shown = {"5000ms", "30000ms"}},
    {"SentryTraceFlush",
     1u << AT_SERVER,
     "5000ms",
     {"1s", "200ms"},
     .shown = {"1000ms", "200ms"}},
    {"SentryTraceShutdownTimeout",
     1u << AT_SERVER,
     "2000ms",
     {"1s", "3"},
     .shown = {"1000ms", "3000ms"}},
    {"SentryTraceQueue",
     1u << AT_SERVER,
     "16384K -",
     {"1m", "512K ${ROOT}/logs/q", "256K logs/r"},
     .shown = {"1024K -", "512K q", "256K r"}},
    {"SentryTraceSampleRate",
     IN_DIRS,
     "1000;",
     {"0.5", "0", "0.25 expr=true", "0.75 expr=false\nSentryTraceSampleRate 0.125"},
     .fold = fold_rates},
    {"SentryTraceIgnore",
     ANYWHERE,
     "own",
     {"a", "b c", "none", "none d"},
     .fold = fold_ignore},
    {"SentryTraceName",
     ANYWHERE,
     "off",
     {"/a/:id", "auto", "off", "expr=%{HTTP_HOST}"},
     .shown = {"/a/:id", "auto", "off", "(expr)"}},
    {"SentryTraceContext",
     IN_DIRS,
     "propagate",
     {"extract", "inject", "propagate", "ignore"},
     .shown = {"extract", "inject", "propagate", "ignore"}},
    {"SentryTraceSpans",
     ANYWHERE,
     "HPOS.",
     {"None", "All", "-Handler +Proxy", "Handler OutputFilters",
      "-Proxy -Subrequests +FilterCalls"},
     .fold = fold_spans},
    {"SentryTraceSendDefaultPII", IN_DIRS, "Off", ON_OFF},
    {"SentryTraceCollect",
     IN_DIRS,
     "-;-;-;-;-",
     {"request-headers off", "cookies deny A b", "user allow name",
      "query allow page\nSentryTraceCollect request-headers deny x",
      "response-headers off\nSentryTraceCollect cookies off"},
     .fold = fold_collect},
    {"SentryTraceAttribute",
     IN_DIRS,
     "",
     {"a x", "b 1 integer", "a 0.5 double\nSentryTraceAttribute c on boolean", "a y"},
     .fold = fold_attribute},
    {"SentryTraceServerTiming", IN_DIRS, "Off", ON_OFF},
    {"SentryTraceMeta", IN_DIRS, "Off", ON_OFF},
    {"SentryTraceSinkFile",
     IN_DIRS,
     "-",
     {"logs/a", "${ROOT}/logs/b"},
     .shown = {"a", "b"}},
    {"SentryTraceSinkAllow",
     IN_DIRS,
     "loopback",
     {"all", "loopback"},
     .shown = {"all", "loopback"}},
};

#define ROWS    ((int)(sizeof(rows) / sizeof(rows[0])))
#define DIRS    20 /* folders, each with settings of its own */
#define SERVERS 3  /* the main server and two virtual hosts */

static int value_count(const row_t *row)
{
    int count = 0;
    while (count < VALUES_MAX && row->values[count] != NULL) {
        count++;
    }
    return count;
}

/* A plain list replaces, signs change. */
static const char *fold_spans(const row_t *row, const char *outer, int value)
{
    int has[5];
    const char kinds[] = "HPOSC";
    for (int i = 0; i < 5; i++) {
        char kind = kinds[i];
        int before = strchr(outer, kind) != NULL;
        const int after[] = {0, 1, kind == 'P' || (kind != 'H' && before),
                             kind == 'H' || kind == 'O',
                             kind == 'C' || (kind != 'P' && kind != 'S' && before)};
        has[i] = after[value];
    }
    return apr_psprintf(te_pool, "%s%s%s%s%s.", has[0] ? "H" : "", has[1] ? "P" : "",
                        has[2] ? "O" : "", has[3] ? "S" : "", has[4] ? "C" : "");
}

/* Lines of an inner place replace all rules; the plain rate stays until there is another. */
static const char *fold_rates(const row_t *row, const char *outer, int value)
{
    static const char *const folded[] = {"500;", "0;", NULL, "125;750"};
    if (folded[value] != NULL) {
        return folded[value];
    }
    return apr_pstrcat(te_pool, apr_pstrndup(te_pool, outer, strcspn(outer, ";")), ";250",
                       NULL);
}

static const char *fold_ignore(const row_t *row, const char *outer, int value)
{
    static const char *const added[] = {",a", ",b,c"};
    static const char *const reset[] = {"none", "none,d"};
    return value < 2 ? apr_pstrcat(te_pool, outer, added[value], NULL) : reset[value - 2];
}

/* The text with its part `index`, between semicolons, replaced. */
static const char *part_set(const char *text, int index, const char *part)
{
    const char *at = text;
    for (int i = 0; i < index; i++) {
        at = strchr(at, ';') + 1;
    }
    return apr_pstrcat(te_pool, apr_pstrmemdup(te_pool, text, (size_t)(at - text)), part,
                       at + strcspn(at, ";"), NULL);
}

static const char *fold_collect(const row_t *row, const char *outer, int value)
{
    switch (value) {
    case 0:
        return part_set(outer, 0, "off");
    case 1:
        return part_set(outer, 2, "deny a b");
    case 2:
        return part_set(outer, 4, "allow name");
    case 3:
        return part_set(part_set(outer, 3, "allow page"), 0, "deny x");
    default:
        return part_set(part_set(outer, 1, "off"), 2, "off");
    }
}

/* Adds a line; another one with its key goes. */
static const char *attribute_add(const char *outer, const char *key, const char *line)
{
    const char *at = strstr(outer, apr_pstrcat(te_pool, ",", key, ":", NULL));
    if (at == NULL) {
        return apr_pstrcat(te_pool, outer, line, NULL);
    }
    return apr_pstrcat(te_pool, apr_pstrmemdup(te_pool, outer, (size_t)(at - outer)),
                       at + strlen(",k:t"), line, NULL);
}

static const char *fold_attribute(const row_t *row, const char *outer, int value)
{
    static const char *const keys[] = {"a", "b", "a", "a"};
    static const char *const lines[] = {",a:s", ",b:i", ",a:d", ",a:s"};
    outer = attribute_add(outer, keys[value], lines[value]);
    return value == 2 ? attribute_add(outer, "c", ",c:b") : outer;
}

/* What stands where: an index into row->values, or -1. */
typedef int settings_t[ROWS];

typedef struct plan_t {
    settings_t server;
    settings_t vhosts[SERVERS]; /* [0] unused */
    settings_t dirs[DIRS][AT_COUNT];
} plan_t;

static unsigned seed;

static int below(int limit)
{
    seed = seed * 1103515245u + 12345u;
    return (int)(seed >> 16) % limit;
}

static void settings_draw(settings_t settings, place_t place)
{
    for (int i = 0; i < ROWS; i++) {
        int allowed = (rows[i].places & 1u << place) != 0;
        settings[i] = allowed && below(2) ? below(value_count(&rows[i])) : -1;
    }
}

static plan_t *plan_draw(unsigned number)
{
    plan_t *plan = apr_palloc(te_pool, sizeof(*plan));
    seed = number;
    settings_draw(plan->server, AT_SERVER);
    for (int i = 1; i < SERVERS; i++) {
        settings_draw(plan->vhosts[i], AT_VHOST);
    }
    for (int dir = 0; dir < DIRS; dir++) {
        for (int place = AT_DIRECTORY; place < AT_COUNT; place++) {
            settings_draw(plan->dirs[dir][place], (place_t)place);
        }
    }
    return plan;
}

static const char *lines_of(const settings_t settings)
{
    const char *text = "";
    for (int i = 0; i < ROWS; i++) {
        if (settings[i] != -1) {
            text = apr_pstrcat(te_pool, text, rows[i].name, " ",
                               rows[i].values[settings[i]], "\n", NULL);
        }
    }
    return text;
}

static const char *section(const char *kind, const char *path, const settings_t settings)
{
    return apr_psprintf(te_pool, "<%s %s>\n%s</%s>\n", kind, path, lines_of(settings),
                        kind);
}

static const char *dir_sections(const plan_t *plan, int dir)
{
    const settings_t *at = plan->dirs[dir];
    const char *outer = apr_psprintf(te_pool, "/m%d", dir);
    const char *inner = apr_psprintf(te_pool, "/m%d/k", dir);
    return apr_pstrcat(te_pool, section("Location", outer, at[AT_LOCATION]),
                       section("Location", inner, at[AT_SUBLOCATION]),
                       section("Directory", apr_pstrcat(te_pool, "${DOCS}", inner, NULL),
                               at[AT_SUBDIRECTORY]),
                       section("Directory", apr_pstrcat(te_pool, "${DOCS}", outer, NULL),
                               at[AT_DIRECTORY]),
                       NULL);
}

static const char *conf_of(const plan_t *plan)
{
    const char *text =
        apr_pstrcat(te_pool,
                    "LoadModule te_config_module " TE_CONFIG_MODULE_SO "\n"
                    "Listen 127.0.0.1:${PORT2}\nListen 127.0.0.1:${PORT3}\n"
                    "<Directory ${DOCS}>\nAllowOverride FileInfo\n</Directory>\n"
                    "<LocationMatch ^/m>\nSetHandler te-config\n</LocationMatch>\n",
                    lines_of(plan->server), NULL);
    for (int dir = 0; dir < DIRS; dir++) {
        text = apr_pstrcat(te_pool, text, dir_sections(plan, dir), NULL);
    }
    for (int i = 1; i < SERVERS; i++) {
        const char *address = apr_psprintf(te_pool, "127.0.0.1:${PORT%d}", i + 1);
        text = apr_pstrcat(te_pool, text,
                           section("VirtualHost", address, plan->vhosts[i]), NULL);
    }
    return text;
}

static void folders_write(const plan_t *plan, const char *root)
{
    for (int dir = 0; dir < DIRS; dir++) {
        const char *outer = apr_psprintf(te_pool, "docs/m%d", dir);
        const char *inner = apr_psprintf(te_pool, "docs/m%d/k", dir);
        te_dir_sub(root, outer);
        te_dir_sub(root, inner);
        te_write(root, apr_pstrcat(te_pool, inner, "/x", NULL), "");
        const settings_t *at = plan->dirs[dir];
        /* ${ROOT} is not defined there; nothing that may stand there needs it. */
        te_write(root, apr_pstrcat(te_pool, outer, "/.htaccess", NULL),
                 lines_of(at[AT_HTACCESS]));
        te_write(root, apr_pstrcat(te_pool, inner, "/.htaccess", NULL),
                 lines_of(at[AT_SUBHTACCESS]));
    }
}

/* What the getter has to say about a row. */
static const char *expected_of(const plan_t *plan, int server, int dir, int row_index)
{
    const row_t *row = &rows[row_index];
    const char *shown = row->unset;
    for (int place = AT_SERVER; place < AT_COUNT; place++) {
        int value = plan->dirs[dir][place][row_index];
        if (place == AT_SERVER) {
            value = plan->server[row_index];
        } else if (place == AT_VHOST) {
            value = server > 0 ? plan->vhosts[server][row_index] : -1;
        }
        if (value != -1) {
            shown = row->fold != NULL ? row->fold(row, shown, value) : row->shown[value];
        }
    }
    return shown;
}

static void check_answer(const plan_t *plan, int server, int dir, const char *answer)
{
    for (int i = 0; i < ROWS; i++) {
        const char *line = apr_psprintf(te_pool, "\n%s %s\n", rows[i].name,
                                        expected_of(plan, server, dir, i));
        ck_assert_msg(strstr(apr_pstrcat(te_pool, "\n", answer, NULL), line) != NULL,
                      "server %d, folder %d: expected%sgot\n%s", server, dir, line,
                      answer);
    }
}

START_TEST(inner_places_win_over_outer_ones)
{
    te_log_allow("ST0001"); /* a plan may say On without a DSN */
    plan_t *plan = plan_draw((unsigned)_i);
    te_setup_t setup = {.mpm = (te_mpm_t)(_i % TE_MPM_COUNT), .conf = conf_of(plan)};
    te_env_t *env = te_env_make(&setup, __func__);
    folders_write(plan, env->httpd->root);
    te_env_run(env);
    for (int server = 0; server < SERVERS; server++) {
        for (int dir = 0; dir < DIRS; dir++) {
            const char *url = apr_psprintf(te_pool, "http://127.0.0.1:%d/m%d/k/x",
                                           env->httpd->ports[server], dir);
            const te_reply_t *reply = te_get(env, url);
            ck_assert_int_eq(reply->status, 200);
            check_answer(plan, server, dir, reply->body);
        }
    }
    te_finish(env);
}
END_TEST

START_TEST(table_has_every_directive)
{
    te_setup_t setup = {.mpm = TE_EVENT,
                        .conf = "LoadModule te_config_module " TE_CONFIG_MODULE_SO "\n"
                                "<Location /m>\nSetHandler te-config\n</Location>\n"};
    te_env_t *env = te_env_make(&setup, __func__);
    te_env_run(env);
    const te_reply_t *reply = te_get(env, "/m?commands");
    ck_assert_int_eq(reply->status, 200);
    const char *names = apr_pstrcat(te_pool, "\n", reply->body, NULL);
    int count = 0;
    for (const char *c = reply->body; *c != '\0'; c++) {
        count += *c == '\n';
    }
    for (int i = 0; i < ROWS; i++) {
        const char *line = apr_pstrcat(te_pool, "\n", rows[i].name, "\n", NULL);
        ck_assert_msg(strstr(names, line) != NULL, "there is no %s", rows[i].name);
    }
    ck_assert_msg(count == ROWS, "%d directives, %d in the table:%s", count, ROWS, names);
    te_finish(env);
}
END_TEST

#define TEN     "abcdefghij"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct {
    const char *line;
    const char *said;
} refused[] = {
    {"SentryTraceSampleRate 1.5", "\"1.5\" is no rate"},
    {"SentryTraceSampleRate 0.5 sometimes",
     "\"sometimes\" is not allowed behind the rate"},
    {"SentryTraceSampleRate 2 expr=true", "\"2\" is no rate"},
    {"SentryTraceSampleRate 0.5 \"expr=%{X} ==\"", "the expression \"%{X} ==\" cannot"},
    {"SentryTraceIgnore m#(#", "\"m#(#\" is no regular expression"},
    {"SentryTraceIgnore m#a", "\"m#a\" is no regular expression"},
    {"SentryTraceIgnore m#a#x", "\"m#a#x\" is no regular expression"},
    {"SentryTraceIgnore \"expr=a b\"", "the expression \"a b\" cannot"},
    {"SentryTraceName /" HUNDRED HUNDRED, "is no name; allowed are auto, off"},
    {"SentryTraceName \"expr=%{\"", "the expression \"%{\" cannot"},
    {"SentryTraceContext both", "\"both\" is not allowed; allowed are extract, inject"},
    {"SentryTraceTrust some", "\"some\" is no network"},
    {"SentryTraceTrust 10.0.0.0/33", "\"10.0.0.0/33\" is no network"},
    {"SentryTraceTrust 10.0.0.0/", "\"10.0.0.0/\" is no network"},
    {"SentryTraceTrust localhost", "\"localhost\" is no network"},
    {"SentryTraceTrust all 10.0.0.0/8", "\"10.0.0.0/8\" stands beside other values"},
    {"SentryTraceTrust 10.0.0.0/8 none", "\"none\" stands beside other values"},
    {"SentryTraceTrust none\nSentryTraceTrust all", "\"all\" stands beside other values"},
    {"SentryTraceStrictContinuation maybe", "\"maybe\" is not allowed"},
    {"SentryTraceOrgId o1", "\"o1\" is no organisation id"},
    {"SentryTraceOrgId 123456789012345678901", "is no organisation id"},
};

START_TEST(bad_values_are_refused_with_a_sentence)
{
    const char *output;
    te_conf_t conf = {.mpm = TE_EVENT, .text = refused[_i].line};
    te_httpd_t *httpd = te_httpd_create(&conf, NULL, __func__, te_pool);
    ck_assert_int_ne(te_httpd_configtest(httpd, &output), 0);
    ck_assert_msg(strstr(output, refused[_i].said) != NULL, "%s", output);
    size_t name_len = strcspn(refused[_i].line, " ");
    const char *name = apr_pstrndup(te_pool, refused[_i].line, name_len);
    ck_assert_msg(strstr(output, apr_pstrcat(te_pool, "\n", name, ": ", NULL)) != NULL,
                  "%s", output);
    te_httpd_destroy(httpd);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, inner_places_win_over_outer_ones, 1, 10);
    tcase_add_test(tcase, table_has_every_directive);
    tcase_add_loop_test(tcase, bad_values_are_refused_with_a_sentence, 0,
                        (int)(sizeof(refused) / sizeof(refused[0])));
}

int main(void)
{
    return te_main("e2e_merge", add_cases);
}

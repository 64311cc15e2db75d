/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_dsc.h"

#include <apr_strings.h>
#include <string.h>
#include "st_baggage.h"

#define KEY   "e12d836b15bb49d7bbf99e64295d995b"
#define TRACE "771a43a4192642f0b136d5159a501700"

static st_dest_t *make_dest(void)
{
    st_dsn_t *dsn;
    const char *why = NULL;
    ck_assert_int_eq(
        st_dsn_parse(&dsn, &why, "https://" KEY "@o7.ingest.sentry.io/42", t_pool),
        APR_SUCCESS);
    st_dest_t *dest = apr_pcalloc(t_pool, sizeof(*dest));
    *dest = (st_dest_t){.dsn = dsn, .environment = "production", .release = "a@1"};
    return dest;
}

static st_segment_t *make_segment(void)
{
    static const uint8_t id[ST_TRACE_ID_BYTES] = {0x77, 0x1a, 0x43, 0xa4, 0x19, 0x26,
                                                  0x42, 0xf0, 0xb1, 0x36, 0xd5, 0x15,
                                                  0x9a, 0x50, 0x17, 0x00};
    st_segment_t *seg = st_segment_open(t_pool, (st_rng_t){.state = 1}, 0, 1, 10);
    memcpy(seg->trace_id.bytes, id, sizeof(id));
    seg->sample_rate = 0.25;
    seg->sample_rand = 0.123456;
    seg->name = "GET /a b/*";
    seg->name_source = "route";
    return seg;
}

START_TEST(head_says_everything_in_encoded_form)
{
    ck_assert_str_eq(st_dsc_make(make_dest(), make_segment(), t_pool),
                     "sentry-trace_id=" TRACE ",sentry-public_key=" KEY
                     ",sentry-sample_rate=0.25,sentry-sample_rand=0.123456,"
                     "sentry-sampled=true,sentry-release=a%401,"
                     "sentry-environment=production,sentry-org_id=7,"
                     "sentry-transaction=GET%20%2Fa%20b%2F*");
}
END_TEST

START_TEST(what_is_unknown_is_left_out)
{
    st_dest_t *dest = make_dest();
    st_segment_t *seg = make_segment();
    dest->release = NULL;
    dest->environment = "";
    ((st_dsn_t *)(intptr_t)dest->dsn)->org_id = NULL;
    seg->sample_rate = -1.0;
    seg->sample_rand = -1.0;
    seg->name_source = "url";
    st_segment_unsample(seg);
    ck_assert_str_eq(st_dsc_make(dest, seg, t_pool),
                     "sentry-trace_id=" TRACE ",sentry-public_key=" KEY
                     ",sentry-sampled=false");
}
END_TEST

START_TEST(a_configured_organisation_wins_over_the_dsn)
{
    st_dest_t *dest = make_dest();
    dest->org_id = "99";
    const char *dsc = st_dsc_make(dest, make_segment(), t_pool);
    ck_assert_str_eq(st_dsc_get(dsc, "org_id", t_pool), "99");
}
END_TEST

static const struct {
    double rate;
    const char *text;
} rates[] = {{0.0, "0"}, {1.0, "1"}, {0.1, "0.1"}, {0.000001, "1e-06"}, {0.5, "0.5"}};

START_TEST(rate_is_written_short_and_without_a_locale)
{
    st_segment_t *seg = make_segment();
    seg->sample_rate = rates[_i].rate;
    const char *dsc = st_dsc_make(make_dest(), seg, t_pool);
    ck_assert_str_eq(st_dsc_get(dsc, "sample_rate", t_pool), rates[_i].text);
}
END_TEST

START_TEST(a_name_beyond_the_limit_is_left_out)
{
    st_segment_t *seg = make_segment();
    char *name = apr_palloc(t_pool, ST_BAGGAGE_BYTES_MAX + 1);
    memset(name, 'x', ST_BAGGAGE_BYTES_MAX);
    name[ST_BAGGAGE_BYTES_MAX] = '\0';
    seg->name = name;
    const char *dsc = st_dsc_make(make_dest(), seg, t_pool);
    ck_assert_ptr_null(st_dsc_get(dsc, "transaction", t_pool));
    ck_assert_str_eq(st_dsc_get(dsc, "org_id", t_pool), "7");
}
END_TEST

START_TEST(what_is_made_is_what_a_reader_finds)
{
    st_dest_t *dest = make_dest();
    st_segment_t *seg = make_segment();
    st_baggage_t baggage;
    dest->release = "a,b=c;d \xC3\xA9\xFF%";
    const char *dsc = st_dsc_make(dest, seg, t_pool);
    st_baggage_parse(&baggage, dsc, t_pool);
    ck_assert_str_eq(baggage.sentry, dsc);
    ck_assert_str_eq(baggage.foreign, "");
    ck_assert_str_eq(st_dsc_get(dsc, "release", t_pool), "a,b=c;d \xC3\xA9?%");
    ck_assert_str_eq(st_dsc_get(dsc, "transaction", t_pool), seg->name);
}
END_TEST

static const struct {
    const char *dsc, *key, *value; /* NULL: none */
} values[] = {
    {NULL, "a", NULL},
    {"", "a", NULL},
    {"sentry-a=1,sentry-b=2", "a", "1"},
    {"sentry-a=1,sentry-b=2", "b", "2"},
    {"sentry-a=1,sentry-b=2", "c", NULL},
    {"sentry-ab=1,sentry-a=2", "a", "2"},
    {"sentry-a=x%20y%3Dz", "a", "x y=z"},
    {"sentry-a=x=y", "a", "x=y"},
    {"a=1,sentry-b=2", "a", NULL},
    {"sentry-a,sentry-b=2", "a", NULL},
    {"sentry-a=%zz", "a", NULL},
    {"sentry-=1", "", "1"},
};

START_TEST(value_is_found_and_decoded)
{
    const char *value = st_dsc_get(values[_i].dsc, values[_i].key, t_pool);
    ck_assert_pstr_eq(value, values[_i].value);
}
END_TEST

static const struct {
    const char *dsc, *key, *value, *result;
} sets[] = {
    {NULL, "a", "1", "sentry-a=1"},
    {"", "a", "1", "sentry-a=1"},
    {"sentry-a=1", "a", "2", "sentry-a=2"},
    {"sentry-a=1,sentry-b=%20,sentry-c=3", "b", "2", "sentry-a=1,sentry-b=2,sentry-c=3"},
    {"sentry-a=1,sentry-b=%20", "c", "x y", "sentry-a=1,sentry-b=%20,sentry-c=x%20y"},
    {"sentry-a=1,sentry-a=2,sentry-b=3", "a", "4", "sentry-a=4,sentry-b=3"},
};

START_TEST(value_is_set_in_its_place)
{
    const char *result = st_dsc_set(sets[_i].dsc, sets[_i].key, sets[_i].value, t_pool);
    ck_assert_str_eq(result, sets[_i].result);
}
END_TEST

START_TEST(members_come_in_their_order)
{
    st_str_t rest = st_str("sentry-a=1,vendor=2,sentry-b=%20,sentry-c");
    st_str_t key, value;
    ck_assert_int_eq(st_dsc_next(&rest, &key, &value), 1);
    ck_assert_str_eq(apr_pstrmemdup(t_pool, key.ptr, key.len), "a");
    ck_assert_str_eq(apr_pstrmemdup(t_pool, value.ptr, value.len), "1");
    ck_assert_int_eq(st_dsc_next(&rest, &key, &value), 1);
    ck_assert_str_eq(apr_pstrmemdup(t_pool, key.ptr, key.len), "b");
    ck_assert_str_eq(apr_pstrmemdup(t_pool, value.ptr, value.len), "%20");
    ck_assert_int_eq(st_dsc_next(&rest, &key, &value), 0);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void add_cases(TCase *tcase)
{
    tcase_add_test(tcase, head_says_everything_in_encoded_form);
    tcase_add_test(tcase, what_is_unknown_is_left_out);
    tcase_add_test(tcase, a_configured_organisation_wins_over_the_dsn);
    tcase_add_loop_test(tcase, rate_is_written_short_and_without_a_locale, 0,
                        COUNT(rates));
    tcase_add_test(tcase, a_name_beyond_the_limit_is_left_out);
    tcase_add_test(tcase, what_is_made_is_what_a_reader_finds);
    tcase_add_loop_test(tcase, value_is_found_and_decoded, 0, COUNT(values));
    tcase_add_loop_test(tcase, value_is_set_in_its_place, 0, COUNT(sets));
    tcase_add_test(tcase, members_come_in_their_order);
}

T_MAIN("dsc", add_cases)

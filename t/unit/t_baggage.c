/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_baggage.h"

#include <apr_strings.h>
#include <stdio.h>
#include <string.h>
#include "st_id.h"

static const struct {
    const char *header, *sentry, *foreign;
} splits[] = {
    {NULL, "", ""},
    {"", "", ""},
    {" \t ,, , ", "", ""},
    {"sentry-a=1", "sentry-a=1", ""},
    {"vendor=1", "", "vendor=1"},
    {"sentry-a=1,sentry-b=2", "sentry-a=1,sentry-b=2", ""},
    {" sentry-a = 1 ,\tsentry-b\t=\t2 ", "sentry-a=1,sentry-b=2", ""},
    {"v=1,sentry-a=1,w=2", "sentry-a=1", "v=1,w=2"},
    {"v=1 , sentry-a=1 ,  w=2", "sentry-a=1", "v=1,w=2"},
    {"sentry-a=1 , v=1", "sentry-a=1", "v=1"},
    {"v=1, sentry-a=1", "sentry-a=1", "v=1"},
    /* Foreign bytes stay, between neighbours too. */
    {"v = 1 ; p = \"x\" , w=%zz,  x", "", "v = 1 ; p = \"x\" , w=%zz,  x"},
    {" v=1 ,, w=2 ", "", "v=1 ,, w=2"},
    {"v=1\t,w=2,sentry-a=1,x=3 , y=4", "sentry-a=1", "v=1\t,w=2,x=3 , y=4"},
    {"v=\xC3\xA9\xFF", "", "v=\xC3\xA9\xFF"},
    {"novalue,v=", "", "novalue,v="},
    {"v;sentry-a=1", "", "v;sentry-a=1"},
    {"v=sentry-a", "", "v=sentry-a"},
    /* The prefix is what counts, in its case. */
    {"Sentry-a=1,SENTRY-b=2,sentry_c=3,sentry=4,xsentry-d=5", "",
     "Sentry-a=1,SENTRY-b=2,sentry_c=3,sentry=4,xsentry-d=5"},
    {"sentry%2Da=1,%73entry-b=2", "sentry-a=1,sentry-b=2", ""},
    {"sentry-A=1,sentry-a=2", "sentry-A=1,sentry-a=2", ""},
    /* Sentry's malformed members belong to nobody. */
    {"sentry-a,v=1", "", "v=1"},
    {"sentry-a=,sentry-b= ,sentry-=1,sentry-c=;p=1", "", ""},
    {"sentry-a=%,sentry-b=%4,sentry-c=%4g,sentry-d=%zz,sentry-e=1", "sentry-e=1", ""},
    {"sentry-a=%FF,sentry-b=\xFF,sentry-c=%C3%A9", "sentry-c=%C3%A9", ""},
    {"sentry-a=%00,sentry-b=x%00y,sentry-%00=1", "", ""},
    {"sentry-%zz=1,v=2", "", "v=2"},
    {"%zzsentry-=1", "", "%zzsentry-=1"},
    /* Properties are cut off. */
    {"sentry-a=1;p=2;q,sentry-b=3 ; r", "sentry-a=1,sentry-b=3", ""},
    {"sentry-a;p=1", "", ""},
    /* Values are encoded anew. */
    {"sentry-a=x y\"z\\", "sentry-a=x%20y%22z%5C", ""},
    {"sentry-a=%61%2f%2F", "sentry-a=a%2F%2F", ""},
    {"sentry-a=b=c==", "sentry-a=b%3Dc%3D%3D", ""},
    {"sentry-a=-_.!~*'()", "sentry-a=-_.!~*'()", ""},
    {"sentry-a=%2C%3B%25", "sentry-a=%2C%3B%25", ""},
    {"sentry-a=\xC3\xA9", "sentry-a=%C3%A9", ""},
    {"sentry-a%20b=1", "sentry-a%20b=1", ""},
    {"sentry-a=%0d%0ax:%20y", "sentry-a=%0D%0Ax%3A%20y", ""},
    /* The last good one counts. */
    {"sentry-a=1,sentry-b=2,sentry-a=3", "sentry-a=3,sentry-b=2", ""},
    {"sentry-a=1,sentry-a=,sentry-a=%zz,sentry-a", "sentry-a=1", ""},
    {"sentry-a=1,sentry-%61=2", "sentry-a=2", ""},
};

START_TEST(header_is_split)
{
    st_baggage_t baggage;
    st_baggage_parse(&baggage, splits[_i].header, t_pool);
    ck_assert_str_eq(baggage.sentry, splits[_i].sentry);
    ck_assert_str_eq(baggage.foreign, splits[_i].foreign);
}
END_TEST

/* "<prefix>0=v,<prefix>1=v,..." */
static const char *many(const char *prefix, int count, const char *value)
{
    char *text =
        apr_palloc(t_pool, (size_t)count * (strlen(prefix) + strlen(value) + 16));
    char *end = text;
    for (int i = 0; i < count; i++) {
        end += sprintf(end, "%s%s%d=%s", i > 0 ? "," : "", prefix, i, value);
    }
    return text;
}

static int count_members(const char *text)
{
    st_str_t rest = st_str(text);
    st_str_t member;
    int count = 0;
    while (st_baggage_next(&rest, &member)) {
        count++;
    }
    return count;
}

START_TEST(only_so_many_keys_are_kept)
{
    st_baggage_t baggage;
    st_baggage_parse(&baggage, many("sentry-k", ST_BAGGAGE_MEMBERS_MAX + 1, "1"), t_pool);
    ck_assert_str_eq(baggage.sentry, many("sentry-k", ST_BAGGAGE_MEMBERS_MAX, "1"));
    const char *again = apr_pstrcat(
        t_pool, many("sentry-k", ST_BAGGAGE_MEMBERS_MAX + 1, "1"), ",sentry-k0=2", NULL);
    st_baggage_parse(&baggage, again, t_pool);
    ck_assert_int_eq(strncmp(baggage.sentry, "sentry-k0=2,sentry-k1=1,", 24), 0);
}
END_TEST

START_TEST(huge_headers_are_split_all_the_same)
{
    st_baggage_t baggage;
    const char *foreign = many("v", 100000, "1");
    const char *header = apr_pstrcat(t_pool, foreign, ",", many("sentry-k", 100000, "1"),
                                     ",", many("sentry-k", 50, "2"), NULL);
    st_baggage_parse(&baggage, header, t_pool);
    ck_assert_str_eq(baggage.foreign, foreign);
    ck_assert_int_eq(count_members(baggage.sentry), ST_BAGGAGE_MEMBERS_MAX);
    ck_assert_ptr_nonnull(strstr(baggage.sentry, "sentry-k49=2,sentry-k50=1"));
}
END_TEST

/* A member of exactly `len` bytes when encoded. */
static const char *sized(const char *key, size_t len)
{
    size_t start = strlen(key) + 1;
    char *text = apr_palloc(t_pool, len + 1);
    memcpy(text, key, strlen(key));
    memset(text + start - 1, '=', 1);
    memset(text + start, 'x', len - start);
    text[len] = '\0';
    return text;
}

START_TEST(the_sentry_part_stays_within_its_limit)
{
    st_baggage_t baggage;
    const char *fits = sized("sentry-a", ST_BAGGAGE_BYTES_MAX);
    st_baggage_parse(&baggage, fits, t_pool);
    ck_assert_str_eq(baggage.sentry, fits);
    st_baggage_parse(&baggage, sized("sentry-a", ST_BAGGAGE_BYTES_MAX + 1), t_pool);
    ck_assert_str_eq(baggage.sentry, "");
    /* Too long only when encoded; what comes later may still fit. */
    char *wide = apr_pstrdup(t_pool, sized("sentry-a", 4000));
    memset(wide + 9, '"', 3000);
    st_baggage_parse(&baggage, apr_pstrcat(t_pool, wide, ",sentry-b=1", NULL), t_pool);
    ck_assert_str_eq(baggage.sentry, "sentry-b=1");
    /* A value that does not fit does not replace one that did. */
    const char *header = apr_pstrcat(t_pool, "sentry-a=1,", sized("sentry-b", 8000), ",",
                                     sized("sentry-a", 200), NULL);
    st_baggage_parse(&baggage, header, t_pool);
    ck_assert_int_eq(strncmp(baggage.sentry, "sentry-a=1,sentry-b=xx", 22), 0);
    /* One that fits in the room of the old one does. */
    header = apr_pstrcat(t_pool, sized("sentry-a", 190), ",", sized("sentry-b", 8000),
                         ",", sized("sentry-a", 191), NULL);
    st_baggage_parse(&baggage, header, t_pool);
    ck_assert_uint_eq(strlen(baggage.sentry), ST_BAGGAGE_BYTES_MAX);
}
END_TEST

static const struct {
    const char *foreign, *sentry, *joined;
} joins[] = {
    {NULL, NULL, ""},
    {"", "", ""},
    {"v=1", NULL, "v=1"},
    {NULL, "sentry-a=1", "sentry-a=1"},
    {"v=1", "sentry-a=1", "v=1,sentry-a=1"},
    {"v = 1 ; p , w", "sentry-a=1,sentry-b=2", "v = 1 ; p , w,sentry-a=1,sentry-b=2"},
};

START_TEST(parts_are_joined)
{
    ck_assert_str_eq(st_baggage_join(joins[_i].foreign, joins[_i].sentry, t_pool),
                     joins[_i].joined);
}
END_TEST

START_TEST(a_member_that_would_overflow_is_left_out_and_later_ones_are_not)
{
    const char *foreign = sized("v", ST_BAGGAGE_BYTES_MAX - 30);
    const char *joined = st_baggage_join(
        foreign, "sentry-a=1,sentry-release=abcdefghijklmnopq,sentry-b=1", t_pool);
    ck_assert_str_eq(joined,
                     apr_pstrcat(t_pool, foreign, ",sentry-a=1,sentry-b=1", NULL));
    /* To the byte. */
    ck_assert_uint_eq(strlen(st_baggage_join(foreign, sized("sentry-a", 29), t_pool)),
                      ST_BAGGAGE_BYTES_MAX);
    ck_assert_str_eq(st_baggage_join(foreign, sized("sentry-a", 30), t_pool), foreign);
}
END_TEST

START_TEST(foreign_members_beyond_the_limit_are_left_out_one_by_one)
{
    const char *header =
        apr_pstrcat(t_pool, "v=1 , ", sized("w", ST_BAGGAGE_BYTES_MAX), " ,x=2", NULL);
    ck_assert_str_eq(st_baggage_join(header, "sentry-a=1", t_pool), "v=1,x=2,sentry-a=1");
    ck_assert_str_eq(st_baggage_join(header, NULL, t_pool), "v=1,x=2");
    ck_assert_str_eq(
        st_baggage_join(sized("w", ST_BAGGAGE_BYTES_MAX + 1), "sentry-a=1", t_pool),
        "sentry-a=1");
    ck_assert_str_eq(
        st_baggage_join("v", sized("sentry-a", ST_BAGGAGE_BYTES_MAX), t_pool), "v");
}
END_TEST

static const char *random_header(st_rng_t *rng)
{
    static const char *const pieces[] = {
        "sentry-", "a",          "b",           "=",           ",",    " ",  "\t",
        ";",       "%41",        "%C3%A9",      "%FF",         "%",    "%0", "\xC3",
        "\"",      "\xC3\xA9",   "x=",          "%2D",         ",v=1", ",",  ",w = 2",
        ",=,",     ",sentry-a=", ",sentry-b=3", ",sentry-%61="};
    char *text = apr_palloc(t_pool, 300);
    text[0] = '\0';
    for (uint64_t n = st_rng_next(rng) % 30; n > 0; n--) {
        strcat(text, pieces[st_rng_next(rng) % (sizeof(pieces) / sizeof(pieces[0]))]);
    }
    return text;
}

START_TEST(splitting_and_joining_again_changes_nothing)
{
    st_rng_t rng = {.state = 42};
    int with_both = 0;
    for (int round = 0; round < 20000; round++) {
        st_baggage_t first, again;
        st_baggage_parse(&first, random_header(&rng), t_pool);
        const char *joined = st_baggage_join(first.foreign, first.sentry, t_pool);
        st_baggage_parse(&again, joined, t_pool);
        ck_assert_str_eq(again.foreign, first.foreign);
        ck_assert_str_eq(again.sentry, first.sentry);
        with_both += first.foreign[0] != '\0' && first.sentry[0] != '\0';
        if (round % 100 == 0) {
            apr_pool_clear(t_pool);
        }
    }
    ck_assert_int_gt(with_both, 500);
}
END_TEST

START_TEST(members_are_taken_one_by_one)
{
    st_str_t rest = st_str(",, a=1 ,\t, b ,c=2,");
    st_str_t member;
    static const char *const wanted[] = {"a=1", "b", "c=2"};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(st_baggage_next(&rest, &member), 1);
        ck_assert_uint_eq(member.len, strlen(wanted[i]));
        ck_assert_mem_eq(member.ptr, wanted[i], member.len);
    }
    ck_assert_int_eq(st_baggage_next(&rest, &member), 0);
    ck_assert_int_eq(st_baggage_next(&rest, &member), 0);
}
END_TEST

START_TEST(every_character_survives_encoding_and_decoding)
{
    static const char kept[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789-_.!~*'()";
    for (int c = 1; c < 0x80; c++) {
        char text = (char)c;
        char out[3];
        char back[3];
        size_t len = st_baggage_encode(out, (st_str_t){&text, 1});
        ck_assert_uint_eq(len, strchr(kept, c) != NULL ? 1 : 3);
        ck_assert_int_eq(st_baggage_decode(back, &len, (st_str_t){out, len}),
                         APR_SUCCESS);
        ck_assert_uint_eq(len, 1);
        ck_assert_int_eq(back[0], text);
    }
}
END_TEST

START_TEST(bytes_that_are_no_text_become_question_marks)
{
    char out[64];
    size_t len = st_baggage_encode(out, st_str("a\xFF\xC3\xA9\xE2\x82 \xC3"));
    out[len] = '\0';
    ck_assert_str_eq(out, "a%3F%C3%A9%3F%3F%20%3F");
}
END_TEST

START_TEST(decoding_works_in_place)
{
    char text[] = "%41b%C3%A9%2C";
    size_t len;
    ck_assert_int_eq(st_baggage_decode(text, &len, st_str(text)), APR_SUCCESS);
    ck_assert_uint_eq(len, 5);
    ck_assert_mem_eq(text, "Ab\xC3\xA9,", 5);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, header_is_split, 0, COUNT(splits));
    tcase_add_test(tcase, only_so_many_keys_are_kept);
    tcase_add_test(tcase, huge_headers_are_split_all_the_same);
    tcase_add_test(tcase, the_sentry_part_stays_within_its_limit);
    tcase_add_loop_test(tcase, parts_are_joined, 0, COUNT(joins));
    tcase_add_test(tcase,
                   a_member_that_would_overflow_is_left_out_and_later_ones_are_not);
    tcase_add_test(tcase, foreign_members_beyond_the_limit_are_left_out_one_by_one);
    tcase_add_test(tcase, splitting_and_joining_again_changes_nothing);
    tcase_add_test(tcase, members_are_taken_one_by_one);
    tcase_add_test(tcase, every_character_survives_encoding_and_decoding);
    tcase_add_test(tcase, bytes_that_are_no_text_become_question_marks);
    tcase_add_test(tcase, decoding_works_in_place);
}

T_MAIN("baggage", add_cases)

/* SPDX-License-Identifier: Apache-2.0 */
/* Which responses no shared cache may store. */
#include "st_cache_control.h"

#include "t.h"

typedef struct rule_t {
    const char *header;
    int unshared;            /* without Authorization */
    int unshared_authorized; /* with it */
} rule_t;

static const rule_t rules[] = {
    {NULL, 0, 1},
    {"", 0, 1},
    {"private", 1, 1},
    {"PRIVATE", 1, 1},
    {" ,\t private ,", 1, 1},
    {"no-store", 1, 1},
    {"max-age=60, private", 1, 1},
    {"private,max-age=60", 1, 1},
    {"private , max-age=60", 1, 1},
    {"no-cache, no-store, must-revalidate", 1, 1},
    {"no-cache", 0, 1},
    {"max-age=0", 0, 1},
    {"max-age=0, no-cache, proxy-revalidate", 0, 1},
    {"must-revalidate", 0, 0},
    {"public", 0, 0},
    {"public, max-age=60", 0, 0},
    {"s-maxage=0", 0, 0},
    {"S-MaxAge=0", 0, 0},
    {"private, public", 0, 0},
    {"private, s-maxage=60", 0, 0},
    {"no-store, public", 0, 0},
    {"no-store, must-understand", 0, 1},
    {"private, must-understand", 1, 1},
    {"private=\"set-cookie\"", 0, 1},
    {"private=\"\"", 0, 1},
    {"private = \"x\"", 0, 1},
    {"private=x", 0, 1},
    {"private x", 0, 1},
    {"private\"x\"", 0, 1},
    {"no-store=x", 0, 1},
    {"x=\"private\"", 0, 1},
    {"x=\"a, private\"", 0, 1},
    {"x=\"a\\\", private\"", 0, 1},
    {"x=\"a\\\\\", private", 1, 1},
    {"private, x=\"a", 0, 0},
    {"private, x=\"a\\", 0, 0},
    {"private, x=\"a\\\"", 0, 0},
    {"privatex", 0, 1},
    {"xprivate", 0, 1},
    {"not-private", 0, 1},
    {"community=\"UCI\", private", 1, 1},
    {"=private", 0, 1},
    {"\"\", private", 1, 1},
};

START_TEST(response_is_unshared_as_the_rules_say)
{
    const rule_t *rule = &rules[_i];
    st_cache_control_t control;
    st_cache_control_parse(&control, rule->header);
    ck_assert_int_eq(st_cache_control_is_unshared(&control, 0), rule->unshared);
    ck_assert_int_eq(st_cache_control_is_unshared(&control, 1),
                     rule->unshared_authorized);
}
END_TEST

START_TEST(no_transform_is_seen)
{
    st_cache_control_t control;
    st_cache_control_parse(&control, "private, No-Transform");
    ck_assert_int_eq(control.has_no_transform, 1);
    st_cache_control_parse(&control, "private, x=\"no-transform\"");
    ck_assert_int_eq(control.has_no_transform, 0);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, response_is_unshared_as_the_rules_say, 0,
                        (int)(sizeof(rules) / sizeof(*rules)));
    tcase_add_test(tcase, no_transform_is_seen);
}

T_MAIN("cache_control", add_cases)

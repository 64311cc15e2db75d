/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of typed attributes, one break each. */
#include "t_envelope_sample.h"

#define ATTRS "payload/items/1/attributes"

static const t_break_t breaks[] = {
    {ATTRS, NULL, NULL},
    {ATTRS, "{}", NULL},
    {ATTRS, "[]", "span 2 has \"attributes\" that are no object"},
    {ATTRS "/", "{\"type\":\"string\",\"value\":\"x\"}", "an attribute without a key"},
    {ATTRS "/a", "\"plain\"", "\"a\" that is no object of type and value"},
    {ATTRS "/a", "{\"type\":\"string\"}", "\"a\" without \"value\""},
    {ATTRS "/a", "{\"type\":\"string\",\"value\":null}", "\"a\" without \"value\""},
    {ATTRS "/a", "{\"value\":\"x\"}", "\"a\" without \"type\""},
    {ATTRS "/a", "{\"type\":7,\"value\":\"x\"}", "\"a\" without \"type\""},
    {ATTRS "/a", "{\"type\":\"text\",\"value\":\"x\"}", "the unknown type \"text\""},
    {ATTRS "/a", "{\"type\":\"string\",\"value\":\"x\",\"more\":1}",
     "more than type, value"},
    {ATTRS "/a", "{\"type\":\"string\",\"value\":\"x\",\"unit\":1}", "unit is no string"},
    {ATTRS "/a", "{\"type\":\"string\",\"value\":\"\\u0000\"}", NULL},
    {ATTRS "/a", "{\"type\":\"string\",\"value\":\"\"}",
     "not a string that is not empty"},
    {ATTRS "/a", "{\"type\":\"string\",\"value\":1}", "not a string that is not empty"},
    {ATTRS "/a", "{\"type\":\"boolean\",\"value\":true}", NULL},
    {ATTRS "/a", "{\"type\":\"boolean\",\"value\":1}", "not true or false"},
    {ATTRS "/a", "{\"type\":\"boolean\",\"value\":\"true\"}", "not true or false"},
    {ATTRS "/a", "{\"type\":\"integer\",\"value\":-9223372036854775808}", NULL},
    {ATTRS "/a", "{\"type\":\"integer\",\"value\":1.0}", "not a whole number"},
    {ATTRS "/a", "{\"type\":\"integer\",\"value\":\"1\"}", "not a whole number"},
    {ATTRS "/a", "{\"type\":\"double\",\"value\":1}", NULL},
    {ATTRS "/a", "{\"type\":\"double\",\"value\":\"1.5\"}", "not a number"},
    {ATTRS "/a", "{\"type\":\"array\",\"value\":[]}", NULL},
    {ATTRS "/a", "{\"type\":\"array\",\"value\":[\"x\",null,\"y\"]}", NULL},
    {ATTRS "/a", "{\"type\":\"array\",\"value\":[1,2.5]}", NULL},
    {ATTRS "/a", "{\"type\":\"array\",\"value\":[true,false]}", NULL},
    {ATTRS "/a", "{\"type\":\"array\",\"value\":[\"x\",1]}", "not an array of strings"},
    {ATTRS "/a", "{\"type\":\"array\",\"value\":[null,true,1]}",
     "not an array of strings"},
    {ATTRS "/a", "{\"type\":\"array\",\"value\":[[\"x\"]]}", "not an array of strings"},
    {ATTRS "/a", "{\"type\":\"array\",\"value\":[{}]}", "not an array of strings"},
    {ATTRS "/a", "{\"type\":\"array\",\"value\":\"x\"}", "not an array of strings"},
    {ATTRS "/a\x01z", "7", "\"a?z\" that is no object"},
    {"payload/items/1/links/0/attributes/a", "7",
     "span 2 has an attribute \"a\" that is no"},
};

START_TEST(an_attribute_follows_the_rules)
{
    t_expect_break(t_span_envelope, &breaks[_i]);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, an_attribute_follows_the_rules, 0,
                        (int)(sizeof(breaks) / sizeof(breaks[0])));
}

T_MAIN("envelope_attr", add_cases)

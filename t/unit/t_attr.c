/* SPDX-License-Identifier: Apache-2.0 */
#include "t.h"
#include "st_attr.h"

#include <string.h>
#include "st_record.h"

/* Records keep keys by number: as long as the version is the same, these may not move. */
static const struct {
    int key;
    const char *text;
    st_attr_type_t type;
} version_2[] = {
    {1, "http.request.method", ST_TYPE_STRING},
    {2, "http.request.body.size", ST_TYPE_INTEGER},
    {3, "http.response.status_code", ST_TYPE_INTEGER},
    {4, "http.response.status_text", ST_TYPE_STRING},
    {5, "http.response.body.size", ST_TYPE_INTEGER},
    {6, "http.route", ST_TYPE_STRING},
    {7, "url.full", ST_TYPE_STRING},
    {8, "url.scheme", ST_TYPE_STRING},
    {9, "url.path", ST_TYPE_STRING},
    {10, "url.query", ST_TYPE_STRING},
    {11, "server.address", ST_TYPE_STRING},
    {12, "server.port", ST_TYPE_INTEGER},
    {13, "client.address", ST_TYPE_STRING},
    {14, "client.port", ST_TYPE_INTEGER},
    {15, "network.peer.address", ST_TYPE_STRING},
    {16, "network.peer.port", ST_TYPE_INTEGER},
    {17, "network.local.address", ST_TYPE_STRING},
    {18, "network.local.port", ST_TYPE_INTEGER},
    {19, "network.protocol.name", ST_TYPE_STRING},
    {20, "network.protocol.version", ST_TYPE_STRING},
    {21, "network.transport", ST_TYPE_STRING},
    {22, "network.type", ST_TYPE_STRING},
    {23, "user_agent.original", ST_TYPE_STRING},
    {24, "user.name", ST_TYPE_STRING},
    {25, "user.ip_address", ST_TYPE_STRING},
    {26, "thread.id", ST_TYPE_INTEGER},
    {27, "process.pid", ST_TYPE_INTEGER},
    {28, "middleware.name", ST_TYPE_STRING},
    {29, "sentry.exclusive_time", ST_TYPE_DOUBLE},
    {30, "sentry.kind", ST_TYPE_STRING},
    {31, "sentry.status.message", ST_TYPE_STRING},
    {32, "sentry.segment.name.source", ST_TYPE_STRING},
    {33, "error.type", ST_TYPE_STRING},
    {34, "http.request.resend_count", ST_TYPE_INTEGER},
    {35, "url.domain", ST_TYPE_STRING},
    {36, "url.port", ST_TYPE_INTEGER},
    {37, "thread.name", ST_TYPE_STRING},
    {38, "http.response.size", ST_TYPE_INTEGER},
    {39, "tls.protocol.name", ST_TYPE_STRING},
    {40, "tls.protocol.version", ST_TYPE_STRING},
    {41, "http.server.request.time_in_queue", ST_TYPE_DOUBLE},
    {0x100, "http.request.header.", ST_TYPE_STRINGS},
    {0x101, "http.response.header.", ST_TYPE_STRINGS},
    {0x102, "", ST_TYPE_STRING},
    {0x103, "", ST_TYPE_BOOLEAN},
    {0x104, "", ST_TYPE_INTEGER},
    {0x105, "", ST_TYPE_DOUBLE},
};

enum { VERSION_2_COUNT = sizeof(version_2) / sizeof(version_2[0]) };

START_TEST(numbers_of_keys_stay_within_a_record_version)
{
    st_attr_key_t key = (st_attr_key_t)version_2[_i].key;
    ck_assert_int_eq(ST_RECORD_VERSION, 2);
    ck_assert_int_lt(key, key < ST_ATTR_NAMED ? ST_ATTR_COUNT : ST_ATTR_NAMED_END);
    ck_assert_int_eq(st_attr_is_named(key), version_2[_i].key >= ST_ATTR_NAMED);
    ck_assert_int_eq(st_attr_is_text(key),
                     st_attr_is_named(key) || version_2[_i].type == ST_TYPE_STRING);
    ck_assert_str_eq(st_attr_key_text(key), version_2[_i].text);
    ck_assert_int_eq(st_attr_key_type(key), version_2[_i].type);
}
END_TEST

START_TEST(every_key_has_a_text_of_its_own_and_a_type)
{
    for (int key = ST_ATTR_NONE + 1; key < ST_ATTR_COUNT; key++) {
        const char *text = st_attr_key_text((st_attr_key_t)key);
        ck_assert_uint_gt(strlen(text), 0);
        ck_assert_uint_eq(strspn(text, "abcdefghijklmnopqrstuvwxyz_."), strlen(text));
        ck_assert_int_ge(st_attr_key_type((st_attr_key_t)key), ST_TYPE_STRING);
        ck_assert_int_lt(st_attr_key_type((st_attr_key_t)key), ST_TYPE_COUNT);
        for (int other = ST_ATTR_NONE + 1; other < key; other++) {
            ck_assert_str_ne(st_attr_key_text((st_attr_key_t)other), text);
        }
    }
}
END_TEST

START_TEST(keys_are_found_by_their_whole_text)
{
    for (int key = ST_ATTR_NONE + 1; key < ST_ATTR_COUNT; key++) {
        ck_assert_int_eq(st_attr_find(st_attr_key_text((st_attr_key_t)key)), key);
    }
    ck_assert_int_eq(st_attr_find(""), ST_ATTR_NONE);
    ck_assert_int_eq(st_attr_find("http"), ST_ATTR_NONE);
    ck_assert_int_eq(st_attr_find("HTTP.ROUTE"), ST_ATTR_NONE);
    ck_assert_int_eq(st_attr_find("http.routes"), ST_ATTR_NONE);
}
END_TEST

START_TEST(a_segment_has_room_for_one_of_each)
{
    ck_assert_int_le(ST_ATTR_COUNT - 1, ST_SEGMENT_ATTRS);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, numbers_of_keys_stay_within_a_record_version, 0,
                        VERSION_2_COUNT);
    tcase_add_test(tcase, every_key_has_a_text_of_its_own_and_a_type);
    tcase_add_test(tcase, keys_are_found_by_their_whole_text);
    tcase_add_test(tcase, a_segment_has_room_for_one_of_each);
}

T_MAIN("attr", add_cases)

/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a page: where it is cut must not matter. The first byte of the input chooses the
 * lengths of the pieces, the second the limit. */
#include "fuzz.h"

#include "st_head_scan.h"
#include <stdlib.h>
#include <string.h>

unsigned long fuzz_accepted;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return 0;
}

static void demand(int truth)
{
    if (!truth) {
        abort();
    }
}

/* Feeds the page in pieces of `step` bytes. @return where the tag ends; 0: nowhere. */
static size_t page_scan(const char *page, size_t len, size_t limit, size_t step)
{
    st_head_scan_t scan;
    st_head_scan_init(&scan, limit);
    st_head_result_t result = ST_HEAD_MORE;
    for (size_t at = 0; at < len; at += step) {
        size_t count = len - at < step ? len - at : step;
        size_t end = 0;
        st_head_result_t before = result;
        result = st_head_scan_feed(&scan, page + at, count, &end);
        demand(before != ST_HEAD_NONE || result == ST_HEAD_NONE);
        if (result == ST_HEAD_FOUND) {
            demand(end > 0 && end <= count);
            return at + end;
        }
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const char *page = (const char *)data + 2;
    size_t len = size - 2;
    size_t limit = data[1] < 128 ? 65536 : data[1];
    size_t end = page_scan(page, len, limit, len > 0 ? len : 1);
    demand(page_scan(page, len, limit, 1) == end);
    demand(page_scan(page, len, limit, (size_t)data[0] + 1) == end);
    if (end > 0) {
        demand(end >= strlen("<head>") && end <= limit && page[end - 1] == '>');
        fuzz_accepted++;
    }
    return 0;
}

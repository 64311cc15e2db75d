/* SPDX-License-Identifier: Apache-2.0 */
/* Many requests at the same time, by libcurl's multi interface. */

#include "te_burst.h"
#include "te_wait.h"

#include <check.h>
#include <curl/curl.h>

typedef struct burst_t {
    CURLM *multi;
    const char *url;
    const char *ca_file;
    int left; /* not yet started */
    int running;
    int answered;
} burst_t;

static size_t ignore_body(char *bytes, size_t size, size_t count, void *baton)
{
    return size * count;
}

static void start_one(burst_t *burst)
{
    CURL *curl = curl_easy_init();
    ck_assert_ptr_nonnull(curl);
    curl_easy_setopt(curl, CURLOPT_URL, burst->url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, burst->ca_file);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TE_PATIENCE_SEC);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore_body);
    ck_assert_int_eq(curl_multi_add_handle(burst->multi, curl), CURLM_OK);
    burst->left--;
    burst->running++;
}

static void finish_one(burst_t *burst, CURL *curl, CURLcode result)
{
    long status = 0;
    long version = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_HTTP_VERSION, &version);
    burst->answered +=
        result == CURLE_OK && status == 200 && version == CURL_HTTP_VERSION_2_0;
    curl_multi_remove_handle(burst->multi, curl);
    curl_easy_cleanup(curl);
    burst->running--;
}

static void drive(burst_t *burst)
{
    int running;
    int queued;
    ck_assert_int_eq(curl_multi_perform(burst->multi, &running), CURLM_OK);
    CURLMsg *message = curl_multi_info_read(burst->multi, &queued);
    while (message != NULL) {
        finish_one(burst, message->easy_handle, message->data.result);
        message = curl_multi_info_read(burst->multi, &queued);
    }
    ck_assert_int_eq(curl_multi_poll(burst->multi, NULL, 0, 10, NULL), CURLM_OK);
}

int te_burst(const char *url, const char *ca_file, int requests, int streams)
{
    burst_t burst = {.url = url, .ca_file = ca_file, .left = requests};
    burst.multi = curl_multi_init();
    ck_assert_ptr_nonnull(burst.multi);
    curl_multi_setopt(burst.multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
    while (burst.left > 0 || burst.running > 0) {
        while (burst.left > 0 && burst.running < streams) {
            start_one(&burst);
        }
        drive(&burst);
    }
    curl_multi_cleanup(burst.multi);
    return burst.answered;
}

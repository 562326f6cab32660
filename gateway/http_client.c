/* SPDX-License-Identifier: MIT */
/* Blocking HTTP requests, for command-line tools. */
#include "gateway/http_client.h"

#include "gateway/http_lib.h"

static size_t on_data(char *data, size_t size, size_t n, void *user)
{
    struct gw_buf *response = user;
    return gw_buf_add(response, data, size * n) == GW_OK ? size * n : 0;
}

enum gw_status gw_http_do(const struct gw_http_request *request, struct gw_buf *response,
                          long *status_out, struct gw_err *err)
{
    enum gw_status st = GW_OK;
    struct curl_slist *headers = NULL;
    const struct gw_curl *curl = gw_curl_load(err);
    if (curl == NULL)
        return GW_UNSUPPORTED;
    CURL *easy = curl->curl_easy_init();
    if (easy == NULL)
        return gw_err_set(err, GW_INTERNAL, "libcurl does not start");
    gw_curl_set_request(curl, easy, request, &headers);
    (void)curl->curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl->curl_easy_setopt(easy, CURLOPT_WRITEDATA, response);
    CURLcode rc = curl->curl_easy_perform(easy);
    if (rc == CURLE_OK)
        (void)curl->curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, status_out);
    else if (response->overflowed)
        st = gw_err_set(err, GW_TOOBIG, "the answer is over %zu bytes", response->max);
    else
        st = gw_err_set(err, rc == CURLE_OPERATION_TIMEDOUT ? GW_TIMEOUT : GW_IO, "%s: %s",
                        request->url, curl->curl_easy_strerror(rc));
    curl->curl_easy_cleanup(easy);
    curl->curl_slist_free_all(headers);
    return st;
}

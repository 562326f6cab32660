/* SPDX-License-Identifier: MIT */
/* HTTP client on libcurl, loaded on demand. */
#include "gateway/http_client.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <stdbool.h>

/* The functions we use, typed by the library's own header. */
#define CURL_FUNCTIONS(X) \
    X(curl_easy_init) \
    X(curl_easy_setopt) \
    X(curl_easy_perform) \
    X(curl_easy_getinfo) \
    X(curl_easy_strerror) \
    X(curl_easy_cleanup) \
    X(curl_slist_append) \
    X(curl_slist_free_all)

/* the header's type-checking macros of the same names are not wanted here */
#undef curl_easy_setopt
#undef curl_easy_getinfo

struct curl_api {
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration */
#define CURL_MEMBER(name) __typeof__(&(name)) name;
    CURL_FUNCTIONS(CURL_MEMBER)
#undef CURL_MEMBER
};

static enum gw_status load(struct curl_api *api, struct gw_err *err)
{
    void *lib = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (lib == NULL)
        return gw_err_set(err, GW_UNSUPPORTED, "libcurl is not installed; install libcurl4");
    bool ok = true;
#define CURL_LOAD(name) \
    *(void **)&api->name = dlsym(lib, #name); \
    ok = ok && api->name != NULL;
    CURL_FUNCTIONS(CURL_LOAD)
#undef CURL_LOAD
    return ok ? GW_OK : gw_err_set(err, GW_UNSUPPORTED, "libcurl.so.4 lacks a function");
}

static size_t on_data(char *data, size_t size, size_t n, void *user)
{
    struct gw_buf *response = user;
    return gw_buf_add(response, data, size * n) == GW_OK ? size * n : 0;
}

static void set_options(const struct curl_api *api, CURL *easy, const struct gw_http_request *r,
                        struct curl_slist *headers, struct gw_buf *response)
{
    (void)api->curl_easy_setopt(easy, CURLOPT_URL, r->url);
    (void)api->curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)api->curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)api->curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)api->curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)api->curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, r->timeout_ms);
    (void)api->curl_easy_setopt(easy, CURLOPT_POST, 1L);
    (void)api->curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body.data);
    (void)api->curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
    (void)api->curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    (void)api->curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    (void)api->curl_easy_setopt(easy, CURLOPT_WRITEDATA, response);
    if (r->unix_socket != NULL)
        (void)api->curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, r->unix_socket);
}

enum gw_status gw_http_post(const struct gw_http_request *request, struct gw_buf *response,
                            long *status_out, struct gw_err *err)
{
    struct curl_api api;
    enum gw_status st = load(&api, err);
    if (st != GW_OK)
        return st;
    CURL *easy = api.curl_easy_init();
    if (easy == NULL)
        return gw_err_set(err, GW_INTERNAL, "libcurl does not start");
    struct curl_slist *headers = NULL;
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++)
        headers = api.curl_slist_append(headers, request->headers[i]);
    set_options(&api, easy, request, headers, response);
    CURLcode rc = api.curl_easy_perform(easy);
    if (rc == CURLE_OK)
        (void)api.curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, status_out);
    else if (response->overflowed)
        st = gw_err_set(err, GW_TOOBIG, "the answer is over %zu bytes", response->max);
    else
        st = gw_err_set(err, rc == CURLE_OPERATION_TIMEDOUT ? GW_TIMEOUT : GW_IO, "%s: %s",
                        request->url, api.curl_easy_strerror(rc));
    api.curl_slist_free_all(headers);
    api.curl_easy_cleanup(easy);
    return st;
}

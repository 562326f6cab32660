/* SPDX-License-Identifier: MIT */
/* libcurl, loaded on demand: what http_client.c and http_loop.c share, and nobody else sees. */
#ifndef GW_HTTP_LIB_H
#define GW_HTTP_LIB_H

#include <curl/curl.h>

#include "gateway/http_client.h"

/* The functions we use, typed by the library's own header. */
#define GW_CURL_FUNCTIONS(X) \
    X(curl_global_init) \
    X(curl_easy_init) \
    X(curl_easy_setopt) \
    X(curl_easy_perform) \
    X(curl_easy_getinfo) \
    X(curl_easy_strerror) \
    X(curl_easy_cleanup) \
    X(curl_slist_append) \
    X(curl_slist_free_all) \
    X(curl_multi_init) \
    X(curl_multi_setopt) \
    X(curl_multi_add_handle) \
    X(curl_multi_remove_handle) \
    X(curl_multi_socket_action) \
    X(curl_multi_info_read) \
    X(curl_multi_assign) \
    X(curl_multi_cleanup)

/* the header's type-checking macros of the same names are not wanted here */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

struct gw_curl {
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration */
#define GW_CURL_MEMBER(name) __typeof__(&(name)) name;
    GW_CURL_FUNCTIONS(GW_CURL_MEMBER)
#undef GW_CURL_MEMBER
};

/* Loads the library once; it stays. From any thread. NULL with @err (GW_UNSUPPORTED) without it. */
const struct gw_curl *gw_curl_load(struct gw_err *err);

/* The options that all our requests share, and those of @r, whose body must outlive the transfer.
 * @headers is for curl_slist_free_all(), after the handle is gone. */
void gw_curl_set_request(const struct gw_curl *curl, CURL *easy, const struct gw_http_request *r,
                         struct curl_slist **headers);

#endif

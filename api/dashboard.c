/* SPDX-License-Identifier: MIT */
/* GET /, its frame for mails, and GET /openapi.json: files that were embedded at build time. */
#include "api/dashboard.h"

#include <stdio.h>

#include <openssl/sha.h>

#include "api/problem.h"
#include "api/routes.h"
#include "gateway/base/gw_base64.h"

/* Made by gw_embed() in CMakeLists.txt. */
extern const unsigned char api_dashboard_html[];
extern const size_t api_dashboard_html_size;
extern const unsigned char api_mail_html[];
extern const size_t api_mail_html_size;
extern const unsigned char api_openapi_json[];
extern const size_t api_openapi_json_size;

enum {
    HASH_TEXT_SIZE = 45 /* base64 of a SHA-256, and a NUL */
};

/* Hash of what stands between @open and @close, as a policy wants it. */
static bool hash_between(struct gw_slice page, const char *open, const char *close,
                         char out[HASH_TEXT_SIZE])
{
    const char *from = memmem(page.data, page.len, open, strlen(open));
    if (from == NULL)
        return false;
    from += strlen(open);
    const char *to = memmem(from, page.len - (size_t)(from - page.data), close, strlen(close));
    if (to == NULL)
        return false;
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)from, (size_t)(to - from), digest);
    out[gw_base64_encode(digest, sizeof(digest), out)] = '\0';
    return true;
}

void api_dashboard_policy(struct gw_slice page, char out[API_MAX_CSP])
{
    char style[HASH_TEXT_SIZE];
    char script[HASH_TEXT_SIZE];
    out[0] = '\0';
    if (hash_between(page, "<style>", "</style>", style) &&
        hash_between(page, "<script>", "</script>", script))
        (void)snprintf(out, API_MAX_CSP,
                       "default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; "
                       "connect-src 'self'; frame-src 'self'; base-uri 'none'; "
                       "form-action 'none'; frame-ancestors 'none'",
                       style, script);
}

void api_dashboard_mail_policy(struct gw_slice page, char out[API_MAX_CSP])
{
    char script[HASH_TEXT_SIZE];
    out[0] = '\0';
    if (hash_between(page, "<script>", "</script>", script))
        (void)snprintf(out, API_MAX_CSP,
                       "sandbox allow-scripts; default-src 'none'; script-src 'sha256-%s'; "
                       "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
                       "form-action 'none'; frame-ancestors 'self'",
                       script);
}

static void answer_page(struct api_request *r, struct gw_slice page, const char *policy)
{
    if (policy[0] == '\0') {
        api_problem(r, API_INTERNAL, "The dashboard was built wrong.");
        return;
    }
    api_set_header(r, "content-security-policy", policy);
    api_set_header(r, "referrer-policy", "no-referrer");
    api_set_header(r, "cache-control", "no-cache");
    api_answer_static(r, 200, "text/html; charset=utf-8", page);
}

static void get_dashboard(struct api_request *r)
{
    char policy[API_MAX_CSP];
    struct gw_slice page = gw_slice_of((const char *)api_dashboard_html, api_dashboard_html_size);
    api_dashboard_policy(page, policy);
    answer_page(r, page, policy);
}

static void get_mail_frame(struct api_request *r)
{
    char policy[API_MAX_CSP];
    struct gw_slice page = gw_slice_of((const char *)api_mail_html, api_mail_html_size);
    api_dashboard_mail_policy(page, policy);
    answer_page(r, page, policy);
}

static void get_openapi(struct api_request *r)
{
    api_set_header(r, "cache-control", "no-cache");
    api_answer_static(r, 200, "application/json",
                      gw_slice_of((const char *)api_openapi_json, api_openapi_json_size));
}

const struct api_route api_dashboard_routes[] = {
    {"GET", "/", get_dashboard, 0, 0, NULL},
    {"GET", "/dashboard/mail", get_mail_frame, 0, 0, NULL},
    {"GET", "/openapi.json", get_openapi, 0, API_ROUTE_JSON, NULL},
    {0},
};

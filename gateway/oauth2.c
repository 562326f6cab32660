/* SPDX-License-Identifier: MIT */
/* Fetching access tokens. When to fetch is decided in oauth2_state.c. */
#include "gateway/oauth2.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/oauth2_answer.h"
#include "gateway/oauth2_state.h"
#include "gateway/secret_file.h"

enum {
    MAX_FORM = 160 << 10 /* four values of CFG_MAX_TEXT, each octet escaped to three, and names */
};

struct gw_oauth2 {
    struct gw_http *http;
    const struct cfg_oauth2 *config;
    const char *relay;
    void (*on_change)(void *);
    void *data;
    struct gw_secret_file client_secret, refresh_token, access_token;
    struct gw_oauth2_state state;
    char *token;
    char *rotated; /* refresh token that the endpoint gave in place of the file's */
    struct gw_http_call *call;
    uv_timer_t timer; /* renews a token that is in use; only with an endpoint */
    bool has_timer, used;
    /* of the last failure */
    enum smtp_reason reason;
    char detail[SMTP_DETAIL_SIZE];
};

struct gw_oauth2 *gw_oauth2_new(struct gw_http *http, const struct cfg_oauth2 *config,
                                const char *relay, void (*on_change)(void *data), void *data)
{
    struct gw_oauth2 *o = gw_calloc(1, sizeof(*o));
    o->http = http;
    o->config = config;
    o->relay = relay;
    o->on_change = on_change;
    o->data = data;
    if (http != NULL) {
        CHECK(uv_timer_init(gw_http_loop(http), &o->timer) == 0);
        o->timer.data = o;
        o->has_timer = true;
    }
    gw_secret_file_init(&o->client_secret, config->client_secret_file, config->client_secret);
    gw_secret_file_init(&o->refresh_token, config->refresh_token_file, config->refresh_token);
    gw_secret_file_init(&o->access_token, config->access_token_file, config->access_token);
    return o;
}

void gw_oauth2_stop(struct gw_oauth2 *o)
{
    if (o->call != NULL)
        gw_http_cancel(o->call);
    o->call = NULL;
    o->http = NULL;
    if (o->has_timer)
        (void)uv_timer_stop(&o->timer);
}

static void on_timer_closed(uv_handle_t *handle)
{
    gw_free(handle->data);
}

void gw_oauth2_free(struct gw_oauth2 **o)
{
    struct gw_oauth2 *p = *o;
    if (p == NULL)
        return;
    gw_oauth2_stop(p);
    gw_secret_file_deinit(&p->client_secret);
    gw_secret_file_deinit(&p->refresh_token);
    gw_secret_file_deinit(&p->access_token);
    gw_free_secret(&p->token);
    gw_free_secret(&p->rotated);
    *o = NULL;
    if (p->has_timer)
        uv_close((uv_handle_t *)&p->timer, on_timer_closed);
    else
        gw_free(p);
}

/* --- Ahead of time --- */

static void fetch(struct gw_oauth2 *o);
static void renew_at(struct gw_oauth2 *o, int64_t at_ms);

/* One that nobody has asked for since it came is left to expire. */
static void on_timer(uv_timer_t *timer)
{
    struct gw_oauth2 *o = timer->data;
    const struct gw_oauth2_state *s = &o->state;
    bool begin = false;
    if (!o->used)
        return;
    (void)gw_oauth2_ask(&o->state, gw_clock_mono_ms(), &begin);
    if (begin)
        fetch(o);
    else if (!s->fetching) /* the loop counts from when its turn began, so it may be early */
        renew_at(o, s->refresh_at_ms > s->retry_at_ms ? s->refresh_at_ms : s->retry_at_ms);
}

static void renew_at(struct gw_oauth2 *o, int64_t at_ms)
{
    int64_t wait = at_ms - gw_clock_mono_ms();
    if (o->http != NULL)
        (void)uv_timer_start(&o->timer, on_timer, wait > 0 ? (uint64_t)wait : 1, 0);
}

/* --- The answer --- */

static void failed(struct gw_oauth2 *o, bool refused, const char *why)
{
    gw_oauth2_fetch_failed(&o->state, refused, gw_clock_mono_ms());
    renew_at(o, o->state.retry_at_ms);
    o->reason = refused ? SMTP_REASON_AUTH_FAILED : SMTP_REASON_AUTH_TEMPORARY;
    (void)snprintf(o->detail, sizeof(o->detail), "no access token from %.90s: %.140s",
                   o->config->token_url, why);
    gw_log(refused ? GW_LOG_ERROR : GW_LOG_WARN, "oauth2_failed", GW_LOG_STR("relay", o->relay),
           GW_LOG_STR("detail", o->detail));
}

static void take_token(struct gw_oauth2 *o, struct gw_oauth2_answer *a)
{
    gw_free_secret(&o->token);
    o->token = a->access_token;
    a->access_token = NULL;
    if (a->refresh_token != NULL) {
        gw_free_secret(&o->rotated);
        o->rotated = a->refresh_token;
        a->refresh_token = NULL;
    }
    gw_oauth2_fetched(&o->state, a->expires_in_s * 1000, gw_clock_mono_ms());
    o->used = false;
    renew_at(o, o->state.refresh_at_ms);
    gw_log(GW_LOG_INFO, "oauth2_token", GW_LOG_STR("relay", o->relay),
           GW_LOG_NUM("expires_in_s", a->expires_in_s));
}

/* The endpoint said no, and would again: 400 and 401 with these (RFC 6749 sec. 5.2). */
static bool is_refusal(const struct gw_oauth2_answer *a)
{
    static const char *const lasting[] = {"invalid_request",        "invalid_client",
                                          "invalid_grant",          "unauthorized_client",
                                          "unsupported_grant_type", "invalid_scope"};
    for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
        if (strcmp(lasting[i], a->error) == 0)
            return true;
    return false;
}

static void judge(struct gw_oauth2 *o, const struct gw_http_result *r)
{
    struct gw_oauth2_answer a;
    char why[SMTP_DETAIL_SIZE + GW_OAUTH2_DESCRIPTION_SIZE];
    if (r->status != GW_OK) {
        failed(o, false, r->detail);
        return;
    }
    if (gw_oauth2_answer_parse(r->body, &a) != GW_OK) {
        (void)snprintf(why, sizeof(why), "HTTP %ld and not the JSON of a token endpoint",
                       r->http_status);
        failed(o, false, why);
        return;
    }
    if (r->http_status == 200 && a.access_token != NULL) {
        take_token(o, &a);
    } else {
        (void)snprintf(why, sizeof(why), "HTTP %ld %s%s%s", r->http_status, a.error,
                       a.description[0] != '\0' ? ": " : "", a.description);
        failed(o, is_refusal(&a), why);
    }
    gw_oauth2_answer_deinit(&a);
}

static void on_answer(const struct gw_http_result *result, void *data)
{
    struct gw_oauth2 *o = data;
    o->call = NULL;
    judge(o, result);
    o->on_change(o->data);
}

/* --- The request --- */

/* application/x-www-form-urlencoded: everything but letters, digits and "-._~" is escaped. */
static void add_field(struct gw_buf *form, const char *name, const char *value)
{
    if (value == NULL)
        return;
    (void)gw_buf_printf(form, "%s%s=", form->len > 0 ? "&" : "", name);
    for (const char *c = value; *c != '\0'; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || strchr("-._~", *c) != NULL;
        if (plain)
            (void)gw_buf_add_char(form, *c);
        else
            (void)gw_buf_printf(form, "%%%02X", (unsigned)(unsigned char)*c);
    }
}

static void write_form(struct gw_oauth2 *o, struct gw_buf *form)
{
    (void)gw_secret_file_refresh(&o->client_secret);
    if (gw_secret_file_refresh(&o->refresh_token))
        gw_free_secret(&o->rotated); /* the operator's word is newer */
    const char *refresh = o->rotated != NULL ? o->rotated : o->refresh_token.value;
    add_field(form, "grant_type", refresh != NULL ? "refresh_token" : "client_credentials");
    add_field(form, "client_id", o->config->client_id);
    add_field(form, "client_secret", o->client_secret.value);
    add_field(form, "refresh_token", refresh);
    add_field(form, "scope", o->config->scope);
}

static void fetch(struct gw_oauth2 *o)
{
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded",
                                          "Accept: application/json", "Expect:", NULL};
    struct gw_buf form;
    struct gw_err err = {.text = ""};
    gw_buf_init(&form, MAX_FORM);
    write_form(o, &form);
    const struct gw_http_request request = {.url = o->config->token_url,
                                            .headers = headers,
                                            .body = gw_buf_view(&form),
                                            .ca_file = o->config->ca_file,
                                            .timeout_ms = GW_OAUTH2_TIMEOUT_MS,
                                            .max_response = GW_OAUTH2_MAX_ANSWER};
    if (o->http == NULL)
        failed(o, false, "shutting down");
    else if (form.overflowed)
        failed(o, true, "client secret, refresh token or scope is too long");
    else if (gw_http_start(o->http, &request, on_answer, o, &o->call, &err) != GW_OK)
        failed(o, false, err.text);
    gw_wipe(form.data, form.cap);
    gw_buf_deinit(&form);
}

/* --- For the relay --- */

static enum smtp_secret_status get_fixed(struct gw_oauth2 *o, struct smtp_secret *out)
{
    (void)gw_secret_file_refresh(&o->access_token);
    out->token = o->access_token.value;
    return SMTP_SECRET_READY;
}

enum smtp_secret_status gw_oauth2_get(void *data, struct smtp_secret *out)
{
    struct gw_oauth2 *o = data;
    bool begin = false;
    *out = (struct smtp_secret){.token = NULL};
    if (o->config->access_token != NULL)
        return get_fixed(o, out);
    enum gw_oauth2_answer_kind kind = gw_oauth2_ask(&o->state, gw_clock_mono_ms(), &begin);
    if (begin)
        fetch(o);
    o->used = true;
    if (kind == GW_OAUTH2_READY) {
        out->token = o->token;
        return SMTP_SECRET_READY;
    }
    if (o->state.fetching)
        return SMTP_SECRET_PENDING;
    out->reason = o->reason;
    out->detail = o->detail;
    return SMTP_SECRET_FAILED;
}

bool gw_oauth2_refused(void *data)
{
    struct gw_oauth2 *o = data;
    if (o->config->access_token != NULL)
        return gw_secret_file_refresh(&o->access_token);
    gw_log(GW_LOG_WARN, "oauth2_token_refused", GW_LOG_STR("relay", o->relay));
    gw_oauth2_token_refused(&o->state);
    return true;
}

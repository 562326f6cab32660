/* SPDX-License-Identifier: MIT */
/* /v1/relays: what the relays are doing, pausing, resuming and checking them.
 *
 * A check is answered later; a client that leaves abandons it. */
#include <string.h>

#include "api/json_write.h"
#include "api/problem.h"
#include "api/routes.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/relay_admin.h"

enum {
    MAX_ONE = 8 << 10,
    MAX_CHECK = 1 << 20,
    MAX_LIST = 8 << 20 /* 1,000 relays */
};

/* A key that is bound to some relays sees only those. */
static bool may_see(const struct api_request *r, size_t index)
{
    const struct cfg_api_key *key = r->api_key;
    if (key == NULL || key->n_relays == 0)
        return true;
    for (size_t i = 0; i < key->n_relays; i++)
        if (key->relays[i] == index)
            return true;
    return false;
}

static void add_breaker(struct api_json *j, const struct gw_relay_view *v)
{
    api_json_begin_object(j, "breaker");
    api_json_str(j, "state", v->breaker);
    api_json_num(j, "failures", v->n_failures);
    if (v->retry_in_ms > 0)
        api_json_time(j, "retry_at", gw_clock_wall_ms() + v->retry_in_ms);
    else
        api_json_null(j, "retry_at");
    api_json_end_object(j);
}

static void add_pool(struct api_json *j, const struct gw_relay_view *v)
{
    api_json_begin_object(j, "pool");
    api_json_num(j, "max_connections", (int64_t)v->max_connections);
    api_json_num(j, "limit", (int64_t)v->limit);
    api_json_num(j, "connecting", (int64_t)v->connecting);
    api_json_num(j, "busy", (int64_t)v->busy);
    api_json_num(j, "idle", (int64_t)v->idle);
    api_json_num(j, "waiting", (int64_t)v->waiting);
    api_json_num(j, "opened", (int64_t)v->opened);
    api_json_num(j, "reused", (int64_t)v->reused);
    api_json_num(j, "failed", (int64_t)v->failed);
    api_json_end_object(j);
}

static void add_limit(struct api_json *j, const char *key, double limit)
{
    if (limit > 0)
        api_json_real(j, key, limit);
    else
        api_json_null(j, key);
}

static void add_rate(struct api_json *j, const struct gw_relay_view *v)
{
    api_json_begin_object(j, "rate");
    add_limit(j, "per_second", v->rate_per_s);
    add_limit(j, "burst", v->burst);
    api_json_begin_object(j, "per_domain");
    add_limit(j, "connections", (double)v->domain_connections);
    add_limit(j, "per_second", v->domain_rate_per_s);
    api_json_end_object(j);
    api_json_end_object(j);
}

static void add_error(struct api_json *j, const struct gw_relay_view *v)
{
    if (v->error_at_ms == 0) {
        api_json_null(j, "last_error");
        return;
    }
    api_json_begin_object(j, "last_error");
    api_json_time(j, "at", v->error_at_ms);
    api_json_str(j, "stage", v->error_stage);
    api_json_str(j, "reason", v->error_reason);
    api_json_str(j, "detail", v->error_detail);
    api_json_end_object(j);
}

static void add_relay(struct api_json *j, const struct gw_relay_view *v)
{
    api_json_begin_object(j, NULL);
    api_json_str(j, "name", v->name);
    api_json_str(j, "url", v->url);
    api_json_str(j, "state", v->state);
    add_breaker(j, v);
    add_pool(j, v);
    add_rate(j, v);
    api_json_num(j, "transactions", (int64_t)v->transactions);
    api_json_num(j, "refused", (int64_t)v->refused);
    api_json_num(j, "throttled", (int64_t)v->throttled);
    add_error(j, v);
    api_json_end_object(j);
}

static void list_relays(struct api_request *r)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_LIST);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_begin_array(&j, "relays");
    for (size_t i = 0; i < gw_relays_count(r->context->gateway); i++) {
        struct gw_relay_view v;
        if (!may_see(r, i))
            continue;
        gw_relay_view(r->context->gateway, i, &v);
        add_relay(&j, &v);
    }
    api_json_end_array(&j);
    api_json_null(&j, "next_cursor");
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
}

/* The relay that the path names, or 404. */
static bool find(struct api_request *r, size_t *index_out)
{
    struct gw_gateway *g = r->context->gateway;
    for (size_t i = 0; i < gw_relays_count(g); i++) {
        struct gw_relay_view v;
        gw_relay_view(g, i, &v);
        if (strcmp(v.name, r->param) == 0 && may_see(r, i)) {
            *index_out = i;
            return true;
        }
    }
    api_problem(r, API_NOT_FOUND, "There is no relay of this name.");
    return false;
}

static void answer_relay(struct api_request *r, size_t index)
{
    struct gw_relay_view v;
    struct gw_buf body;
    gw_buf_init(&body, MAX_ONE);
    struct api_json j = {.out = &body};
    gw_relay_view(r->context->gateway, index, &v);
    add_relay(&j, &v);
    api_answer_json(r, 200, &body);
}

static void get_relay(struct api_request *r)
{
    size_t index;
    if (find(r, &index))
        answer_relay(r, index);
}

static void pause_relay(struct api_request *r)
{
    size_t index;
    if (!find(r, &index))
        return;
    gw_relay_pause(r->context->gateway, index);
    answer_relay(r, index);
}

static void resume_relay(struct api_request *r)
{
    size_t index;
    if (!find(r, &index))
        return;
    gw_relay_resume(r->context->gateway, index);
    answer_relay(r, index);
}

/* --- Checks --- */

struct pending_check {
    struct api_request *request;
    struct gw_relay_check *check;
};

static void on_client_gone(void *data)
{
    struct pending_check *p = data;
    gw_relay_check_abandon(p->check);
    gw_free(p);
}

static void add_tls(struct api_json *j, const struct gw_relay_check_result *r)
{
    if (r->tls_version == NULL && r->subject == NULL) {
        api_json_null(j, "tls");
        return;
    }
    api_json_begin_object(j, "tls");
    api_json_str(j, "version", r->tls_version);
    api_json_str(j, "cipher", r->tls_version != NULL ? r->tls_cipher : NULL);
    if (r->subject == NULL) {
        api_json_null(j, "certificate");
    } else {
        api_json_begin_object(j, "certificate");
        api_json_str(j, "subject", r->subject);
        api_json_str(j, "issuer", r->issuer);
        api_json_str(j, "names", r->names);
        api_json_str(j, "not_before", r->not_before);
        api_json_str(j, "not_after", r->not_after);
        api_json_str(j, "key", r->key);
        api_json_str(j, "pin", r->pin);
        api_json_end_object(j);
    }
    api_json_end_object(j);
}

static void add_check(struct api_json *j, const struct gw_relay_check_result *r)
{
    api_json_begin_object(j, NULL);
    api_json_bool(j, "ok", r->ok);
    api_json_str(j, "stage", r->ok ? NULL : r->stage);
    api_json_str(j, "reason", r->ok ? NULL : r->reason);
    api_json_str(j, "detail", r->ok ? NULL : r->detail);
    api_json_str(j, "advice", r->advice[0] == '\0' ? NULL : r->advice);
    api_json_str(j, "address", r->address[0] != '\0' ? r->address : NULL);
    add_tls(j, r);
    api_json_str(j, "capabilities", r->capabilities);
    api_json_begin_array(j, "transcript");
    for (size_t i = 0; i < r->n_lines; i++) {
        api_json_begin_object(j, NULL);
        api_json_num(j, "ms", r->lines[i].ms);
        api_json_str(j, "from", r->lines[i].from);
        api_json_str(j, "text", r->lines[i].text);
        api_json_end_object(j);
    }
    api_json_end_array(j);
    api_json_num(j, "lines_left_out", (int64_t)r->n_dropped);
    api_json_end_object(j);
}

static void on_checked(const struct gw_relay_check_result *result, void *data)
{
    struct pending_check *p = data;
    struct gw_buf body;
    if (result->failed != NULL) {
        api_problem(p->request, API_UNAVAILABLE, "%s", result->failed);
    } else {
        gw_buf_init(&body, MAX_CHECK);
        struct api_json j = {.out = &body};
        add_check(&j, result);
        api_answer_json(p->request, 200, &body);
    }
    gw_free(p);
}

static void check_relay(struct api_request *r)
{
    size_t index;
    if (!find(r, &index))
        return;
    struct pending_check *p = gw_calloc(1, sizeof(*p));
    p->request = r;
    p->check = gw_relay_check_start(r->context->gateway, index, on_checked, p);
    if (p->check == NULL) {
        gw_free(p);
        api_problem(r, API_OVERLOADED, "Too many checks are running; ask again in a moment.");
        return;
    }
    api_request_hold(r, on_client_gone, p);
}

const struct api_route api_relays_routes[] = {
    {"GET", "/v1/relays", list_relays, CFG_SCOPE_READ | CFG_SCOPE_ADMIN, API_ROUTE_JSON, NULL},
    {"GET", "/v1/relays/{name}", get_relay, CFG_SCOPE_READ | CFG_SCOPE_ADMIN, API_ROUTE_JSON, NULL},
    {"POST", "/v1/relays/{name}/pause", pause_relay, CFG_SCOPE_ADMIN, API_ROUTE_JSON, NULL},
    {"POST", "/v1/relays/{name}/resume", resume_relay, CFG_SCOPE_ADMIN, API_ROUTE_JSON, NULL},
    {"POST", "/v1/relays/{name}/check", check_relay, CFG_SCOPE_ADMIN, API_ROUTE_JSON, NULL},
    {0},
};

/* SPDX-License-Identifier: MIT */
/* From questions to a report. */
#include "gateway/domain_check.h"

#include <netinet/in.h>

#include "gateway/address_rules.h"
#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/dns_client.h"
#include "gateway/spf_internal.h"
#include "smtp/address.h"

enum {
    MAX_SERVERS_TEXT = 1024, /* the configuration takes fewer */
    MAX_ADVICE = 450,        /* octets, so that the answer fits a datagram; RFC 7208 sec. 3.4 */
    MAX_NAMED_RELAYS = 8     /* in the advice: each is a lookup */
};

struct gw_domain_check {
    uv_timer_t timer; /* the next look, or the deadline */
    int64_t deadline_ms;
    struct gw_arena *arena;
    struct gw_dns_table table;
    struct gw_domain_subject subject;
    struct gw_dkim_public keys[GW_DOMAIN_MAX_KEYS];
    struct gw_dns_client *client; /* NULL: there is none */
    struct gw_err err;            /* why */
    size_t n_open;                /* timer and client, until both are closed */
    bool ending;
    gw_domain_check_cb on_done; /* NULL: called or cancelled */
    void (*on_gone)(void *);
    void *data;
};

enum gw_status gw_domain_name(struct gw_arena *arena, struct gw_slice text, const char **out,
                              struct gw_err *err)
{
    return smtp_domain_parse(arena, text, out, err);
}

static bool is_named_before(const struct cfg *cfg, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (cfg->relays[k].host != NULL && strcmp(cfg->relays[k].host, cfg->relays[i].host) == 0)
            return true;
    return false;
}

/* Can @host be named in SPF? A name without a dot, and an address of our own networks, mean nothing
 * to receivers. */
static const char *spf_kind(const char *host)
{
    struct gw_ip ip;
    struct sockaddr_storage address = {.ss_family = AF_INET};
    if (!gw_ip_parse(host, &ip))
        return gw_spf_spec_valid(gw_slice_str(host)) ? "a" : NULL;
    if (ip.v6) {
        address.ss_family = AF_INET6;
        memcpy(&((struct sockaddr_in6 *)&address)->sin6_addr, ip.octets, sizeof(ip.octets));
    } else {
        memcpy(&((struct sockaddr_in *)&address)->sin_addr, ip.octets, 4);
    }
    if (!gw_address_is_public((const struct sockaddr *)&address))
        return NULL;
    return ip.v6 ? "ip6" : "ip4";
}

/* A record that names the relays: a start, as what a provider sends from is behind an include that
 * only the provider knows. */
static const char *spf_advice(struct gw_arena *arena, const struct cfg *cfg)
{
    struct gw_buf text;
    size_t n = 0;
    gw_buf_init(&text, MAX_ADVICE);
    for (size_t i = 0; i < cfg->n_relays && n < MAX_NAMED_RELAYS; i++) {
        const struct cfg_relay *r = &cfg->relays[i];
        const char *kind = r->host != NULL ? spf_kind(r->host) : NULL;
        if (kind != NULL && !is_named_before(cfg, i) &&
            gw_buf_printf(&text, " %s:%s", kind, r->host) == GW_OK)
            n++;
    }
    const char *advice =
        gw_arena_printf(arena, "v=spf1%.*s ~all", (int)text.len, n > 0 ? text.data : "");
    gw_buf_deinit(&text);
    return n > 0 ? advice : "v=spf1 mx ~all";
}

static const char *servers_of(struct gw_arena *arena, const struct cfg *cfg)
{
    struct gw_buf text;
    gw_buf_init(&text, MAX_SERVERS_TEXT);
    for (size_t i = 0; i < cfg->dns.n_servers; i++)
        (void)gw_buf_printf(&text, "%s%s", i > 0 ? "," : "", cfg->dns.servers[i]);
    const char *servers = cfg->dns.n_servers > 0 ? gw_arena_cstr(arena, gw_buf_view(&text)) : NULL;
    gw_buf_deinit(&text);
    return servers;
}

/* ---- the end ---- */

static void part_gone(void *data)
{
    struct gw_domain_check *c = data;
    if (--c->n_open != 0)
        return;
    void (*on_gone)(void *) = c->on_gone;
    void *gone_data = c->data;
    gw_arena_free(&c->arena);
    gw_free(c);
    on_gone(gone_data);
}

static void on_timer_closed(uv_handle_t *handle)
{
    part_gone(handle->data);
}

static void end(struct gw_domain_check *c)
{
    if (c->ending)
        return;
    c->ending = true;
    c->on_done = NULL;
    if (c->client != NULL)
        gw_dns_client_close(c->client, part_gone, c);
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

void gw_domain_check_cancel(struct gw_domain_check *c)
{
    end(c);
}

static void finish(struct gw_domain_check *c, const struct gw_domain_report *report)
{
    gw_domain_check_cb on_done = c->on_done;
    c->on_done = NULL;
    on_done(report, &c->err, c->data);
    end(c);
}

/* ---- one look after another ---- */

static void on_timer(uv_timer_t *timer);

static void look_in(struct gw_domain_check *c, int64_t ms)
{
    if (!c->ending)
        (void)uv_timer_start(&c->timer, on_timer, ms > 0 ? (uint64_t)ms : 0, 0);
}

/* Answers come from inside c-ares, which must not be closed there. */
static void on_answer(void *data)
{
    look_in(data, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct gw_domain_check *c = timer->data;
    struct gw_domain_report report;
    if (c->client == NULL) {
        finish(c, NULL);
        return;
    }
    int64_t left_ms = c->deadline_ms - gw_clock_mono_ms();
    if (left_ms <= 0)
        gw_dns_give_up(&c->table);
    struct gw_arena *arena = gw_arena_new(0);
    if (gw_domain_judge(&c->subject, &c->table, arena, &report)) {
        finish(c, &report);
    } else {
        look_in(c, left_ms);
        gw_dns_client_ask(c->client, &c->table);
    }
    gw_arena_free(&arena);
}

void gw_domain_check_hurry(struct gw_domain_check *c)
{
    c->deadline_ms = 0;
    look_in(c, 0);
}

/* NOLINTNEXTLINE(readability-function-size): one parameter for each thing that it is made of */
struct gw_domain_check *gw_domain_check_start(uv_loop_t *loop, const struct cfg *cfg,
                                              const struct gw_dkim *dkim,
                                              const struct gw_domain_request *request,
                                              gw_domain_check_cb on_done, void (*on_gone)(void *),
                                              void *data)
{
    struct gw_domain_check *c = gw_calloc(1, sizeof(*c));
    c->arena = gw_arena_new(0);
    gw_dns_table_init(&c->table, c->arena);
    c->deadline_ms = gw_clock_mono_ms() + request->timeout_ms;
    c->on_done = on_done;
    c->on_gone = on_gone;
    c->data = data;
    c->subject = (struct gw_domain_subject){
        .domain = gw_arena_strdup(c->arena, request->domain),
        .mail_domain = gw_arena_strdup(c->arena, request->mail_domain != NULL ? request->mail_domain
                                                                              : request->domain),
        .ip = gw_arena_strdup_or_null(c->arena, request->ip),
        .keys = c->keys,
        .n_keys = gw_dkim_public_keys(dkim, request->domain, c->arena, c->keys, GW_DOMAIN_MAX_KEYS),
        .spf_advice = spf_advice(c->arena, cfg)};
    CHECK(uv_timer_init(loop, &c->timer) == 0);
    c->timer.data = c;
    c->n_open = 1;
    if (gw_dns_client_new(loop, servers_of(c->arena, cfg), on_answer, c, &c->client, &c->err) ==
        GW_OK)
        c->n_open = 2;
    look_in(c, 0);
    return c;
}

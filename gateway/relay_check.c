/* SPDX-License-Identifier: MIT */
/* Checks of relays that operators ask for over the API.
 *
 * Happy path: start → a thread reads the files that the relay's TLS needs → (an access token comes)
 * → the check → on_done. Failure: whatever stands in the way of a check is told to on_done, too.
 */
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/gateway_internal.h"
#include "gateway/relay_admin.h"
#include "gateway/workers.h"
#include "smtp/check.h"

enum {
    TOKEN_POLL_MS = 100,            /* while an access token is being fetched */
    TOKEN_WAIT_MS = 30 * 1000 + 500 /* a little longer than a fetch may take */
};

struct gw_relay_check {
    struct gw_list link; /* in gateway.checks */
    struct gw_gateway *gateway;
    struct gw_setup *setup; /* whose relay it is, also after a reload */
    size_t index;
    struct gw_work work; /* reads tls */
    struct smtp_tls_context *tls;
    enum gw_status status; /* of reading it */
    struct gw_err err;
    uv_timer_t timer; /* begins the check, once there is a token */
    int64_t give_up_at_ms;
    struct smtp_check *check; /* NULL: not begun */
    bool canceled;
    gw_relay_check_cb on_done;
    void *data;
};

static void on_timer_closed(uv_handle_t *handle)
{
    struct gw_relay_check *c = handle->data;
    struct gw_gateway *g = c->gateway;
    gw_list_remove(&c->link);
    g->n_checks--;
    g->n_calls--;
    smtp_tls_context_free(&c->tls);
    gw_setup_unref(&c->setup);
    gw_free(c);
    gw_gateway_progress(g);
}

static void end(struct gw_relay_check *c, const struct gw_relay_check_result *result)
{
    if (c->on_done != NULL)
        c->on_done(result, c->data);
    c->on_done = NULL;
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

static void add_certificate(const struct smtp_tls_certificate *c, struct gw_relay_check_result *out)
{
    out->subject = c->subject;
    out->issuer = c->issuer;
    out->names = c->names;
    out->not_before = c->not_before;
    out->not_after = c->not_after;
    out->key = c->key;
    out->pin = c->pin;
}

static void on_checked(const struct smtp_check_result *r, void *data)
{
    static const char *const speakers[] = {[SMTP_CHECK_NETWORK] = "network",
                                           [SMTP_CHECK_CLIENT] = "client",
                                           [SMTP_CHECK_RELAY] = "relay"};
    struct gw_relay_check_line lines[SMTP_CHECK_MAX_LINES];
    char capabilities[SMTP_CHECK_LINE_SIZE];
    for (size_t i = 0; i < r->n_lines; i++)
        lines[i] = (struct gw_relay_check_line){
            .ms = r->lines[i].ms, .from = speakers[r->lines[i].speaker], .text = r->lines[i].text};
    struct gw_relay_check_result result = {.ok = r->ok,
                                           .stage = smtp_stage_name(r->stage),
                                           .reason = smtp_reason_name(r->reason),
                                           .detail = r->detail,
                                           .advice = r->advice,
                                           .address = r->address,
                                           .tls_version = r->tls_version,
                                           .tls_cipher = r->tls_cipher,
                                           .lines = lines,
                                           .n_lines = r->n_lines,
                                           .n_dropped = r->n_dropped};
    if (r->has_certificate)
        add_certificate(&r->certificate, &result);
    if (r->has_capabilities) {
        smtp_check_capabilities_text(&r->capabilities, capabilities, sizeof(capabilities));
        result.capabilities = capabilities;
    }
    ((struct gw_relay_check *)data)->check = NULL;
    end(data, &result);
}

static enum gw_status begin(struct gw_relay_check *c, struct gw_err *err)
{
    struct gw_gateway *g = c->gateway;
    if (c->canceled)
        return gw_err_set(err, GW_CANCELED, "the check was called off");
    struct smtp_relay_config config = gw_relay_config(&c->setup->cfg->relays[c->index], g->sandbox);
    config.secrets = gw_relay_secret_source(&c->setup->relays[c->index]->secret);
    config.tls = c->tls;
    return smtp_check_start(g->loop, &config, on_checked, c, &c->check, err);
}

static void on_timer(uv_timer_t *timer)
{
    struct gw_relay_check *c = timer->data;
    struct gw_err err = c->err;
    enum gw_status st = c->status == GW_OK ? begin(c, &err) : c->status;
    if (st == GW_BUSY && gw_clock_mono_ms() < c->give_up_at_ms)
        (void)uv_timer_start(timer, on_timer, TOKEN_POLL_MS, 0);
    else if (st != GW_OK)
        end(c, &(struct gw_relay_check_result){.failed = err.text});
}

static void read_tls(struct gw_work *w)
{
    struct gw_relay_check *c = gw_list_entry(w, struct gw_relay_check, work);
    c->status = gw_relay_read_tls(&c->setup->cfg->relays[c->index], &c->tls, &c->err);
}

static void on_tls_read(struct gw_work *w)
{
    struct gw_relay_check *c = gw_list_entry(w, struct gw_relay_check, work);
    on_timer(&c->timer);
}

struct gw_relay_check *gw_relay_check_start(struct gw_gateway *g, size_t index,
                                            gw_relay_check_cb on_done, void *data)
{
    PRE(index < g->cfg->n_relays);
    if (g->n_checks >= GW_MAX_RELAY_CHECKS || g->state != GW_RUNNING)
        return NULL;
    struct gw_relay_check *c = gw_calloc(1, sizeof(*c));
    c->gateway = g;
    c->setup = gw_setup_ref(g->setups.now);
    c->index = index;
    c->work = (struct gw_work){.run = read_tls, .done = on_tls_read};
    if (gw_workers_submit(g->workers, &c->work) != GW_OK) {
        gw_setup_unref(&c->setup);
        gw_free(c);
        return NULL;
    }
    c->give_up_at_ms = gw_clock_mono_ms() + TOKEN_WAIT_MS;
    c->on_done = on_done;
    c->data = data;
    gw_list_push_back(&g->checks, &c->link);
    g->n_checks++;
    g->n_calls++;
    CHECK(uv_timer_init(g->loop, &c->timer) == 0);
    c->timer.data = c;
    return c;
}

static void cancel(struct gw_relay_check *c)
{
    c->canceled = true;
    if (c->check != NULL)
        smtp_check_cancel(c->check);
    else if (uv_is_active((uv_handle_t *)&c->timer) != 0) /* waits for a token */
        (void)uv_timer_start(&c->timer, on_timer, 0, 0);
}

void gw_relay_check_abandon(struct gw_relay_check *c)
{
    c->on_done = NULL;
    cancel(c);
}

void gw_relay_checks_end(struct gw_gateway *g)
{
    gw_list_foreach_safe (it, &g->checks)
        cancel(gw_list_entry(it, struct gw_relay_check, link));
}

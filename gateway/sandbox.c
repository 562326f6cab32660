/* SPDX-License-Identifier: MIT */
/* The sandbox relay as the API sees it: items, readings of them, and waits for an item.
 *
 * A wait is a timer: it fires at once when something matching is there already, else when the time
 * is up; an arriving message ends the waits that it matches before that. */
#include "gateway/sandbox.h"

#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_list.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "smtp/relay.h"
#include "smtp/sandbox.h"
#include "smtp/tls.h"

struct gw_sandbox {
    struct gw_sandbox_env env;
    enum smtp_tls_mode tls_mode;
    struct smtp_tls_pin pin;   /* with TLS */
    char *username, *password; /* NULL: no AUTH */
    struct smtp_sandbox *smtp; /* NULL once it is closed */
    struct gw_list waits;
    size_t n_waits;  /* in the list */
    size_t n_timers; /* not yet closed: those, and those that ended just now */
    size_t n_readings;
    void (*on_closed)(void *);
    void *on_closed_data;
};

struct gw_sandbox_wait {
    struct gw_list link;
    struct gw_sandbox *sandbox;
    uv_timer_t timer;
    char *to, *subject; /* NULL: any */
    bool found;         /* something that was there already: the timer only calls back */
    gw_sandbox_wait_cb cb;
    void *data;
};

static struct gw_sandbox_item item_of(const struct smtp_sandbox_message *m)
{
    return (struct gw_sandbox_item){.id = m->id,
                                    .received_at_ms = m->received_at_ms,
                                    .mail_from = m->mail_from,
                                    .rcpts = m->rcpts,
                                    .n_rcpts = m->n_rcpts,
                                    .raw = m->content,
                                    .tls = m->tls};
}

/* ---- matching ---- */

static bool has_recipient(const struct smtp_sandbox_message *m, const char *to)
{
    for (size_t i = 0; i < m->n_rcpts; i++)
        if (strcasecmp(m->rcpts[i], to) == 0)
            return true;
    return false;
}

static bool matches(const struct gw_sandbox_wait *w, const struct smtp_sandbox_message *m)
{
    if (w->to != NULL && !has_recipient(m, w->to))
        return false;
    if (w->subject == NULL)
        return true;
    struct gw_arena *arena = gw_arena_new(0);
    bool found = strstr(gw_mime_read_subject(arena, m->content), w->subject) != NULL;
    gw_arena_free(&arena);
    return found;
}

static const struct smtp_sandbox_message *newest_match(const struct gw_sandbox_wait *w)
{
    const struct smtp_sandbox_message *m = NULL;
    for (size_t i = 0; (m = smtp_sandbox_at(w->sandbox->smtp, i)) != NULL; i++)
        if (matches(w, m))
            return m;
    return NULL;
}

/* ---- waits ---- */

static void finish_when_closed(struct gw_sandbox *s)
{
    if (s->smtp != NULL || s->n_timers != 0)
        return;
    void (*on_closed)(void *) = s->on_closed;
    void *data = s->on_closed_data;
    gw_free(s->username);
    gw_free_secret(&s->password);
    gw_free(s);
    on_closed(data);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct gw_sandbox_wait *w = handle->data;
    struct gw_sandbox *s = w->sandbox;
    gw_free(w->to);
    gw_free(w->subject);
    gw_free(w);
    s->n_timers--;
    finish_when_closed(s);
}

/* The caller may still call back; nothing else happens to @w any more. */
static void retire(struct gw_sandbox_wait *w)
{
    gw_list_remove(&w->link);
    w->sandbox->n_waits--;
    uv_close((uv_handle_t *)&w->timer, on_timer_closed);
}

static void end_wait(struct gw_sandbox_wait *w, const struct smtp_sandbox_message *m)
{
    retire(w);
    struct gw_sandbox_item item;
    if (m != NULL)
        item = item_of(m);
    w->cb(m != NULL ? &item : NULL, w->data);
}

static void on_timer(uv_timer_t *timer)
{
    struct gw_sandbox_wait *w = timer->data;
    end_wait(w, w->found ? newest_match(w) : NULL);
}

/* A callback may cancel other waits, begin new ones and delete messages. */
static void on_message(const struct smtp_sandbox_message *m, void *data)
{
    struct gw_sandbox *s = data;
    struct gw_list woken;
    char id[sizeof(m->id)];
    memcpy(id, m->id, sizeof(id));
    gw_list_init(&woken);
    gw_list_foreach_safe (it, &s->waits) {
        if (!matches(gw_list_entry(it, struct gw_sandbox_wait, link), m))
            continue;
        gw_list_remove(it);
        gw_list_push_back(&woken, it);
    }
    while (!gw_list_empty(&woken)) {
        struct gw_sandbox_wait *w = gw_list_entry(woken.next, struct gw_sandbox_wait, link);
        const struct smtp_sandbox_message *still = smtp_sandbox_find(s->smtp, id);
        if (still != NULL) {
            end_wait(w, still);
        } else { /* deleted by an earlier callback: this one goes on waiting */
            gw_list_remove(&w->link);
            gw_list_push_back(&s->waits, &w->link);
        }
    }
}

struct gw_sandbox_wait *gw_sandbox_wait(struct gw_sandbox *s, const char *to, const char *subject,
                                        int64_t timeout_ms, gw_sandbox_wait_cb cb, void *data)
{
    PRE(timeout_ms >= 0);
    if (s->n_waits >= GW_SANDBOX_MAX_WAITS)
        return NULL;
    struct gw_sandbox_wait *w = gw_calloc(1, sizeof(*w));
    *w = (struct gw_sandbox_wait){.sandbox = s,
                                  .to = to != NULL ? gw_strdup(to) : NULL,
                                  .subject = subject != NULL ? gw_strdup(subject) : NULL,
                                  .cb = cb,
                                  .data = data};
    gw_list_push_back(&s->waits, &w->link);
    s->n_waits++;
    s->n_timers++;
    CHECK(uv_timer_init(s->env.loop, &w->timer) == 0);
    w->timer.data = w;
    w->found = newest_match(w) != NULL;
    CHECK(uv_timer_start(&w->timer, on_timer, w->found ? 0 : (uint64_t)timeout_ms, 0) == 0);
    return w;
}

void gw_sandbox_wait_cancel(struct gw_sandbox_wait *w)
{
    retire(w);
}

/* ---- items ---- */

size_t gw_sandbox_count(const struct gw_sandbox *s)
{
    return smtp_sandbox_count(s->smtp);
}

bool gw_sandbox_at(const struct gw_sandbox *s, size_t i, struct gw_sandbox_item *out)
{
    const struct smtp_sandbox_message *m = smtp_sandbox_at(s->smtp, i);
    if (m != NULL)
        *out = item_of(m);
    return m != NULL;
}

bool gw_sandbox_find(const struct gw_sandbox *s, const char *id, struct gw_sandbox_item *out)
{
    const struct smtp_sandbox_message *m = smtp_sandbox_find(s->smtp, id);
    if (m != NULL)
        *out = item_of(m);
    return m != NULL;
}

bool gw_sandbox_delete(struct gw_sandbox *s, const char *id)
{
    return smtp_sandbox_delete(s->smtp, id);
}

void gw_sandbox_clear(struct gw_sandbox *s)
{
    smtp_sandbox_clear(s->smtp);
}

/* ---- readings ---- */

struct gw_sandbox_reading {
    struct gw_work work;
    struct gw_sandbox *sandbox;
    unsigned what;
    gw_sandbox_render_fn render;
    gw_sandbox_reading_cb cb; /* NULL: abandoned */
    void *data;
    struct gw_buf rendered;
    size_t n;
    const struct smtp_sandbox_message *messages[]; /* referenced */
};

static void run_reading(struct gw_work *work)
{
    struct gw_sandbox_reading *r = gw_list_entry(work, struct gw_sandbox_reading, work);
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_sandbox_parsed *parsed = GW_ARENA_ARRAY(arena, struct gw_sandbox_parsed, r->n);
    for (size_t i = 0; i < r->n; i++) {
        parsed[i].item = item_of(r->messages[i]);
        gw_mime_read(arena, parsed[i].item.raw, r->what, &parsed[i].message);
    }
    r->render(parsed, r->n, &r->rendered);
    gw_arena_free(&arena);
}

static void free_reading(struct gw_sandbox_reading *r)
{
    for (size_t i = 0; i < r->n; i++)
        smtp_sandbox_message_unref(r->messages[i]);
    gw_buf_deinit(&r->rendered);
    gw_free(r);
}

static void on_read(struct gw_work *work)
{
    struct gw_sandbox_reading *r = gw_list_entry(work, struct gw_sandbox_reading, work);
    struct gw_sandbox *s = r->sandbox;
    if (r->cb != NULL)
        r->cb(&r->rendered, r->data);
    free_reading(r);
    s->n_readings--;
    s->env.on_progress(s->env.data);
}

struct gw_sandbox_reading *gw_sandbox_read(struct gw_sandbox *s,
                                           const struct gw_sandbox_query *query,
                                           gw_sandbox_reading_cb cb, void *data)
{
    PRE(query->n <= GW_SANDBOX_MAX_READING);
    struct gw_sandbox_reading *r =
        gw_calloc(1, sizeof(*r) + query->n * sizeof(const struct smtp_sandbox_message *));
    r->work = (struct gw_work){.run = run_reading, .done = on_read};
    r->sandbox = s;
    r->what = query->what;
    r->render = query->render;
    r->cb = cb;
    r->data = data;
    gw_buf_init(&r->rendered, GW_SANDBOX_MAX_RENDERED);
    size_t size = 0;
    for (size_t i = 0; i < query->n; i++) {
        const struct smtp_sandbox_message *m = smtp_sandbox_find(s->smtp, query->ids[i]);
        if (m == NULL)
            continue;
        r->messages[r->n++] = smtp_sandbox_message_ref(m);
        size += m->content.len;
    }
    r->work.is_long = size >= GW_WORK_LONG_BYTES;
    if (gw_workers_submit(s->env.workers, &r->work) != GW_OK) {
        free_reading(r);
        return NULL;
    }
    s->n_readings++;
    return r;
}

void gw_sandbox_reading_abandon(struct gw_sandbox_reading *r)
{
    r->cb = NULL;
}

/* ---- start and end ---- */

static const enum smtp_tls_mode tls_modes[] = {[CFG_TLS_NONE] = SMTP_TLS_NONE,
                                               [CFG_TLS_STARTTLS] = SMTP_TLS_REQUIRED,
                                               [CFG_TLS_IMPLICIT] = SMTP_TLS_IMPLICIT};

static struct smtp_sandbox_config config_of(const struct cfg_sandbox *cfg)
{
    struct smtp_sandbox_config out = smtp_sandbox_config_default();
    out.port = (uint16_t)cfg->port;
    out.starttls = cfg->tls == CFG_TLS_STARTTLS;
    out.implicit_tls = cfg->tls == CFG_TLS_IMPLICIT;
    out.chunking = (cfg->extensions & CFG_SANDBOX_CHUNKING) != 0;
    out.pipelining = (cfg->extensions & CFG_SANDBOX_PIPELINING) != 0;
    out.username = cfg->username;
    out.password = cfg->password;
    return out;
}

enum gw_status gw_sandbox_new(const struct gw_sandbox_env *env, struct gw_sandbox **out,
                              struct gw_err *err)
{
    struct smtp_sandbox_config config = config_of(env->cfg);
    struct smtp_sandbox *smtp = NULL;
    enum gw_status st = smtp_sandbox_new(env->loop, &config, &smtp, err);
    if (st != GW_OK)
        return st;
    struct gw_sandbox *s = gw_calloc(1, sizeof(*s));
    s->env = *env;
    s->env.cfg = NULL;
    s->smtp = smtp;
    s->tls_mode = tls_modes[env->cfg->tls];
    if (smtp_sandbox_certificate(smtp) != NULL)
        CHECK(smtp_tls_pin_of(smtp_sandbox_certificate(smtp), &s->pin) == GW_OK);
    if (config.username != NULL) {
        s->username = gw_strdup(config.username);
        s->password = gw_strdup(config.password);
    }
    gw_list_init(&s->waits);
    smtp_sandbox_on_message(smtp, on_message, s);
    gw_log(GW_LOG_WARN, "sandbox_relay",
           GW_LOG_STR("detail", "mail for the relay sandbox: stays in memory and goes nowhere"));
    *out = s;
    return GW_OK;
}

uint16_t gw_sandbox_port(const struct gw_sandbox *s)
{
    return smtp_sandbox_port(s->smtp);
}

void gw_sandbox_reach(const struct gw_sandbox *s, struct smtp_relay_config *out)
{
    out->host = "127.0.0.1";
    out->port = gw_sandbox_port(s);
    out->tls_mode = s->tls_mode;
    if (s->tls_mode != SMTP_TLS_NONE) {
        out->pins[0] = s->pin;
        out->n_pins = 1;
    }
    out->username = s->username;
    out->password = s->password;
    out->n_mechs = s->username != NULL ? 1 : 0;
    out->mechs[0] = SMTP_AUTH_PLAIN;
}

static void on_smtp_closed(void *data)
{
    struct gw_sandbox *s = data;
    s->smtp = NULL;
    finish_when_closed(s);
}

void gw_sandbox_expire_waits(struct gw_sandbox *s)
{
    while (!gw_list_empty(&s->waits))
        end_wait(gw_list_entry(s->waits.next, struct gw_sandbox_wait, link), NULL);
}

void gw_sandbox_close(struct gw_sandbox *s, void (*on_closed)(void *), void *data)
{
    PRE(s->on_closed == NULL && s->n_readings == 0);
    s->on_closed = on_closed;
    s->on_closed_data = data;
    gw_sandbox_expire_waits(s);
    smtp_sandbox_close(s->smtp, on_smtp_closed, s);
}

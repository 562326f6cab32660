/* SPDX-License-Identifier: MIT */
/* The session: its life, and where events go. What the states mean is in session_impl.h. */
#include "smtp/session.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "smtp/session_impl.h"

enum {
    SHOWN_OF_GARBAGE = 48
};

struct smtp_timeouts smtp_timeouts_default(void)
{
    const int64_t s = 1000;
    return (struct smtp_timeouts){.resolve_ms = 30 * s,
                                  .connect_ms = 30 * s,
                                  .greeting_ms = 300 * s,
                                  .ehlo_ms = 300 * s,
                                  .starttls_ms = 60 * s,
                                  .handshake_ms = 60 * s,
                                  .auth_ms = 120 * s,
                                  .mail_ms = 300 * s,
                                  .rcpt_ms = 300 * s,
                                  .data_ms = 120 * s,
                                  .dot_ms = 600 * s,
                                  .rset_ms = 20 * s,
                                  .noop_ms = 5 * s,
                                  .quit_ms = 5 * s,
                                  .body_floor_ms = 180 * s,
                                  .body_min_rate_bps = 500};
}

static void clear_timing(struct smtp_session *s)
{
    for (size_t i = 0; i < SMTP_N_STAGES; i++)
        s->timing.ms[i] = -1;
}

static void wipe_out(struct smtp_session *s)
{
    if (s->out_is_secret)
        gw_wipe(s->out.data, s->out.cap);
    s->out_is_secret = false;
    gw_buf_reset(&s->out);
}

static void take_memory(struct smtp_session *s)
{
    if (s->config.memory != NULL)
        gw_buf_move_memory(&s->out, s->config.memory);
}

void smtp_session_release(struct smtp_session *s)
{
    wipe_out(s);
    if (s->config.memory == NULL)
        return;
    gw_buf_move_memory(s->config.memory, &s->out);
    gw_buf_deinit(&s->out); /* if another was quicker */
}

struct smtp_session *smtp_session_new(const struct smtp_session_config *config)
{
    PRE(config->helo_name != NULL && config->host != NULL);
    PRE((config->username != NULL) == (config->password != NULL || config->token != NULL));
    struct smtp_session *s = gw_calloc(1, sizeof(*s));

    s->config = *config;
    (void)snprintf(s->peer, sizeof(s->peer),
                   strchr(config->host, ':') != NULL ? "[%.100s]:%u" : "%.100s:%u", config->host,
                   config->port);
    const struct smtp_sasl_credentials who = smtp_session_credentials(s);
    smtp_secrets_init(&s->secrets, &who);
    smtp_reply_parser_init(&s->reply);
    gw_buf_init(&s->out, SMTP_MAX_OUT);
    take_memory(s);
    CHECK(gw_buf_reserve(&s->out, SMTP_FIRST_OUT) != NULL);
    smtp_session_release(s);
    clear_timing(s);
    return s;
}

void smtp_session_free(struct smtp_session **s)
{
    if (*s == NULL)
        return;
    wipe_out(*s);
    smtp_sasl_wipe(&(*s)->sasl);
    smtp_secrets_deinit(&(*s)->secrets);
    gw_buf_deinit(&(*s)->out);
    smtp_reply_parser_deinit(&(*s)->reply);
    gw_free(*s);
    *s = NULL;
}

bool smtp_session_ready(const struct smtp_session *s)
{
    return s->state == SMTP_STATE_READY && !smtp_reply_parser_dirty(&s->reply);
}

const struct smtp_capabilities *smtp_session_capabilities(const struct smtp_session *s)
{
    return s->ehlo_done ? &s->caps : NULL;
}

void smtp_session_timing(const struct smtp_session *s, struct smtp_timing *out)
{
    *out = s->timing;
}

/* Bytes came when the relay had nothing to answer. */
static void too_early(struct smtp_session *s)
{
    if (s->state == SMTP_STATE_TLS)
        smtp_session_fail(s, SMTP_REASON_STARTTLS_INJECTION, NULL,
                          "relay %s, or somebody on the way, sent plaintext behind its reply to "
                          "STARTTLS",
                          s->peer);
    else
        smtp_session_fail(s, SMTP_REASON_PROTOCOL_ERROR, NULL,
                          "relay %s sent more than it was asked for", s->peer);
}

static void on_unasked_reply(struct smtp_session *s)
{
    int class = s->reply.code / 100;
    if (s->state == SMTP_STATE_BODY && (class == 4 || class == 5))
        smtp_session_on_early_verdict(s);
    else
        too_early(s);
}

static void on_421(struct smtp_session *s)
{
    const struct smtp_reply_info *info = smtp_session_info(s);
    smtp_session_fail(s, SMTP_REASON_RELAY_421, info, "relay %s closes the connection: 421 %.120s",
                      s->peer, info->text);
}

static void on_reply(struct smtp_session *s)
{
    if (s->reply.code == 421 && s->state != SMTP_STATE_TLS && s->state != SMTP_STATE_QUIT) {
        on_421(s);
    } else if (s->n_in_flight == 0) {
        on_unasked_reply(s);
    } else {
        s->popped = smtp_session_pop(s);
        smtp_state_info(s->state)->on_reply(s);
    }
}

/* A TLS record (handshake or alert, version 3.x) instead of text. */
static bool looks_like_tls(struct gw_slice in)
{
    return in.len >= 2 && (in.data[0] == 0x16 || in.data[0] == 0x15) && in.data[1] == 0x03;
}

static void on_bad_reply(struct smtp_session *s, enum smtp_reply_state state)
{
    struct gw_slice raw = gw_buf_view(&s->reply.text);
    char shown[SHOWN_OF_GARBAGE];
    const char *what = smtp_state_info(s->state)->text;

    if (s->state == SMTP_STATE_GREETING && !s->in_tls && looks_like_tls(raw)) {
        smtp_session_fail(s, SMTP_REASON_WRONG_TLS_MODE, NULL,
                          "relay %s speaks TLS from the first byte; use smtps://%s", s->peer,
                          s->peer);
    } else if (state == SMTP_REPLY_LINE_TOO_LONG) {
        smtp_session_fail(s, SMTP_REASON_REPLY_LINE_TOO_LONG, NULL,
                          "relay %s: a line of its %s is over %d octets", s->peer, what,
                          SMTP_MAX_REPLY_LINE);
    } else if (state == SMTP_REPLY_TOO_LONG) {
        smtp_session_fail(s, SMTP_REASON_REPLY_TOO_LONG, NULL,
                          "relay %s: its %s is over %d lines or %d octets", s->peer, what,
                          SMTP_MAX_REPLY_LINES, SMTP_MAX_REPLY_SIZE);
    } else if (s->state == SMTP_STATE_AUTH || smtp_secrets_in(&s->secrets, raw)) {
        smtp_session_fail(s, SMTP_REASON_BAD_REPLY, NULL,
                          "relay %s: its %s is not SMTP (not shown: it may repeat the credentials)",
                          s->peer, what);
    } else {
        smtp_text_escape(raw, shown, sizeof(shown));
        smtp_session_fail(s, SMTP_REASON_BAD_REPLY, NULL, "relay %s: its %s is not SMTP: \"%s\"",
                          s->peer, what, shown);
    }
}

static void on_bytes(struct smtp_session *s, struct gw_slice in)
{
    while (in.len > 0 && s->state != SMTP_STATE_OVER) {
        size_t used = 0;
        enum smtp_reply_state state = smtp_reply_parse(&s->reply, in, &used);
        in = gw_slice_of(in.data + used, in.len - used);
        s->behind = in;
        if (state == SMTP_REPLY_MORE)
            break;
        if (s->state == SMTP_STATE_TLS)
            too_early(s);
        else if (state == SMTP_REPLY_DONE)
            on_reply(s);
        else
            on_bad_reply(s, state);
        smtp_reply_parser_reset(&s->reply);
    }
    s->behind = gw_slice_of(NULL, 0);
    /* An idle relay that stops in the middle of a line is not waited for forever. */
    if (s->state == SMTP_STATE_READY && smtp_reply_parser_dirty(&s->reply) && s->deadline == 0)
        s->deadline = s->now + s->config.timeouts.rset_ms;
    if (s->state == SMTP_STATE_TLS && smtp_reply_parser_dirty(&s->reply))
        too_early(s);
}

static bool is_tls_reason(enum smtp_reason reason)
{
    return reason >= SMTP_REASON_WRONG_TLS_MODE && reason <= SMTP_REASON_TLS_VERSION;
}

/* A relay that waits for our TLS hello is silent. */
static const char *tls_hint(const struct smtp_session *s)
{
    bool silent =
        s->state == SMTP_STATE_GREETING && !s->in_tls && !smtp_reply_parser_dirty(&s->reply);
    return silent ? "; if it speaks TLS from the first byte, use smtps://" : "";
}

static void on_closed(struct smtp_session *s, const struct smtp_event *ev)
{
    bool lost = ev->reason == SMTP_REASON_CONN_CLOSED || ev->reason == SMTP_REASON_CONN_RESET;

    if (!lost && ev->detail != NULL && ev->detail[0] != '\0')
        smtp_session_fail(s, ev->reason, NULL, "%s", ev->detail);
    else
        smtp_session_fail(s, ev->reason, NULL, "relay %s %s the connection before its %s%s",
                          s->peer, ev->reason == SMTP_REASON_CONN_RESET ? "reset" : "closed",
                          smtp_state_info(s->state)->text, tls_hint(s));
    if (s->end_stage == SMTP_STAGE_CONNECT && is_tls_reason(ev->reason))
        s->end_stage = SMTP_STAGE_TLS; /* implicit TLS */
}

static void on_deadline(struct smtp_session *s)
{
    if (s->deadline == 0 || s->now < s->deadline)
        return; /* it was moved while the timer fired */
    smtp_session_fail(s, SMTP_REASON_TIMEOUT, NULL, "relay %s gave no %s in time%s", s->peer,
                      smtp_state_info(s->state)->text, tls_hint(s));
}

static void on_quit(struct smtp_session *s)
{
    if (s->state == SMTP_STATE_READY)
        smtp_session_enter(s, SMTP_STATE_QUIT);
    else if (s->env == NULL && (s->state == SMTP_STATE_RSET || s->state == SMTP_STATE_DRAIN ||
                                s->state == SMTP_STATE_NOOP))
        s->quit_wanted = true;
    else if (s->state != SMTP_STATE_QUIT)
        smtp_session_fail(s, SMTP_REASON_SHUTDOWN, NULL, "mailhatch is shutting down");
}

static void on_transaction(struct smtp_session *s, const struct smtp_envelope *env)
{
    PRE(smtp_session_ready(s));
    if (s->had_transaction)
        clear_timing(s);
    s->had_transaction = true;
    smtp_session_begin(s, env);
}

static void on_connected(struct smtp_session *s)
{
    s->in_tls = s->config.tls_mode == SMTP_TLS_IMPLICIT;
    smtp_session_expect(s, SMTP_CMD_SETUP);
    smtp_session_enter(s, SMTP_STATE_GREETING);
}

static void on_tls_done(struct smtp_session *s)
{
    if (gw_fails_check(s->state == SMTP_STATE_TLS)) {
        smtp_session_fail(s, SMTP_REASON_LOCAL_ERROR, NULL,
                          "internal error: TLS was not asked for");
        return;
    }
    /* All that was said in plaintext is void, RFC 3207 sec. 4.2. */
    s->caps = (struct smtp_capabilities){0};
    s->ehlo_done = false;
    s->in_tls = true;
    smtp_session_enter(s, SMTP_STATE_EHLO);
}

/* The content goes out piece by piece. */
static bool gives_more(const struct smtp_session *s)
{
    return s->state == SMTP_STATE_BODY || s->state == SMTP_STATE_CHUNK;
}

static void dispatch(struct smtp_session *s, const struct smtp_event *ev)
{
    switch (ev->kind) {
    case SMTP_EV_CONNECTED:
        on_connected(s);
        break;
    case SMTP_EV_BYTES:
        on_bytes(s, ev->bytes);
        break;
    case SMTP_EV_TLS_DONE:
        on_tls_done(s);
        break;
    case SMTP_EV_WRITTEN:
        s->must_send = s->must_send || gives_more(s);
        break;
    case SMTP_EV_DEADLINE:
        on_deadline(s);
        break;
    case SMTP_EV_WORK:
        s->must_send = s->must_send || (s->state == SMTP_STATE_AUTH && s->auth_works);
        break;
    case SMTP_EV_CLOSED:
        on_closed(s, ev);
        break;
    case SMTP_EV_TRANSACTION:
        on_transaction(s, ev->envelope);
        break;
    case SMTP_EV_NOOP:
        PRE(smtp_session_ready(s));
        smtp_session_enter(s, SMTP_STATE_NOOP);
        break;
    case SMTP_EV_CANCEL:
        smtp_session_cancel(s);
        break;
    case SMTP_EV_QUIT:
        on_quit(s);
        break;
    }
}

static void send_what_is_due(struct smtp_session *s)
{
    if (s->state == SMTP_STATE_READY && s->quit_wanted)
        smtp_session_enter(s, SMTP_STATE_QUIT);
    bool in_content = (s->state == SMTP_STATE_BODY && s->body_handed_over > 0) ||
                      (s->state == SMTP_STATE_CHUNK && s->content_at > 0);
    if (!s->must_send)
        return;
    s->must_send = false;
    /* In the middle of the content a relay may refuse it, or answer a chunk before. Not a step
     * further until it has said which, or what it says could be taken for the answer to the end. */
    if (smtp_reply_parser_dirty(&s->reply) && in_content)
        s->must_send = s->n_in_flight > 0;
    else if (smtp_reply_parser_dirty(&s->reply))
        too_early(s);
    else
        smtp_state_info(s->state)->send(s);
}

void smtp_session_step(struct smtp_session *s, const struct smtp_event *ev,
                       struct smtp_action *act_out)
{
    *act_out = (struct smtp_action){0};
    s->act = act_out;
    if (ev->now_ms > s->now)
        s->now = ev->now_ms;
    wipe_out(s);
    take_memory(s);
    if (s->state != SMTP_STATE_OVER) {
        dispatch(s, ev);
        send_what_is_due(s);
    }
    bool over = s->state == SMTP_STATE_OVER;
    act_out->out = gw_buf_view(&s->out);
    act_out->secret = s->out_is_secret;
    act_out->wants_written = gives_more(s);
    act_out->ready = smtp_session_ready(s);
    act_out->close = over;
    act_out->stage = over ? s->end_stage : smtp_state_info(s->state)->stage;
    act_out->reason = over ? s->end_reason : SMTP_REASON_REPLY;
    act_out->deadline_ms = s->deadline;
    s->act = NULL;
}

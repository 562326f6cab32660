/* SPDX-License-Identifier: MIT */
/* Lines "! word arguments": what happens beside bytes. */
#include "tests/lib/replay_impl.h"

#include "gateway/base/gw_mem.h"

static void event_connect(struct replay *r, struct gw_slice args)
{
    (void)args;
    replay_step(r, (struct smtp_event){.kind = SMTP_EV_CONNECTED});
}

/* Keywords: greeting and EHLO done, with these keywords offered ("SIZE=10" is "SIZE 10",
 * "LIMITS=MAILMAX:1,RCPTMAX:2" is "LIMITS MAILMAX=1 RCPTMAX=2"). */
static void event_ready(struct replay *r, struct gw_slice args)
{
    struct gw_buf text;
    gw_buf_init(&text, MAX_RCPT_TEXT);
    event_connect(r, args);
    replay_step_bytes(r, "220 hi\r\n", 8);
    while (args.len > 0) {
        struct gw_slice keyword = replay_next_word(&args);
        (void)gw_buf_printf(&text, "250-%.*s\r\n", GW_SLICE_ARG(keyword));
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '=' || text.data[i] == ',')
            text.data[i] = ' ';
        else if (text.data[i] == ':')
            text.data[i] = '=';
    }
    struct gw_buf reply;
    gw_buf_init(&reply, MAX_RCPT_TEXT);
    (void)gw_buf_printf(&reply, "250-mx\r\n%.*s250 HELP\r\n", (int)text.len, text.data);
    replay_step_bytes(r, reply.data, reply.len);
    gw_buf_deinit(&text);
    gw_buf_deinit(&reply);
    r->out_at = r->out.len;
    if (!r->last.ready)
        replay_fail(r, "not ready: %s", r->end.detail);
}

static void event_tls(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (!r->start_tls)
        replay_fail(r, "no handshake was asked for");
    r->start_tls = false;
    replay_step(r, (struct smtp_event){.kind = SMTP_EV_TLS_DONE});
}

static void event_send(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (!r->last.ready) {
        replay_fail(r, "the session is not ready");
        return;
    }
    gw_free(r->outcomes);
    gw_free(r->seen);
    r->outcomes = gw_calloc(r->n_rcpts, sizeof(*r->outcomes));
    r->seen = gw_calloc(r->n_rcpts, sizeof(*r->seen));
    r->envelope = (struct smtp_envelope){.mail_from = r->from,
                                         .rcpts = (const char *const *)(void *)r->rcpts,
                                         .n_rcpts = r->n_rcpts,
                                         .content = gw_buf_view(&r->content),
                                         .eightbit = r->eightbit,
                                         .smtputf8 = r->smtputf8,
                                         .require_tls = r->require_tls,
                                         .dsn = r->has_dsn ? &r->dsn : NULL,
                                         .outcomes = r->outcomes};
    r->in_transaction = true;
    r->body_at = 0;
    replay_step(r, (struct smtp_event){.kind = SMTP_EV_TRANSACTION, .envelope = &r->envelope});
}

static void event_written(struct replay *r, struct gw_slice args)
{
    (void)args;
    replay_step(r, (struct smtp_event){.kind = SMTP_EV_WRITTEN});
}

static void event_timeout(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (r->last.deadline_ms == 0)
        replay_fail(r, "there is no deadline");
    r->now = r->last.deadline_ms;
    replay_step(r, (struct smtp_event){.kind = SMTP_EV_DEADLINE});
}

static void event_wait(struct replay *r, struct gw_slice args)
{
    r->now += replay_number(r, replay_next_word(&args));
}

static void closed(struct replay *r, enum smtp_reason reason, struct gw_slice detail)
{
    char text[MAX_TOKEN] = "";
    replay_copy_word(r, detail, text, sizeof(text));
    replay_step(r, (struct smtp_event){.kind = SMTP_EV_CLOSED,
                                       .reason = reason,
                                       .detail = detail.len > 0 ? text : NULL});
}

static void event_eof(struct replay *r, struct gw_slice args)
{
    closed(r, SMTP_REASON_CONN_CLOSED, args);
}

static void event_reset(struct replay *r, struct gw_slice args)
{
    closed(r, SMTP_REASON_CONN_RESET, args);
}

static void event_closed(struct replay *r, struct gw_slice args)
{
    struct gw_slice word = replay_next_word(&args);
    for (int i = 0; i <= (int)SMTP_REASON_LOCAL_ERROR; i++) {
        if (gw_slice_is(word, smtp_reason_name((enum smtp_reason)i))) {
            closed(r, (enum smtp_reason)i, args);
            return;
        }
    }
    replay_fail(r, "unknown reason");
}

static void event_cancel(struct replay *r, struct gw_slice args)
{
    (void)args;
    replay_step(r, (struct smtp_event){.kind = SMTP_EV_CANCEL});
}

static void event_quit(struct replay *r, struct gw_slice args)
{
    (void)args;
    replay_step(r, (struct smtp_event){.kind = SMTP_EV_QUIT});
}

const struct replay_word replay_events[] = {
    {'!', "connect", event_connect},
    {'!', "ready", event_ready},
    {'!', "tls", event_tls},
    {'!', "send", event_send},
    {'!', "written", event_written},
    {'!', "timeout", event_timeout},
    {'!', "wait", event_wait},
    {'!', "eof", event_eof},
    {'!', "reset", event_reset},
    {'!', "closed", event_closed},
    {'!', "cancel", event_cancel},
    {'!', "quit", event_quit},
    {0},
};

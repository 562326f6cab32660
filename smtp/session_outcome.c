/* SPDX-License-Identifier: MIT */
/* How things end: outcomes of recipients, and the end of a session. */
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "smtp/session_impl.h"

enum {
    SHOWN_OF_REPLY = 48
};

const struct smtp_reply_info *smtp_session_info(struct smtp_session *s)
{
    smtp_reply_info_from(&s->reply, &s->info);
    if (smtp_secrets_in(&s->secrets, gw_buf_view(&s->reply.text)))
        (void)snprintf(s->info.text, sizeof(s->info.text), "%s",
                       "(not shown: the text repeats the credentials)");
    return &s->info;
}

static enum smtp_stage stage_of(const struct smtp_session *s)
{
    return smtp_state_info(s->state)->stage;
}

void smtp_session_settle(struct smtp_session *s, size_t rcpt, enum smtp_reason reason,
                         const struct smtp_reply_info *reply, const char *detail)
{
    struct smtp_outcome *o = &s->env->outcomes[rcpt];
    CHECK(rcpt < s->env->n_rcpts && !o->final && s->n_unsettled > 0);

    o->final = true;
    o->stage = stage_of(s);
    o->reason = reason;
    if (reply != NULL)
        o->reply = *reply;
    if (detail != NULL)
        (void)snprintf(o->detail, sizeof(o->detail), "%s", detail);
    bool in_round = o->progress == SMTP_RCPT_SENT || o->progress == SMTP_RCPT_ACCEPTED;
    bool decided = reason == SMTP_REASON_REPLY || reason == SMTP_REASON_RELAY_421;
    o->uncertain = s->window_open && in_round && !decided;
    o->accepted = (s->state == SMTP_STATE_DOT || s->state == SMTP_STATE_LAST) &&
                  reason == SMTP_REASON_REPLY && o->reply.code / 100 == 2;
    s->n_unsettled--;
}

void smtp_session_settle_round(struct smtp_session *s)
{
    const struct smtp_reply_info *info = smtp_session_info(s);
    for (size_t i = 0; i < s->env->n_rcpts; i++) {
        const struct smtp_outcome *o = &s->env->outcomes[i];
        if (!o->final && o->progress == SMTP_RCPT_ACCEPTED)
            smtp_session_settle(s, i, SMTP_REASON_REPLY, info, NULL);
    }
}

void smtp_session_settle_rest(struct smtp_session *s, enum smtp_reason reason,
                              const struct smtp_reply_info *reply, const char *detail)
{
    for (size_t i = 0; i < s->env->n_rcpts && s->n_unsettled > 0; i++) {
        if (!s->env->outcomes[i].final)
            smtp_session_settle(s, i, reason, reply, detail);
    }
}

/* Faults that say nothing about the relay. */
static bool is_our_doing(enum smtp_reason reason)
{
    return reason == SMTP_REASON_CANCELED || reason == SMTP_REASON_SHUTDOWN ||
           reason == SMTP_REASON_LOCAL_ERROR || reason == SMTP_REASON_REPLY;
}

static void end(struct smtp_session *s, enum smtp_reason reason,
                const struct smtp_reply_info *reply)
{
    struct smtp_action *act = s->act;

    act->relay_sick =
        !is_our_doing(reason) && (smtp_state_info(s->state)->blames_relay || s->env != NULL);
    if (act->relay_sick && reply != NULL)
        act->reply = *reply;
    if (s->env != NULL) {
        if (reason != SMTP_REASON_REPLY) /* else it is about the round only, and that is settled */
            smtp_session_settle_rest(s, reason, reply, act->detail);
        s->env = NULL;
        act->transaction_done = true;
        act->unfinished = s->n_unsettled > 0;
    }
    s->end_stage = stage_of(s);
    s->end_reason = reason;
    s->n_in_flight = 0;
    smtp_session_enter(s, SMTP_STATE_OVER);
}

void smtp_session_fail(struct smtp_session *s, enum smtp_reason reason,
                       const struct smtp_reply_info *reply, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(s->act->detail, sizeof(s->act->detail), fmt, ap);
    va_end(ap);
    gw_buf_reset(&s->out);
    end(s, reason, reply);
}

void smtp_session_leave(struct smtp_session *s, enum smtp_reason reason,
                        const struct smtp_reply_info *reply, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(s->act->detail, sizeof(s->act->detail), fmt, ap);
    va_end(ap);
    gw_buf_reset(&s->out);
    CHECK(gw_buf_add_str(&s->out, "QUIT\r\n") == GW_OK);
    end(s, reason, reply);
}

void smtp_session_fail_sequence(struct smtp_session *s)
{
    const struct smtp_reply_info *info = smtp_session_info(s);
    char shown[SHOWN_OF_REPLY];
    smtp_text_escape(gw_slice_str(info->text), shown, sizeof(shown));
    smtp_session_fail(s, SMTP_REASON_PROTOCOL_ERROR, info,
                      "relay %s: \"%d %s\" makes no sense as its %s", s->peer, info->code, shown,
                      smtp_state_info(s->state)->text);
}

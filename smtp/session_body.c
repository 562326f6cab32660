/* SPDX-License-Identifier: MIT */
/* The message itself, piece by piece, up to the reply that decides.
 *
 * Spec: RFC 5321 sec. 4.1.1.4, 4.5.2, 4.5.3.2.5. */
#include "gateway/base/gw_check.h"
#include "smtp/session_impl.h"

void smtp_session_start_body(struct smtp_session *s)
{
    s->body = smtp_dot_stuff_start(s->env->content);
    s->body_since = s->now;
    s->body_handed_over = 0;
}

/* One that stops reading is found out however large the message. */
void smtp_session_move_body_deadline(struct smtp_session *s)
{
    const struct smtp_timeouts *t = &s->config.timeouts;
    if (t->body_floor_ms > 0 && t->body_min_rate_bps > 0)
        s->deadline =
            s->body_since + t->body_floor_ms + s->body_handed_over * 1000 / t->body_min_rate_bps;
}

void smtp_session_send_body(struct smtp_session *s)
{
    smtp_session_move_body_deadline(s);
    enum gw_status status = smtp_dot_stuff_next(&s->body, &s->out, SMTP_BODY_CHUNK);
    if (status != GW_OK) {
        smtp_session_fail(s, SMTP_REASON_LOCAL_ERROR, NULL,
                          "the content has a bare CR or LF at octet %zu, or no room", s->body.at);
        return;
    }
    s->body_handed_over += (int64_t)s->out.len;
    if (s->body.finished) {
        s->window_open = true;
        smtp_session_expect(s, SMTP_CMD_DOT);
        smtp_session_enter(s, SMTP_STATE_DOT);
    }
}

void smtp_session_on_early_verdict(struct smtp_session *s)
{
    const struct smtp_reply_info *info = smtp_session_info(s);
    smtp_session_settle_round(s);
    smtp_session_fail(s, SMTP_REASON_REPLY, info, "relay %s refused the message before its end",
                      s->peer);
}

void smtp_session_on_dot(struct smtp_session *s)
{
    if (s->reply.code / 100 == 3) {
        smtp_session_fail_sequence(s);
        return;
    }
    smtp_session_settle_round(s);
    smtp_session_end_round(s, true);
}

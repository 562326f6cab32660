/* SPDX-License-Identifier: MIT */
/* What follows a round that did not end by the reply to its content; NOOP and QUIT.
 *
 * Spec: RFC 5321 sec. 4.1.1.5, 4.1.1.9, 4.1.1.10; RFC 2920 sec. 3.1; RFC 3030 sec. 2. */
#include "gateway/base/gw_check.h"
#include "smtp/session_impl.h"

static void send_setup(struct smtp_session *s, const char *text)
{
    const char *const parts[] = {text};
    CHECK(smtp_session_command(s, SMTP_CMD_SETUP, SMTP_MAX_COMMAND, parts, 1));
}

void smtp_session_wind_up(struct smtp_session *s)
{
    smtp_session_enter(s, s->n_in_flight > 0 ? SMTP_STATE_DRAIN : SMTP_STATE_RSET);
}

/* DATA was in flight when the last recipient fell, and the relay says 354: an empty message for
 * nobody ends it (RFC 2920 sec. 3.1). */
void smtp_session_send_lone_dot(struct smtp_session *s)
{
    static const char *const parts[] = {"."};
    CHECK(smtp_session_command(s, SMTP_CMD_DOT, SMTP_MAX_COMMAND, parts, 1));
}

void smtp_session_on_drain(struct smtp_session *s)
{
    enum smtp_command command = s->popped;
    int class = s->reply.code / 100;

    if (command == SMTP_CMD_RCPT && class == 2)
        s->n_accepted++;
    if (command == SMTP_CMD_LAST && (class != 2 || s->n_accepted == 0))
        s->window_open = false; /* whatever it was, it is over */
    bool taken = class == 2 && command == SMTP_CMD_LAST && s->n_accepted > 0;
    if (class == 3 && command == SMTP_CMD_DATA && s->n_accepted == 0)
        smtp_session_enter(s, SMTP_STATE_DRAIN);
    else if (class == 3 || (class == 2 && command == SMTP_CMD_DATA) || taken)
        smtp_session_fail_sequence(s);
    else if (s->n_in_flight == 0)
        smtp_session_enter(s, SMTP_STATE_RSET);
    else
        smtp_session_restart_deadline(s);
}

void smtp_session_send_rset(struct smtp_session *s)
{
    send_setup(s, "RSET");
}

void smtp_session_on_rset(struct smtp_session *s)
{
    if (s->reply.code / 100 != 2) {
        smtp_session_fail_sequence(s);
    } else if (s->env != NULL) {
        smtp_session_next_round(s);
    } else {
        smtp_session_enter(s, SMTP_STATE_READY);
    }
}

void smtp_session_send_noop(struct smtp_session *s)
{
    send_setup(s, "NOOP");
}

/* Any reply of a sound kind shows that somebody is there. */
void smtp_session_on_noop(struct smtp_session *s)
{
    if (s->reply.code / 100 == 3)
        smtp_session_fail_sequence(s);
    else
        smtp_session_enter(s, SMTP_STATE_READY);
}

void smtp_session_send_quit(struct smtp_session *s)
{
    send_setup(s, "QUIT");
}

void smtp_session_on_quit(struct smtp_session *s)
{
    smtp_session_fail(s, SMTP_REASON_SHUTDOWN, NULL, "%s", "");
}

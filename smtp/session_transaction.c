/* SPDX-License-Identifier: MIT */
/* MAIL, RCPT and DATA: in one flight when the relay takes PIPELINING, else one by one.
 *
 * Spec: RFC 5321 sec. 3.3, RFC 2920, 1870 (SIZE), 6152 (8BITMIME), 6531 (SMTPUTF8). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "smtp/session_impl.h"

static void done(struct smtp_session *s)
{
    s->env = NULL;
    s->act->transaction_done = true;
}

/* What is known without asking the relay. False: settled here, for all or the last of them. */
static bool relay_can_take(struct smtp_session *s)
{
    const struct smtp_envelope *env = s->env;
    enum smtp_reason reason = SMTP_REASON_LOCAL_ERROR;
    char detail[SMTP_DETAIL_SIZE] = "";

    if (env->smtputf8 && !s->caps.smtputf8) {
        reason = SMTP_REASON_SMTPUTF8_UNSUPPORTED;
        (void)snprintf(detail, sizeof(detail),
                       "relay %s does not offer SMTPUTF8, which an address of this message needs",
                       s->peer);
    } else if (s->caps.max_size != 0 && env->content.len > s->caps.max_size) {
        reason = SMTP_REASON_TOO_LARGE;
        (void)snprintf(detail, sizeof(detail),
                       "the message has %zu octets, relay %s takes at most %" PRIu64,
                       env->content.len, s->peer, s->caps.max_size);
    } else if (env->eightbit && !s->caps.eightbitmime) {
        (void)snprintf(detail, sizeof(detail),
                       "the message is 8-bit and relay %s does not offer 8BITMIME", s->peer);
    } else if (!smtp_session_path_is_sound(env->mail_from, env->smtputf8)) {
        (void)snprintf(detail, sizeof(detail), "the sender is no address that MAIL can carry");
    }
    if (detail[0] != '\0')
        smtp_session_settle_rest(s, reason, NULL, detail);
    return s->n_unsettled > 0;
}

/* Settle the recipients that no RCPT can carry. */
static void drop_unsound_rcpts(struct smtp_session *s)
{
    const struct smtp_envelope *env = s->env;
    for (size_t i = 0; i < env->n_rcpts; i++) {
        const char *rcpt = env->rcpts[i];
        if (rcpt[0] == '\0' || !smtp_session_path_is_sound(rcpt, env->smtputf8)) {
            smtp_session_settle(s, i, SMTP_REASON_LOCAL_ERROR, NULL,
                                "the recipient is no address that RCPT can carry");
            env->outcomes[i].stage = SMTP_STAGE_RCPT;
        }
    }
}

void smtp_session_begin(struct smtp_session *s, const struct smtp_envelope *env)
{
    PRE(env->n_rcpts > 0);
    smtp_session_enter(s, SMTP_STATE_MAIL);
    s->env = env;
    s->n_unsettled = env->n_rcpts;
    s->next_rcpt = 0;
    s->answered_rcpt = 0;
    s->n_accepted = 0;
    s->restart = false;
    if (relay_can_take(s))
        drop_unsound_rcpts(s);
    if (s->n_unsettled == 0) {
        done(s);
        smtp_session_enter(s, SMTP_STATE_READY);
    }
}

static void send_mail(struct smtp_session *s)
{
    const struct smtp_envelope *env = s->env;
    char size[32] = "";
    bool with_size = s->caps.size && !s->no_params;

    if (with_size)
        (void)snprintf(size, sizeof(size), " SIZE=%zu", env->content.len);
    const char *const parts[] = {"MAIL FROM:<",
                                 env->mail_from,
                                 ">",
                                 size,
                                 env->eightbit ? " BODY=8BITMIME" : "",
                                 env->smtputf8 ? " SMTPUTF8" : ""};
    size_t max = s->caps.esmtp ? SMTP_MAX_COMMAND_PARAMS : SMTP_MAX_COMMAND;
    CHECK(smtp_session_command(s, SMTP_CMD_MAIL, max, parts, sizeof(parts) / sizeof(parts[0])));
}

/* Skip recipients that are settled already. */
static size_t skip_settled(const struct smtp_session *s, size_t i)
{
    while (i < s->env->n_rcpts && s->env->outcomes[i].final)
        i++;
    return i;
}

static void send_rcpt(struct smtp_session *s)
{
    const char *const parts[] = {"RCPT TO:<", s->env->rcpts[s->next_rcpt], ">"};
    CHECK(smtp_session_command(s, SMTP_CMD_RCPT, SMTP_MAX_COMMAND, parts, 3));
    s->next_rcpt = skip_settled(s, s->next_rcpt + 1);
}

static void send_data(struct smtp_session *s)
{
    static const char *const parts[] = {"DATA"};
    CHECK(smtp_session_command(s, SMTP_CMD_DATA, SMTP_MAX_COMMAND, parts, 1));
}

/* As much of the transaction from here on as may be in flight at once. Recipients beyond one flight
 * follow when it is answered. */
void smtp_session_send_flight(struct smtp_session *s)
{
    const size_t most = s->caps.pipelining ? SMTP_MAX_FLIGHT_RCPTS : 1;

    if (s->state == SMTP_STATE_MAIL) {
        s->next_rcpt = skip_settled(s, 0);
        send_mail(s);
        if (!s->caps.pipelining)
            return;
    }
    for (size_t n = 0; n < most && s->next_rcpt < s->env->n_rcpts; n++)
        send_rcpt(s);
    if (s->next_rcpt == s->env->n_rcpts && (s->caps.pipelining || s->state == SMTP_STATE_DATA))
        send_data(s);
}

static bool is_refusal(int code)
{
    return code / 100 == 4 || code / 100 == 5;
}

/* Refused for a parameter that can be left out? Then once more without, in a fresh transaction. */
static bool restart_without_params(struct smtp_session *s)
{
    int code = s->reply.code;
    if ((code != 501 && code != 555) || !s->caps.size || s->no_params)
        return false;
    s->no_params = true;
    s->restart = true;
    smtp_session_wind_up(s);
    return true;
}

void smtp_session_on_mail(struct smtp_session *s)
{
    int code = s->reply.code;
    if (code / 100 == 2) {
        smtp_session_enter(s, SMTP_STATE_RCPT);
    } else if (!is_refusal(code)) {
        smtp_session_fail_sequence(s);
    } else if (!restart_without_params(s)) {
        smtp_session_settle_rest(s, SMTP_REASON_REPLY, smtp_session_info(s), NULL);
        done(s);
        smtp_session_wind_up(s);
    }
}

/* Where to after the reply to a RCPT. */
static void next_after_rcpt(struct smtp_session *s)
{
    bool last = s->answered_rcpt == s->env->n_rcpts;
    if (s->n_unsettled == 0) {
        done(s);
        smtp_session_wind_up(s);
    } else {
        smtp_session_enter(s, last ? SMTP_STATE_DATA : SMTP_STATE_RCPT);
    }
}

void smtp_session_on_rcpt(struct smtp_session *s)
{
    int code = s->reply.code;
    size_t rcpt = skip_settled(s, s->answered_rcpt);

    if (code / 100 == 2) {
        s->n_accepted++;
    } else if (!is_refusal(code) || code == 503) {
        /* "503 need MAIL" when MAIL was taken: we do not talk about the same thing. */
        smtp_session_fail_sequence(s);
        return;
    } else {
        smtp_session_settle(s, rcpt, SMTP_REASON_REPLY, smtp_session_info(s), NULL);
    }
    s->answered_rcpt = skip_settled(s, rcpt + 1);
    next_after_rcpt(s);
}

void smtp_session_on_data(struct smtp_session *s)
{
    int code = s->reply.code;
    if (code / 100 == 3) {
        smtp_session_start_body(s);
        smtp_session_enter(s, SMTP_STATE_BODY);
    } else if (!is_refusal(code)) {
        smtp_session_fail_sequence(s);
    } else {
        smtp_session_settle_rest(s, SMTP_REASON_REPLY, smtp_session_info(s), NULL);
        done(s);
        smtp_session_wind_up(s);
    }
}

void smtp_session_cancel(struct smtp_session *s)
{
    if (s->env == NULL || s->state == SMTP_STATE_DOT)
        return;
    /* Behind DATA nothing takes the message back but going away. */
    if (s->state == SMTP_STATE_BODY || smtp_session_data_in_flight(s)) {
        smtp_session_fail(s, SMTP_REASON_CANCELED, NULL, "canceled before it was sent");
        return;
    }
    smtp_session_settle_rest(s, SMTP_REASON_CANCELED, NULL, "canceled before it was sent");
    s->restart = false;
    done(s);
    if (s->state != SMTP_STATE_DRAIN && s->state != SMTP_STATE_RSET)
        smtp_session_wind_up(s);
}

/* SPDX-License-Identifier: MIT */
/* A transaction: rounds of MAIL, RCPT and content until every recipient is settled, and what the
 * replies to MAIL, RCPT and DATA mean.
 *
 * One round is the rule. More are needed where the relay limits the recipients of one (LIMITS, or
 * 452 and 552 behind the first ones), or dislikes a parameter that can be left out.
 *
 * Spec: RFC 5321 sec. 3.3, 4.5.3.1.10; RFC 2920; RFC 9422. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "smtp/session_impl.h"

static void done(struct smtp_session *s)
{
    s->env = NULL;
    s->act->transaction_done = true;
    s->act->unfinished = s->n_unsettled > 0;
}

/* Why this relay can not take the message, as far as that is known without asking. */
struct cannot {
    enum smtp_reason reason;
    char detail[SMTP_DETAIL_SIZE]; /* "": it can */
};

static struct cannot why_not(const struct smtp_session *s)
{
    const struct smtp_envelope *env = s->env;
    struct cannot c = {.reason = SMTP_REASON_LOCAL_ERROR};

    if (env->smtputf8 && !s->caps.smtputf8) {
        c.reason = SMTP_REASON_SMTPUTF8_UNSUPPORTED;
        (void)snprintf(c.detail, sizeof(c.detail),
                       "relay %s does not offer SMTPUTF8, which an address of this message needs",
                       s->peer);
    } else if (env->require_tls &&
               !(s->caps.requiretls && s->in_tls && s->config.tls_is_verified)) {
        c.reason = SMTP_REASON_REQUIRETLS_UNSUPPORTED;
        (void)snprintf(
            c.detail, sizeof(c.detail),
            "relay %s does not promise TLS all the way (REQUIRETLS inside verified TLS), "
            "which this message asks for",
            s->peer);
    } else if (s->caps.max_size != 0 && env->content.len > s->caps.max_size) {
        c.reason = SMTP_REASON_TOO_LARGE;
        (void)snprintf(c.detail, sizeof(c.detail),
                       "the message has %zu octets, relay %s takes at most %" PRIu64,
                       env->content.len, s->peer, s->caps.max_size);
    } else if (env->eightbit && !s->caps.eightbitmime) {
        c.reason = SMTP_REASON_8BIT_UNSUPPORTED;
        (void)snprintf(c.detail, sizeof(c.detail),
                       "the message is 8-bit and relay %s does not offer 8BITMIME", s->peer);
    } else if (!smtp_session_path_is_sound(env->mail_from, env->smtputf8)) {
        (void)snprintf(c.detail, sizeof(c.detail), "the sender is no address that MAIL can carry");
    }
    return c;
}

/* Settle the recipients that no RCPT can carry. */
static void drop_unsound_rcpts(struct smtp_session *s)
{
    const struct smtp_envelope *env = s->env;
    for (size_t i = 0; i < env->n_rcpts; i++) {
        const char *rcpt = env->rcpts[i];
        if (env->outcomes[i].final ||
            (rcpt[0] != '\0' && smtp_session_path_is_sound(rcpt, env->smtputf8)))
            continue;
        smtp_session_settle(s, i, SMTP_REASON_LOCAL_ERROR, NULL,
                            "the recipient is no address that RCPT can carry");
        env->outcomes[i].stage = SMTP_STAGE_RCPT;
    }
}

static size_t count_unsettled(const struct smtp_envelope *env)
{
    size_t n = 0;
    for (size_t i = 0; i < env->n_rcpts; i++)
        n += env->outcomes[i].final ? 0 : 1;
    return n;
}

/* --- Rounds --- */

static void start_round(struct smtp_session *s)
{
    for (size_t i = 0; i < s->env->n_rcpts; i++)
        s->env->outcomes[i].progress = SMTP_RCPT_WAITING;
    s->next_rcpt = 0;
    s->answered_rcpt = 0;
    s->n_sent = 0;
    s->n_accepted = 0;
    s->has_params = s->has_dsn = false;
    s->window_open = false;
    s->n_domains = 0;
    s->content_at = 0;
    s->chunk_left = 0;
}

void smtp_session_begin(struct smtp_session *s, const struct smtp_envelope *env)
{
    PRE(env->n_rcpts > 0);
    s->n_unsettled = count_unsettled(env);
    PRE(s->n_unsettled > 0);
    s->env = env;
    start_round(s);
    smtp_session_enter(s, SMTP_STATE_MAIL);
    struct cannot c = why_not(s);
    if (c.detail[0] != '\0')
        smtp_session_settle_rest(s, c.reason, NULL, c.detail);
    else
        drop_unsound_rcpts(s);
    if (s->n_unsettled == 0) {
        done(s);
        smtp_session_enter(s, SMTP_STATE_READY);
    }
}

/* RFC 9422 sec. 5: no MAIL beyond MAILMAX. */
static bool is_worn_out(const struct smtp_session *s)
{
    return s->caps.mail_max != 0 && s->n_mails >= s->caps.mail_max;
}

void smtp_session_next_round(struct smtp_session *s)
{
    if (is_worn_out(s)) {
        done(s); /* the rest has to go over another connection */
        smtp_session_enter(s, SMTP_STATE_READY);
    } else {
        start_round(s);
        smtp_session_enter(s, SMTP_STATE_MAIL);
    }
}

void smtp_session_end_round(struct smtp_session *s, bool clean)
{
    s->window_open = s->window_open && s->n_in_flight > 0;
    s->quit_wanted = s->quit_wanted || is_worn_out(s);
    if (s->n_unsettled == 0)
        done(s);
    if (!clean)
        smtp_session_wind_up(s);
    else if (s->env != NULL)
        smtp_session_next_round(s);
    else
        smtp_session_enter(s, SMTP_STATE_READY);
}

/* --- Replies --- */

static bool is_refusal(int code)
{
    return code / 100 == 4 || code / 100 == 5;
}

static bool dislikes_params(int code)
{
    return code == 501 || code == 555;
}

void smtp_session_on_mail(struct smtp_session *s)
{
    int code = s->reply.code;
    if (code / 100 == 2) {
        smtp_session_enter(s, SMTP_STATE_RCPT);
        return;
    }
    if (!is_refusal(code)) {
        smtp_session_fail_sequence(s);
        return;
    }
    if (dislikes_params(code) && s->has_params)
        s->no_params = s->no_dsn = true; /* once more without, in a fresh round */
    else
        smtp_session_settle_rest(s, SMTP_REASON_REPLY, smtp_session_info(s), NULL);
    smtp_session_end_round(s, false);
}

/* The oldest RCPT in flight. */
static size_t answered_rcpt(const struct smtp_session *s)
{
    size_t i = s->answered_rcpt;
    while (i < s->env->n_rcpts &&
           (s->env->outcomes[i].final || s->env->outcomes[i].progress != SMTP_RCPT_SENT))
        i++;
    return i;
}

/* "Too many recipients" and not anything else that 452 and 552 stand for (RFC 5321
 * sec. 4.5.3.1.10). The first recipient of a round is never too many: so every round settles
 * somebody. */
static bool is_too_many(struct smtp_session *s)
{
    if ((s->reply.code != 452 && s->reply.code != 552) || s->n_accepted == 0)
        return false;
    const char *enhanced = smtp_session_info(s)->enhanced;
    bool said = enhanced[0] != '\0' && strcmp(enhanced + 1, ".5.3") == 0;
    if (!said && enhanced[0] != '\0')
        return false;
    if (said)
        s->rcpt_max = s->n_accepted;
    s->next_rcpt = s->env->n_rcpts; /* no more of them in this round */
    return true;
}

static void refuse_rcpt(struct smtp_session *s, size_t rcpt)
{
    bool without_dsn = dislikes_params(s->reply.code) && s->has_dsn;
    s->no_dsn = s->no_dsn || without_dsn;
    if (without_dsn || is_too_many(s))
        s->env->outcomes[rcpt].progress = SMTP_RCPT_AGAIN;
    else
        smtp_session_settle(s, rcpt, SMTP_REASON_REPLY, smtp_session_info(s), NULL);
}

/* Where to after the reply to a RCPT. */
static void next_after_rcpt(struct smtp_session *s)
{
    bool more = answered_rcpt(s) < s->env->n_rcpts || s->next_rcpt < s->env->n_rcpts;
    if (more)
        smtp_session_enter(s, SMTP_STATE_RCPT);
    else if (s->n_accepted == 0)
        smtp_session_end_round(s, false);
    else if (!smtp_session_uses_chunks(s))
        smtp_session_enter(s, SMTP_STATE_DATA);
    else
        smtp_session_enter(s, s->window_open ? SMTP_STATE_LAST : SMTP_STATE_CHUNK);
}

void smtp_session_on_rcpt(struct smtp_session *s)
{
    int code = s->reply.code;
    size_t rcpt = answered_rcpt(s);

    if (code / 100 == 2) {
        s->n_accepted++;
        s->env->outcomes[rcpt].progress = SMTP_RCPT_ACCEPTED;
    } else if (!is_refusal(code) || code == 503) {
        /* "503 need MAIL" when MAIL was taken: we do not talk about the same thing. */
        smtp_session_fail_sequence(s);
        return;
    } else {
        refuse_rcpt(s, rcpt);
    }
    s->answered_rcpt = rcpt + 1;
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
        smtp_session_settle_round(s);
        smtp_session_end_round(s, false);
    }
}

void smtp_session_cancel(struct smtp_session *s)
{
    static const char why[] = "canceled before it was sent";
    if (s->env == NULL || s->window_open)
        return;
    /* Behind DATA, and inside a chunk, nothing takes the message back but going away. */
    if (s->state == SMTP_STATE_BODY || smtp_session_data_in_flight(s) || s->chunk_left > 0) {
        smtp_session_fail(s, SMTP_REASON_CANCELED, NULL, "%s", why);
        return;
    }
    smtp_session_settle_rest(s, SMTP_REASON_CANCELED, NULL, why);
    done(s);
    if (s->state != SMTP_STATE_DRAIN && s->state != SMTP_STATE_RSET)
        smtp_session_wind_up(s);
}

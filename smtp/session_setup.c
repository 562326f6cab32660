/* SPDX-License-Identifier: MIT */
/* From the greeting over EHLO and STARTTLS to AUTH. The codes of this part are taken literally:
 * only 220 greets, only 250 answers EHLO.
 *
 * Spec: RFC 5321 sec. 3.1, 3.2, 4.3.2; RFC 3207. */
#include "smtp/capabilities.h"
#include "smtp/session_impl.h"

static bool is_refusal(int code)
{
    return code / 100 == 4 || code / 100 == 5;
}

static bool sends_credentials(const struct smtp_session *s)
{
    return s->config.username != NULL;
}

static void refused(struct smtp_session *s, const char *what)
{
    const struct smtp_reply_info *info = smtp_session_info(s);
    smtp_session_leave(s, SMTP_REASON_RELAY_REFUSED, info, "relay %s refuses %s: %d %.120s",
                       s->peer, what, info->code, info->text);
}

void smtp_session_on_greeting(struct smtp_session *s)
{
    if (s->reply.code == 220)
        smtp_session_enter(s, SMTP_STATE_EHLO);
    else if (is_refusal(s->reply.code))
        refused(s, "service");
    else
        smtp_session_fail_sequence(s);
}

static void say_hello(struct smtp_session *s, const char *verb)
{
    const char *const parts[] = {verb, s->config.helo_name};
    if (!smtp_session_path_is_sound(s->config.helo_name, false) ||
        !smtp_session_command(s, SMTP_CMD_SETUP, SMTP_MAX_COMMAND, parts, 2))
        smtp_session_fail(s, SMTP_REASON_LOCAL_ERROR, NULL,
                          "helo_name for relay %s is not a host name that SMTP can carry", s->peer);
}

void smtp_session_send_ehlo(struct smtp_session *s)
{
    say_hello(s, "EHLO ");
}

void smtp_session_send_helo(struct smtp_session *s)
{
    say_hello(s, "HELO ");
}

static void after_ehlo(struct smtp_session *s)
{
    enum smtp_tls_mode mode = s->config.tls_mode;
    bool wants_tls = mode == SMTP_TLS_REQUIRED || mode == SMTP_TLS_OPPORTUNISTIC;

    if (wants_tls && !s->in_tls && s->caps.starttls)
        smtp_session_enter(s, SMTP_STATE_STARTTLS);
    else if (mode == SMTP_TLS_REQUIRED && !s->in_tls)
        smtp_session_leave(s, SMTP_REASON_TLS_REQUIRED_MISSING, NULL,
                           "relay %s does not offer STARTTLS, which is required; use "
                           "smtps://%.100s:465 if it has a TLS port, or ?tls=none to do without",
                           s->peer, s->config.host);
    else
        smtp_session_authenticate(s);
}

static bool lacks_ehlo(int code)
{
    return code == 500 || code == 502 || code == 504;
}

static void try_helo(struct smtp_session *s)
{
    bool needs_tls = s->config.tls_mode == SMTP_TLS_REQUIRED && !s->in_tls;
    if (!needs_tls && !sends_credentials(s)) {
        smtp_session_enter(s, SMTP_STATE_HELO);
        return;
    }
    smtp_session_leave(s, SMTP_REASON_EHLO_UNSUPPORTED, smtp_session_info(s),
                       "relay %s does not know EHLO, without which there is no %s", s->peer,
                       needs_tls ? "STARTTLS, which is required; use smtps:// or ?tls=none"
                                 : "AUTH; remove the credentials or use another port");
}

void smtp_session_on_ehlo(struct smtp_session *s)
{
    if (s->reply.code == 250) {
        smtp_capabilities_parse(&s->reply, &s->caps);
        s->ehlo_done = true;
        after_ehlo(s);
    } else if (lacks_ehlo(s->reply.code)) {
        try_helo(s);
    } else if (is_refusal(s->reply.code)) {
        refused(s, "EHLO");
    } else {
        smtp_session_fail_sequence(s);
    }
}

void smtp_session_on_helo(struct smtp_session *s)
{
    if (s->reply.code == 250) {
        s->caps = (struct smtp_capabilities){0};
        s->ehlo_done = true;
        smtp_session_enter(s, SMTP_STATE_READY);
    } else if (is_refusal(s->reply.code)) {
        refused(s, "HELO");
    } else {
        smtp_session_fail_sequence(s);
    }
}

void smtp_session_send_starttls(struct smtp_session *s)
{
    static const char *const parts[] = {"STARTTLS"};
    (void)!smtp_session_command(s, SMTP_CMD_SETUP, SMTP_MAX_COMMAND, parts, 1);
}

static void starttls_refused(struct smtp_session *s)
{
    if (s->config.tls_mode == SMTP_TLS_OPPORTUNISTIC && !sends_credentials(s)) {
        smtp_session_enter(s, SMTP_STATE_READY);
        return;
    }
    const struct smtp_reply_info *info = smtp_session_info(s);
    smtp_session_leave(s, SMTP_REASON_STARTTLS_REFUSED, info,
                       "relay %s offers STARTTLS but refuses it (%d %.100s), and %s", s->peer,
                       info->code, info->text,
                       sends_credentials(s) ? "credentials are never sent in plaintext"
                                            : "TLS is required");
}

void smtp_session_on_starttls(struct smtp_session *s)
{
    if (is_refusal(s->reply.code))
        starttls_refused(s);
    else if (s->reply.code != 220)
        smtp_session_fail_sequence(s);
    else if (s->reply.saw_bare_lf) /* nothing around STARTTLS is read generously */
        smtp_session_fail(s, SMTP_REASON_PROTOCOL_ERROR, smtp_session_info(s),
                          "relay %s ends its reply to STARTTLS in a bare LF", s->peer);
    else
        smtp_session_enter(s, SMTP_STATE_TLS);
}

void smtp_session_send_tls(struct smtp_session *s)
{
    s->act->start_tls = true;
}

/* SPDX-License-Identifier: MIT */
/* AUTH: which mechanism, the exchange, and what its end means.
 *
 * Spec: RFC 4954. */
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "smtp/session_impl.h"

enum {
    MAX_MECH_LIST = 96,
    MAX_WHY = 160
};

struct smtp_sasl_credentials smtp_session_credentials(const struct smtp_session *s)
{
    const struct smtp_session_config *c = &s->config;
    return (struct smtp_sasl_credentials){.username = c->username,
                                          .password = c->password,
                                          .token = c->token,
                                          .host = c->host,
                                          .port = c->port,
                                          .scram_cache = c->scram_cache,
                                          .secrets = &s->secrets};
}

/* Move s->mech on to a mechanism that is configured, offered, and that we have the secret for. */
static bool find_mech(struct smtp_session *s)
{
    const struct smtp_sasl_credentials who = smtp_session_credentials(s);
    for (; s->mech < s->config.n_mechs; s->mech++) {
        enum smtp_auth_mech mech = s->config.mechs[s->mech];
        if (s->caps.auth[mech] && smtp_sasl_can(mech, &who))
            return true;
    }
    return false;
}

static void start_mech(struct smtp_session *s)
{
    const struct smtp_sasl_credentials who = smtp_session_credentials(s);
    smtp_sasl_wipe(&s->sasl);
    s->sasl = smtp_sasl_start(s->config.mechs[s->mech], &who);
    s->auth_begun = false;
    s->auth_works = false;
    smtp_session_enter(s, SMTP_STATE_AUTH);
}

/* A mechanism is offered, but not for this user name and password. */
static bool is_unprepared(struct smtp_session *s)
{
    const struct smtp_sasl_credentials who = smtp_session_credentials(s);
    char why[MAX_WHY];
    bool offered = false;
    for (size_t i = 0; i < s->config.n_mechs; i++)
        offered = offered || s->caps.auth[s->config.mechs[i]];
    if (!offered || who.password == NULL || !smtp_sasl_unprepared(&who, why, sizeof(why)))
        return false;
    smtp_session_leave(s, SMTP_REASON_AUTH_UNAVAILABLE, NULL, "%s, so that relay %s cannot take it",
                       why, s->peer);
    return true;
}

static void unavailable(struct smtp_session *s)
{
    if (is_unprepared(s))
        return;
    char list[MAX_MECH_LIST] = "";
    for (size_t i = 0; i < s->config.n_mechs; i++) {
        size_t len = strlen(list);
        (void)snprintf(list + len, sizeof(list) - len, "%s%s", i > 0 ? " or " : "",
                       smtp_sasl_name(s->config.mechs[i]));
    }
    smtp_session_leave(s, SMTP_REASON_AUTH_UNAVAILABLE, NULL,
                       "relay %s does not offer AUTH %s%s, but credentials are configured; use its "
                       "submission port or remove them",
                       s->peer, list, s->in_tls ? "" : " without TLS");
}

void smtp_session_authenticate(struct smtp_session *s)
{
    bool plain_is_fine = s->config.tls_mode == SMTP_TLS_NONE && s->config.allow_plain_auth;

    if (s->config.username == NULL)
        smtp_session_enter(s, SMTP_STATE_READY);
    else if (s->in_tls || plain_is_fine)
        find_mech(s) ? start_mech(s) : unavailable(s);
    else
        smtp_session_leave(s,
                           s->config.tls_mode == SMTP_TLS_NONE ? SMTP_REASON_AUTH_UNAVAILABLE
                                                               : SMTP_REASON_TLS_REQUIRED_MISSING,
                           NULL,
                           "relay %s is reached without TLS, and credentials are never sent in "
                           "plaintext; use smtps:// or a relay with STARTTLS, or remove them",
                           s->peer);
}

static void cannot_send(struct smtp_session *s)
{
    smtp_session_fail(s, SMTP_REASON_LOCAL_ERROR, NULL,
                      "username, password or token for relay %s is too long for AUTH %s", s->peer,
                      smtp_sasl_name(s->sasl.mech));
}

/* The next token on a line of its own. */
static void send_token(struct smtp_session *s)
{
    s->out_is_secret = true;
    if (smtp_sasl_token(&s->sasl, &s->out) != GW_OK) {
        cannot_send(s);
        return;
    }
    CHECK(gw_buf_add_str(&s->out, "\r\n") == GW_OK);
    smtp_session_expect(s, SMTP_CMD_SETUP);
}

/* "AUTH <mechanism>", with the first token if the mechanism speaks first and the line allows. */
static void send_command(struct smtp_session *s)
{
    struct smtp_sasl before = s->sasl;

    s->auth_begun = true;
    s->out_is_secret = true;
    CHECK(gw_buf_printf(&s->out, "AUTH %s", smtp_sasl_name(s->sasl.mech)) == GW_OK);
    const size_t bare_len = s->out.len;
    if (smtp_sasl_speaks_first(&s->sasl)) {
        CHECK(gw_buf_add_char(&s->out, ' ') == GW_OK);
        if (smtp_sasl_token(&s->sasl, &s->out) != GW_OK) {
            cannot_send(s);
            return;
        }
        if (s->out.len + 2 > smtp_sasl_max_command(&s->sasl)) {
            gw_wipe(s->out.data + bare_len, s->out.len - bare_len);
            s->out.len = bare_len;
            s->sasl = before;
        }
    }
    smtp_sasl_wipe(&before);
    CHECK(gw_buf_add_str(&s->out, "\r\n") == GW_OK);
    smtp_session_expect(s, SMTP_CMD_SETUP);
}

void smtp_session_send_auth(struct smtp_session *s)
{
    s->auth_works = s->auth_works && !smtp_sasl_work(&s->sasl);
    if (s->auth_works)
        s->act->more_work = true;
    else if (s->auth_begun)
        send_token(s);
    else
        send_command(s);
}

void smtp_session_send_auth_cancel(struct smtp_session *s)
{
    static const char *const parts[] = {"*"};
    (void)!smtp_session_command(s, SMTP_CMD_SETUP, SMTP_MAX_COMMAND, parts, 1);
}

static void on_challenge(struct smtp_session *s)
{
    enum gw_status status = s->reply.n_lines == 1
                                ? smtp_sasl_challenge(&s->sasl, smtp_reply_line(&s->reply, 0))
                                : GW_PROTO;
    s->auth_works = status == GW_BUSY;
    smtp_session_enter(s, status == GW_PROTO ? SMTP_STATE_AUTH_CANCEL : SMTP_STATE_AUTH);
}

/* The mechanism, not the password, is refused (RFC 4954 sec. 4 and 6). */
static bool is_about_mechanism(int code)
{
    return code == 504 || code == 534 || code == 538;
}

static void refused(struct smtp_session *s)
{
    const char *mech = smtp_sasl_name(s->sasl.mech);
    if (is_about_mechanism(s->reply.code)) {
        s->mech++;
        if (find_mech(s)) {
            start_mech(s);
            return;
        }
    }
    const struct smtp_reply_info *info = smtp_session_info(s);
    if (s->sasl.refused && info->code / 100 == 5)
        smtp_session_leave(s, SMTP_REASON_AUTH_FAILED, info,
                           "relay %s refused the access token (AUTH %s): %.80s: %d %.60s", s->peer,
                           mech, s->sasl.error, info->code, info->text);
    else if (info->code / 100 == 4)
        smtp_session_leave(s, SMTP_REASON_AUTH_TEMPORARY, info,
                           "relay %s cannot check the credentials now (AUTH %s): %d %.100s",
                           s->peer, mech, info->code, info->text);
    else
        smtp_session_leave(s, SMTP_REASON_AUTH_FAILED, info,
                           "relay %s refused AUTH %s, check username and password: %d %.100s",
                           s->peer, mech, info->code, info->text);
}

void smtp_session_on_auth(struct smtp_session *s)
{
    int code = s->reply.code;
    if (code == 235 && smtp_sasl_finished(&s->sasl))
        smtp_session_enter(s, SMTP_STATE_READY);
    else if (code == 334)
        on_challenge(s);
    else if (code / 100 == 4 || code / 100 == 5)
        refused(s);
    else
        smtp_session_fail_sequence(s);
}

void smtp_session_on_auth_cancel(struct smtp_session *s)
{
    const char *mech = smtp_sasl_name(s->sasl.mech);
    if (s->sasl.mech == SMTP_AUTH_SCRAM_SHA_256 && s->sasl.n_sent > 0)
        smtp_session_leave(s, SMTP_REASON_AUTH_PROTOCOL, NULL,
                           "relay %s did not prove in AUTH %s that it knows the password, or asks "
                           "for less than %d or more than %d iterations",
                           s->peer, mech, SMTP_SCRAM_MIN_ITERATIONS, SMTP_SCRAM_MAX_ITERATIONS);
    else
        smtp_session_leave(s, SMTP_REASON_AUTH_PROTOCOL, NULL,
                           "relay %s sent a challenge that AUTH %s does not have", s->peer, mech);
}

/* SPDX-License-Identifier: MIT */
/* MAIL, RCPT and what comes behind them: in one flight when the relay takes PIPELINING, else one by
 * one.
 *
 * Spec: RFC 2920, 1870 (SIZE), 6152 (8BITMIME), 6531 (SMTPUTF8), 3461 (DSN), 8689 (REQUIRETLS),
 * 6533 sec. 3 (international ORCPT). */
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "smtp/session_impl.h"

/* --- Parameters --- */

/* xtext (RFC 3461 sec. 4): every octet as it is or as +XX. False when it does not fit @size with
 * its NUL. */
static bool xtext(const char *text, char *out, size_t size)
{
    size_t at = 0;
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        bool plain = c > 0x20 && c < 0x7F && c != '+' && c != '=';
        int n = snprintf(out + at, size - at, plain ? "%c" : "+%02X", c);
        at += (size_t)n;
        if (at >= size)
            return false;
    }
    return true;
}

/* One character of sound UTF-8 (the address parser saw to that). */
static unsigned next_char(const char **p)
{
    const unsigned char *at = (const unsigned char *)*p;
    size_t len = at[0] < 0x80 ? 1 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    unsigned c = len == 1 ? at[0] : at[0] & (0xFFU >> (len + 1));
    for (size_t i = 1; i < len && at[i] != '\0'; i++)
        c = c << 6 | (at[i] & 0x3F);
    *p += strnlen(*p, len);
    return c;
}

/* utf-8-addr-xtext (RFC 6533 sec. 3): what is no plain ASCII as \x{HEX}. */
static bool utf8_xtext(const char *text, char *out, size_t size)
{
    size_t at = 0;
    while (*text != '\0') {
        unsigned c = next_char(&text);
        bool plain = c > 0x20 && c < 0x7F && c != '+' && c != '=' && c != '\\';
        int n = plain ? snprintf(out + at, size - at, "%c", (char)c)
                      : snprintf(out + at, size - at, "\\x{%02X}", c);
        at += (size_t)n;
        if (at >= size)
            return false;
    }
    return true;
}

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0x80)
            return false;
    }
    return true;
}

static const struct smtp_dsn *dsn(const struct smtp_session *s)
{
    return s->caps.dsn && !s->no_dsn ? s->env->dsn : NULL;
}

/* " RET=… ENVID=…" */
static void mail_dsn(struct smtp_session *s, char *out, size_t size)
{
    static const char *const rets[] = {
        [SMTP_RET_DEFAULT] = "", [SMTP_RET_FULL] = " RET=FULL", [SMTP_RET_HDRS] = " RET=HDRS"};
    const struct smtp_dsn *d = dsn(s);
    char envid[SMTP_MAX_ENVID + 1] = "";
    out[0] = '\0';
    if (d == NULL)
        return;
    bool named = d->envid != NULL && d->envid[0] != '\0' && xtext(d->envid, envid, sizeof(envid));
    (void)snprintf(out, size, "%s%s%s", rets[d->ret], named ? " ENVID=" : "", named ? envid : "");
    s->has_params = s->has_params || out[0] != '\0';
}

/* " NOTIFY=… ORCPT=…" */
static void rcpt_dsn(struct smtp_session *s, const char *rcpt, char *out, size_t size)
{
    static const struct {
        unsigned bit;
        const char *word;
    } words[] = {{SMTP_NOTIFY_NEVER, "NEVER"},
                 {SMTP_NOTIFY_SUCCESS, "SUCCESS"},
                 {SMTP_NOTIFY_FAILURE, "FAILURE"},
                 {SMTP_NOTIFY_DELAY, "DELAY"}};
    const struct smtp_dsn *d = dsn(s);
    char original[SMTP_MAX_ORCPT + 1];
    size_t at = 0;
    out[0] = '\0';
    if (d == NULL)
        return;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if ((d->notify & words[i].bit) != 0)
            at += (size_t)snprintf(out + at, size - at, "%s%s", at == 0 ? " NOTIFY=" : ",",
                                   words[i].word);
    }
    bool ascii = is_ascii(rcpt);
    const char *type = ascii ? "rfc822;" : "utf-8;";
    size_t room = sizeof(original) - strlen(type);
    if (ascii ? xtext(rcpt, original, room) : utf8_xtext(rcpt, original, room))
        (void)snprintf(out + at, size - at, " ORCPT=%s%s", type, original);
    s->has_dsn = true;
}

static void send_mail(struct smtp_session *s)
{
    const struct smtp_envelope *env = s->env;
    char size[SMTP_DECIMAL_SIZE];
    char notify[SMTP_MAX_ENVID + 32];
    bool says_size = s->caps.size && !s->no_params;

    s->has_params = s->has_params || says_size;
    mail_dsn(s, notify, sizeof(notify));
    const char *const parts[] = {"MAIL FROM:<",
                                 env->mail_from,
                                 ">",
                                 says_size ? " SIZE=" : "",
                                 says_size ? smtp_session_decimal(env->content.len, size) : "",
                                 env->eightbit ? " BODY=8BITMIME" : "",
                                 env->smtputf8 ? " SMTPUTF8" : "",
                                 env->require_tls ? " REQUIRETLS" : "",
                                 notify};
    size_t max = s->caps.esmtp ? SMTP_MAX_COMMAND_PARAMS : SMTP_MAX_COMMAND;
    CHECK(smtp_session_command(s, SMTP_CMD_MAIL, max, parts, sizeof(parts) / sizeof(parts[0])));
    s->n_mails++;
}

/* --- Who goes into this round --- */

static const char *domain_of(const char *address)
{
    const char *at = strrchr(address, '@');
    return at != NULL ? at + 1 : "";
}

static bool has_domain(const struct smtp_session *s, size_t rcpt)
{
    const char *domain = domain_of(s->env->rcpts[rcpt]);
    for (size_t i = 0; i < s->n_domains; i++) {
        if (strcasecmp(domain, domain_of(s->env->rcpts[s->domains[i]])) == 0)
            return true;
    }
    return false;
}

static bool is_full_for_domains(const struct smtp_session *s)
{
    size_t max = s->caps.rcpt_domain_max;
    return s->n_domains >= (max < SMTP_MAX_ROUND_DOMAINS ? max : SMTP_MAX_ROUND_DOMAINS);
}

/* A relay's LIMITS, and what it taught us. */
static bool is_full(const struct smtp_session *s)
{
    size_t said = s->caps.rcpt_max;
    return (said != 0 && s->n_sent >= said) || (s->rcpt_max != 0 && s->n_sent >= s->rcpt_max);
}

size_t smtp_session_next_rcpt(const struct smtp_session *s, size_t i)
{
    const struct smtp_envelope *env = s->env;
    if (is_full(s))
        return env->n_rcpts;
    for (; i < env->n_rcpts; i++) {
        if (env->outcomes[i].final || env->outcomes[i].progress != SMTP_RCPT_WAITING)
            continue;
        if (s->caps.rcpt_domain_max == 0 || has_domain(s, i) || !is_full_for_domains(s))
            break;
    }
    return i;
}

static void send_rcpt(struct smtp_session *s)
{
    size_t rcpt = s->next_rcpt;
    char notify[SMTP_MAX_RCPT];
    rcpt_dsn(s, s->env->rcpts[rcpt], notify, sizeof(notify));
    const char *const parts[] = {"RCPT TO:<", s->env->rcpts[rcpt], ">", notify};
    size_t max = notify[0] != '\0' ? SMTP_MAX_RCPT : SMTP_MAX_COMMAND;
    CHECK(smtp_session_command(s, SMTP_CMD_RCPT, max, parts, 4));
    s->env->outcomes[rcpt].progress = SMTP_RCPT_SENT;
    s->n_sent++;
    if (s->caps.rcpt_domain_max != 0 && !has_domain(s, rcpt))
        s->domains[s->n_domains++] = rcpt;
    s->next_rcpt = smtp_session_next_rcpt(s, rcpt + 1);
}

/* --- The flight --- */

static void send_data(struct smtp_session *s)
{
    static const char *const parts[] = {"DATA"};
    CHECK(smtp_session_command(s, SMTP_CMD_DATA, SMTP_MAX_COMMAND, parts, 1));
}

/* As much of the round from here on as may be in flight at once. Recipients beyond one flight
 * follow when it is answered; a small content goes with the first one. */
void smtp_session_send_flight(struct smtp_session *s)
{
    const bool pipelining = s->caps.pipelining;
    const bool first = s->state == SMTP_STATE_MAIL;

    if (first) {
        s->next_rcpt = smtp_session_next_rcpt(s, 0);
        send_mail(s);
        if (!pipelining)
            return;
    }
    const size_t most = pipelining ? SMTP_MAX_FLIGHT_RCPTS : 1;
    for (size_t n = 0; n < most && s->next_rcpt < s->env->n_rcpts; n++)
        send_rcpt(s);
    if (s->next_rcpt < s->env->n_rcpts)
        return;
    if (!smtp_session_uses_chunks(s)) {
        if (pipelining || s->state == SMTP_STATE_DATA)
            send_data(s);
    } else if (first && s->config.one_flight && s->env->content.len <= SMTP_ONE_FLIGHT_MAX) {
        smtp_session_send_whole(s);
    }
}

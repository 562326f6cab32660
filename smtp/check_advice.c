/* SPDX-License-Identifier: MIT */
/* What to do about a relay that does not work, in words that name a setting. */
#include <stdio.h>
#include <string.h>

#include "smtp/check.h"
#include "smtp/relay_config.h"

enum {
    URL_SIZE = 300
};

/* "smtps://host:465", without user and password. */
static const char *url(const struct smtp_relay_config *c, const char *scheme, unsigned port,
                       char out[URL_SIZE])
{
    bool v6 = strchr(c->host, ':') != NULL;
    (void)snprintf(out, URL_SIZE, "%s://%s%.253s%s:%u", scheme, v6 ? "[" : "", c->host,
                   v6 ? "]" : "", port);
    return out;
}

static void cert_name(const struct smtp_check_result *r, char *out, size_t size)
{
    const char *names = r->certificate.names;
    size_t n = strcspn(names, ",");
    if (r->has_certificate && n > 0 && names[0] != '*')
        (void)snprintf(out, size,
                       "use the name in the URL that the certificate has, or set "
                       "tls.server_name: %.*s",
                       (int)n, names);
    else
        (void)snprintf(out, size, "%s",
                       "use a name that the certificate has in the URL, or set "
                       "tls.server_name to it");
}

static void untrusted(const struct smtp_check_result *r, char *out, size_t size)
{
    (void)snprintf(out, size,
                   "put the CA's certificate into tls.ca_file, or, if this key is known to be the "
                   "relay's: tls.pins: [\"%s\"]",
                   r->certificate.pin);
}

static void wrong_mode(const struct smtp_relay_config *c, char *out, size_t size)
{
    char text[URL_SIZE];
    bool implicit = c->tls_mode == SMTP_TLS_IMPLICIT;
    (void)snprintf(out, size, "use %s", url(c, implicit ? "smtp" : "smtps", c->port, text));
}

static void other_port(const struct smtp_relay_config *c, char *out, size_t size)
{
    char submission[URL_SIZE];
    char implicit[URL_SIZE];
    (void)snprintf(out, size, "is it the right port? Relays take mail at %s or %s",
                   url(c, "smtp", 587, submission), url(c, "smtps", 465, implicit));
}

/* No STARTTLS: on this machine plaintext is fine; elsewhere only without credentials. */
static void no_tls(const struct smtp_relay_config *c, char *out, size_t size)
{
    char text[URL_SIZE];
    if (smtp_is_this_machine(c->host))
        (void)snprintf(out, size, "a relay on this machine may go without TLS: use %s?tls=none",
                       url(c, "smtp", c->port, text));
    else if (c->username == NULL)
        (void)snprintf(out, size,
                       "use a relay that offers TLS, or, if mail may travel in plaintext: "
                       "%s?tls=opportunistic",
                       url(c, "smtp", c->port, text));
    else
        other_port(c, out, size);
}

static void no_auth(const struct smtp_relay_config *c, const struct smtp_check_result *r, char *out,
                    size_t size)
{
    static const char *const names[] = {
        [SMTP_AUTH_PLAIN] = "plain",       [SMTP_AUTH_LOGIN] = "login",
        [SMTP_AUTH_CRAM_MD5] = "cram-md5", [SMTP_AUTH_SCRAM_SHA_256] = "scram-sha-256",
        [SMTP_AUTH_XOAUTH2] = "xoauth2",   [SMTP_AUTH_OAUTHBEARER] = "oauthbearer"};
    char text[URL_SIZE];
    if (c->tls_mode == SMTP_TLS_NONE && r->has_capabilities && r->capabilities.starttls) {
        (void)snprintf(out, size, "the relay offers STARTTLS, leave ?tls=none out: use %s",
                       url(c, "smtp", c->port, text));
        return;
    }
    for (size_t i = 0; i < SMTP_N_AUTH_MECHS; i++) {
        if (!r->has_capabilities || !r->capabilities.auth[i])
            continue;
        (void)snprintf(out, size, "it offers another mechanism: set auth: [%s]%s", names[i],
                       i == SMTP_AUTH_XOAUTH2 || i == SMTP_AUTH_OAUTHBEARER ? " and oauth2" : "");
        return;
    }
    other_port(c, out, size);
}

/* It works as far as can be told without a message; without credentials that is not far. */
static void no_credentials(const struct smtp_check_result *r, char *out, size_t size)
{
    bool offered = false;
    for (size_t i = 0; i < SMTP_N_AUTH_MECHS; i++)
        offered = offered || r->capabilities.auth[i];
    if (r->has_capabilities && offered)
        (void)snprintf(out, size, "%s",
                       "the relay offers AUTH and no credentials are configured: if it refuses "
                       "mail without, put user and password into the URL, or set username and "
                       "password_file");
}

void smtp_check_advise(const struct smtp_relay_config *c, const struct smtp_check_result *r,
                       char *out, size_t size)
{
    static const struct {
        enum smtp_reason reason;
        const char *advice;
    } fixed[] = {
        {SMTP_REASON_RELAY_DNS, "correct the host name in the URL"},
        {SMTP_REASON_TLS_CERT_EXPIRED, "the relay has to renew its certificate; until then its key "
                                       "may be pinned: tls.pins"},
        {SMTP_REASON_TLS_CERT_NOT_YET_VALID, "look at the clocks of this machine and the relay"},
        {SMTP_REASON_TLS_WEAK, "the relay has to get a stronger certificate"},
        {SMTP_REASON_TLS_VERSION,
         "the relay has to speak TLS 1.2 or later; look at tls.min_version"},
        {SMTP_REASON_AUTH_FAILED, "correct username and password, or oauth2; some providers want a "
                                  "password made for this use"},
    };
    out[0] = '\0';
    if (r->ok && c->username == NULL)
        no_credentials(r, out, size);
    if (r->ok)
        return;
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        if (fixed[i].reason == r->reason)
            (void)snprintf(out, size, "%s", fixed[i].advice);
    if (r->reason == SMTP_REASON_WRONG_TLS_MODE)
        wrong_mode(c, out, size);
    else if (r->reason == SMTP_REASON_TLS_CERT_NAME)
        cert_name(r, out, size);
    else if (r->reason == SMTP_REASON_TLS_CERT_UNTRUSTED)
        untrusted(r, out, size);
    else if (r->reason == SMTP_REASON_TLS_REQUIRED_MISSING)
        no_tls(c, out, size);
    else if (r->reason == SMTP_REASON_AUTH_UNAVAILABLE)
        no_auth(c, r, out, size);
    else if (r->stage == SMTP_STAGE_CONNECT || r->stage == SMTP_STAGE_GREETING ||
             r->reason == SMTP_REASON_TLS_ERROR)
        other_port(c, out, size);
}

void smtp_check_capabilities_text(const struct smtp_capabilities *c, char *out, size_t size)
{
    const struct {
        bool offered;
        const char *name;
    } words[] = {{c->pipelining, "PIPELINING"}, {c->eightbitmime, "8BITMIME"},
                 {c->smtputf8, "SMTPUTF8"},     {c->enhanced_codes, "ENHANCEDSTATUSCODES"},
                 {c->chunking, "CHUNKING"},     {c->dsn, "DSN"},
                 {c->requiretls, "REQUIRETLS"}, {c->starttls, "STARTTLS"}};
    static const char *const mechs[] = {
        [SMTP_AUTH_PLAIN] = "PLAIN",       [SMTP_AUTH_LOGIN] = "LOGIN",
        [SMTP_AUTH_CRAM_MD5] = "CRAM-MD5", [SMTP_AUTH_SCRAM_SHA_256] = "SCRAM-SHA-256",
        [SMTP_AUTH_XOAUTH2] = "XOAUTH2",   [SMTP_AUTH_OAUTHBEARER] = "OAUTHBEARER"};
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].offered && at < size)
            at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? ", " : "", words[i].name);
    if (c->size && at < size)
        at += (size_t)snprintf(out + at, size - at, "%sSIZE %llu", at > 0 ? ", " : "",
                               (unsigned long long)c->max_size);
    bool first = true;
    for (size_t i = 0; i < SMTP_N_AUTH_MECHS; i++) {
        if (!c->auth[i] || at >= size)
            continue;
        const char *before = first ? (at > 0 ? ", AUTH " : "AUTH ") : " ";
        at += (size_t)snprintf(out + at, size - at, "%s%s", before, mechs[i]);
        first = false;
    }
}

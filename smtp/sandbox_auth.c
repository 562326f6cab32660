/* SPDX-License-Identifier: MIT */
/* AUTH of the sandbox: PLAIN and LOGIN against the one configured pair.
 *
 * Spec: RFC 4954, 4616 (PLAIN), draft-murchison-sasl-login. */
#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_mem.h"
#include "smtp/sandbox_internal.h"

bool sandbox_auth_offered(const struct smtp_sandbox_session *s)
{
    return s->config.username != NULL && !s->authenticated &&
           (s->tls != NULL || !s->config.starttls);
}

/* Decodes into @out, which the caller wipes. False: 501 was answered. */
static bool decode(struct smtp_sandbox_session *s, struct gw_slice in,
                   char out[SMTP_SANDBOX_MAX_LINE], size_t *len_out)
{
    if (gw_slice_is(in, "=")) /* an empty initial response, RFC 4954 sec. 4 */
        in.len = 0;
    if (gw_base64_decoded_max(in.len) <= SMTP_SANDBOX_MAX_LINE &&
        gw_base64_decode(in, out, len_out, NULL) == GW_OK)
        return true;
    sandbox_error(s, "501 5.5.2 Not base64");
    return false;
}

static void judge(struct smtp_sandbox_session *s, struct gw_slice username,
                  struct gw_slice password)
{
    s->authenticated =
        gw_slice_is(username, s->config.username) && gw_slice_is(password, s->config.password);
    if (s->authenticated)
        sandbox_reply(s, "235 2.7.0 Authentication succeeded");
    else
        sandbox_error(s, "535 5.7.8 Authentication credentials invalid");
}

/* authzid NUL authcid NUL password; the first is passed over. */
static void judge_plain(struct smtp_sandbox_session *s, struct gw_slice response)
{
    char text[SMTP_SANDBOX_MAX_LINE];
    size_t len = 0;
    if (!decode(s, response, text, &len))
        return;
    const char *user = len != 0 ? memchr(text, '\0', len) : NULL;
    const char *password =
        user != NULL ? memchr(user + 1, '\0', len - (size_t)(user + 1 - text)) : NULL;
    if (password == NULL)
        sandbox_error(s, "501 5.5.2 Not a PLAIN response");
    else
        judge(s, gw_slice_of(user + 1, (size_t)(password - user - 1)),
              gw_slice_of(password + 1, len - (size_t)(password + 1 - text)));
    gw_wipe(text, sizeof(text));
}

/* The first of the two responses of LOGIN. */
static void take_username(struct smtp_sandbox_session *s, struct gw_slice response)
{
    size_t len = 0;
    if (!decode(s, response, s->username, &len))
        return;
    s->username_len = len;
    s->mode = SANDBOX_AUTH_PASSWORD;
    sandbox_reply(s, "334 UGFzc3dvcmQ6"); /* Password: */
}

static void judge_login(struct smtp_sandbox_session *s, struct gw_slice response)
{
    char text[SMTP_SANDBOX_MAX_LINE];
    size_t len = 0;
    if (decode(s, response, text, &len))
        judge(s, gw_slice_of(s->username, s->username_len), gw_slice_of(text, len));
    gw_wipe(text, sizeof(text));
}

void sandbox_auth_response(struct smtp_sandbox_session *s, struct gw_slice line)
{
    enum sandbox_mode mode = s->mode;
    s->mode = SANDBOX_COMMAND;
    if (gw_slice_is(line, "*"))
        sandbox_error(s, "501 5.7.0 Authentication canceled");
    else if (mode == SANDBOX_AUTH_PLAIN)
        judge_plain(s, line);
    else if (mode == SANDBOX_AUTH_USERNAME)
        take_username(s, line);
    else
        judge_login(s, line);
}

static const struct {
    const char *name;
    enum sandbox_mode mode;
    const char *challenge;
} mechanisms[] = {
    {"PLAIN", SANDBOX_AUTH_PLAIN, "334 "},
    {"LOGIN", SANDBOX_AUTH_USERNAME, "334 VXNlcm5hbWU6"}, /* Username: */
};

static void start(struct smtp_sandbox_session *s, struct gw_slice name, struct gw_slice initial)
{
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
        if (!gw_slice_eq_nocase(name, gw_slice_str(mechanisms[i].name)))
            continue;
        s->mode = mechanisms[i].mode;
        if (initial.len != 0)
            sandbox_auth_response(s, initial);
        else
            sandbox_reply(s, "%s", mechanisms[i].challenge);
        return;
    }
    sandbox_error(s, "504 5.5.4 Mechanism not known; PLAIN and LOGIN are");
}

void sandbox_auth_command(struct smtp_sandbox_session *s, struct gw_slice args)
{
    if (s->config.username == NULL)
        sandbox_error(s, "502 5.5.1 AUTH is not offered");
    else if (!s->greeted)
        sandbox_error(s, "503 5.5.1 Send EHLO first");
    else if (s->authenticated)
        sandbox_error(s, "503 5.5.1 Already authenticated");
    else if (!sandbox_auth_offered(s))
        sandbox_error(s, "538 5.7.11 Encryption required: STARTTLS first");
    else if (s->txn.arena != NULL)
        sandbox_error(s, "503 5.5.1 AUTH is not allowed during a mail transaction");
    else if (args.len == 0)
        sandbox_error(s, "501 5.5.4 Syntax: AUTH mechanism");
    else {
        const char *space = memchr(args.data, ' ', args.len);
        size_t n = space != NULL ? (size_t)(space - args.data) : args.len;
        size_t skip = space != NULL ? n + 1 : n;
        start(s, gw_slice_of(args.data, n), gw_slice_of(args.data + skip, args.len - skip));
    }
}

/* SPDX-License-Identifier: MIT */
/* The sandbox's SMTP commands. */
#include <ctype.h>

#include "gateway/base/gw_check.h"
#include "smtp/sandbox_internal.h"
#include "smtp/sandbox_path.h"

enum {
    MAX_SIZE_DIGITS = 20,  /* RFC 1870 sec. 4 */
    MAX_CHUNK_DIGITS = 19, /* fits 64 bits */
    MAX_HELO = 255,
    MAX_ENVID = 100 /* RFC 3461 sec. 4.4 */
};

/* --- Greeting --- */

static bool helo(struct smtp_sandbox_session *s, struct gw_slice args)
{
    if (args.len == 0 || args.len > MAX_HELO || memchr(args.data, ' ', args.len) != NULL) {
        sandbox_error(s, "501 5.5.4 Syntax: EHLO host name");
        return false;
    }
    sandbox_transaction_end(s);
    s->greeted = true;
    return true;
}

static void do_helo(struct smtp_sandbox_session *s, struct gw_slice args)
{
    if (helo(s, args))
        sandbox_reply(s, "250 localhost");
}

static void do_ehlo(struct smtp_sandbox_session *s, struct gw_slice args)
{
    if (!helo(s, args))
        return;
    sandbox_reply(s, "250-localhost");
    if (s->config.pipelining)
        sandbox_reply(s, "250-PIPELINING");
    if (s->config.chunking)
        sandbox_reply(s, "250-CHUNKING");
    if (s->config.starttls && s->tls == NULL)
        sandbox_reply(s, "250-STARTTLS");
    if (sandbox_auth_offered(s))
        sandbox_reply(s, "250-AUTH PLAIN LOGIN");
    sandbox_reply(s, "250-SIZE %zu", s->config.max_message_size);
    sandbox_reply(s, "250-8BITMIME");
    sandbox_reply(s, "250-SMTPUTF8");
    sandbox_reply(s, "250-DSN");
    sandbox_reply(s, "250-LIMITS RCPTMAX=%d", SMTP_SANDBOX_MAX_RCPTS);
    if (s->tls != NULL)
        sandbox_reply(s, "250-REQUIRETLS");
    sandbox_reply(s, "250-HELP");
    sandbox_reply(s, "250 ENHANCEDSTATUSCODES");
}

static void do_starttls(struct smtp_sandbox_session *s, struct gw_slice args)
{
    if (!s->config.starttls) {
        sandbox_error(s, "502 5.5.1 STARTTLS is not offered");
    } else if (s->tls != NULL) {
        sandbox_error(s, "503 5.5.1 TLS is on already");
    } else if (args.len != 0) {
        sandbox_error(s, "501 5.5.4 STARTTLS takes no argument");
    } else if (s->input_left != 0) {
        /* RFC 3207 sec. 6: plaintext behind it must not be taken for part of the TLS session. */
        sandbox_error(s, "554 5.5.1 Nothing may be sent behind STARTTLS before its reply");
        sandbox_close(s);
    } else {
        sandbox_reply(s, "220 2.0.0 Ready to start TLS");
        s->mode = SANDBOX_WAITING;
        s->act->need = SMTP_SANDBOX_START_TLS;
    }
}

/* --- MAIL --- */

struct mail_params {
    unsigned seen; /* bit i: parameter i of the table */
    bool smtputf8;
};

static bool param_size(struct smtp_sandbox_session *s, struct gw_slice value,
                       struct mail_params *params)
{
    (void)params;
    uint64_t n = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9' || i >= MAX_SIZE_DIGITS) {
            sandbox_error(s, "501 5.5.4 SIZE takes a number of octets");
            return false;
        }
        if (n <= s->config.max_message_size) /* the sum cannot overflow then */
            n = n * 10 + (uint64_t)(value.data[i] - '0');
    }
    if (value.len == 0) {
        sandbox_error(s, "501 5.5.4 SIZE takes a number of octets");
        return false;
    }
    if (n > s->config.max_message_size) {
        sandbox_reply(s, "552 5.3.4 Message too big, at most %zu octets",
                      s->config.max_message_size);
        return false;
    }
    return true;
}

static bool param_body(struct smtp_sandbox_session *s, struct gw_slice value,
                       struct mail_params *params)
{
    (void)params;
    if (gw_slice_eq_nocase(value, GW_SLICE_LIT("7BIT")) ||
        gw_slice_eq_nocase(value, GW_SLICE_LIT("8BITMIME")))
        return true;
    sandbox_error(s, "501 5.5.4 BODY takes 7BIT or 8BITMIME");
    return false;
}

static bool param_smtputf8(struct smtp_sandbox_session *s, struct gw_slice value,
                           struct mail_params *params)
{
    params->smtputf8 = true;
    if (value.data == NULL)
        return true;
    sandbox_error(s, "501 5.5.4 SMTPUTF8 takes no value");
    return false;
}

/* RFC 4954 sec. 5: whom it names is of no interest here. */
static bool param_auth(struct smtp_sandbox_session *s, struct gw_slice value,
                       struct mail_params *params)
{
    (void)params;
    if (s->config.username != NULL && value.len != 0)
        return true;
    sandbox_error(s, "555 5.5.4 AUTH is not offered, or has no value");
    return false;
}

/* RFC 8689: what is asked for is given where it was offered, as nothing goes any further. */
static bool param_requiretls(struct smtp_sandbox_session *s, struct gw_slice value,
                             struct mail_params *params)
{
    (void)params;
    if (s->tls != NULL && value.data == NULL)
        return true;
    sandbox_error(s, "555 5.7.30 REQUIRETLS is not offered here, or has a value");
    return false;
}

/* xtext (RFC 3461 sec. 4). */
static bool is_xtext(struct gw_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if (c <= ' ' || c > '~' || c == '=')
            return false;
        if (c == '+' && (i + 2 >= value.len || !isxdigit((unsigned char)value.data[i + 1]) ||
                         !isxdigit((unsigned char)value.data[i + 2])))
            return false;
    }
    return value.len != 0;
}

/* Nothing is reported on: these are only held to their form. */
static bool param_ret(struct smtp_sandbox_session *s, struct gw_slice value,
                      struct mail_params *params)
{
    (void)params;
    if (gw_slice_eq_nocase(value, GW_SLICE_LIT("FULL")) ||
        gw_slice_eq_nocase(value, GW_SLICE_LIT("HDRS")))
        return true;
    sandbox_error(s, "501 5.5.4 RET takes FULL or HDRS");
    return false;
}

static bool param_envid(struct smtp_sandbox_session *s, struct gw_slice value,
                        struct mail_params *params)
{
    (void)params;
    if (value.len <= MAX_ENVID && is_xtext(value))
        return true;
    sandbox_error(s, "501 5.5.4 ENVID takes at most %d characters of xtext", MAX_ENVID);
    return false;
}

static const struct {
    const char *key;
    bool (*take)(struct smtp_sandbox_session *s, struct gw_slice value, struct mail_params *params);
} mail_params[] = {{"SIZE", param_size},
                   {"BODY", param_body},
                   {"SMTPUTF8", param_smtputf8},
                   {"AUTH", param_auth},
                   {"RET", param_ret},
                   {"ENVID", param_envid},
                   {"REQUIRETLS", param_requiretls}};

enum {
    N_MAIL_PARAMS = sizeof(mail_params) / sizeof(mail_params[0])
};

static bool take_mail_params(struct smtp_sandbox_session *s, struct gw_slice rest,
                             struct mail_params *out)
{
    struct gw_slice key;
    struct gw_slice value;
    while (smtp_sandbox_param_next(&rest, &key, &value)) {
        unsigned i = 0;
        while (i < N_MAIL_PARAMS && !gw_slice_eq_nocase(key, gw_slice_str(mail_params[i].key)))
            i++;
        if (i == N_MAIL_PARAMS) {
            sandbox_error(s, "555 5.5.4 Parameter not known");
            return false;
        }
        if ((out->seen & (1U << i)) != 0) {
            sandbox_error(s, "501 5.5.4 Parameter given twice");
            return false;
        }
        out->seen |= 1U << i;
        if (!mail_params[i].take(s, value, out))
            return false;
    }
    return true;
}

/* Cuts @keyword (with its colon) off @args. */
static bool take_keyword(struct gw_slice *args, const char *keyword)
{
    size_t n = strlen(keyword);
    if (args->len < n || !gw_slice_eq_nocase(gw_slice_of(args->data, n), gw_slice_str(keyword)))
        return false;
    *args = gw_slice_of(args->data + n, args->len - n);
    return true;
}

static void do_mail(struct smtp_sandbox_session *s, struct gw_slice args)
{
    struct smtp_sandbox_path path;
    struct mail_params params = {.seen = 0};
    const char *wrong = NULL;
    if (!s->greeted)
        sandbox_error(s, "503 5.5.1 Send EHLO or HELO first");
    else if (s->txn.arena != NULL)
        sandbox_error(s, "503 5.5.1 A mail transaction is open already");
    else if (!take_keyword(&args, "FROM:"))
        sandbox_error(s, "501 5.5.4 Syntax: MAIL FROM:<address>");
    else if ((wrong = smtp_sandbox_path_parse(args, &path)) != NULL)
        sandbox_error(s, "501 5.1.7 Bad sender: %s", wrong);
    else if (!take_mail_params(s, path.params, &params))
        return;
    else if (path.utf8 && !params.smtputf8)
        sandbox_error(s, "550 5.6.7 The address needs SMTPUTF8");
    else {
        sandbox_transaction_begin(s, path.mailbox, params.smtputf8);
        sandbox_reply(s, "250 2.1.0 Ok");
    }
}

/* --- RCPT --- */

static void accept_rcpt(struct smtp_sandbox_session *s, struct gw_slice mailbox,
                        const struct smtp_sandbox_behaviour *b)
{
    sandbox_transaction_add_rcpt(s, mailbox);
    if (b->effect == SMTP_SANDBOX_SLOW && b->delay_ms > s->txn.delay_ms)
        s->txn.delay_ms = b->delay_ms;
    if (b->effect == SMTP_SANDBOX_HANG_UP)
        s->txn.hang_up = true;
    sandbox_reply(s, "250 2.1.5 Ok");
}

static void judge_rcpt(struct smtp_sandbox_session *s, struct gw_slice mailbox)
{
    struct smtp_sandbox_behaviour b = smtp_sandbox_behaviour_of(mailbox);
    if (b.effect != SMTP_SANDBOX_REFUSE ||
        (b.times != 0 &&
         smtp_sandbox_tries_count(s->config.tries, s->txn.mail_from, mailbox) >= b.times)) {
        accept_rcpt(s, mailbox, &b);
        return;
    }
    sandbox_reply(s, "%d %s <%.*s>: %s (sandbox)", b.code, b.enhanced, GW_SLICE_ARG(mailbox),
                  b.mistaken != NULL ? b.mistaken : b.text);
    if (b.code == 421) /* RFC 5321 sec. 3.8 */
        sandbox_close(s);
}

/* NEVER, or a list of the others. */
static bool is_notify(struct gw_slice value)
{
    static const char *const words[] = {"SUCCESS", "FAILURE", "DELAY"};
    if (gw_slice_eq_nocase(value, GW_SLICE_LIT("NEVER")))
        return true;
    while (value.data != NULL) {
        const char *comma = value.len != 0 ? memchr(value.data, ',', value.len) : NULL;
        size_t n = comma != NULL ? (size_t)(comma - value.data) : value.len;
        bool known = false;
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            known = known || gw_slice_eq_nocase(gw_slice_of(value.data, n), gw_slice_str(words[i]));
        if (!known || comma == NULL)
            return known;
        value = gw_slice_of(comma + 1, value.len - n - 1);
    }
    return false;
}

/* type ";" xtext, or RFC 6533's form of it */
static bool is_orcpt(struct gw_slice value)
{
    const char *semicolon = value.len != 0 ? memchr(value.data, ';', value.len) : NULL;
    if (semicolon == NULL || semicolon == value.data)
        return false;
    size_t n = (size_t)(semicolon - value.data) + 1;
    return is_xtext(gw_slice_of(value.data + n, value.len - n));
}

static bool take_rcpt_params(struct smtp_sandbox_session *s, struct gw_slice rest)
{
    struct gw_slice key;
    struct gw_slice value;
    while (smtp_sandbox_param_next(&rest, &key, &value)) {
        bool notify = gw_slice_eq_nocase(key, GW_SLICE_LIT("NOTIFY"));
        if (!notify && !gw_slice_eq_nocase(key, GW_SLICE_LIT("ORCPT"))) {
            sandbox_error(s, "555 5.5.4 Parameter not known");
            return false;
        }
        if (notify ? !is_notify(value) : !is_orcpt(value)) {
            sandbox_error(s, "501 5.5.4 %s is not of its form", notify ? "NOTIFY" : "ORCPT");
            return false;
        }
    }
    return true;
}

static void do_rcpt(struct smtp_sandbox_session *s, struct gw_slice args)
{
    struct smtp_sandbox_path path;
    const char *wrong = NULL;
    if (s->txn.arena == NULL)
        sandbox_error(s, "503 5.5.1 Send MAIL first");
    else if (s->txn.chunked)
        sandbox_error(s, "503 5.5.1 RCPT is not allowed after BDAT");
    else if (!take_keyword(&args, "TO:"))
        sandbox_error(s, "501 5.5.4 Syntax: RCPT TO:<address>");
    else if ((wrong = smtp_sandbox_path_parse(args, &path)) != NULL)
        sandbox_error(s, "501 5.1.3 Bad recipient: %s", wrong);
    else if (path.mailbox.len == 0)
        sandbox_error(s, "501 5.1.3 Bad recipient: the address is empty");
    else if (!take_rcpt_params(s, path.params))
        return;
    else if (path.utf8 && !s->txn.smtputf8)
        sandbox_error(s, "553 5.6.7 The address needs SMTPUTF8");
    else if (s->txn.n_rcpts == SMTP_SANDBOX_MAX_RCPTS)
        sandbox_reply(s, "452 4.5.3 Too many recipients");
    else
        judge_rcpt(s, path.mailbox);
}

/* --- Content --- */

static void do_data(struct smtp_sandbox_session *s, struct gw_slice args)
{
    if (args.len != 0)
        sandbox_error(s, "501 5.5.4 DATA takes no argument");
    else if (s->txn.arena == NULL)
        sandbox_error(s, "503 5.5.1 Send MAIL first");
    else if (s->txn.chunked)
        sandbox_error(s, "503 5.5.1 DATA is not allowed after BDAT");
    else if (s->txn.n_rcpts == 0)
        sandbox_reply(s, "554 5.5.1 No valid recipients");
    else {
        sandbox_reply(s, "354 End data with <CR><LF>.<CR><LF>");
        s->mode = SANDBOX_DATA;
        s->data_at = SANDBOX_AT_LINE_START;
    }
}

/* `size [LAST]` */
static bool parse_chunk(struct gw_slice args, uint64_t *size_out, bool *last_out)
{
    size_t i = 0;
    *size_out = 0;
    for (; i < args.len && i < MAX_CHUNK_DIGITS && args.data[i] >= '0' && args.data[i] <= '9'; i++)
        *size_out = *size_out * 10 + (uint64_t)(args.data[i] - '0');
    struct gw_slice rest = gw_slice_of(args.data + i, args.len - i);
    *last_out = gw_slice_eq_nocase(rest, GW_SLICE_LIT(" LAST"));
    return i > 0 && (rest.len == 0 || *last_out);
}

/* The octets of the chunk follow whatever we think of it (RFC 3030 sec. 2), so they are read and
 * the verdict comes behind them. */
static void do_bdat(struct smtp_sandbox_session *s, struct gw_slice args)
{
    if (!s->config.chunking) {
        sandbox_error(s, "502 5.5.1 BDAT is not offered");
        return;
    }
    if (!parse_chunk(args, &s->chunk_left, &s->chunk_last)) {
        sandbox_error(s, "501 5.5.4 Syntax: BDAT size [LAST]");
        sandbox_close(s); /* nobody knows how many octets follow */
        return;
    }
    if (s->chunk_left > 2 * (uint64_t)s->config.max_message_size) {
        sandbox_reply(s, "552 5.3.4 Message too big");
        sandbox_close(s);
        return;
    }
    s->chunk_refusal = NULL;
    if (s->txn.arena == NULL)
        s->chunk_refusal = "503 5.5.1 Send MAIL first";
    else if (s->txn.n_rcpts == 0)
        s->chunk_refusal = "554 5.5.1 No valid recipients";
    else
        s->txn.chunked = true;
    sandbox_chunk_begin(s);
}

/* --- The rest --- */

static void do_rset(struct smtp_sandbox_session *s, struct gw_slice args)
{
    if (args.len != 0) {
        sandbox_error(s, "501 5.5.4 RSET takes no argument");
        return;
    }
    sandbox_transaction_end(s);
    sandbox_reply(s, "250 2.0.0 Ok");
}

static void do_noop(struct smtp_sandbox_session *s, struct gw_slice args)
{
    (void)args;
    sandbox_reply(s, "250 2.0.0 Ok");
}

static void do_vrfy(struct smtp_sandbox_session *s, struct gw_slice args)
{
    if (args.len == 0)
        sandbox_error(s, "501 5.5.4 Syntax: VRFY address");
    else
        sandbox_reply(s, "252 2.0.0 Cannot verify, but will take mail for it");
}

static void do_help(struct smtp_sandbox_session *s, struct gw_slice args)
{
    (void)args;
    sandbox_reply(s, "214 2.0.0 Mailhatch sandbox: takes any mail and delivers none");
}

static void do_quit(struct smtp_sandbox_session *s, struct gw_slice args)
{
    if (args.len != 0) {
        sandbox_error(s, "501 5.5.4 QUIT takes no argument");
        return;
    }
    sandbox_reply(s, "221 2.0.0 Bye");
    sandbox_close(s);
}

/* A web page can make a browser send us a request whose body holds commands. */
static void do_http(struct smtp_sandbox_session *s, struct gw_slice args)
{
    (void)args;
    sandbox_reply(s, "421 5.5.1 This is SMTP, not HTTP");
    sandbox_close(s);
}

static const struct {
    const char *verb;
    void (*run)(struct smtp_sandbox_session *s, struct gw_slice args);
} commands[] = {
    {"EHLO", do_ehlo}, {"HELO", do_helo},         {"MAIL", do_mail}, {"RCPT", do_rcpt},
    {"DATA", do_data}, {"BDAT", do_bdat},         {"RSET", do_rset}, {"NOOP", do_noop},
    {"QUIT", do_quit}, {"STARTTLS", do_starttls}, {"VRFY", do_vrfy}, {"AUTH", sandbox_auth_command},
    {"HELP", do_help}, {"GET", do_http},          {"POST", do_http}, {"PUT", do_http},
    {"HEAD", do_http}, {"DELETE", do_http},       {"PRI", do_http},  {"OPTIONS", do_http},
};

void sandbox_command(struct smtp_sandbox_session *s, struct gw_slice line)
{
    while (line.len != 0 && line.data[line.len - 1] == ' ')
        line.len--;
    const char *space = line.len != 0 ? memchr(line.data, ' ', line.len) : NULL;
    struct gw_slice verb =
        gw_slice_of(line.data, space != NULL ? (size_t)(space - line.data) : line.len);
    size_t skip = space != NULL ? verb.len + 1 : verb.len;
    struct gw_slice args = gw_slice_of(line.data + skip, line.len - skip);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (gw_slice_eq_nocase(verb, gw_slice_str(commands[i].verb))) {
            commands[i].run(s, args);
            return;
        }
    }
    sandbox_error(s, "500 5.5.2 Command not known");
}

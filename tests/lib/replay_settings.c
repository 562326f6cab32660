/* SPDX-License-Identifier: MIT */
/* Lines "@ word arguments": the relay's configuration and the next message. */
#include "tests/lib/replay_impl.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_mem.h"
#include "smtp/sasl.h"

static void set_tls(struct replay *r, struct gw_slice args)
{
    static const char *const modes[] = {"required", "implicit", "opportunistic", "none"};
    struct gw_slice word = replay_next_word(&args);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (gw_slice_is(word, modes[i])) {
            r->config.tls_mode = (enum smtp_tls_mode)i;
            return;
        }
    }
    replay_fail(r, "unknown TLS mode");
}

static void set_auth(struct replay *r, struct gw_slice args)
{
    replay_copy_word(r, replay_next_word(&args), r->user, sizeof(r->user));
    replay_copy_word(r, replay_next_word(&args), r->pass, sizeof(r->pass));
    r->config.username = r->user;
    r->config.password = r->pass;
}

static void set_mechs(struct replay *r, struct gw_slice args)
{
    r->config.n_mechs = 0;
    while (args.len > 0 && r->config.n_mechs < SMTP_N_AUTH_MECHS) {
        struct gw_slice word = replay_next_word(&args);
        int mech = 0;
        while (mech < SMTP_N_AUTH_MECHS &&
               !gw_slice_eq_nocase(word, gw_slice_str(smtp_sasl_name((enum smtp_auth_mech)mech))))
            mech++;
        if (mech == SMTP_N_AUTH_MECHS)
            replay_fail(r, "unknown mechanism");
        else
            r->config.mechs[r->config.n_mechs++] = (enum smtp_auth_mech)mech;
    }
}

/* user token */
static void set_token(struct replay *r, struct gw_slice args)
{
    replay_copy_word(r, replay_next_word(&args), r->user, sizeof(r->user));
    replay_copy_word(r, replay_next_word(&args), r->token, sizeof(r->token));
    r->config.username = r->user;
    r->config.token = r->token;
}

static void set_plain_auth(struct replay *r, struct gw_slice args)
{
    (void)args;
    r->config.allow_plain_auth = true;
}

static void set_helo(struct replay *r, struct gw_slice args)
{
    replay_copy_word(r, args, r->helo, sizeof(r->helo));
}

static void set_host(struct replay *r, struct gw_slice args)
{
    replay_copy_word(r, replay_next_word(&args), r->host, sizeof(r->host));
    r->config.port = (uint16_t)replay_number(r, replay_next_word(&args));
}

static void set_manual_written(struct replay *r, struct gw_slice args)
{
    (void)args;
    r->manual_written = true;
}

static void set_one_flight(struct replay *r, struct gw_slice args)
{
    (void)args;
    r->config.one_flight = true;
}

static void set_verified(struct replay *r, struct gw_slice args)
{
    (void)args;
    r->config.tls_is_verified = true;
}

void replay_clear_message(struct replay *r, struct gw_slice args)
{
    (void)args;
    for (size_t i = 0; i < r->n_rcpts; i++)
        gw_free(r->rcpts[i]);
    r->n_rcpts = 0;
    r->from[0] = '\0';
    r->smtputf8 = r->eightbit = r->require_tls = r->has_dsn = false;
    gw_buf_reset(&r->content);
}

static void set_from(struct replay *r, struct gw_slice args)
{
    struct gw_buf text;
    gw_buf_init(&text, sizeof(r->from));
    replay_add_escaped(r, &text, args);
    replay_copy_word(r, gw_buf_view(&text), r->from, sizeof(r->from));
    gw_buf_deinit(&text);
}

static void add_rcpt(struct replay *r, struct gw_slice args)
{
    struct gw_buf text;
    gw_buf_init(&text, MAX_RCPT_TEXT);
    replay_add_escaped(r, &text, args);
    if (r->n_rcpts < MAX_RCPTS)
        r->rcpts[r->n_rcpts++] = gw_buf_take(&text, NULL);
    gw_buf_deinit(&text);
}

static void add_rcpts(struct replay *r, struct gw_slice args)
{
    int64_t n = replay_number(r, replay_next_word(&args));
    for (int64_t i = 0; i < n && r->n_rcpts < MAX_RCPTS; i++) {
        char text[64];
        int len = snprintf(text, sizeof(text), "r%lld@example.net", (long long)i);
        add_rcpt(r, gw_slice_of(text, (size_t)len));
    }
}

static void add_body_line(struct replay *r, struct gw_slice args)
{
    replay_add_escaped(r, &r->content, args);
    (void)gw_buf_add_str(&r->content, "\r\n");
}

static void add_raw_body(struct replay *r, struct gw_slice args)
{
    replay_add_escaped(r, &r->content, args);
}

static void add_fill_line(struct replay *r, int64_t number)
{
    char line[64];
    memset(line, '0', sizeof(line));
    line[0] = number % 8 == 0 ? '.' : '-';
    for (size_t i = sizeof(line) - 3; number > 0; number /= 10)
        line[i--] = (char)('0' + number % 10);
    line[sizeof(line) - 2] = '\r';
    line[sizeof(line) - 1] = '\n';
    (void)gw_buf_add(&r->content, line, sizeof(line));
}

/* Lines of 64 octets, every eighth with a leading dot. */
static void add_fill(struct replay *r, struct gw_slice args)
{
    int64_t lines = replay_number(r, replay_next_word(&args));
    for (int64_t i = 0; i < lines; i++)
        add_fill_line(r, i);
}

static void set_smtputf8(struct replay *r, struct gw_slice args)
{
    (void)args;
    r->smtputf8 = true;
}

static void set_eightbit(struct replay *r, struct gw_slice args)
{
    (void)args;
    r->eightbit = true;
}

static void set_require_tls(struct replay *r, struct gw_slice args)
{
    (void)args;
    r->require_tls = true;
}

/* full|hdrs|- envid|- word,word…|- */
static void set_dsn(struct replay *r, struct gw_slice args)
{
    static const struct {
        const char *word;
        unsigned bit;
    } words[] = {{"never", SMTP_NOTIFY_NEVER},
                 {"success", SMTP_NOTIFY_SUCCESS},
                 {"failure", SMTP_NOTIFY_FAILURE},
                 {"delay", SMTP_NOTIFY_DELAY}};
    struct gw_slice ret = replay_next_word(&args);
    struct gw_slice envid = replay_next_word(&args);
    bool full = gw_slice_is(ret, "full");
    r->has_dsn = true;
    r->dsn = (struct smtp_dsn){.ret = full                       ? SMTP_RET_FULL
                                      : gw_slice_is(ret, "hdrs") ? SMTP_RET_HDRS
                                                                 : SMTP_RET_DEFAULT};
    replay_copy_word(r, envid, r->envid, sizeof(r->envid));
    if (!gw_slice_is(envid, "-"))
        r->dsn.envid = r->envid;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (args.len > 0 && memmem(args.data, args.len, words[i].word, strlen(words[i].word)))
            r->dsn.notify |= words[i].bit;
    }
}

const struct replay_word replay_settings[] = {
    {'@', "tls", set_tls},
    {'@', "auth", set_auth},
    {'@', "mechs", set_mechs},
    {'@', "token", set_token},
    {'@', "plain-auth", set_plain_auth},
    {'@', "helo", set_helo},
    {'@', "host", set_host},
    {'@', "manual-written", set_manual_written},
    {'@', "message", replay_clear_message},
    {'@', "from", set_from},
    {'@', "rcpt", add_rcpt},
    {'@', "rcpts", add_rcpts},
    {'@', "body", add_body_line},
    {'@', "raw", add_raw_body},
    {'@', "fill", add_fill},
    {'@', "smtputf8", set_smtputf8},
    {'@', "8bit", set_eightbit},
    {'@', "one-flight", set_one_flight},
    {'@', "verified", set_verified},
    {'@', "require-tls", set_require_tls},
    {'@', "dsn", set_dsn},
    {0},
};

/* SPDX-License-Identifier: MIT */
/* The client session against a relay that says and does anything. The first octets choose the
 * configuration and the message, each further one an event (see run_event).
 *
 * What must hold: nobody is accepted but by a 2yz that came behind the whole content; whoever was
 * taken with a content that is out gets its outcome before the content goes out again; a loss
 * behind it leaves them uncertain; output is 7-bit lines that end in CRLF; without the TLS that is
 * required there is neither AUTH nor MAIL in it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_mem.h"
#include "smtp/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer's name */

enum {
    MAX_SIZE = 4096,
    MAX_RCPTS = 4,
    LARGE = 70000, /* more than one piece */
    MAX_CONTENT = LARGE + 64,
    RCPT_ACCEPTED = 2 /* of struct smtp_outcome.progress */
};

static const char end_mark[] = "the-last-line\r\n";

struct fuzz {
    const uint8_t *at, *end;
    struct smtp_session *session;
    struct smtp_session_config config;
    struct smtp_envelope envelope;
    struct smtp_dsn dsn;
    struct smtp_outcome outcomes[MAX_RCPTS], before[MAX_RCPTS];
    struct smtp_action act;
    struct gw_buf content;
    int64_t now;
    bool in_tls, wants_tls, in_transaction, over;
    size_t n_ends; /* contents that went out whole in this transaction */
    bool end_in_round;
    char last; /* octet of the output */
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static uint8_t next(struct fuzz *f)
{
    return f->at < f->end ? *f->at++ : 0;
}

/* --- The oracle --- */

static bool has(struct gw_slice out, const char *text)
{
    return out.len > 0 && memmem(out.data, out.len, text, strlen(text)) != NULL;
}

static void check_octets(struct fuzz *f, struct gw_slice out)
{
    for (size_t i = 0; i < out.len; i++) {
        unsigned char c = (unsigned char)out.data[i];
        require(c < 0x80 && c != 0 && (c >= 0x20 || c == '\r' || c == '\n' || c == 1));
        require((c == '\n') == (f->last == '\r'));
        f->last = (char)c;
    }
}

static void check_secrecy(const struct fuzz *f, struct gw_slice out)
{
    bool plain_ok = f->config.tls_mode == SMTP_TLS_NONE;
    if (f->in_tls || plain_ok)
        return;
    require(!has(out, "AUTH ") && !has(out, "c2VjcmV0"));
    if (f->config.tls_mode != SMTP_TLS_OPPORTUNISTIC)
        require(!has(out, "MAIL FROM"));
}

static void check_outcomes(struct fuzz *f, enum smtp_event_kind kind, bool was_out)
{
    bool again = has(f->act.out, "MAIL FROM") && f->in_transaction;
    for (size_t i = 0; i < f->envelope.n_rcpts; i++) {
        const struct smtp_outcome *o = &f->outcomes[i];
        const struct smtp_outcome *b = &f->before[i];
        bool taken = b->progress == RCPT_ACCEPTED && was_out;
        require(!b->final || (o->final && o->accepted == b->accepted && o->reason == b->reason));
        if (o->accepted && !b->accepted)
            require(kind == SMTP_EV_BYTES && taken && o->reply.code / 100 == 2 && !o->uncertain);
        if (again && taken)
            require(o->final);
        bool lost = kind == SMTP_EV_CLOSED || kind == SMTP_EV_DEADLINE || kind == SMTP_EV_QUIT;
        if (lost && o->final && !b->final && taken)
            require(o->uncertain);
        if (o->uncertain && !b->final)
            require(f->n_ends > 0);
    }
}

static void step(struct fuzz *f, struct smtp_event ev)
{
    bool was_out = f->end_in_round;
    memcpy(f->before, f->outcomes, sizeof(f->before));
    ev.now_ms = f->now;
    smtp_session_step(f->session, &ev, &f->act);
    require(!f->over || (f->act.out.len == 0 && !f->act.transaction_done));
    check_octets(f, f->act.out);
    check_secrecy(f, f->act.out);
    check_outcomes(f, ev.kind, was_out);
    if (f->act.transaction_done) {
        require(f->in_transaction);
        f->in_transaction = false;
        for (size_t i = 0; i < f->envelope.n_rcpts; i++)
            require(f->outcomes[i].final || f->act.unfinished);
    }
    require(!f->act.close || !f->in_transaction);
    if (has(f->act.out, "MAIL FROM"))
        f->end_in_round = false;
    if (has(f->act.out, end_mark)) {
        f->end_in_round = true;
        f->n_ends++;
    }
    f->wants_tls = f->wants_tls || f->act.start_tls;
    f->over = f->act.close;
}

/* --- Events --- */

static const char *const replies[] = {
    "220 hi\r\n",
    "250 ok\r\n",
    "354 go\r\n",
    "334 \r\n",
    "235 in\r\n",
    "221 bye\r\n",
    "250-me\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n",
    "250-PIPELINING\r\n250-SIZE 90000\r\n250-DSN\r\n250-REQUIRETLS\r\n250 LIMITS RCPTMAX=2\r\n",
    "250-me\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 LIMITS MAILMAX=1 RCPTMAX=1\r\n",
    "250-me\r\n250-CHUNKING\r\n250 LIMITS RCPTDOMAINMAX=1\r\n",
    "250 me\r\n",
    "452 4.5.3 many\r\n",
    "552 many\r\n",
    "550 5.1.1 no\r\n",
    "451 later\r\n",
    "421 bye\r\n",
    "503 what\r\n",
    "501 what\r\n",
    "555 what\r\n",
    "504 no\r\n",
    "535 no\r\n",
    "502 no\r\n",
    "250-",
    "25",
    "\r\n",
    "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n",
    "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n",
    "220 go\r\n250 injected\r\n",
};

enum {
    N_REPLIES = sizeof(replies) / sizeof(replies[0]),
    OF_OUR_OWN = 200 /* octets from here on are other events */
};

/* One by one, so that the oracle sees the state in front of every reply. */
static void bytes(struct fuzz *f, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        step(f, (struct smtp_event){.kind = SMTP_EV_BYTES, .bytes = gw_slice_of(data + i, 1)});
}

static void raw_bytes(struct fuzz *f)
{
    size_t len = next(f);
    size_t left = (size_t)(f->end - f->at);
    len = len < left ? len : left;
    const char *data = (const char *)f->at;
    f->at += len;
    if (len > 0)
        bytes(f, data, len);
}

static void start_transaction(struct fuzz *f)
{
    if (!smtp_session_ready(f->session) || f->in_transaction)
        return;
    memset(f->outcomes, 0, sizeof(f->outcomes));
    f->in_transaction = true;
    f->n_ends = 0;
    f->end_in_round = false;
    step(f, (struct smtp_event){.kind = SMTP_EV_TRANSACTION, .envelope = &f->envelope});
}

static void our_event(struct fuzz *f, unsigned which)
{
    switch (which % 8) {
    case 0:
        start_transaction(f);
        break;
    case 1:
        if (f->wants_tls) {
            f->wants_tls = false;
            f->in_tls = true;
            f->last = 0;
            step(f, (struct smtp_event){.kind = SMTP_EV_TLS_DONE});
        }
        break;
    case 2:
        step(f, (struct smtp_event){.kind = SMTP_EV_WRITTEN});
        break;
    case 3:
        if (f->act.deadline_ms > f->now)
            f->now = f->act.deadline_ms;
        step(f, (struct smtp_event){.kind = SMTP_EV_DEADLINE});
        break;
    case 4:
        step(f, (struct smtp_event){.kind = SMTP_EV_CLOSED, .reason = SMTP_REASON_CONN_RESET});
        break;
    case 5:
        step(f, (struct smtp_event){.kind = SMTP_EV_CANCEL});
        break;
    case 6:
        step(f, (struct smtp_event){.kind = SMTP_EV_QUIT});
        break;
    default:
        step(f, (struct smtp_event){.kind = SMTP_EV_WORK});
        break;
    }
}

static void run_event(struct fuzz *f)
{
    uint8_t what = next(f);
    if (what < 2 * N_REPLIES)
        bytes(f, replies[what / 2], strlen(replies[what / 2]));
    else if (what < OF_OUR_OWN)
        raw_bytes(f);
    else
        our_event(f, what);
}

/* --- Set-up --- */

static void configure(struct fuzz *f)
{
    static const enum smtp_auth_mech mechs[] = {SMTP_AUTH_PLAIN, SMTP_AUTH_LOGIN,
                                                SMTP_AUTH_CRAM_MD5};
    uint8_t how = next(f);
    f->config = (struct smtp_session_config){.helo_name = "client.example",
                                             .tls_mode = (enum smtp_tls_mode)(how & 3),
                                             .n_mechs = 3,
                                             .one_flight = (how & 4) != 0,
                                             .tls_is_verified = (how & 8) != 0,
                                             .allow_plain_auth = (how & 16) != 0,
                                             .host = "mx.example",
                                             .port = 25,
                                             .timeouts = smtp_timeouts_default()};
    memcpy(f->config.mechs, mechs, sizeof(mechs));
    if ((how & 32) != 0) {
        f->config.username = "ann";
        f->config.password = "secret";
    }
    f->in_tls = f->config.tls_mode == SMTP_TLS_IMPLICIT;
}

static void compose(struct fuzz *f)
{
    static const char *const rcpts[MAX_RCPTS] = {"a@x.example", "b@y.example", "c@x.example",
                                                 "d@z.example"};
    uint8_t what = next(f);
    gw_buf_init(&f->content, MAX_CONTENT);
    if ((what & 4) != 0) {
        while (f->content.len < LARGE)
            require(gw_buf_add_str(&f->content, ".filling filling filling\r\n") == GW_OK);
    }
    require(gw_buf_add_str(&f->content, "hello\r\n.\r\n..dots\r\n") == GW_OK);
    require(gw_buf_add_str(&f->content, end_mark) == GW_OK);
    f->dsn =
        (struct smtp_dsn){.ret = SMTP_RET_HDRS, .envid = "a+b=c", .notify = SMTP_NOTIFY_FAILURE};
    f->envelope = (struct smtp_envelope){.mail_from = (what & 16) != 0 ? "" : "me@x.example",
                                         .rcpts = rcpts,
                                         .n_rcpts = 1 + (what & 3),
                                         .content = gw_buf_view(&f->content),
                                         .require_tls = (what & 32) != 0,
                                         .dsn = (what & 8) != 0 ? &f->dsn : NULL,
                                         .outcomes = f->outcomes};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > MAX_SIZE)
        return 0;
    struct fuzz *f = gw_calloc(1, sizeof(*f));
    f->at = data;
    f->end = data + size;
    f->now = 1000;
    configure(f);
    compose(f);
    f->session = smtp_session_new(&f->config);
    step(f, (struct smtp_event){.kind = SMTP_EV_CONNECTED});
    while (f->at < f->end)
        run_event(f);
    if (!f->over)
        step(f, (struct smtp_event){.kind = SMTP_EV_CLOSED, .reason = SMTP_REASON_CONN_CLOSED});
    require(!f->in_transaction);
    smtp_session_free(&f->session);
    gw_buf_deinit(&f->content);
    gw_free(f);
    return 0;
}

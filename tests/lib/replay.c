/* SPDX-License-Identifier: MIT */
/* The transcript runner. One table per kind of line; a line that no table knows fails the run. */
#include "tests/lib/replay.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_mem.h"
#include "smtp/session.h"

enum {
    MAX_RCPTS = 2000,
    MAX_TOKEN = 256,
    MAX_RCPT_TEXT = 2048,
    MAX_BYTES = 32 << 20,
    START_MS = 1000
};

struct replay {
    const char *name;
    size_t line_no;
    enum replay_split split;
    size_t at;
    struct replay_result *result;

    struct smtp_session_config config;
    char helo[MAX_TOKEN], host[MAX_TOKEN], user[MAX_TOKEN], pass[MAX_TOKEN];
    bool manual_written;
    struct smtp_session *session; /* from the first event on */

    char from[MAX_TOKEN * 4];
    char *rcpts[MAX_RCPTS];
    size_t n_rcpts;
    struct gw_buf content;
    bool smtputf8, eightbit;
    struct smtp_envelope envelope;
    struct smtp_outcome outcomes[MAX_RCPTS], seen[MAX_RCPTS];

    int64_t now;
    struct gw_buf segment, out;
    size_t out_at; /* octets of out that C: lines took */
    bool in_transaction, start_tls, end_was_checked;
    struct smtp_action last, end;
};

static void fail(struct replay *r, const char *fmt, ...) GW_PRINTF(2, 3);
static void fail(struct replay *r, const char *fmt, ...)
{
    if (!r->result->ok)
        return;
    r->result->ok = false;
    static const char *const modes[] = {"whole", "octet by octet", "split"};
    int n = snprintf(r->result->text, sizeof(r->result->text), "%s:%zu (%s at %zu): ", r->name,
                     r->line_no, modes[r->split], r->at);
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(r->result->text + n, sizeof(r->result->text) - (size_t)n, fmt, ap);
    va_end(ap);
}

/* ---- words and escapes ---- */

static struct gw_slice next_word(struct gw_slice *rest)
{
    size_t i = 0;
    while (i < rest->len && rest->data[i] == ' ')
        i++;
    size_t j = i;
    while (j < rest->len && rest->data[j] != ' ')
        j++;
    struct gw_slice word = gw_slice_of(rest->data + i, j - i);
    *rest = gw_slice_of(rest->data + j, rest->len - j);
    if (rest->len > 0)
        *rest = gw_slice_of(rest->data + 1, rest->len - 1);
    return word;
}

static void copy_word(struct replay *r, struct gw_slice word, char *out, size_t size)
{
    if (word.len >= size) {
        fail(r, "word too long");
        return;
    }
    if (word.len > 0)
        memcpy(out, word.data, word.len);
    out[word.len] = '\0';
}

static int64_t number(struct replay *r, struct gw_slice word)
{
    char text[MAX_TOKEN] = "";
    char *end = text;
    copy_word(r, word, text, sizeof(text));
    long long n = strtoll(text, &end, 10);
    if (end == text || *end != '\0')
        fail(r, "not a number: %s", text);
    return n;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* \r \n \\ \xNN */
static void add_escaped(struct replay *r, struct gw_buf *out, struct gw_slice in)
{
    for (size_t i = 0; i < in.len; i++) {
        char c = in.data[i];
        if (c == '\\' && i + 1 < in.len) {
            c = in.data[++i];
            if (c == 'r' || c == 'n') {
                c = c == 'r' ? '\r' : '\n';
            } else if (c == 'x' && i + 2 < in.len) {
                c = (char)(hex_digit(in.data[i + 1]) * 16 + hex_digit(in.data[i + 2]));
                i += 2;
            } else if (c != '\\') {
                fail(r, "unknown escape \\%c", c);
            }
        }
        (void)gw_buf_add_char(out, c);
    }
}

/* ---- the session ---- */

static bool same_outcome(const struct smtp_outcome *a, const struct smtp_outcome *b)
{
    return a->final == b->final && a->accepted == b->accepted && a->uncertain == b->uncertain &&
           a->stage == b->stage && a->reason == b->reason && a->reply.code == b->reply.code &&
           strcmp(a->reply.text, b->reply.text) == 0 && strcmp(a->detail, b->detail) == 0;
}

/* What must hold after every step, whatever the transcript says. */
static void check_rules(struct replay *r, const struct smtp_action *act)
{
    for (size_t i = 0; i < r->envelope.n_rcpts; i++) {
        const struct smtp_outcome *o = &r->outcomes[i];
        if (r->seen[i].final && !same_outcome(o, &r->seen[i]))
            fail(r, "the outcome of recipient %zu changed", i);
        if ((act->transaction_done || act->close) && r->in_transaction && !o->final)
            fail(r, "done, but recipient %zu has no outcome", i);
        if (o->accepted && (o->uncertain || o->reply.code / 100 != 2))
            fail(r, "recipient %zu is accepted without 2yz", i);
        r->seen[i] = *o;
    }
    if (act->transaction_done && !r->in_transaction)
        fail(r, "done twice");
    if (r->session != NULL && act->ready != smtp_session_ready(r->session))
        fail(r, "action and session do not agree on ready");
}

static void step(struct replay *r, struct smtp_event ev)
{
    struct smtp_action act;
    bool was_closed = r->last.close;

    ev.now_ms = r->now;
    smtp_session_step(r->session, &ev, &act);
    check_rules(r, &act);
    if (act.transaction_done)
        r->in_transaction = false;
    r->start_tls = r->start_tls || act.start_tls;
    (void)gw_buf_add_slice(&r->out, act.out);
    bool wrote = act.out.len > 0;
    r->last = act;
    if (act.close && !was_closed)
        r->end = act;
    if (wrote && !act.close && !r->manual_written)
        step(r, (struct smtp_event){.kind = SMTP_EV_WRITTEN});
}

static void step_bytes(struct replay *r, const char *data, size_t len)
{
    /* A copy of its own, so that a sanitizer sees reads past the end. */
    char *copy = gw_memdup0(data, len);
    step(r, (struct smtp_event){.kind = SMTP_EV_BYTES, .bytes = gw_slice_of(copy, len)});
    gw_free(copy);
}

static void flush_segment(struct replay *r)
{
    const char *data = r->segment.data;
    size_t len = r->segment.len;
    if (len == 0)
        return;
    if (len > r->result->longest_segment)
        r->result->longest_segment = len;
    if (r->split == REPLAY_BYTES) {
        for (size_t i = 0; i < len; i++)
            step_bytes(r, data + i, 1);
    } else if (r->split == REPLAY_AT && r->at < len) {
        step_bytes(r, data, r->at);
        step_bytes(r, data + r->at, len - r->at);
    } else {
        step_bytes(r, data, len);
    }
    gw_buf_reset(&r->segment);
}

static void expect_no_output(struct replay *r)
{
    size_t len = r->out.len - r->out_at;
    if (len > 0)
        fail(r, "unexpected output: %.*s", len > 80 ? 80 : (int)len, r->out.data + r->out_at);
}

/* ---- settings: "@ word arguments" ---- */

static void set_tls(struct replay *r, struct gw_slice args)
{
    static const char *const modes[] = {"required", "implicit", "opportunistic", "none"};
    struct gw_slice word = next_word(&args);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (gw_slice_is(word, modes[i])) {
            r->config.tls_mode = (enum smtp_tls_mode)i;
            return;
        }
    }
    fail(r, "unknown TLS mode");
}

static void set_auth(struct replay *r, struct gw_slice args)
{
    copy_word(r, next_word(&args), r->user, sizeof(r->user));
    copy_word(r, next_word(&args), r->pass, sizeof(r->pass));
    r->config.username = r->user;
    r->config.password = r->pass;
}

static void set_mechs(struct replay *r, struct gw_slice args)
{
    r->config.n_mechs = 0;
    while (args.len > 0 && r->config.n_mechs < SMTP_N_AUTH_MECHS) {
        bool login = gw_slice_is(next_word(&args), "login");
        r->config.mechs[r->config.n_mechs++] = login ? SMTP_AUTH_LOGIN : SMTP_AUTH_PLAIN;
    }
}

static void set_plain_auth(struct replay *r, struct gw_slice args)
{
    (void)args;
    r->config.allow_plain_auth = true;
}

static void set_helo(struct replay *r, struct gw_slice args)
{
    copy_word(r, args, r->helo, sizeof(r->helo));
}

static void set_host(struct replay *r, struct gw_slice args)
{
    copy_word(r, next_word(&args), r->host, sizeof(r->host));
    r->config.port = (uint16_t)number(r, next_word(&args));
}

static void set_manual_written(struct replay *r, struct gw_slice args)
{
    (void)args;
    r->manual_written = true;
}

static void clear_message(struct replay *r, struct gw_slice args)
{
    (void)args;
    for (size_t i = 0; i < r->n_rcpts; i++)
        gw_free(r->rcpts[i]);
    r->n_rcpts = 0;
    r->from[0] = '\0';
    r->smtputf8 = r->eightbit = false;
    gw_buf_reset(&r->content);
}

static void set_from(struct replay *r, struct gw_slice args)
{
    struct gw_buf text;
    gw_buf_init(&text, sizeof(r->from));
    add_escaped(r, &text, args);
    copy_word(r, gw_buf_view(&text), r->from, sizeof(r->from));
    gw_buf_deinit(&text);
}

static void add_rcpt(struct replay *r, struct gw_slice args)
{
    struct gw_buf text;
    gw_buf_init(&text, MAX_RCPT_TEXT);
    add_escaped(r, &text, args);
    if (r->n_rcpts < MAX_RCPTS)
        r->rcpts[r->n_rcpts++] = gw_buf_take(&text, NULL);
    gw_buf_deinit(&text);
}

static void add_rcpts(struct replay *r, struct gw_slice args)
{
    int64_t n = number(r, next_word(&args));
    for (int64_t i = 0; i < n && r->n_rcpts < MAX_RCPTS; i++) {
        char text[64];
        int len = snprintf(text, sizeof(text), "r%lld@example.net", (long long)i);
        add_rcpt(r, gw_slice_of(text, (size_t)len));
    }
}

static void add_body_line(struct replay *r, struct gw_slice args)
{
    add_escaped(r, &r->content, args);
    (void)gw_buf_add_str(&r->content, "\r\n");
}

static void add_raw_body(struct replay *r, struct gw_slice args)
{
    add_escaped(r, &r->content, args);
}

/* Lines of 64 octets, every eighth with a leading dot. */
static void add_fill(struct replay *r, struct gw_slice args)
{
    int64_t lines = number(r, next_word(&args));
    for (int64_t i = 0; i < lines; i++)
        (void)gw_buf_printf(&r->content, "%c%061lld\r\n", i % 8 == 0 ? '.' : '-', (long long)i);
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

/* ---- events: "! word arguments" ---- */

static void event_connect(struct replay *r, struct gw_slice args)
{
    (void)args;
    step(r, (struct smtp_event){.kind = SMTP_EV_CONNECTED});
}

static void event_tls(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (!r->start_tls)
        fail(r, "no handshake was asked for");
    r->start_tls = false;
    step(r, (struct smtp_event){.kind = SMTP_EV_TLS_DONE});
}

static void event_send(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (!r->last.ready) {
        fail(r, "the session is not ready");
        return;
    }
    memset(r->outcomes, 0, sizeof(r->outcomes));
    memset(r->seen, 0, sizeof(r->seen));
    r->envelope = (struct smtp_envelope){.mail_from = r->from,
                                         .rcpts = (const char *const *)(void *)r->rcpts,
                                         .n_rcpts = r->n_rcpts,
                                         .content = gw_buf_view(&r->content),
                                         .eightbit = r->eightbit,
                                         .smtputf8 = r->smtputf8,
                                         .outcomes = r->outcomes};
    r->in_transaction = true;
    step(r, (struct smtp_event){.kind = SMTP_EV_TRANSACTION, .envelope = &r->envelope});
}

static void event_written(struct replay *r, struct gw_slice args)
{
    (void)args;
    step(r, (struct smtp_event){.kind = SMTP_EV_WRITTEN});
}

static void event_timeout(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (r->last.deadline_ms == 0)
        fail(r, "there is no deadline");
    r->now = r->last.deadline_ms;
    step(r, (struct smtp_event){.kind = SMTP_EV_DEADLINE});
}

static void event_wait(struct replay *r, struct gw_slice args)
{
    r->now += number(r, next_word(&args));
}

static void closed(struct replay *r, enum smtp_reason reason, struct gw_slice detail)
{
    char text[MAX_TOKEN] = "";
    copy_word(r, detail, text, sizeof(text));
    step(r, (struct smtp_event){
                .kind = SMTP_EV_CLOSED, .reason = reason, .detail = detail.len > 0 ? text : NULL});
}

static void event_eof(struct replay *r, struct gw_slice args)
{
    closed(r, SMTP_REASON_CONN_CLOSED, args);
}

static void event_reset(struct replay *r, struct gw_slice args)
{
    closed(r, SMTP_REASON_CONN_RESET, args);
}

static void event_closed(struct replay *r, struct gw_slice args)
{
    struct gw_slice word = next_word(&args);
    for (int i = 0; i <= (int)SMTP_REASON_LOCAL_ERROR; i++) {
        if (gw_slice_is(word, smtp_reason_name((enum smtp_reason)i))) {
            closed(r, (enum smtp_reason)i, args);
            return;
        }
    }
    fail(r, "unknown reason");
}

static void event_cancel(struct replay *r, struct gw_slice args)
{
    (void)args;
    step(r, (struct smtp_event){.kind = SMTP_EV_CANCEL});
}

static void event_quit(struct replay *r, struct gw_slice args)
{
    (void)args;
    step(r, (struct smtp_event){.kind = SMTP_EV_QUIT});
}

/* ---- expectations: "= word arguments" ---- */

static const char *verdict_of(const struct smtp_outcome *o)
{
    if (!o->final)
        return "pending";
    if (o->accepted)
        return "accepted";
    return o->uncertain ? "uncertain" : "failed";
}

/* verdict [stage reason [code [enhanced]]] */
static void check_outcome(struct replay *r, size_t i, struct gw_slice args)
{
    const struct smtp_outcome *o = &r->outcomes[i];
    char is[MAX_TOKEN];

    (void)snprintf(is, sizeof(is), "%s %s %s %d %s", verdict_of(o), smtp_stage_name(o->stage),
                   smtp_reason_name(o->reason), o->reply.code, o->reply.enhanced);
    struct gw_slice have = gw_slice_str(is);
    bool same = true;
    while (args.len > 0 && same)
        same = gw_slice_eq(next_word(&args), next_word(&have));
    if (!same)
        fail(r, "recipient %s is: %s (%.100s)", r->rcpts[i], is, o->detail);
}

static void expect_rcpt(struct replay *r, struct gw_slice args)
{
    struct gw_slice word = next_word(&args);
    for (size_t i = 0; i < r->n_rcpts; i++) {
        if (gw_slice_is(word, r->rcpts[i])) {
            check_outcome(r, i, args);
            return;
        }
    }
    fail(r, "no such recipient");
}

static void expect_all(struct replay *r, struct gw_slice args)
{
    for (size_t i = 0; i < r->n_rcpts; i++)
        check_outcome(r, i, args);
}

static void expect_done(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (r->in_transaction)
        fail(r, "the transaction goes on");
}

static void expect_busy(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (!r->in_transaction)
        fail(r, "there is no transaction any more");
}

static void expect_ready(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (!r->last.ready)
        fail(r, "not ready; %s %s %s", smtp_stage_name(r->last.stage),
             smtp_reason_name(r->last.reason), r->end.detail);
}

static void expect_not_ready(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (r->last.ready)
        fail(r, "ready");
}

static void expect_open(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (r->last.close)
        fail(r, "closed: %s", r->end.detail);
}

/* stage reason sick|quiet */
static void expect_close(struct replay *r, struct gw_slice args)
{
    char is[MAX_TOKEN];
    if (!r->last.close) {
        fail(r, "the session is open, in stage %s", smtp_stage_name(r->last.stage));
        return;
    }
    (void)snprintf(is, sizeof(is), "%s %s %s", smtp_stage_name(r->end.stage),
                   smtp_reason_name(r->end.reason), r->end.relay_sick ? "sick" : "quiet");
    if (!gw_slice_is(args, is))
        fail(r, "closed with: %s (%s)", is, r->end.detail);
    r->end_was_checked = true;
}

static bool contains(const char *text, struct gw_slice part)
{
    return memmem(text, strlen(text), part.data, part.len) != NULL;
}

static void expect_detail(struct replay *r, struct gw_slice args)
{
    bool found = contains(r->end.detail, args);
    for (size_t i = 0; i < r->n_rcpts; i++)
        found = found || contains(r->outcomes[i].detail, args);
    if (!found)
        fail(r, "no such detail: %s | %s", r->end.detail, r->outcomes[0].detail);
}

/* code text… of the reply that made the relay sick */
static void expect_reply(struct replay *r, struct gw_slice args)
{
    if (number(r, next_word(&args)) != r->end.reply.code || !contains(r->end.reply.text, args))
        fail(r, "reply is %d %s", r->end.reply.code, r->end.reply.text);
}

/* address text…: part of the text of the reply in an outcome */
static void expect_text(struct replay *r, struct gw_slice args)
{
    struct gw_slice word = next_word(&args);
    for (size_t i = 0; i < r->n_rcpts; i++) {
        if (gw_slice_is(word, r->rcpts[i]) && contains(r->outcomes[i].reply.text, args))
            return;
    }
    fail(r, "no such reply text");
}

static void expect_within(struct replay *r, struct gw_slice args)
{
    int64_t left = r->last.deadline_ms != 0 ? r->last.deadline_ms - r->now : 0;
    if (left != number(r, next_word(&args)))
        fail(r, "the deadline is %lld ms away", (long long)left);
}

static void expect_start_tls(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (!r->start_tls)
        fail(r, "no handshake was asked for");
}

static void expect_size(struct replay *r, struct gw_slice args)
{
    const struct smtp_capabilities *caps = smtp_session_capabilities(r->session);
    if (caps == NULL || caps->max_size != (uint64_t)number(r, next_word(&args)))
        fail(r, "another size, or no EHLO reply yet");
}

/* ---- the relay's and our lines ---- */

static void relay_line(struct replay *r, struct gw_slice args)
{
    add_escaped(r, &r->segment, args);
    (void)gw_buf_add_str(&r->segment, "\r\n");
}

static void relay_bytes(struct replay *r, struct gw_slice args)
{
    struct gw_buf bytes;
    gw_buf_init(&bytes, MAX_BYTES);
    add_escaped(r, &bytes, args);
    step_bytes(r, bytes.data, bytes.len);
    gw_buf_deinit(&bytes);
}

/* count character: a flood */
static void relay_flood(struct replay *r, struct gw_slice args)
{
    int64_t count = number(r, next_word(&args));
    struct gw_buf piece;
    gw_buf_init(&piece, MAX_BYTES);
    add_escaped(r, &piece, args);
    for (int64_t i = 0; i < count; i++)
        (void)gw_buf_add_slice(&r->segment, gw_buf_view(&piece));
    gw_buf_deinit(&piece);
    /* Long, and no split of it is more telling than another. */
    enum replay_split split = r->split;
    size_t longest = r->result->longest_segment;
    r->split = REPLAY_WHOLE;
    flush_segment(r);
    r->split = split;
    r->result->longest_segment = longest;
}

static void client_line(struct replay *r, struct gw_slice args)
{
    struct gw_buf want;
    gw_buf_init(&want, MAX_BYTES);
    add_escaped(r, &want, args);
    (void)gw_buf_add_str(&want, "\r\n");
    struct gw_slice have = gw_slice_of(r->out.data + r->out_at, r->out.len - r->out_at);
    if (have.len < want.len || memcmp(have.data, want.data, want.len) != 0)
        fail(r, "expected %.*s, output is %.*s", (int)args.len, args.data,
             have.len > 80 ? 80 : (int)have.len, have.data);
    else
        r->out_at += want.len;
    gw_buf_deinit(&want);
}

/* The content with dots doubled, by a method of its own: "body" = all of it, "part" = what is
 * there. */
static void client_body(struct replay *r, struct gw_slice args)
{
    struct gw_buf want;
    gw_buf_init(&want, MAX_BYTES);
    for (size_t i = 0; i < r->content.len; i++) {
        bool first = i == 0 || r->content.data[i - 1] == '\n';
        if (first && r->content.data[i] == '.')
            (void)gw_buf_add_char(&want, '.');
        (void)gw_buf_add_char(&want, r->content.data[i]);
    }
    size_t have = r->out.len - r->out_at;
    size_t len = want.len;
    if (gw_slice_is(next_word(&args), "part"))
        len = have < len ? have : len;
    if (have < len || memcmp(r->out.data + r->out_at, want.data, len) != 0)
        fail(r, "the body is not the content with dots doubled");
    else
        r->out_at += len;
    gw_buf_deinit(&want);
}

/* ---- the tables ---- */

struct word {
    char kind; /* first character of the line */
    const char *name;
    void (*run)(struct replay *r, struct gw_slice args);
};

static const struct word words[] = {
    {'@', "tls", set_tls},
    {'@', "auth", set_auth},
    {'@', "mechs", set_mechs},
    {'@', "plain-auth", set_plain_auth},
    {'@', "helo", set_helo},
    {'@', "host", set_host},
    {'@', "manual-written", set_manual_written},
    {'@', "message", clear_message},
    {'@', "from", set_from},
    {'@', "rcpt", add_rcpt},
    {'@', "rcpts", add_rcpts},
    {'@', "body", add_body_line},
    {'@', "raw", add_raw_body},
    {'@', "fill", add_fill},
    {'@', "smtputf8", set_smtputf8},
    {'@', "8bit", set_eightbit},
    {'!', "connect", event_connect},
    {'!', "tls", event_tls},
    {'!', "send", event_send},
    {'!', "written", event_written},
    {'!', "timeout", event_timeout},
    {'!', "wait", event_wait},
    {'!', "eof", event_eof},
    {'!', "reset", event_reset},
    {'!', "closed", event_closed},
    {'!', "cancel", event_cancel},
    {'!', "quit", event_quit},
    {'=', "rcpt", expect_rcpt},
    {'=', "all", expect_all},
    {'=', "done", expect_done},
    {'=', "busy", expect_busy},
    {'=', "ready", expect_ready},
    {'=', "not-ready", expect_not_ready},
    {'=', "open", expect_open},
    {'=', "close", expect_close},
    {'=', "detail", expect_detail},
    {'=', "reply", expect_reply},
    {'=', "text", expect_text},
    {'=', "within", expect_within},
    {'=', "start-tls", expect_start_tls},
    {'=', "size", expect_size},
    {'S', ":", relay_line},
    {'S', "!", relay_bytes},
    {'S', "*", relay_flood},
    {'C', ":", client_line},
    {'C', ">", client_body},
};

static void run_line(struct replay *r, struct gw_slice line)
{
    bool relay = line.len > 1 && line.data[0] == 'S' && line.data[1] == ':';
    if (line.len == 0 || line.data[0] == '#')
        return;
    if (r->session == NULL && line.data[0] != '@')
        r->session = smtp_session_new(&r->config);
    if (!relay)
        flush_segment(r);
    if (line.data[0] != 'C' && line.data[0] != '=' && line.data[0] != '@' && r->result->ok)
        expect_no_output(r);
    struct gw_slice args = gw_slice_of(line.data + 1, line.len - 1);
    struct gw_slice name = next_word(&args);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].kind == line.data[0] && gw_slice_is(name, words[i].name)) {
            words[i].run(r, args);
            return;
        }
    }
    fail(r, "unknown line: %.*s", (int)line.len, line.data);
}

static void run_all(struct replay *r, struct gw_slice text)
{
    while (text.len > 0 && r->result->ok) {
        const char *lf = memchr(text.data, '\n', text.len);
        size_t len = lf != NULL ? (size_t)(lf - text.data) : text.len;
        r->line_no++;
        run_line(r, gw_slice_of(text.data, len));
        len += lf != NULL;
        text = gw_slice_of(text.data + len, text.len - len);
    }
    if (!r->result->ok)
        return;
    flush_segment(r);
    expect_no_output(r);
    if (r->last.close && !r->end_was_checked)
        fail(r, "closed with %s %s, which no line expects", smtp_stage_name(r->end.stage),
             smtp_reason_name(r->end.reason));
    if (r->in_transaction)
        fail(r, "the transaction is not done at the end");
}

void replay_run(const char *name, struct gw_slice transcript, enum replay_split split, size_t at,
                struct replay_result *out)
{
    struct replay *r = gw_calloc(1, sizeof(*r));
    *out = (struct replay_result){.ok = true};
    r->name = name;
    r->split = split;
    r->at = at;
    r->result = out;
    r->now = START_MS;
    (void)snprintf(r->helo, sizeof(r->helo), "client.example");
    (void)snprintf(r->host, sizeof(r->host), "mx.example");
    r->config = (struct smtp_session_config){.helo_name = r->helo,
                                             .host = r->host,
                                             .port = 587,
                                             .tls_mode = SMTP_TLS_NONE,
                                             .mechs = {SMTP_AUTH_PLAIN, SMTP_AUTH_LOGIN},
                                             .n_mechs = SMTP_N_AUTH_MECHS,
                                             .timeouts = smtp_timeouts_default()};
    gw_buf_init(&r->content, MAX_BYTES);
    gw_buf_init(&r->segment, MAX_BYTES);
    gw_buf_init(&r->out, MAX_BYTES);
    run_all(r, transcript);
    smtp_session_free(&r->session);
    clear_message(r, (struct gw_slice){0});
    gw_buf_deinit(&r->content);
    gw_buf_deinit(&r->segment);
    gw_buf_deinit(&r->out);
    gw_free(r);
}

bool replay_run_all_splits(const char *name, struct gw_slice transcript, struct replay_result *out)
{
    replay_run(name, transcript, REPLAY_WHOLE, 0, out);
    const size_t longest = out->longest_segment;
    if (out->ok)
        replay_run(name, transcript, REPLAY_BYTES, 0, out);
    for (size_t at = 1; at < longest && out->ok; at++)
        replay_run(name, transcript, REPLAY_AT, at, out);
    return out->ok;
}

/* SPDX-License-Identifier: MIT */
/* The transcript runner: tables of words, and what must hold whatever a transcript says. */
#include "tests/lib/replay.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/gw_mem.h"
#include "tests/lib/replay_impl.h"

enum {
    START_MS = 1000,
    HEAVY = 256 * 1024 /* octets of a content that is not sent for every split again */
};

void replay_fail(struct replay *r, const char *fmt, ...)
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

struct gw_slice replay_next_word(struct gw_slice *rest)
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

void replay_copy_word(struct replay *r, struct gw_slice word, char *out, size_t size)
{
    if (word.len >= size) {
        replay_fail(r, "word too long");
        return;
    }
    if (word.len > 0)
        memcpy(out, word.data, word.len);
    out[word.len] = '\0';
}

int64_t replay_number(struct replay *r, struct gw_slice word)
{
    char text[MAX_TOKEN] = "";
    char *end = text;
    replay_copy_word(r, word, text, sizeof(text));
    long long n = strtoll(text, &end, 10);
    if (end == text || *end != '\0')
        replay_fail(r, "not a number: %s", text);
    return n;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* \r \n \\ \xNN */
void replay_add_escaped(struct replay *r, struct gw_buf *out, struct gw_slice in)
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
                replay_fail(r, "unknown escape \\%c", c);
            }
        }
        (void)gw_buf_add_char(out, c);
    }
}

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
            replay_fail(r, "the outcome of recipient %zu changed", i);
        if ((act->transaction_done || act->close) && r->in_transaction && !o->final &&
            !act->unfinished)
            replay_fail(r, "done, but recipient %zu has no outcome", i);
        if (o->accepted && (o->uncertain || o->reply.code / 100 != 2))
            replay_fail(r, "recipient %zu is accepted without 2yz", i);
        r->seen[i] = *o;
    }
    if (act->transaction_done && !r->in_transaction)
        replay_fail(r, "done twice");
    if (r->session != NULL && act->ready != smtp_session_ready(r->session))
        replay_fail(r, "action and session do not agree on ready");
}

void replay_step(struct replay *r, struct smtp_event ev)
{
    struct smtp_action act;
    bool was_closed = r->last.close;

    ev.now_ms = r->now;
    smtp_session_step(r->session, &ev, &act);
    check_rules(r, &act);
    if (act.transaction_done) {
        r->in_transaction = false;
        r->unfinished = act.unfinished;
    }
    r->start_tls = r->start_tls || act.start_tls;
    (void)gw_buf_add_slice(&r->out, act.out);
    bool wrote = act.out.len > 0;
    r->last = act;
    if (act.close && !was_closed)
        r->end = act;
    if (act.more_work)
        replay_step(r, (struct smtp_event){.kind = SMTP_EV_WORK});
    if (wrote && !act.close && !r->manual_written)
        replay_step(r, (struct smtp_event){.kind = SMTP_EV_WRITTEN});
}

void replay_step_bytes(struct replay *r, const char *data, size_t len)
{
    /* A copy of its own, so that a sanitizer sees reads past the end. */
    char *copy = gw_memdup0(data, len);
    replay_step(r, (struct smtp_event){.kind = SMTP_EV_BYTES, .bytes = gw_slice_of(copy, len)});
    gw_free(copy);
}

void replay_flush(struct replay *r)
{
    const char *data = r->segment.data;
    size_t len = r->segment.len;
    if (len == 0)
        return;
    if (len > r->result->longest_segment)
        r->result->longest_segment = len;
    if (r->split == REPLAY_BYTES) {
        for (size_t i = 0; i < len; i++)
            replay_step_bytes(r, data + i, 1);
    } else if (r->split == REPLAY_AT && r->at < len) {
        replay_step_bytes(r, data, r->at);
        replay_step_bytes(r, data + r->at, len - r->at);
    } else {
        replay_step_bytes(r, data, len);
    }
    gw_buf_reset(&r->segment);
}

static void expect_no_output(struct replay *r)
{
    size_t len = r->out.len - r->out_at;
    if (len > 0)
        replay_fail(r, "unexpected output: %.*s", len > 80 ? 80 : (int)len,
                    r->out.data + r->out_at);
}

static bool run_word(struct replay *r, char kind, struct gw_slice name, struct gw_slice args)
{
    const struct replay_word *const tables[] = {replay_settings, replay_events, replay_expectations,
                                                replay_lines};
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (const struct replay_word *w = tables[t]; w->name != NULL; w++) {
            if (w->kind == kind && gw_slice_is(name, w->name)) {
                w->run(r, args);
                return true;
            }
        }
    }
    return false;
}

static void run_line(struct replay *r, struct gw_slice line)
{
    bool relay = line.len > 1 && line.data[0] == 'S' && line.data[1] == ':';
    if (line.len == 0 || line.data[0] == '#')
        return;
    if (r->session == NULL && line.data[0] != '@')
        r->session = smtp_session_new(&r->config);
    if (!relay)
        replay_flush(r);
    if (line.data[0] != 'C' && line.data[0] != '=' && line.data[0] != '@' && r->result->ok)
        expect_no_output(r);
    struct gw_slice args = gw_slice_of(line.data + 1, line.len - 1);
    struct gw_slice name = replay_next_word(&args);
    if (!run_word(r, line.data[0], name, args))
        replay_fail(r, "unknown line: %.*s", (int)line.len, line.data);
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
    replay_flush(r);
    expect_no_output(r);
    if (r->last.close && !r->end_was_checked)
        replay_fail(r, "closed with %s %s, which no line expects", smtp_stage_name(r->end.stage),
                    smtp_reason_name(r->end.reason));
    if (r->in_transaction)
        replay_fail(r, "the transaction is not done at the end");
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
                                             .n_mechs = 2,
                                             .timeouts = smtp_timeouts_default()};
    gw_buf_init(&r->content, MAX_BYTES);
    gw_buf_init(&r->segment, MAX_BYTES);
    gw_buf_init(&r->out, MAX_BYTES);
    run_all(r, transcript);
    out->heavy = r->content.len > HEAVY;
    smtp_session_free(&r->session);
    replay_clear_message(r, (struct gw_slice){0});
    gw_free(r->outcomes);
    gw_free(r->seen);
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
    for (size_t at = 1; at < longest && out->ok && !out->heavy; at++)
        replay_run(name, transcript, REPLAY_AT, at, out);
    return out->ok;
}

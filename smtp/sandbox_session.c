/* SPDX-License-Identifier: MIT */
/* The sandbox session's stream: command lines, DATA and chunks cut out of whatever comes. */
#include "smtp/sandbox_session.h"

#include <stdarg.h>
#include <stdio.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "smtp/sandbox_internal.h"

enum {
    REPLY_SIZE = 512,            /* octets with CRLF, RFC 5321 sec. 4.5.3.1.5 */
    OUT_ENOUGH = 8 * 1024,       /* a step that has so much to say stops taking input */
    OUT_MAX = OUT_ENOUGH + 16384 /* the longest answer to one command fits behind it */
};

struct smtp_sandbox_session *
smtp_sandbox_session_new(const struct smtp_sandbox_session_config *config)
{
    struct smtp_sandbox_session *s = gw_calloc(1, sizeof(*s));
    s->config = *config;
    gw_buf_init(&s->line, SMTP_SANDBOX_MAX_LINE + 2);
    gw_buf_init(&s->out, OUT_MAX);
    return s;
}

void smtp_sandbox_session_free(struct smtp_sandbox_session **s)
{
    if (*s == NULL)
        return;
    sandbox_transaction_end(*s);
    if ((*s)->line.data != NULL)
        gw_wipe((*s)->line.data, (*s)->line.cap); /* AUTH may have passed through */
    gw_buf_deinit(&(*s)->line);
    gw_buf_deinit(&(*s)->out);
    gw_free(*s);
    *s = NULL;
}

/* --- Replies --- */

static void GW_PRINTF(2, 0) add_reply(struct smtp_sandbox_session *s, const char *fmt, va_list ap)
{
    char line[REPLY_SIZE - 2];
    int n = vsnprintf(line, sizeof(line), fmt, ap);
    CHECK(n > 0);
    size_t len = (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
    (void)gw_buf_add(&s->out, line, len);
    (void)gw_buf_add(&s->out, "\r\n", 2);
    CHECK(!s->out.overflowed);
}

void sandbox_reply(struct smtp_sandbox_session *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_reply(s, fmt, ap);
    va_end(ap);
}

void sandbox_error(struct smtp_sandbox_session *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_reply(s, fmt, ap);
    va_end(ap);
    if (++s->n_errors < SMTP_SANDBOX_MAX_ERRORS)
        return;
    sandbox_reply(s, "421 4.7.0 Too many errors");
    sandbox_close(s);
}

void sandbox_close(struct smtp_sandbox_session *s)
{
    s->mode = SANDBOX_OVER;
    s->act->need = SMTP_SANDBOX_CLOSE;
}

/* --- Command lines --- */

static bool has_control(struct gw_slice line)
{
    for (size_t i = 0; i < line.len; i++) {
        if ((unsigned char)line.data[i] < ' ' || line.data[i] == 0x7f)
            return true;
    }
    return false;
}

static void handle_line(struct smtp_sandbox_session *s)
{
    struct gw_slice line = gw_buf_view(&s->line);
    bool too_long = s->line_too_long;
    s->line_too_long = false;
    s->act->progress = true;
    bool crlf = line.len >= 2 && line.data[line.len - 2] == '\r';
    if (too_long || !crlf) {
        s->mode = SANDBOX_COMMAND; /* an AUTH exchange ends here too */
        sandbox_error(s, too_long ? "500 5.5.2 Line too long"
                                  : "500 5.5.2 Lines must end in CRLF, not in a bare LF");
        return;
    }
    line.len -= 2;
    if (has_control(line)) {
        s->mode = SANDBOX_COMMAND;
        sandbox_error(s, "500 5.5.2 Control characters are not allowed in commands");
    } else if (s->mode == SANDBOX_COMMAND) {
        sandbox_command(s, line);
    } else {
        sandbox_auth_response(s, line);
        gw_wipe(s->line.data, s->line.len);
    }
}

static size_t take_line(struct smtp_sandbox_session *s, struct gw_slice in)
{
    const char *lf = memchr(in.data, '\n', in.len);
    size_t used = lf != NULL ? (size_t)(lf - in.data) + 1 : in.len;
    if (!s->line_too_long && gw_buf_add(&s->line, in.data, used) != GW_OK)
        s->line_too_long = true;
    if (lf == NULL)
        return used;
    s->input_left = in.len - used;
    handle_line(s);
    gw_buf_reset(&s->line);
    return used;
}

/* --- Content --- */

/* Where octet @c leads from @at inside a line; line starts and dots are not of its business. */
static enum sandbox_data_at after_text(enum sandbox_data_at at, char c)
{
    if (c == '\r')
        return SANDBOX_AT_CR;
    return c == '\n' && at == SANDBOX_AT_CR ? SANDBOX_AT_LINE_START : SANDBOX_AT_TEXT;
}

/* Octets of @in, which begins inside a line or with a line that has no dot, up to the next dot that
 * may begin one. */
static size_t text_run(struct gw_slice in)
{
    const char *lf = memmem(in.data, in.len, "\n.", 2);
    return lf != NULL ? (size_t)(lf - in.data) + 1 : in.len;
}

static void take_text_run(struct smtp_sandbox_session *s, struct gw_slice run)
{
    char last = run.data[run.len - 1];
    enum sandbox_data_at before =
        run.len > 1 && run.data[run.len - 2] == '\r' ? SANDBOX_AT_CR : SANDBOX_AT_TEXT;
    sandbox_transaction_add(s, run.data, run.len);
    s->data_at = after_text(before, last);
}

/* One octet that may be part of an end of data. */
static void take_data_octet(struct smtp_sandbox_session *s, char c)
{
    enum sandbox_data_at at = s->data_at;
    if (at == SANDBOX_AT_LINE_START && c == '.') {
        s->data_at = SANDBOX_AT_DOT; /* dropped: stuffing or end */
    } else if (at == SANDBOX_AT_DOT && c == '\r') {
        s->data_at = SANDBOX_AT_DOT_CR;
    } else if (at == SANDBOX_AT_DOT_CR && c == '\n') {
        sandbox_transaction_finish(s);
    } else {
        if (at == SANDBOX_AT_DOT_CR) {
            sandbox_transaction_add(s, "\r", 1);
            at = SANDBOX_AT_CR;
        }
        sandbox_transaction_add(s, &c, 1);
        s->data_at = after_text(at, c);
    }
}

static size_t take_data(struct smtp_sandbox_session *s, struct gw_slice in)
{
    size_t used = 0;
    while (used < in.len && s->mode == SANDBOX_DATA) {
        struct gw_slice rest = gw_slice_of(in.data + used, in.len - used);
        bool in_text = s->data_at == SANDBOX_AT_TEXT ||
                       (s->data_at == SANDBOX_AT_LINE_START && rest.data[0] != '.');
        size_t run = in_text ? text_run(rest) : 1;
        if (in_text)
            take_text_run(s, gw_slice_of(rest.data, run));
        else
            take_data_octet(s, rest.data[0]);
        used += run;
    }
    return used;
}

static void end_chunk(struct smtp_sandbox_session *s)
{
    s->mode = SANDBOX_COMMAND;
    s->act->progress = true;
    if (s->chunk_refusal != NULL)
        sandbox_error(s, "%s", s->chunk_refusal);
    else if (s->chunk_last)
        sandbox_transaction_finish(s);
    else
        sandbox_reply(s, "250 2.0.0 Ok");
}

void sandbox_chunk_begin(struct smtp_sandbox_session *s)
{
    s->mode = SANDBOX_CHUNK;
    if (s->chunk_left == 0)
        end_chunk(s);
}

static size_t take_chunk(struct smtp_sandbox_session *s, struct gw_slice in)
{
    size_t used = in.len < s->chunk_left ? in.len : (size_t)s->chunk_left;
    if (s->chunk_refusal == NULL)
        sandbox_transaction_add(s, in.data, used);
    s->chunk_left -= used;
    if (s->mode == SANDBOX_CHUNK && s->chunk_left == 0)
        end_chunk(s);
    return used;
}

/* --- Steps --- */

static void begin_step(struct smtp_sandbox_session *s, struct smtp_sandbox_action *act)
{
    *act = (struct smtp_sandbox_action){.need = SMTP_SANDBOX_INPUT};
    s->act = act;
    gw_buf_reset(&s->out);
}

static void end_step(struct smtp_sandbox_session *s)
{
    s->act->out = gw_buf_view(&s->out);
    s->act = NULL;
}

void smtp_sandbox_session_greet(struct smtp_sandbox_session *s, struct smtp_sandbox_action *act)
{
    begin_step(s, act);
    sandbox_reply(s, "220 localhost ESMTP Mailhatch sandbox");
    end_step(s);
}

void smtp_sandbox_session_tls_done(struct smtp_sandbox_session *s, const char *version)
{
    sandbox_transaction_end(s);
    s->tls = version;
    s->greeted = false;
    s->mode = SANDBOX_COMMAND;
}

void smtp_sandbox_session_step(struct smtp_sandbox_session *s, struct gw_slice in,
                               struct smtp_sandbox_action *act)
{
    begin_step(s, act);
    while (act->need == SMTP_SANDBOX_INPUT && s->out.len < OUT_ENOUGH && act->used < in.len) {
        struct gw_slice rest = gw_slice_of(in.data + act->used, in.len - act->used);
        if (s->mode == SANDBOX_DATA)
            act->used += take_data(s, rest);
        else if (s->mode == SANDBOX_CHUNK)
            act->used += take_chunk(s, rest);
        else if (!gw_fails_check(s->mode < SANDBOX_DATA))
            act->used += take_line(s, rest);
        else
            sandbox_close(s);
    }
    end_step(s);
}

void smtp_sandbox_session_answer(struct smtp_sandbox_session *s, const char *id,
                                 struct smtp_sandbox_action *act)
{
    PRE(s->mode == SANDBOX_WAITING && s->txn.arena == NULL);
    begin_step(s, act);
    s->mode = SANDBOX_COMMAND;
    if (id != NULL)
        sandbox_reply(s, "250 2.0.0 Ok: kept as %s", id);
    else
        sandbox_reply(s, "452 4.3.1 No room for the message");
    end_step(s);
}

void smtp_sandbox_session_timeout(struct smtp_sandbox_session *s, struct smtp_sandbox_action *act)
{
    begin_step(s, act);
    sandbox_reply(s, "421 4.4.2 Too long without a command, closing connection");
    sandbox_close(s);
    end_step(s);
}

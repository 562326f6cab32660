/* SPDX-License-Identifier: MIT */
/* The content by BDAT: all of it behind MAIL and RCPT when it is small, else in chunks once the
 * recipients are known. Every chunk is answered. The last one is at most a body piece, so the time
 * in which a loss leaves us uncertain is short.
 *
 * Spec: RFC 3030 sec. 2. */
#include <string.h>

#include "gateway/base/gw_check.h"
#include "smtp/session_impl.h"

/* DATA adds a missing end of line, BDAT must not. */
bool smtp_session_uses_chunks(const struct smtp_session *s)
{
    const struct gw_slice c = s->env->content;
    return s->caps.chunking &&
           (c.len == 0 || (c.len >= 2 && c.data[c.len - 2] == '\r' && c.data[c.len - 1] == '\n'));
}

/* The next @len octets of the content. False: they are no lines that SMTP can carry, and the
 * session has failed. */
static bool put_content(struct smtp_session *s, size_t len)
{
    const struct gw_slice content = s->env->content;
    size_t bad = smtp_find_bare_line_end(content, s->content_at, s->content_at + len);
    if (bad != content.len) {
        s->window_open = false; /* nothing of it will be sent */
        smtp_session_fail(s, SMTP_REASON_LOCAL_ERROR, NULL,
                          "the content has a bare CR or LF at octet %zu", bad);
        return false;
    }
    CHECK(gw_buf_add(&s->out, content.data + s->content_at, len) == GW_OK);
    s->content_at += len;
    s->body_handed_over += (int64_t)len;
    return true;
}

static void start_chunk(struct smtp_session *s, size_t len, bool last)
{
    char size[SMTP_DECIMAL_SIZE];
    const char *const parts[] = {"BDAT ", smtp_session_decimal(len, size), last ? " LAST" : ""};
    enum smtp_command command = last ? SMTP_CMD_LAST : SMTP_CMD_CHUNK;
    CHECK(smtp_session_command(s, command, SMTP_MAX_COMMAND, parts, 3));
    s->chunk_left = len;
    s->window_open = last;
}

void smtp_session_send_whole(struct smtp_session *s)
{
    size_t len = s->env->content.len;
    start_chunk(s, len, true);
    if (put_content(s, len))
        s->chunk_left = 0;
}

/* All before the last body piece in large chunks. */
static size_t next_chunk(const struct smtp_session *s)
{
    size_t left = s->env->content.len - s->content_at;
    if (left <= SMTP_BODY_CHUNK)
        return left;
    left -= SMTP_BODY_CHUNK;
    return left < SMTP_BDAT_CHUNK ? left : SMTP_BDAT_CHUNK;
}

static bool may_start_chunk(const struct smtp_session *s)
{
    return s->n_in_flight < (s->caps.pipelining ? SMTP_MAX_CHUNKS : 1);
}

void smtp_session_send_chunk(struct smtp_session *s)
{
    if (s->content_at == 0 && s->chunk_left == 0) {
        s->body_since = s->now;
        s->body_handed_over = 0;
    }
    smtp_session_move_body_deadline(s);
    if (s->chunk_left == 0) {
        if (!may_start_chunk(s))
            return; /* goes on with the next reply */
        size_t len = next_chunk(s);
        start_chunk(s, len, len == s->env->content.len - s->content_at);
    }
    size_t piece = s->chunk_left < SMTP_BODY_CHUNK ? s->chunk_left : SMTP_BODY_CHUNK;
    if (!put_content(s, piece))
        return;
    s->chunk_left -= piece;
    if (s->window_open)
        smtp_session_enter(s, SMTP_STATE_LAST);
}

static bool is_refusal(int code)
{
    return code / 100 == 4 || code / 100 == 5;
}

/* The content is refused by a chunk; what follows it in flight is discarded by the relay. */
static void refused(struct smtp_session *s)
{
    if (s->chunk_left > 0) { /* nobody could tell the rest of a chunk from commands */
        smtp_session_on_early_verdict(s);
        return;
    }
    smtp_session_settle_round(s);
    smtp_session_end_round(s, false);
}

void smtp_session_on_chunk(struct smtp_session *s)
{
    bool early = s->chunk_left > 0 && s->n_in_flight == 0;
    if (is_refusal(s->reply.code)) {
        refused(s);
    } else if (s->reply.code / 100 != 2 || early) {
        smtp_session_fail_sequence(s);
    } else {
        smtp_session_move_body_deadline(s);
        s->must_send = s->must_send || s->chunk_left == 0;
    }
}

/* A command of the flight was answered twice, so this may be the answer to another one. Only a 421
 * comes unasked. */
static bool is_out_of_step(const struct smtp_session *s)
{
    return s->n_in_flight == 0 && s->behind.len > 0 &&
           (s->behind.len < 3 || memcmp(s->behind.data, "421", 3) != 0);
}

void smtp_session_on_last(struct smtp_session *s)
{
    int class = s->reply.code / 100;
    if (class == 3)
        smtp_session_fail_sequence(s);
    else if (s->popped == SMTP_CMD_CHUNK && class == 2)
        smtp_session_restart_deadline(s);
    else if (is_out_of_step(s))
        smtp_session_fail(s, SMTP_REASON_PROTOCOL_ERROR, NULL,
                          "relay %s answered more than it was asked", s->peer);
    else if (class == 2) {
        smtp_session_settle_round(s);
        smtp_session_end_round(s, true);
    } else {
        refused(s);
    }
}

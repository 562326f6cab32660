/* SPDX-License-Identifier: MIT */
/* The reply parser: collects lines, checks each as soon as enough of it is there.
 *
 * Every check looks only at what has been collected, never at how it arrived, so that the verdict
 * is the same for every split of the stream. */
#include "smtp/reply.h"

#include <string.h>

#include "gateway/base/gw_check.h"

enum {
    CODE_LEN = 3,
    /* A line is collected up to its CR and one octet over the limit: enough to see that it is. */
    LINE_ROOM = SMTP_MAX_REPLY_LINE + 2,
    TEXT_ROOM = SMTP_MAX_REPLY_SIZE + LINE_ROOM + 1
};

void smtp_reply_parser_init(struct smtp_reply_parser *p)
{
    *p = (struct smtp_reply_parser){0};
    gw_buf_init(&p->text, TEXT_ROOM);
}

void smtp_reply_parser_deinit(struct smtp_reply_parser *p)
{
    gw_buf_deinit(&p->text);
}

void smtp_reply_parser_reset(struct smtp_reply_parser *p)
{
    gw_buf_reset(&p->text);
    p->line_start = 0;
    p->n_lines = 0;
    p->code = 0;
    p->saw_bare_lf = false;
    p->done = false;
    p->failed = false;
}

bool smtp_reply_parser_dirty(const struct smtp_reply_parser *p)
{
    return p->text.len != 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The code of a line, or -1. RFC 5321 sec. 4.2: Reply-code = %x32-35 %x30-35 %x30-39; the middle
 * digit is not held against a relay. */
static int line_code(const char *line)
{
    if (line[0] < '2' || line[0] > '5' || !is_digit(line[1]) || !is_digit(line[2]))
        return -1;
    return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

/* May the octet behind the code stand there? A CR may while the LF is still to come. */
static bool separator_fits(const char *line, size_t len, bool complete)
{
    return len <= CODE_LEN || line[CODE_LEN] == ' ' || line[CODE_LEN] == '-' ||
           (line[CODE_LEN] == '\r' && len == CODE_LEN + 1 && !complete);
}

static enum smtp_reply_state check_line(const struct smtp_reply_parser *p, bool complete)
{
    const char *line = p->text.data + p->line_start;
    size_t len = p->text.len - p->line_start;

    if (len >= CODE_LEN || complete) {
        int code = len >= CODE_LEN ? line_code(line) : -1;
        if (code < 0 || (p->n_lines > 0 && code != p->code) || !separator_fits(line, len, complete))
            return SMTP_REPLY_BAD;
    }
    size_t left = SMTP_MAX_REPLY_SIZE > p->line_start ? SMTP_MAX_REPLY_SIZE - p->line_start : 0;
    if (!complete && len > 0 && line[len - 1] == '\r')
        len--;
    if (left < SMTP_MAX_REPLY_LINE)
        return len > left ? SMTP_REPLY_TOO_LONG : SMTP_REPLY_MORE;
    return len > SMTP_MAX_REPLY_LINE ? SMTP_REPLY_LINE_TOO_LONG : SMTP_REPLY_MORE;
}

static enum smtp_reply_state end_line(struct smtp_reply_parser *p)
{
    const char *line = p->text.data + p->line_start;
    bool last = p->text.len - p->line_start == CODE_LEN || line[CODE_LEN] == ' ';

    p->code = line_code(line);
    p->n_lines++;
    CHECK(gw_buf_add_char(&p->text, '\n') == GW_OK);
    p->line_start = p->text.len;
    if (last)
        return SMTP_REPLY_DONE;
    return p->n_lines >= SMTP_MAX_REPLY_LINES ? SMTP_REPLY_TOO_LONG : SMTP_REPLY_MORE;
}

static void end_with_lf(struct smtp_reply_parser *p)
{
    if (p->text.len > p->line_start && p->text.data[p->text.len - 1] == '\r')
        p->text.len--;
    else
        p->saw_bare_lf = true;
}

/* Consume up to the end of one line. */
static enum smtp_reply_state take_line(struct smtp_reply_parser *p, struct gw_slice in,
                                       size_t *used_out)
{
    const char *lf = memchr(in.data, '\n', in.len);
    size_t len = lf != NULL ? (size_t)(lf - in.data) : in.len;
    size_t room = LINE_ROOM - (p->text.len - p->line_start);
    bool complete = lf != NULL && len <= room;

    if (len > room)
        len = room;
    CHECK(gw_buf_add(&p->text, in.data, len) == GW_OK);
    *used_out = complete ? len + 1 : len;
    if (complete)
        end_with_lf(p);
    enum smtp_reply_state state = check_line(p, complete);
    return state == SMTP_REPLY_MORE && complete ? end_line(p) : state;
}

enum smtp_reply_state smtp_reply_parse(struct smtp_reply_parser *p, struct gw_slice in,
                                       size_t *used_out)
{
    PRE(!p->done && !p->failed);
    enum smtp_reply_state state = SMTP_REPLY_MORE;
    size_t used = 0;

    while (state == SMTP_REPLY_MORE && used < in.len) {
        size_t n = 0;
        state = take_line(p, gw_slice_of(in.data + used, in.len - used), &n);
        used += n;
    }
    *used_out = used;
    p->done = state == SMTP_REPLY_DONE;
    p->failed = state != SMTP_REPLY_DONE && state != SMTP_REPLY_MORE;
    return state;
}

struct gw_slice smtp_reply_line(const struct smtp_reply_parser *p, size_t i)
{
    PRE(p->done && i < p->n_lines);
    const char *const end = p->text.data + p->text.len;
    const char *line = p->text.data;
    const char *lf = memchr(line, '\n', (size_t)(end - line));

    for (; i > 0; i--) {
        line = lf + 1;
        lf = memchr(line, '\n', (size_t)(end - line));
    }
    size_t len = (size_t)(lf - line);
    size_t skip = len > CODE_LEN ? CODE_LEN + 1 : CODE_LEN;
    return gw_slice_of(line + skip, len - skip);
}

/* SPDX-License-Identifier: MIT */
/* The reply and EHLO parsers: any octets, whole and in pieces, must give the same replies; texts
 * for people hold nothing that could fool a terminal or a log; a keyword is known only when it
 * stands first in its line. First octet: size of the pieces. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/gw_buf.h"
#include "smtp/capabilities.h"
#include "smtp/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer's name */

enum {
    MAX_SIZE = 100 * 1024,
    MAX_TRANSCRIPT = 64 << 20,
    MAX_REPLIES = 64 /* looked at; more teach nothing */
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_info(const struct smtp_reply_parser *p)
{
    struct smtp_reply_info info;
    smtp_reply_info_from(p, &info);
    require(info.code >= 200 && info.code <= 599 && strlen(info.text) < sizeof(info.text));
    for (const char *c = info.text; *c != '\0'; c++)
        require((unsigned char)*c >= 0x20 || *c == '\n');
    require(strchr(info.text, 0x7F) == NULL);
    if (info.enhanced[0] != '\0')
        require(info.enhanced[0] == '0' + info.code / 100 && info.enhanced[1] == '.');
}

/* Is there a line behind the first that begins with @word? By a method of its own. */
static bool has_line(const struct smtp_reply_parser *p, const char *word)
{
    for (size_t i = 1; i < p->n_lines; i++) {
        struct gw_slice line = smtp_reply_line(p, i);
        size_t at = 0;
        while (at < line.len && (line.data[at] == ' ' || line.data[at] == '\t'))
            at++;
        size_t n = strlen(word);
        if (line.len - at < n || strncasecmp(line.data + at, word, n) != 0)
            continue;
        if (line.len - at == n || line.data[at + n] == ' ' || line.data[at + n] == '\t')
            return true;
    }
    return false;
}

static void check_capabilities(const struct smtp_reply_parser *p)
{
    struct smtp_capabilities caps;
    smtp_capabilities_parse(p, &caps);
    require(caps.starttls == has_line(p, "STARTTLS"));
    require(caps.pipelining == has_line(p, "PIPELINING"));
    require(caps.chunking == has_line(p, "CHUNKING"));
    require(caps.requiretls == has_line(p, "REQUIRETLS"));
    require(caps.size == has_line(p, "SIZE"));
    require(caps.max_size == 0 || caps.size);
    bool limits = has_line(p, "LIMITS");
    require(limits || (caps.mail_max == 0 && caps.rcpt_max == 0 && caps.rcpt_domain_max == 0));
    require(caps.mail_max <= 999999 && caps.rcpt_max <= 999999 && caps.rcpt_domain_max <= 999999);
}

static void note(struct gw_buf *out, const struct smtp_reply_parser *p, enum smtp_reply_state state)
{
    require(gw_buf_printf(out, "%d %d %zu ", (int)state, p->code, p->n_lines) == GW_OK);
    if (state != SMTP_REPLY_DONE)
        return;
    require(gw_buf_add_slice(out, gw_buf_view(&p->text)) == GW_OK);
    check_info(p);
    check_capabilities(p);
}

static void run(struct gw_slice in, size_t piece, struct gw_buf *out)
{
    struct smtp_reply_parser p;
    smtp_reply_parser_init(&p);
    enum smtp_reply_state state = SMTP_REPLY_MORE;
    size_t n = 0;
    while (in.len > 0 && n < MAX_REPLIES) {
        size_t used = 0;
        size_t len = in.len < piece ? in.len : piece;
        state = smtp_reply_parse(&p, gw_slice_of(in.data, len), &used);
        require(used <= len && (used == len || state != SMTP_REPLY_MORE));
        in = gw_slice_of(in.data + used, in.len - used);
        if (state == SMTP_REPLY_MORE)
            continue;
        note(out, &p, state);
        if (state != SMTP_REPLY_DONE)
            break; /* where it is found out depends on the pieces, what follows is not looked at */
        smtp_reply_parser_reset(&p);
        n++;
    }
    require(gw_buf_printf(out, "dirty %d", smtp_reply_parser_dirty(&p)) == GW_OK);
    smtp_reply_parser_deinit(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > MAX_SIZE)
        return 0;
    struct gw_slice in = gw_slice_of((const char *)data + 1, size - 1);
    struct gw_buf whole;
    struct gw_buf pieces;
    gw_buf_init(&whole, MAX_TRANSCRIPT);
    gw_buf_init(&pieces, MAX_TRANSCRIPT);
    run(in, MAX_SIZE, &whole);
    run(in, (size_t)data[0] + 1, &pieces);
    require(gw_slice_eq(gw_buf_view(&whole), gw_buf_view(&pieces)));
    gw_buf_deinit(&whole);
    gw_buf_deinit(&pieces);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* The relay's lines and ours. */
#include "tests/lib/replay_impl.h"

#include <string.h>

static void relay_line(struct replay *r, struct gw_slice args)
{
    replay_add_escaped(r, &r->segment, args);
    (void)gw_buf_add_str(&r->segment, "\r\n");
}

static void relay_bytes(struct replay *r, struct gw_slice args)
{
    struct gw_buf bytes;
    gw_buf_init(&bytes, MAX_BYTES);
    replay_add_escaped(r, &bytes, args);
    replay_step_bytes(r, bytes.data, bytes.len);
    gw_buf_deinit(&bytes);
}

/* count character: a flood */
static void relay_flood(struct replay *r, struct gw_slice args)
{
    int64_t count = replay_number(r, replay_next_word(&args));
    struct gw_buf piece;
    gw_buf_init(&piece, MAX_BYTES);
    replay_add_escaped(r, &piece, args);
    for (int64_t i = 0; i < count; i++)
        (void)gw_buf_add_slice(&r->segment, gw_buf_view(&piece));
    gw_buf_deinit(&piece);
    /* Long, and no split of it is more telling than another. */
    enum replay_split split = r->split;
    size_t longest = r->result->longest_segment;
    r->split = REPLAY_WHOLE;
    replay_flush(r);
    r->split = split;
    r->result->longest_segment = longest;
}

static void client_line(struct replay *r, struct gw_slice args)
{
    struct gw_buf want;
    gw_buf_init(&want, MAX_BYTES);
    replay_add_escaped(r, &want, args);
    (void)gw_buf_add_str(&want, "\r\n");
    struct gw_slice have = gw_slice_of(r->out.data + r->out_at, r->out.len - r->out_at);
    if (have.len < want.len || memcmp(have.data, want.data, want.len) != 0)
        replay_fail(r, "expected %.*s, output is %.*s", (int)args.len, args.data,
                    have.len > 80 ? 80 : (int)have.len, have.data);
    else
        r->out_at += want.len;
    gw_buf_deinit(&want);
}

/* The next octets of the content as they are. */
static void client_octets(struct replay *r, size_t len)
{
    size_t have = r->out.len - r->out_at;
    if (len > r->content.len - r->body_at || have < len ||
        memcmp(r->out.data + r->out_at, r->content.data + r->body_at, len) != 0) {
        replay_fail(r, "these are not the next %zu octets of the content", len);
        return;
    }
    r->out_at += len;
    r->body_at += len;
}

/* The content with dots doubled, by a method of its own: "body" = up to its end, "part" = as much
 * as is there. A number: so many octets of it as they are. */
static void client_body(struct replay *r, struct gw_slice args)
{
    if (args.len > 0 && args.data[0] >= '0' && args.data[0] <= '9') {
        client_octets(r, (size_t)replay_number(r, args));
        return;
    }
    struct gw_buf want;
    gw_buf_init(&want, MAX_BYTES);
    for (size_t i = 0; i < r->content.len;) {
        const char *line = r->content.data + i;
        const char *lf = memchr(line, '\n', r->content.len - i);
        size_t len = lf != NULL ? (size_t)(lf - line) + 1 : r->content.len - i;
        if (line[0] == '.')
            (void)gw_buf_add_char(&want, '.');
        (void)gw_buf_add(&want, line, len);
        i += len;
    }
    gw_buf_consume(&want, r->body_at);
    size_t have = r->out.len - r->out_at;
    size_t len = want.len;
    if (gw_slice_is(args, "part"))
        len = have < len ? have : len;
    if (len == 0 || have < len || memcmp(r->out.data + r->out_at, want.data, len) != 0)
        replay_fail(r, "the body is not the content with dots doubled");
    r->out_at += len;
    r->body_at += len;
    gw_buf_deinit(&want);
}

const struct replay_word replay_lines[] = {
    {'S', ":", relay_line},  {'S', "!", relay_bytes}, {'S', "*", relay_flood},
    {'C', ":", client_line}, {'C', ">", client_body}, {0},
};

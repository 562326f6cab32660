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

/* The content with dots doubled, by a method of its own: "body" = up to its end, "part" = as much
 * as is there. */
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

/* SPDX-License-Identifier: MIT */
/* The MIME reader's address lists: mailboxes, with or without a name, also inside groups. What is
 * no address at all comes out as an address without a name.
 *
 * Spec: RFC 5322 sec. 3.4. */
#include "gateway/base/gw_buf.h"
#include "gateway/mime_read_internal.h"

/* One address being read. */
struct reading {
    struct gw_arena *arena;
    struct gw_read_addresses *out;
    struct gw_buf plain;   /* outside of everything, quotes kept */
    struct gw_buf angle;   /* inside <…> */
    struct gw_buf comment; /* inside (…) */
    bool in_angle, has_angle, quoted;
    unsigned depth; /* of comments */
};

/* A display name: quotes and their escapes removed, encoded words decoded. */
static const char *name_of(struct gw_arena *arena, struct gw_slice in)
{
    struct gw_slice text = gw_read_trim(in);
    char *out = gw_arena_bytes(arena, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"')
            continue;
        if (text.data[i] == '\\' && i + 1 < text.len)
            i++;
        out[n++] = text.data[i];
    }
    out[n] = '\0';
    return gw_read_words(arena, gw_slice_of(out, n));
}

static void end_address(struct reading *r)
{
    struct gw_slice plain = gw_read_trim(gw_buf_view(&r->plain));
    struct gw_slice email = r->has_angle ? gw_read_trim(gw_buf_view(&r->angle)) : plain;
    struct gw_slice name = r->has_angle && plain.len > 0 ? plain : gw_buf_view(&r->comment);
    if ((email.len > 0 || r->has_angle) && r->out->n < GW_MIME_READ_MAX_ADDRESSES) {
        r->out->items[r->out->n++] = (struct gw_read_address){
            .name = name_of(r->arena, name),
            .email = gw_read_to_utf8(r->arena, email, GW_SLICE_LIT("utf-8")).data};
    }
    gw_buf_reset(&r->plain);
    gw_buf_reset(&r->angle);
    gw_buf_reset(&r->comment);
    r->has_angle = false;
    r->in_angle = false;
}

static void add(struct reading *r, char c)
{
    if (r->depth > 0)
        (void)gw_buf_add_char(&r->comment, c);
    else
        (void)gw_buf_add_char(r->in_angle ? &r->angle : &r->plain, c);
}

/* A character with a meaning, outside of quotes and comments. */
static void structure(struct reading *r, char c)
{
    if (c == '<' && !r->has_angle) {
        r->in_angle = true;
        r->has_angle = true;
    } else if (c == '>' && r->in_angle) {
        r->in_angle = false;
    } else if ((c == ',' && !r->in_angle) || c == ';') {
        end_address(r);
    } else if (c == ':' && !r->has_angle) {
        gw_buf_reset(&r->plain); /* a group's name */
    } else {
        add(r, c);
    }
}

static void read_char(struct reading *r, char c)
{
    if (c == '(' && !r->quoted) {
        if (r->depth++ > 0)
            add(r, c);
    } else if (c == ')' && !r->quoted && r->depth > 0) {
        if (r->depth > 1)
            add(r, c);
        r->depth--;
    } else if (r->depth == 0 && !r->quoted && c != '"') {
        structure(r, c);
    } else {
        r->quoted ^= r->depth == 0 && c == '"';
        add(r, c);
    }
}

static size_t most_addresses(struct gw_slice in)
{
    size_t n = 1;
    for (size_t i = 0; i < in.len; i++)
        n += in.data[i] == ',' || in.data[i] == ';';
    return n < GW_MIME_READ_MAX_ADDRESSES ? n : GW_MIME_READ_MAX_ADDRESSES;
}

void gw_read_addresses(struct gw_arena *arena, struct gw_slice value, struct gw_read_addresses *out)
{
    struct gw_slice in = gw_read_unfold(arena, value);
    struct reading r = {.arena = arena, .out = out};
    gw_buf_init(&r.plain, in.len + 1);
    gw_buf_init(&r.angle, in.len + 1);
    gw_buf_init(&r.comment, in.len + 1);
    out->items = GW_ARENA_ARRAY(arena, struct gw_read_address, most_addresses(in));
    out->n = 0;
    for (size_t i = 0; i < in.len; i++) {
        bool escape = in.data[i] == '\\' && i + 1 < in.len && (r.quoted || r.depth > 0);
        if (escape) {
            add(&r, in.data[i++]);
            add(&r, in.data[i]);
        } else {
            read_char(&r, in.data[i]);
        }
    }
    end_address(&r);
    gw_buf_deinit(&r.plain);
    gw_buf_deinit(&r.angle);
    gw_buf_deinit(&r.comment);
}

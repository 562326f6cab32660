/* SPDX-License-Identifier: MIT */
/* The content of a message that comes as MIME. Clean content is copied; else its tree is walked and
 * what is not 7-bit, or has lines that are too long, is encoded anew, leaf by leaf.
 *
 * Spec: RFC 2045 sec. 6, RFC 2046 sec. 5.1 and 5.2.1. */
#include <string.h>

#include "gateway/base/gw_utf8.h"
#include "gateway/mime_internal.h"
#include "gateway/mime_read_internal.h"
#include "gateway/raw_internal.h"

bool gw_raw_is_clean(struct gw_slice s)
{
    size_t line = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c == '\r' || c == '\n')
            line = 0;
        else if (c == 0 || c >= 0x80 || ++line > GW_RAW_MAX_LINE)
            return false;
    }
    return true;
}

enum {
    MAX_BOUNDARY = 70
};

struct walk {
    struct gw_arena *arena;
    struct gw_buf *out;
    size_t n_parts;
    const char *fault; /* what cannot be mended */
};

/* An entity: its Content-* fields (of a message at the top) or all its fields, and its body. */
struct entity {
    struct gw_slice type, encoding; /* data NULL: not given */
    struct gw_slice body;
};

static void add_str(struct walk *w, const char *s)
{
    (void)gw_buf_add_str(w->out, s);
}

static bool is_named(struct gw_slice name, const char *wanted)
{
    return gw_slice_eq_nocase(name, gw_slice_str(wanted));
}

static struct gw_slice next_line(struct gw_slice *rest)
{
    const char *lf = memchr(rest->data, '\n', rest->len);
    size_t len = lf != NULL ? (size_t)(lf - rest->data) + 1 : rest->len;
    struct gw_slice line = gw_slice_of(rest->data, len);
    *rest = gw_slice_of(rest->data + len, rest->len - len);
    return line;
}

static struct gw_slice without_end(struct gw_slice s)
{
    if (s.len > 0 && s.data[s.len - 1] == '\n')
        s.len--;
    if (s.len > 0 && s.data[s.len - 1] == '\r')
        s.len--;
    return s;
}

static bool is_boundary(struct gw_slice line, struct gw_slice boundary, bool *last_out)
{
    if (line.len < boundary.len + 2 || memcmp(line.data, "--", 2) != 0 ||
        memcmp(line.data + 2, boundary.data, boundary.len) != 0)
        return false;
    struct gw_slice end = gw_slice_of(line.data + boundary.len + 2, line.len - boundary.len - 2);
    *last_out = end.len >= 2 && memcmp(end.data, "--", 2) == 0;
    if (*last_out)
        end = gw_slice_of(end.data + 2, end.len - 2);
    return gw_read_trim(end).len == 0;
}

/* Takes what stands up to the next boundary line off @rest, and that line. The line end before a
 * boundary is the boundary's. False: there is none any more, and *part_out is the rest. */
static bool take_part(struct gw_slice *rest, struct gw_slice boundary, struct gw_slice *part_out,
                      bool *last_out)
{
    const char *from = rest->data;
    while (rest->len > 0) {
        struct gw_slice line = next_line(rest);
        if (is_boundary(line, boundary, last_out)) {
            *part_out = without_end(gw_slice_of(from, (size_t)(line.data - from)));
            return true;
        }
    }
    *part_out = gw_slice_of(from, (size_t)(rest->data - from));
    return false;
}

static bool is_identity(struct gw_slice encoding)
{
    struct gw_slice e = gw_read_trim(encoding);
    return e.len == 0 || is_named(e, "7bit") || is_named(e, "8bit") || is_named(e, "binary");
}

/* Content ends in CRLF; in a multipart that one is the next boundary's. */
static void end_leaf(struct walk *w, unsigned depth)
{
    if (depth > 0 || memcmp(w->out->data + w->out->len - 2, "\r\n", 2) != 0)
        add_str(w, "\r\n");
}

static void write_encoded(struct walk *w, enum gw_mime_encoding encoding, struct gw_slice bytes,
                          bool text)
{
    add_str(w, "Content-Transfer-Encoding: ");
    add_str(w, gw_mime_encoding_name(encoding));
    add_str(w, "\r\n\r\n");
    if (text)
        gw_mime_write_text(w->out, bytes, encoding);
    else
        gw_mime_write_base64(w->out, bytes);
}

/* Behind the entity's other fields. */
static void write_leaf(struct walk *w, const struct entity *e, const char *type, unsigned depth)
{
    if (gw_raw_is_clean(e->body)) {
        if (e->encoding.data != NULL) {
            add_str(w, "Content-Transfer-Encoding: ");
            (void)gw_buf_add_slice(w->out, gw_read_unfold(w->arena, e->encoding));
            add_str(w, "\r\n");
        }
        add_str(w, "\r\n");
        gw_mime_write_text(w->out, e->body, GW_MIME_7BIT);
        end_leaf(w, depth);
        return;
    }
    struct gw_slice bytes =
        is_identity(e->encoding) ? e->body : gw_read_transfer(w->arena, e->body, e->encoding);
    bool text = strncmp(type, "text/", strlen("text/")) == 0 &&
                (bytes.len == 0 || memchr(bytes.data, '\0', bytes.len) == NULL);
    enum gw_mime_encoding encoding = text ? gw_mime_choose_encoding(bytes) : GW_MIME_BASE64;
    write_encoded(w, encoding, bytes, text);
    end_leaf(w, depth);
}

/* RFC 2046 sec. 5.1.1. */
static bool is_usable(const char *boundary)
{
    size_t len = boundary != NULL ? strlen(boundary) : 0;
    for (size_t i = 0; i < len; i++)
        if (boundary[i] < ' ' || boundary[i] > '~')
            return false;
    return len > 0 && len <= MAX_BOUNDARY && boundary[len - 1] != ' ';
}

static void write_entity(struct walk *w, struct gw_slice raw, unsigned depth);

static void write_multipart(struct walk *w, const struct entity *e, const char *boundary,
                            unsigned depth)
{
    struct gw_slice rest = e->body;
    struct gw_slice part;
    bool last = false;
    add_str(w, "\r\n");
    bool more = take_part(&rest, gw_slice_str(boundary), &part, &last);
    while (more && !last && w->fault == NULL) {
        more = take_part(&rest, gw_slice_str(boundary), &part, &last);
        if (++w->n_parts > GW_RAW_MAX_PARTS)
            w->fault = "it has more than 2,000 parts";
        (void)gw_buf_printf(w->out, "--%s\r\n", boundary);
        write_entity(w, part, depth + 1);
    }
    (void)gw_buf_printf(w->out, "--%s--\r\n", boundary);
}

static void write_content(struct walk *w, const struct entity *e, unsigned depth)
{
    struct gw_read_params type;
    gw_read_params(w->arena, e->type, &type);
    bool multipart = strncmp(type.value, "multipart/", strlen("multipart/")) == 0;
    const char *boundary = multipart ? gw_read_param(w->arena, &type, "boundary") : NULL;
    bool message = strcmp(type.value, "message/rfc822") == 0 && is_identity(e->encoding);
    if (depth == GW_RAW_MAX_DEPTH && (multipart || message)) {
        w->fault = "its parts are nested deeper than 16 levels";
    } else if (message) {
        add_str(w, "\r\n");
        write_entity(w, e->body, depth + 1);
    } else if (!multipart) {
        write_leaf(w, e, type.value[0] != '\0' ? type.value : "text/plain", depth);
    } else if (!is_usable(boundary)) {
        w->fault = "a multipart has no boundary that can be used";
    } else {
        write_multipart(w, e, boundary, depth);
    }
}
static void note_field(struct entity *e, struct gw_slice name, struct gw_slice value)
{
    if (is_named(name, "Content-Type") && e->type.data == NULL)
        e->type = value;
    if (is_named(name, "Content-Transfer-Encoding") && e->encoding.data == NULL)
        e->encoding = value;
}

/* A part, or a message inside. */
static void write_entity(struct walk *w, struct gw_slice raw, unsigned depth)
{
    struct entity e = {.body = raw};
    struct gw_read_field f;
    while (w->fault == NULL && gw_read_next_field(&e.body, &f)) {
        note_field(&e, f.name, f.value);
        if (!is_named(f.name, "Content-Transfer-Encoding") && gw_mime_header_name_valid(f.name))
            gw_raw_write_field(w->arena, w->out, f.name, f.value);
    }
    if (w->fault == NULL)
        write_content(w, &e, depth);
}

/* A text without a type whose octets say what it is. */
static void write_type(struct walk *w, const struct gw_raw_message *m)
{
    bool utf8 = !gw_raw_is_clean(m->body) && gw_utf8_valid(m->body);
    add_str(w, utf8 ? "Content-Type: text/plain; charset=utf-8\r\n"
                    : "Content-Type: text/plain; charset=us-ascii\r\n");
}

const char *gw_raw_write_content(struct gw_arena *arena, const struct gw_raw_message *m,
                                 struct gw_buf *out)
{
    struct walk w = {.arena = arena, .out = out};
    struct entity e = {.body = m->body};
    bool clean = gw_raw_is_clean(m->body);
    for (size_t i = 0; i < m->n_fields; i++) {
        struct gw_slice name = m->fields[i].name;
        note_field(&e, name, m->fields[i].value);
        bool content = name.len > 8 && is_named(gw_slice_of(name.data, 8), "Content-");
        if (content && (clean || !is_named(name, "Content-Transfer-Encoding")))
            gw_raw_write_field(arena, out, name, m->fields[i].value);
    }
    if (e.type.data == NULL)
        write_type(&w, m);
    if (clean) {
        add_str(&w, "\r\n");
        gw_mime_write_text(out, m->body, GW_MIME_7BIT);
        if (m->body.len == 0 || memcmp(out->data + out->len - 2, "\r\n", 2) != 0)
            add_str(&w, "\r\n");
    } else {
        write_content(&w, &e, 0);
    }
    return w.fault;
}

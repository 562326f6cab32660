/* SPDX-License-Identifier: MIT */
/* The MIME reader: header fields, and a walk over the parts. */
#include "gateway/mime_read.h"

#include "gateway/mime_read_internal.h"

/* ---- lines and fields ---- */

/* Takes a line off @rest; @out without its end of line (CRLF or LF). */
static bool next_line(struct gw_slice *rest, struct gw_slice *out)
{
    if (rest->len == 0)
        return false;
    const char *lf = memchr(rest->data, '\n', rest->len);
    size_t size = lf != NULL ? (size_t)(lf - rest->data) + 1 : rest->len;
    *out = gw_slice_of(rest->data, lf != NULL ? size - 1 : size);
    if (out->len > 0 && lf != NULL && out->data[out->len - 1] == '\r')
        out->len--;
    *rest = gw_slice_of(rest->data + size, rest->len - size);
    return true;
}

/* Length of the field name that @line starts with, up to its colon. 0: it is not a field. */
static size_t field_name_size(struct gw_slice line)
{
    size_t n = 0;
    while (n < line.len && line.data[n] > ' ' && line.data[n] < 0x7f && line.data[n] != ':')
        n++;
    size_t colon = n;
    while (colon < line.len && (line.data[colon] == ' ' || line.data[colon] == '\t'))
        colon++; /* obsolete, RFC 5322 sec. 4.5 */
    return colon < line.len && line.data[colon] == ':' ? n : 0;
}

static bool continues(struct gw_slice rest)
{
    return rest.len > 0 && (rest.data[0] == ' ' || rest.data[0] == '\t');
}

bool gw_read_next_field(struct gw_slice *rest, struct gw_read_field *out)
{
    struct gw_slice after = *rest;
    struct gw_slice line;
    if (!next_line(&after, &line))
        return false;
    size_t name = field_name_size(line);
    if (name == 0) {
        if (line.len == 0)
            *rest = after;
        return false;
    }
    const char *colon = memchr(line.data, ':', line.len);
    struct gw_slice more = line;
    while (continues(after) && next_line(&after, &more))
        ;
    out->name = gw_slice_of(line.data, name);
    out->value = gw_slice_of(colon + 1, (size_t)(more.data + more.len - colon) - 1);
    *rest = after;
    return true;
}

/* ---- the walk ---- */

struct walk {
    struct gw_arena *arena;
    struct gw_read_message *out;
    unsigned what; /* GW_MIME_READ_* */
    size_t n_parts, cap_attachments;
    bool has_text, has_html;
};

/* What a part's header says about it. */
struct part {
    struct gw_slice type, encoding, disposition, content_id;
    struct gw_slice body;
};

static struct part read_part(struct gw_slice raw)
{
    struct part p = {.body = raw};
    struct gw_read_field f;
    const struct {
        const char *name;
        struct gw_slice *value;
    } wanted[] = {{"Content-Type", &p.type},
                  {"Content-Transfer-Encoding", &p.encoding},
                  {"Content-Disposition", &p.disposition},
                  {"Content-ID", &p.content_id}};
    while (gw_read_next_field(&p.body, &f))
        for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
            if (wanted[i].value->data == NULL &&
                gw_slice_eq_nocase(f.name, gw_slice_str(wanted[i].name)))
                *wanted[i].value = f.value;
    return p;
}

static void add_attachment(struct walk *w, const struct gw_read_attachment *a)
{
    struct gw_read_message *out = w->out;
    if (out->n_attachments == w->cap_attachments) {
        size_t cap = w->cap_attachments == 0 ? 4 : 2 * w->cap_attachments;
        struct gw_read_attachment *items = GW_ARENA_ARRAY(w->arena, struct gw_read_attachment, cap);
        if (out->n_attachments > 0)
            memcpy(items, out->attachments, out->n_attachments * sizeof(*items));
        out->attachments = items;
        w->cap_attachments = cap;
    }
    out->attachments[out->n_attachments++] = *a;
}

/* CRLF becomes LF; a CR alone stays. */
static struct gw_slice with_lf(struct gw_arena *arena, struct gw_slice in)
{
    char *out = gw_arena_bytes(arena, in.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++)
        if (in.data[i] != '\r' || i + 1 == in.len || in.data[i + 1] != '\n')
            out[n++] = in.data[i];
    out[n] = '\0';
    return gw_slice_of(out, n);
}

static const char *without_brackets(struct gw_arena *arena, struct gw_slice value)
{
    struct gw_slice id = gw_read_trim(value);
    if (id.len >= 2 && id.data[0] == '<' && id.data[id.len - 1] == '>')
        id = gw_slice_of(id.data + 1, id.len - 2);
    return gw_read_to_utf8(arena, id, GW_SLICE_LIT("utf-8")).data;
}

static void read_body(struct walk *w, const struct part *p, const struct gw_read_params *type,
                      struct gw_slice *out)
{
    if ((w->what & GW_MIME_READ_BODIES) == 0)
        return;
    const char *charset = gw_read_param(w->arena, type, "charset");
    struct gw_slice octets = gw_read_transfer(w->arena, p->body, p->encoding);
    *out = with_lf(w->arena, gw_read_to_utf8(w->arena, octets, gw_slice_str(charset)));
}

static void read_leaf(struct walk *w, const struct part *p, const struct gw_read_params *type)
{
    struct gw_read_params disposition;
    gw_read_params(w->arena, p->disposition, &disposition);
    const char *filename = gw_read_param(w->arena, &disposition, "filename");
    if (filename == NULL)
        filename = gw_read_param(w->arena, type, "name");
    bool attached = strcmp(disposition.value, "attachment") == 0;
    const char *content_type = type->value[0] != '\0' ? type->value : "text/plain";
    bool inline_text = !attached && filename == NULL;
    if (inline_text && strcmp(content_type, "text/plain") == 0 && !w->has_text) {
        w->has_text = true;
        read_body(w, p, type, &w->out->text);
    } else if (inline_text && strcmp(content_type, "text/html") == 0 && !w->has_html) {
        w->has_html = true;
        read_body(w, p, type, &w->out->html);
    } else {
        bool contents = (w->what & GW_MIME_READ_CONTENTS) != 0;
        add_attachment(w, &(struct gw_read_attachment){
                              .filename = filename != NULL ? filename : "",
                              .content_type = content_type,
                              .content_id = without_brackets(w->arena, p->content_id),
                              .disposition = attached ? "attachment" : "inline",
                              .content = contents ? gw_read_transfer(w->arena, p->body, p->encoding)
                                                  : gw_read_transfer_size(p->body, p->encoding)});
    }
}

static bool is_boundary(struct gw_slice line, struct gw_slice boundary, bool *last_out)
{
    if (line.len < boundary.len + 2 || memcmp(line.data, "--", 2) != 0 ||
        memcmp(line.data + 2, boundary.data, boundary.len) != 0)
        return false;
    size_t n = boundary.len + 2;
    *last_out = line.len >= n + 2 && memcmp(line.data + n, "--", 2) == 0;
    n += *last_out ? 2 : 0;
    return gw_read_trim(gw_slice_of(line.data + n, line.len - n)).len == 0;
}

/* Takes the text up to the next boundary line off @rest, and that line. False when there is no
 * boundary line any more; @part_out is the rest then. The end of line before a boundary is the
 * boundary's. */
static bool next_part(struct gw_slice *rest, struct gw_slice boundary, struct gw_slice *part_out,
                      bool *last_out)
{
    const char *start = rest->data;
    const char *end = start;
    struct gw_slice line;
    while (next_line(rest, &line)) {
        if (is_boundary(line, boundary, last_out)) {
            *part_out = gw_slice_of(start, (size_t)(end - start));
            return true;
        }
        end = line.data + line.len;
    }
    *part_out = gw_slice_of(start, start != NULL ? (size_t)(rest->data - start) : 0);
    return false;
}

static void read_entity(struct walk *w, struct gw_slice raw, unsigned depth)
{
    struct part p = read_part(raw);
    struct gw_read_params type;
    gw_read_params(w->arena, p.type, &type);
    bool multipart = strncmp(type.value, "multipart/", strlen("multipart/")) == 0;
    const char *boundary = multipart ? gw_read_param(w->arena, &type, "boundary") : NULL;
    struct gw_slice rest = p.body;
    struct gw_slice part;
    bool last = false;
    if (boundary == NULL || boundary[0] == '\0' || depth == GW_MIME_READ_MAX_DEPTH ||
        !next_part(&rest, gw_slice_str(boundary), &part, &last)) {
        read_leaf(w, &p, &type);
        return;
    }
    bool more = true;
    while (!last && more && rest.len > 0 && w->n_parts < GW_MIME_READ_MAX_PARTS) {
        more = next_part(&rest, gw_slice_str(boundary), &part, &last);
        w->n_parts++;
        read_entity(w, part, depth + 1);
    }
}

/* ---- the message ---- */

static size_t count_fields(struct gw_slice raw)
{
    size_t n = 0;
    struct gw_read_field f;
    while (n < GW_MIME_READ_MAX_HEADERS && gw_read_next_field(&raw, &f))
        n++;
    return n;
}

static void read_known_field(struct gw_arena *arena, const struct gw_read_field *f,
                             const char *text, struct gw_read_message *out)
{
    const struct {
        const char *name;
        struct gw_read_addresses *addresses;
        const char **text;
    } known[] = {{"From", &out->from, NULL},       {"To", &out->to, NULL},
                 {"Cc", &out->cc, NULL},           {"Reply-To", &out->reply_to, NULL},
                 {"Subject", NULL, &out->subject}, {"Message-ID", NULL, &out->message_id},
                 {"Date", NULL, &out->date}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (!gw_slice_eq_nocase(f->name, gw_slice_str(known[i].name)))
            continue;
        if (known[i].addresses != NULL && known[i].addresses->items == NULL)
            gw_read_addresses(arena, f->value, known[i].addresses);
        if (known[i].text != NULL && *known[i].text == NULL)
            *known[i].text = text;
    }
}

static void read_headers(struct gw_arena *arena, struct gw_slice raw, struct gw_read_message *out)
{
    size_t n = count_fields(raw);
    struct gw_read_field f;
    out->headers = GW_ARENA_ARRAY(arena, struct gw_read_header, n);
    while (out->n_headers < n && gw_read_next_field(&raw, &f)) {
        const char *text = gw_read_words(arena, gw_read_unfold(arena, f.value));
        out->headers[out->n_headers++] =
            (struct gw_read_header){.name = gw_arena_cstr(arena, f.name), .value = text};
        read_known_field(arena, &f, text, out);
    }
    const char **const texts[] = {&out->subject, &out->message_id, &out->date};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (*texts[i] == NULL)
            *texts[i] = "";
}

void gw_mime_read(struct gw_arena *arena, struct gw_slice raw, unsigned what,
                  struct gw_read_message *out)
{
    *out = (struct gw_read_message){0};
    struct walk w = {.arena = arena, .out = out, .what = what};
    read_headers(arena, raw, out);
    read_entity(&w, raw, 0);
}

const char *gw_mime_read_subject(struct gw_arena *arena, struct gw_slice raw)
{
    struct gw_read_field f;
    if (raw.len > GW_MIME_READ_SUBJECT_WITHIN)
        raw.len = GW_MIME_READ_SUBJECT_WITHIN;
    while (gw_read_next_field(&raw, &f))
        if (gw_slice_eq_nocase(f.name, GW_SLICE_LIT("Subject")))
            return gw_read_words(arena, gw_read_unfold(arena, f.value));
    return "";
}

const char *gw_mime_read_header(const struct gw_read_message *m, const char *name)
{
    for (size_t i = 0; i < m->n_headers; i++)
        if (strcasecmp(m->headers[i].name, name) == 0)
            return m->headers[i].value;
    return NULL;
}

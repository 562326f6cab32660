/* SPDX-License-Identifier: MIT */
/* The whole message: header fields in order, and the parts in their nesting. */
#include "gateway/mime.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_random.h"
#include "gateway/base/gw_utf8.h"
#include "gateway/mime_internal.h"

enum {
    BOUNDARY_BYTES = 15, /* of randomness */
    BOUNDARY_SIZE = 2 + 2 * BOUNDARY_BYTES + 1,
    MAX_FALLBACK_NAME = 60, /* characters of the ASCII file name for old readers */
    MAX_DERIVED_GROWTH = 3  /* text derived from html may be so much longer; ours */
};

/* A message being written. */
struct builder {
    const struct gw_mime_input *in;
    struct gw_buf *out;
    size_t start, body_at; /* body_at 0: in the message's own header still */
    struct gw_slice text;
    bool has_text, has_html;
};

/* Random, and never part of base64 or quoted-printable, where "=" is followed by a digit or a line
 * end; 7bit bodies that hold it are encoded (gw_mime_choose_encoding). */
struct boundary {
    char text[BOUNDARY_SIZE];
};

static struct boundary new_boundary(void)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char random[BOUNDARY_BYTES];
    gw_random_bytes(random, sizeof(random));
    struct boundary b = {"=_"};
    for (size_t i = 0; i < BOUNDARY_BYTES; i++) {
        b.text[2 + 2 * i] = hex[random[i] >> 4];
        b.text[3 + 2 * i] = hex[random[i] & 15];
    }
    return b;
}

static void end_header(struct builder *b)
{
    (void)gw_buf_add(b->out, "\r\n", 2);
    if (b->body_at == 0)
        b->body_at = b->out->len - b->start;
}

/* @type  for multipart/related: the type of its root (RFC 2387 sec. 3.1), else NULL */
static struct boundary open_multipart(struct builder *b, const char *subtype, const char *type)
{
    struct boundary boundary = new_boundary();
    struct gw_mime_field f = gw_mime_field_start(b->out, "Content-Type");
    gw_mime_field_glue(&f, " multipart/");
    gw_mime_field_glue(&f, subtype);
    if (type != NULL)
        gw_mime_field_param(&f, "type", gw_slice_str(type));
    gw_mime_field_param(&f, "boundary", gw_slice_str(boundary.text));
    gw_mime_field_end(&f);
    end_header(b);
    (void)gw_buf_printf(b->out, "--%s\r\n", boundary.text);
    return boundary;
}

static void next_part(struct builder *b, const struct boundary *boundary)
{
    (void)gw_buf_printf(b->out, "\r\n--%s\r\n", boundary->text);
}

static void close_multipart(struct builder *b, const struct boundary *boundary)
{
    (void)gw_buf_printf(b->out, "\r\n--%s--", boundary->text);
}

static void write_text(struct builder *b, const char *subtype, struct gw_slice text)
{
    enum gw_mime_encoding e = gw_mime_choose_encoding(text);
    (void)gw_buf_printf(b->out,
                        "Content-Type: text/%s; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: %s\r\n",
                        subtype, gw_mime_encoding_name(e));
    end_header(b);
    gw_mime_write_text(b->out, text, e);
}

/* For readers that know no RFC 2231: the name with "_" for what ASCII and quoting do not carry; of
 * a long one the end, where the extension is. */
static size_t fallback_name(struct gw_slice name, char out[MAX_FALLBACK_NAME])
{
    size_t n_chars = 0;
    for (size_t i = 0; i < name.len; i++)
        n_chars += ((unsigned char)name.data[i] & 0xc0) != 0x80 ? 1 : 0;
    size_t skip = n_chars > MAX_FALLBACK_NAME ? n_chars - MAX_FALLBACK_NAME : 0;
    size_t n = 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if (((unsigned char)c & 0xc0) == 0x80)
            continue;
        if (c < 0x20 || c > 0x7e || strchr("\"\\?=", c) != NULL)
            c = '_';
        if (skip > 0)
            skip--;
        else
            out[n++] = c;
    }
    return n;
}

static void write_content_type(struct builder *b, const struct gw_mime_part *part)
{
    const char *type =
        part->content_type != NULL ? part->content_type : gw_mime_type_of(part->filename);
    struct gw_mime_field f = gw_mime_field_start(b->out, "Content-Type");
    gw_mime_field_plain(&f, gw_slice_str(type));
    if (strncmp(type, "text/", 5) == 0 && strstr(type, "; charset=") == NULL &&
        gw_utf8_valid(part->content))
        gw_mime_field_param(&f, "charset", GW_SLICE_LIT("utf-8"));
    if (part->filename != NULL) {
        char name[MAX_FALLBACK_NAME];
        size_t n = fallback_name(gw_slice_str(part->filename), name);
        gw_mime_field_param(&f, "name", gw_slice_of(name, n));
    }
    gw_mime_field_end(&f);
}

static void write_part(struct builder *b, const struct gw_mime_part *part)
{
    write_content_type(b, part);
    struct gw_mime_field f = gw_mime_field_start(b->out, "Content-Disposition");
    gw_mime_field_glue(&f, part->inline_disposition ? " inline" : " attachment");
    if (part->filename != NULL)
        gw_mime_field_param(&f, "filename", gw_slice_str(part->filename));
    gw_mime_field_end(&f);
    if (part->content_id != NULL)
        (void)gw_buf_printf(b->out, "Content-ID: <%s>\r\n", part->content_id);
    (void)gw_buf_add_str(b->out, "Content-Transfer-Encoding: base64\r\n");
    end_header(b);
    gw_mime_write_base64(b->out, part->content);
}

static bool is_related(const struct builder *b, const struct gw_mime_part *part)
{
    return part->content_id != NULL && b->has_html;
}

static size_t count_related(const struct builder *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->in->n_parts; i++)
        n += is_related(b, &b->in->parts[i]) ? 1 : 0;
    return n;
}

static void write_bodies(struct builder *b)
{
    if (!b->has_html) {
        write_text(b, "plain", b->text);
    } else if (!b->has_text) {
        write_text(b, "html", b->in->html);
    } else {
        struct boundary alternative = open_multipart(b, "alternative", NULL);
        write_text(b, "plain", b->text);
        next_part(b, &alternative);
        write_text(b, "html", b->in->html);
        close_multipart(b, &alternative);
    }
}

static void write_related(struct builder *b)
{
    if (count_related(b) == 0) {
        write_bodies(b);
        return;
    }
    struct boundary related =
        open_multipart(b, "related", b->has_text ? "multipart/alternative" : "text/html");
    write_bodies(b);
    for (size_t i = 0; i < b->in->n_parts; i++) {
        if (is_related(b, &b->in->parts[i])) {
            next_part(b, &related);
            write_part(b, &b->in->parts[i]);
        }
    }
    close_multipart(b, &related);
}

static void write_mixed(struct builder *b)
{
    if (count_related(b) == b->in->n_parts) {
        write_related(b);
        return;
    }
    struct boundary mixed = open_multipart(b, "mixed", NULL);
    write_related(b);
    for (size_t i = 0; i < b->in->n_parts; i++) {
        if (!is_related(b, &b->in->parts[i])) {
            next_part(b, &mixed);
            write_part(b, &b->in->parts[i]);
        }
    }
    close_multipart(b, &mixed);
}

static void write_token(struct gw_buf *out, const char *name, const char *token)
{
    struct gw_mime_field f = gw_mime_field_start(out, name);
    gw_mime_field_word(&f, gw_slice_str(token));
    gw_mime_field_end(&f);
}

static void write_references(struct gw_buf *out, const struct gw_mime_input *in)
{
    if (in->n_references == 0)
        return;
    struct gw_mime_field f = gw_mime_field_start(out, "References");
    for (size_t i = 0; i < in->n_references; i++)
        gw_mime_field_word(&f, gw_slice_str(in->references[i]));
    gw_mime_field_end(&f);
}

static void write_unsubscribe(struct gw_buf *out, const struct gw_mime_input *in)
{
    const char *url = in->unsubscribe_url;
    const char *mailto = in->unsubscribe_mailto;
    if (url == NULL && mailto == NULL)
        return;
    struct gw_mime_field f = gw_mime_field_start(out, "List-Unsubscribe");
    if (url != NULL) {
        gw_mime_field_room(&f, 1, strlen(url) + 2 + (mailto != NULL ? 1 : 0));
        (void)gw_buf_printf(out, "<%s>%s", url, mailto != NULL ? "," : "");
    }
    if (mailto != NULL) {
        gw_mime_field_room(&f, 1, strlen(mailto) + strlen("<mailto:>"));
        (void)gw_buf_printf(out, "<mailto:%s>", mailto);
    }
    gw_mime_field_end(&f);
    if (in->unsubscribe_one_click && url != NULL)
        (void)gw_buf_add_str(out, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
}

static void write_header(const struct gw_mime_input *in, struct gw_buf *out)
{
    char date[GW_TIME_RFC5322_SIZE];
    gw_time_rfc5322(in->date_ms, date);
    gw_mime_write_addresses(out, "From", &in->from, 1);
    gw_mime_write_addresses(out, "To", in->to, in->n_to);
    if (in->n_to + in->n_cc == 0) /* what relays add by themselves, breaking the signature */
        (void)gw_buf_add_str(out, "To: undisclosed-recipients:;\r\n");
    gw_mime_write_addresses(out, "Cc", in->cc, in->n_cc);
    gw_mime_write_addresses(out, "Reply-To", in->reply_to, in->n_reply_to);
    if (in->subject.data != NULL)
        gw_mime_write_text_field(out, "Subject", in->subject);
    (void)gw_buf_printf(out, "Date: %s\r\n", date);
    write_token(out, "Message-ID", in->message_id);
    if (in->in_reply_to != NULL)
        write_token(out, "In-Reply-To", in->in_reply_to);
    write_references(out, in);
    write_unsubscribe(out, in);
    for (size_t i = 0; i < in->n_headers; i++)
        gw_mime_write_custom(out, &in->headers[i]);
    (void)gw_buf_add_str(out, "MIME-Version: 1.0\r\n");
}

enum gw_status gw_mime_build(const struct gw_mime_input *in, struct gw_buf *out,
                             size_t *body_at_out)
{
    struct gw_buf derived;
    gw_buf_init(&derived, MAX_DERIVED_GROWTH * in->html.len + 1);
    struct builder b = {.in = in,
                        .out = out,
                        .start = out->len,
                        .text = in->text.data != NULL ? in->text : GW_SLICE_LIT(""),
                        .has_text = in->text.data != NULL,
                        .has_html = in->html.data != NULL};
    if (b.has_html && !b.has_text) {
        gw_mime_html_to_text(in->html, &derived);
        b.text = gw_buf_view(&derived);
        b.has_text = b.text.len != 0 && !derived.overflowed; /* all of it, or none */
    }
    write_header(in, out);
    write_mixed(&b);
    /* every message ends in CRLF, and DKIM's relaxed body must not be wholly empty */
    if (out->len < 2 || out->len - b.start == b.body_at ||
        memcmp(out->data + out->len - 2, "\r\n", 2) != 0)
        (void)gw_buf_add(out, "\r\n", 2);
    gw_buf_deinit(&derived);
    if (body_at_out != NULL)
        *body_at_out = b.body_at;
    return out->overflowed ? GW_TOOBIG : GW_OK;
}

/* Bounds, generous and simple: an encoded-word around every other byte takes 18 bytes for two, a
 * text in which every byte is a line end doubles and is then base64. */
enum {
    PER_HEADER_BYTE = 20,
    PER_TEXT_BYTE = 3,
    PER_FIELD = 128,
    PER_PART = 1024,
    FIXED = 4096
};

static size_t text_field_max(size_t len)
{
    return PER_FIELD + PER_HEADER_BYTE * len;
}

static size_t addresses_max(const struct gw_mime_address *list, size_t n)
{
    size_t size = PER_FIELD;
    for (size_t i = 0; i < n; i++) {
        size_t name = list[i].name != NULL ? strlen(list[i].name) : 0;
        size += strlen(list[i].address) + text_field_max(name);
    }
    return size;
}

static size_t str_max(const char *s)
{
    return PER_FIELD + (s != NULL ? PER_HEADER_BYTE * strlen(s) : 0);
}

static size_t part_max(const struct gw_mime_part *part)
{
    return PER_PART + part->content.len / GW_MIME_BASE64_LINE_BYTES * (GW_MIME_BODY_LINE + 2) +
           2 * str_max(part->filename) + str_max(part->content_type) + str_max(part->content_id);
}

size_t gw_mime_max_size(const struct gw_mime_input *in)
{
    size_t size = FIXED + text_field_max(in->subject.len) + addresses_max(&in->from, 1) +
                  addresses_max(in->to, in->n_to) + addresses_max(in->cc, in->n_cc) +
                  addresses_max(in->reply_to, in->n_reply_to);
    for (size_t i = 0; i < in->n_headers; i++)
        size += str_max(in->headers[i].name) + text_field_max(in->headers[i].value.len);
    for (size_t i = 0; i < in->n_references; i++)
        size += str_max(in->references[i]);
    size += str_max(in->message_id) + str_max(in->in_reply_to) + str_max(in->unsubscribe_url) +
            str_max(in->unsubscribe_mailto);
    size_t derived = in->text.data == NULL ? MAX_DERIVED_GROWTH * in->html.len : 0;
    size += PER_TEXT_BYTE * (in->text.len + in->html.len + derived);
    for (size_t i = 0; i < in->n_parts; i++)
        size += part_max(&in->parts[i]);
    return size;
}

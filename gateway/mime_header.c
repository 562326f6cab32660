/* SPDX-License-Identifier: MIT */
/* Header fields by kind: text, addresses, parameters; and which names are ours.
 *
 * Spec: RFC 5322 sec. 3.4 and 3.6, RFC 2231 (parameters), RFC 2369 (list headers). */
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_utf8.h"
#include "gateway/mime_internal.h"

enum {
    MAX_NAME = 76,  /* of a field; libopendkim writes out of bounds over 4096 */
    MAX_PHRASE = 60 /* longer display names become encoded-words, which can be folded */
};

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Or the start of one: some readers decode more than RFC 2047 allows. */
static bool holds_encoded_word(struct gw_slice s)
{
    return s.len >= 2 && memmem(s.data, s.len, "=?", 2) != NULL;
}

static bool is_printable_ascii(struct gw_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < 0x20 || s.data[i] > 0x7e)
            return false;
    }
    return true;
}

void gw_mime_write_text_field(struct gw_buf *out, const char *name, struct gw_slice value)
{
    struct gw_mime_field f = gw_mime_field_start(out, name);
    gw_mime_field_text(&f, value);
    gw_mime_field_end(&f);
}

void gw_mime_write_custom(struct gw_buf *out, const struct gw_mime_header *header)
{
    struct gw_mime_field f = gw_mime_field_start(out, header->name);
    f.max_word = GW_MIME_MAX_PLAIN_WORD; /* programs read these, and few decode */
    if (gw_mime_header_structured(gw_slice_str(header->name)))
        gw_mime_field_plain(&f, header->value);
    else
        gw_mime_field_text(&f, header->value);
    gw_mime_field_end(&f);
}

/* Words of atext with single spaces between: a phrase needs no quotes. */
static bool is_atoms(struct gw_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        if (c == ' ' ? s.data[i - 1] == ' '
                     : !is_alnum(c) && strchr("!#$%&'*+-/=?^_`{|}~", c) == NULL)
            return false;
    }
    return true;
}

static void write_quoted(struct gw_mime_field *f, struct gw_slice s)
{
    char quoted[2 * MAX_PHRASE + 2];
    size_t n = 0;
    quoted[n++] = '"';
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '"' || s.data[i] == '\\')
            quoted[n++] = '\\';
        quoted[n++] = s.data[i];
    }
    quoted[n++] = '"';
    gw_mime_field_word(f, gw_slice_of(quoted, n));
}

static void write_phrase(struct gw_mime_field *f, struct gw_slice name)
{
    if (name.len > MAX_PHRASE || !is_printable_ascii(name) || holds_encoded_word(name))
        gw_mime_field_encoded(f, name, true);
    else if (name.data[0] != ' ' && is_atoms(name))
        gw_mime_field_word(f, name);
    else
        write_quoted(f, name);
}

void gw_mime_write_addresses(struct gw_buf *out, const char *name,
                             const struct gw_mime_address *list, size_t n)
{
    if (n == 0)
        return;
    struct gw_mime_field f = gw_mime_field_start(out, name);
    for (size_t i = 0; i < n; i++) {
        struct gw_slice address = gw_slice_str(list[i].address);
        bool named = list[i].name != NULL && list[i].name[0] != '\0';
        size_t comma = i + 1 < n ? 1 : 0;
        if (named)
            write_phrase(&f, gw_slice_str(list[i].name));
        gw_mime_field_room(&f, 1, address.len + comma + (named ? 2 : 0));
        (void)gw_buf_add_str(out, named ? "<" : "");
        (void)gw_buf_add_slice(out, address);
        (void)gw_buf_add_str(out, named ? ">" : "");
        (void)gw_buf_add(out, ",", comma);
    }
    gw_mime_field_end(&f);
}

/* RFC 2231 sec. 7 attribute-char. */
static bool is_attribute_char(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("!#$&+-.^_`{|}~", c) != NULL);
}

/* One character of @value from @at on, percent-encoded where needed. Returns its length in @to. */
static size_t encode_char(struct gw_slice value, size_t *at, char to[3 * GW_UTF8_MAX])
{
    static const char hex[] = "0123456789ABCDEF";
    if (is_attribute_char(value.data[*at])) {
        to[0] = value.data[(*at)++];
        return 1;
    }
    uint32_t cp;
    size_t len = gw_utf8_decode(gw_slice_of(value.data + *at, value.len - *at), &cp);
    size_t n = 0;
    for (size_t i = 0; i < (len != 0 ? len : 1); i++) {
        unsigned char c = (unsigned char)value.data[(*at)++];
        to[n++] = '%';
        to[n++] = hex[c >> 4];
        to[n++] = hex[c & 15];
    }
    return n;
}

static size_t encoded_size(struct gw_slice value)
{
    size_t n = 0;
    for (size_t i = 0; i < value.len; i++)
        n += is_attribute_char(value.data[i]) ? 1 : 3;
    return n;
}

/* `name*=UTF-8''…`, or `name*0*=UTF-8''…; name*1*=…` in lines of GW_MIME_LINE. */
static void write_extended(struct gw_mime_field *f, const char *name, struct gw_slice value)
{
    static const char charset[] = "UTF-8''";
    /* a space before, a ";" behind */
    bool one = 1 + strlen(name) + 2 + strlen(charset) + encoded_size(value) + 1 <= GW_MIME_LINE;
    size_t at = 0;
    for (unsigned section = 0; at < value.len || section == 0; section++) {
        char line[2 * GW_MIME_LINE];
        const char *prefix = section == 0 ? charset : "";
        int n = one ? snprintf(line, sizeof(line), "%s*=%s", name, prefix)
                    : snprintf(line, sizeof(line), "%s*%u*=%s", name, section, prefix);
        size_t len = (size_t)n;
        CHECK(n > 0 && len < GW_MIME_LINE / 2);
        while (at < value.len) {
            char piece[3 * GW_UTF8_MAX];
            size_t next = at;
            size_t piece_len = encode_char(value, &next, piece);
            if (1 + len + piece_len + 1 > GW_MIME_LINE)
                break;
            memcpy(line + len, piece, piece_len);
            len += piece_len;
            at = next;
        }
        if (section > 0)
            gw_mime_field_glue(f, ";");
        gw_mime_field_word(f, gw_slice_of(line, len));
    }
}

void gw_mime_field_param(struct gw_mime_field *f, const char *name, struct gw_slice value)
{
    gw_mime_field_glue(f, ";");
    size_t quoted_size = strlen(name) + 3 + value.len;
    bool plain = is_printable_ascii(value) && !holds_encoded_word(value) &&
                 memchr(value.data, '"', value.len) == NULL &&
                 memchr(value.data, '\\', value.len) == NULL && 1 + quoted_size + 1 <= GW_MIME_LINE;
    if (!plain) {
        write_extended(f, name, value);
        return;
    }
    gw_mime_field_room(f, 1, quoted_size);
    (void)gw_buf_add_str(f->out, name);
    (void)gw_buf_add_str(f->out, "=\"");
    (void)gw_buf_add_slice(f->out, value);
    (void)gw_buf_add_char(f->out, '"');
}

bool gw_mime_header_name_valid(struct gw_slice name)
{
    if (name.len == 0 || name.len > MAX_NAME)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] < 0x21 || name.data[i] > 0x7e || name.data[i] == ':')
            return false;
    }
    return true;
}

static bool starts_with(struct gw_slice s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.len >= n && strncasecmp(s.data, prefix, n) == 0;
}

bool gw_mime_header_structured(struct gw_slice name)
{
    return starts_with(name, "List-");
}

bool gw_mime_header_managed(struct gw_slice name)
{
    static const char *const names[] = {
        "From",
        "To",
        "Cc",
        "Bcc",
        "Reply-To",
        "Subject",
        "Date",
        "Message-ID",
        "Sender",
        "MIME-Version",
        "Return-Path",
        "DKIM-Signature",
        "Received",
        "Delivered-To",
        "Apparently-To",
        "Received-SPF",
        "X-Original-To",
        "DomainKey-Signature",
        "Authentication-Results",
    };
    static const char *const prefixes[] = {"Content-", "Resent-", "ARC-"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (gw_slice_eq_nocase(name, gw_slice_str(names[i])))
            return true;
    }
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (starts_with(name, prefixes[i]))
            return true;
    }
    return false;
}

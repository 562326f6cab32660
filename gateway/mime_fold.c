/* SPDX-License-Identifier: MIT */
/* Header fields: folding and encoded-words.
 *
 * Spec: RFC 5322 sec. 2.2.3 (folding), RFC 2047 (encoded-words). */
#include <string.h>

#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_utf8.h"
#include "gateway/mime_internal.h"

enum {
    MAX_WORD = GW_MIME_LINE - 1, /* a word alone on a folded line */
    MAX_SPACES = 16,             /* longer runs of white space are encoded */
    OVERHEAD = 12,               /* =?UTF-8?Q? and ?= */
    MAX_PAYLOAD = GW_MIME_ENCODED_WORD - OVERHEAD,
    MIN_PAYLOAD = 24 /* less room than this on a line is not worth an encoded-word */
};

struct gw_mime_field gw_mime_field_start(struct gw_buf *out, const char *name)
{
    (void)gw_buf_add_str(out, name);
    (void)gw_buf_add_char(out, ':');
    return (struct gw_mime_field){
        .out = out, .col = strlen(name) + 1, .max_word = MAX_WORD, .empty = true};
}

void gw_mime_field_end(struct gw_mime_field *f)
{
    (void)gw_buf_add(f->out, "\r\n", 2);
    f->col = 0;
}

void gw_mime_field_room(struct gw_mime_field *f, size_t n_spaces, size_t len)
{
    static const char spaces[MAX_SPACES + 1] = "                ";
    /* never before the first word: some readers take the fold for a space (CPython 3.11) */
    if (f->col + n_spaces + len > GW_MIME_LINE && !f->empty)
        gw_mime_field_end(f);
    f->empty = false;
    (void)gw_buf_add(f->out, spaces, n_spaces < MAX_SPACES ? n_spaces : MAX_SPACES);
    f->col += n_spaces + len;
}

void gw_mime_field_word(struct gw_mime_field *f, struct gw_slice word)
{
    gw_mime_field_room(f, 1, word.len);
    (void)gw_buf_add_slice(f->out, word);
}

void gw_mime_field_glue(struct gw_mime_field *f, const char *s)
{
    (void)gw_buf_add_str(f->out, s);
    f->col += strlen(s);
    f->empty = false;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static size_t count_spaces(struct gw_slice s, size_t at)
{
    size_t n = 0;
    while (at + n < s.len && is_space(s.data[at + n]))
        n++;
    return n;
}

static size_t count_word(struct gw_slice s, size_t at)
{
    size_t n = 0;
    while (at + n < s.len && !is_space(s.data[at + n]))
        n++;
    return n;
}

void gw_mime_field_plain(struct gw_mime_field *f, struct gw_slice value)
{
    size_t at = count_spaces(value, 0);
    while (at < value.len) {
        size_t n = count_word(value, at);
        gw_mime_field_word(f, gw_slice_of(value.data + at, n));
        at += n;
        at += count_spaces(value, at);
    }
}

/* RFC 2047 sec. 5 (3): what may stand for itself in Q also inside a phrase. */
static bool q_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '!' ||
           c == '*' || c == '+' || c == '-' || c == '/';
}

static size_t q_size(struct gw_slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += q_plain((unsigned char)s.data[i]) || s.data[i] == ' ' ? 1 : 3;
    return n;
}

static size_t char_len(struct gw_slice s, size_t at)
{
    uint32_t cp;
    size_t n = gw_utf8_decode(gw_slice_of(s.data + at, s.len - at), &cp);
    return n != 0 ? n : 1;
}

/* Bytes from @at on, whole characters, whose encoding takes up to @payload. */
static size_t fit(struct gw_slice s, size_t at, size_t payload, bool q)
{
    size_t used = 0;
    size_t n = 0;
    while (at + n < s.len) {
        size_t len = char_len(s, at + n);
        size_t cost = q ? q_size(gw_slice_of(s.data + at + n, len)) : len;
        if (used + cost > (q ? payload : payload / 4 * 3))
            break;
        used += cost;
        n += len;
    }
    return n;
}

static void add_q(struct gw_buf *out, struct gw_slice s)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c == ' ') {
            (void)gw_buf_add_char(out, '_');
        } else if (q_plain(c)) {
            (void)gw_buf_add_char(out, s.data[i]);
        } else {
            const char escaped[3] = {'=', hex[c >> 4], hex[c & 15]};
            (void)gw_buf_add(out, escaped, sizeof(escaped));
        }
    }
}

static void add_b(struct gw_buf *out, struct gw_slice s)
{
    char *to = gw_buf_reserve(out, gw_base64_encoded_size(s.len));
    if (to != NULL)
        out->len += gw_base64_encode(s.data, s.len, to);
}

/* Room for encoded text on the line in hand. */
static size_t payload_here(const struct gw_mime_field *f)
{
    size_t taken = f->col + 1 + OVERHEAD;
    size_t payload = taken < GW_MIME_LINE ? GW_MIME_LINE - taken : 0;
    if (f->empty && payload < MIN_PAYLOAD)
        return MIN_PAYLOAD;
    return payload < MAX_PAYLOAD ? payload : MAX_PAYLOAD;
}

void gw_mime_field_encoded(struct gw_mime_field *f, struct gw_slice text, bool phrase)
{
    size_t size_q = q_size(text);
    size_t size_b = gw_base64_encoded_size(text.len);
    bool q = size_q <= size_b;
    size_t left = q ? size_q : size_b;
    size_t min = phrase && left <= MAX_PAYLOAD ? left : MIN_PAYLOAD;
    for (size_t at = 0; at < text.len;) {
        if (payload_here(f) < min && payload_here(f) < left && !f->empty)
            gw_mime_field_end(f);
        size_t n = fit(text, at, payload_here(f), q);
        struct gw_slice piece = gw_slice_of(text.data + at, n);
        size_t size = q ? q_size(piece) : gw_base64_encoded_size(n);
        gw_mime_field_room(f, 1, OVERHEAD + size);
        (void)gw_buf_add_str(f->out, q ? "=?UTF-8?Q?" : "=?UTF-8?B?");
        (q ? add_q : add_b)(f->out, piece);
        (void)gw_buf_add_str(f->out, "?=");
        at += n;
        left = q ? left - size : gw_base64_encoded_size(text.len - at);
    }
}

/* A word that cannot stand for itself: not ASCII, too long, or it would be decoded. */
static bool needs_encoding(struct gw_slice word, size_t max_word)
{
    if (word.len > max_word)
        return true;
    for (size_t i = 0; i < word.len; i++) {
        unsigned char c = (unsigned char)word.data[i];
        if (c < 0x21 || c > 0x7e || (c == '=' && i + 1 < word.len && word.data[i + 1] == '?'))
            return true;
    }
    return false;
}

/* White space that a reader would change or drop. */
static bool has_odd_spaces(struct gw_slice s)
{
    if (s.len == 0)
        return false;
    if (is_space(s.data[0]) || is_space(s.data[s.len - 1]))
        return true;
    size_t run = 0;
    for (size_t i = 0; i < s.len; i++) {
        run = s.data[i] == ' ' ? run + 1 : 0;
        if (s.data[i] == '\t' || run > MAX_SPACES)
            return true;
    }
    return false;
}

/* The end of the run of words from @at on that need encoding, the spaces between them included:
 * a reader drops white space between two encoded-words. So are all but one of those behind. */
static size_t encoded_run_end(const struct gw_mime_field *f, struct gw_slice s, size_t at)
{
    for (;;) {
        at += count_word(s, at);
        size_t spaces = count_spaces(s, at);
        if (spaces == 0)
            return at;
        size_t next = at + spaces;
        if (!needs_encoding(gw_slice_of(s.data + next, count_word(s, next)), f->max_word))
            return next - 1;
        at = next;
    }
}

void gw_mime_field_text(struct gw_mime_field *f, struct gw_slice value)
{
    if (has_odd_spaces(value)) {
        gw_mime_field_encoded(f, value, false);
        return;
    }
    for (size_t at = 0; at < value.len;) {
        size_t spaces = count_spaces(value, at);
        struct gw_slice word =
            gw_slice_of(value.data + at + spaces, count_word(value, at + spaces));
        bool no_room = f->empty && f->max_word == MAX_WORD && f->col + 1 + word.len > GW_MIME_LINE;
        if (no_room || needs_encoding(word, f->max_word)) {
            if (spaces > 0)
                at++; /* the one that stands before the encoded-word */
            size_t end = encoded_run_end(f, value, at + (spaces > 0 ? spaces - 1 : 0));
            gw_mime_field_encoded(f, gw_slice_of(value.data + at, end - at), false);
            at = end;
        } else {
            gw_mime_field_room(f, spaces > 0 ? spaces : 1, word.len);
            (void)gw_buf_add_slice(f->out, word);
            at += spaces + word.len;
        }
    }
}

/* SPDX-License-Identifier: MIT */
/* The MIME reader's text: charsets, folds, encoded words. Two charsets are built in, and no
 * converter with tables of its own is called on what a stranger names.
 *
 * Spec: RFC 2047; RFC 5322 sec. 2.2.3. */
#include <stdint.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_utf8.h"
#include "gateway/mime_internal.h"
#include "gateway/mime_read_internal.h"

enum {
    REPLACEMENT = 0xfffd
};

static bool is_latin(struct gw_slice charset)
{
    static const char *const names[] = {"iso-8859-1", "latin1", "windows-1252", "cp1252"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (gw_slice_eq_nocase(charset, gw_slice_str(names[i])))
            return true;
    return false;
}

/* The code point at the start of @in (not empty), and the bytes it takes. */
static size_t next_code_point(struct gw_slice in, bool latin, uint32_t *cp_out)
{
    size_t n = 1;
    unsigned char c = (unsigned char)in.data[0];
    if (latin) /* ISO-8859-1 has controls at 0x80 to 0x9f, which mail that says so never means */
        *cp_out = c >= 0x80 && c < 0xa0 ? gw_mime_windows_1252[c - 0x80] : c;
    else if ((n = gw_utf8_decode(in, cp_out)) == 0)
        *cp_out = REPLACEMENT;
    if (*cp_out == 0)
        *cp_out = REPLACEMENT;
    return n == 0 ? 1 : n;
}

/* Converts; @out NULL only counts. */
static size_t convert(struct gw_slice in, bool latin, char *out)
{
    size_t n_out = 0;
    while (in.len > 0) {
        char bytes[GW_UTF8_MAX];
        uint32_t cp = 0;
        size_t n = next_code_point(in, latin, &cp);
        in = gw_slice_of(in.data + n, in.len - n);
        size_t n_bytes = gw_utf8_encode(cp, bytes);
        if (out != NULL)
            memcpy(out + n_out, bytes, n_bytes);
        n_out += n_bytes;
    }
    return n_out;
}

struct gw_slice gw_read_to_utf8(struct gw_arena *arena, struct gw_slice bytes,
                                struct gw_slice charset)
{
    bool latin = is_latin(charset);
    size_t size = convert(bytes, latin, NULL);
    char *out = gw_arena_bytes(arena, size + 1);
    (void)convert(bytes, latin, out);
    out[size] = '\0';
    return gw_slice_of(out, size);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct gw_slice gw_read_trim(struct gw_slice s)
{
    while (s.len > 0 && is_space(s.data[0]))
        s = gw_slice_of(s.data + 1, s.len - 1);
    while (s.len > 0 && is_space(s.data[s.len - 1]))
        s.len--;
    return s;
}

struct gw_slice gw_read_unfold(struct gw_arena *arena, struct gw_slice value)
{
    struct gw_slice in = gw_read_trim(value);
    char *out = gw_arena_bytes(arena, in.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++)
        if (in.data[i] != '\r' && in.data[i] != '\n')
            out[n++] = in.data[i];
    out[n] = '\0';
    return gw_slice_of(out, n);
}

/* ---- encoded words ---- */

struct word {
    struct gw_slice charset, text;
    bool base64;
    size_t size; /* of the whole word */
};

/* The run of characters from @at up to the next `?`; its end must be inside @in. */
static bool take_to_mark(struct gw_slice in, size_t *at, struct gw_slice *out)
{
    const char *mark = *at < in.len ? memchr(in.data + *at, '?', in.len - *at) : NULL;
    if (mark == NULL)
        return false;
    *out = gw_slice_of(in.data + *at, (size_t)(mark - in.data) - *at);
    *at += out->len + 1;
    return true;
}

/* Is there an encoded word at the start of @in? */
static bool parse_word(struct gw_slice in, struct word *out)
{
    size_t at = 2;
    struct gw_slice encoding;
    if (in.len < 2 || in.data[0] != '=' || in.data[1] != '?' ||
        !take_to_mark(in, &at, &out->charset) || !take_to_mark(in, &at, &encoding) ||
        !take_to_mark(in, &at, &out->text) || at >= in.len || in.data[at] != '=')
        return false;
    const char *language = memchr(out->charset.data, '*', out->charset.len); /* RFC 2231 sec. 5 */
    if (language != NULL)
        out->charset.len = (size_t)(language - out->charset.data);
    out->base64 = gw_slice_eq_nocase(encoding, GW_SLICE_LIT("B"));
    out->size = at + 1;
    return out->base64 || gw_slice_eq_nocase(encoding, GW_SLICE_LIT("Q"));
}

/* Text on its way: words next to each other are converted together, because senders cut code
 * points in two. */
struct words {
    struct gw_arena *arena;
    struct gw_buf out;
    struct gw_buf octets; /* decoded, not yet converted */
    struct gw_slice charset;
};

static void flush_octets(struct words *w)
{
    if (w->octets.len == 0)
        return;
    struct gw_slice text = gw_read_to_utf8(w->arena, gw_buf_view(&w->octets), w->charset);
    (void)gw_buf_add_slice(&w->out, text);
    gw_buf_reset(&w->octets);
}

static void add_plain(struct words *w, struct gw_slice text)
{
    if (text.len == 0)
        return;
    flush_octets(w);
    (void)gw_buf_add_slice(&w->out, gw_read_to_utf8(w->arena, text, GW_SLICE_LIT("utf-8")));
}

static void add_word(struct words *w, const struct word *word)
{
    if (!gw_slice_eq_nocase(w->charset, word->charset))
        flush_octets(w);
    w->charset = word->charset;
    char *to = gw_buf_reserve(&w->octets, word->text.len);
    if (to == NULL)
        return;
    w->octets.len += word->base64 ? gw_read_base64(word->text, to)
                                  : gw_read_quoted_printable(word->text, true, to);
}

const char *gw_read_words(struct gw_arena *arena, struct gw_slice in)
{
    if (memmem(in.data, in.len, "=?", 2) == NULL)
        return gw_read_to_utf8(arena, in, GW_SLICE_LIT("utf-8")).data;
    struct words w = {.arena = arena};
    gw_buf_init(&w.out, 3 * in.len); /* one byte becomes three at most */
    gw_buf_init(&w.octets, in.len);
    size_t from = 0; /* of the plain text before @at */
    bool after_word = false;
    for (size_t at = 0; at < in.len;) {
        struct word word;
        if (!parse_word(gw_slice_of(in.data + at, in.len - at), &word)) {
            at++;
            continue;
        }
        struct gw_slice plain = gw_slice_of(in.data + from, at - from);
        if (!after_word || gw_read_trim(plain).len > 0)
            add_plain(&w, plain);
        add_word(&w, &word);
        after_word = true;
        at += word.size;
        from = at;
    }
    add_plain(&w, gw_slice_of(in.data + from, in.len - from));
    flush_octets(&w);
    const char *text = gw_arena_cstr(arena, gw_buf_view(&w.out));
    gw_buf_deinit(&w.out);
    gw_buf_deinit(&w.octets);
    return text;
}

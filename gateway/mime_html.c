/* SPDX-License-Identifier: MIT */
/* HTML to text, one pass and tolerant: what a reader without HTML needs, not what a browser shows.
 *
 * Text goes out as it comes; white space and line breaks are only wished for and written when text
 * follows, so that runs of empty markup leave nothing behind. Every search that fails ends at the
 * end of the input, so the whole stays linear. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/gw_utf8.h"
#include "gateway/mime_internal.h"

enum {
    MAX_TAG = 12,     /* longer names mean nothing to us */
    MAX_LISTS = 8,    /* deeper ones are indented no further */
    MAX_NEWLINES = 3, /* in a row */
    MAX_URL = 2000
};

enum action {
    LINE,      /* starts and ends a line */
    PARAGRAPH, /* has empty lines around it */
    BREAK,
    RULE,
    CELL,
    LIST,
    ORDERED_LIST,
    ITEM,
    PRE,
    LINK,
    IMAGE,
    SKIPPED /* with all its content */
};

struct tag {
    char name[MAX_TAG];
    enum action action;
};

/* Sorted by name. */
static const struct tag tags[] = {
    {"a", LINK},
    {"address", LINE},
    {"article", PARAGRAPH},
    {"aside", PARAGRAPH},
    {"blockquote", PARAGRAPH},
    {"br", BREAK},
    {"caption", LINE},
    {"dd", LINE},
    {"div", LINE},
    {"dl", PARAGRAPH},
    {"dt", LINE},
    {"fieldset", LINE},
    {"figcaption", LINE},
    {"figure", PARAGRAPH},
    {"footer", PARAGRAPH},
    {"form", LINE},
    {"h1", PARAGRAPH},
    {"h2", PARAGRAPH},
    {"h3", PARAGRAPH},
    {"h4", PARAGRAPH},
    {"h5", PARAGRAPH},
    {"h6", PARAGRAPH},
    {"header", PARAGRAPH},
    {"hr", RULE},
    {"img", IMAGE},
    {"li", ITEM},
    {"main", LINE},
    {"nav", LINE},
    {"ol", ORDERED_LIST},
    {"p", PARAGRAPH},
    {"pre", PRE},
    {"script", SKIPPED},
    {"section", PARAGRAPH},
    {"style", SKIPPED},
    {"table", LINE},
    {"td", CELL},
    {"template", SKIPPED},
    {"th", CELL},
    {"title", SKIPPED},
    {"tr", LINE},
    {"ul", LIST},
};

struct converter {
    struct gw_slice html;
    struct gw_buf *out;
    size_t start; /* of our text in out */
    unsigned newlines;
    bool space, marked; /* marked: an item's mark stands, its text is to follow on the line */
    unsigned pre;
    struct gw_slice href;
    size_t link_at;
    unsigned n_lists;
    struct {
        bool ordered;
        unsigned n;
    } lists[MAX_LISTS];
    bool quotes_broken; /* a quoted attribute never ended: read quotes as plain characters */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void want_newlines(struct converter *c, unsigned n)
{
    if (!c->marked && c->newlines < n)
        c->newlines = n;
}

static void put(struct converter *c, const char *s, size_t n)
{
    bool first = c->out->len == c->start;
    if (!first && c->newlines > 0)
        (void)gw_buf_add(c->out, "\n\n\n", c->newlines);
    else if (!first && c->space && !c->marked)
        (void)gw_buf_add_char(c->out, ' ');
    c->newlines = 0;
    c->space = false;
    c->marked = false;
    (void)gw_buf_add(c->out, s, n);
}

static void put_code_point(struct converter *c, uint32_t cp)
{
    char text[GW_UTF8_MAX];
    if (cp == 0xa0 || (cp < 0x80 && is_space((char)cp)))
        c->space = true;
    else if (!gw_cp_is_control(cp) && cp != 0xad && cp != 0x200c) /* soft hyphen, ZWNJ: padding */
        put(c, text, gw_utf8_encode(cp, text));
}

static size_t plain_run(struct gw_slice s, size_t at)
{
    size_t n = 0;
    while (at + n < s.len && !is_space(s.data[at + n]) && s.data[at + n] != '<' &&
           s.data[at + n] != '&' && (unsigned char)s.data[at + n] >= 0x20 && s.data[at + n] != 0x7f)
        n++;
    return n;
}

static void put_white(struct converter *c, struct gw_slice s, size_t at)
{
    char ch = s.data[at];
    if (c->pre == 0) {
        c->space = true;
        return;
    }
    bool crlf = ch == '\n' && at > 0 && s.data[at - 1] == '\r';
    if ((ch == '\n' && !crlf) || ch == '\r')
        c->newlines += c->newlines < MAX_NEWLINES ? 1 : 0;
    else if (!crlf)
        put(c, " ", 1);
}

/* One piece of character data at @at, "<" included if it stands there. Returns its size. */
static size_t put_data(struct converter *c, struct gw_slice s, size_t at)
{
    uint32_t cp;
    size_t n = plain_run(s, at);
    if (n != 0) {
        put(c, s.data + at, n);
        return n;
    }
    n = gw_mime_html_entity(gw_slice_of(s.data + at, s.len - at), &cp);
    if (n != 0) {
        put_code_point(c, cp);
        return n;
    }
    if (is_space(s.data[at]))
        put_white(c, s, at);
    else if (s.data[at] == '<' || s.data[at] == '&')
        put(c, s.data + at, 1);
    return 1;
}

static void put_text(struct converter *c, struct gw_slice s)
{
    for (size_t at = 0; at < s.len;)
        at += put_data(c, s, at);
}

/* Value of attribute @name (lower case) of a tag, without quotes; empty when it has none. */
static struct gw_slice attribute(struct gw_slice tag, const char *name)
{
    size_t i = 0;
    while (i < tag.len && !is_space(tag.data[i]) && tag.data[i] != '/')
        i++;
    while (i < tag.len) {
        while (i < tag.len && (is_space(tag.data[i]) || tag.data[i] == '/'))
            i++;
        size_t start = i;
        while (i < tag.len && !is_space(tag.data[i]) && tag.data[i] != '=')
            i++;
        struct gw_slice key = gw_slice_of(tag.data + start, i - start);
        while (i < tag.len && is_space(tag.data[i]))
            i++;
        if (i == tag.len || tag.data[i] != '=')
            continue;
        i++;
        while (i < tag.len && is_space(tag.data[i]))
            i++;
        char quote = '\0';
        if (i < tag.len && (tag.data[i] == '"' || tag.data[i] == '\''))
            quote = tag.data[i++];
        start = i;
        while (i < tag.len && (quote != '\0' ? tag.data[i] != quote : !is_space(tag.data[i])))
            i++;
        if (gw_slice_eq_nocase(key, gw_slice_str(name)))
            return gw_slice_of(tag.data + start, i - start);
        i += quote != '\0' && i < tag.len ? 1 : 0;
    }
    return gw_slice_of(tag.data, 0);
}

/* The address with its character references decoded; nothing that could break a line or pass for
 * the closing bracket. */
static void put_url(struct gw_buf *out, struct gw_slice url)
{
    for (size_t i = 0; i < url.len;) {
        uint32_t cp = (unsigned char)url.data[i];
        struct gw_slice rest = gw_slice_of(url.data + i, url.len - i);
        size_t n = gw_mime_html_entity(rest, &cp);
        if (n == 0)
            n = gw_utf8_decode(rest, &cp);
        char text[GW_UTF8_MAX];
        if (n != 0 && cp > 0x20 && !gw_cp_is_control(cp) && cp != '<' && cp != '>')
            (void)gw_buf_add(out, text, gw_utf8_encode(cp, text));
        i += n != 0 ? n : 1;
    }
}

static bool has_prefix(struct gw_slice s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.len >= n && strncasecmp(s.data, prefix, n) == 0;
}

/* `text <https://…>`, unless the text is the address itself. */
static void end_link(struct converter *c)
{
    struct gw_slice href = c->href;
    c->href.len = 0;
    bool mailto = has_prefix(href, "mailto:");
    if (href.len > MAX_URL ||
        (!mailto && !has_prefix(href, "https://") && !has_prefix(href, "http://")))
        return;
    size_t from = c->link_at;
    while (from < c->out->len && is_space(c->out->data[from]))
        from++;
    bool bare = from == c->out->len;
    if (bare)
        put(c, "", 0);
    size_t text_end = c->out->len;
    (void)gw_buf_add_str(c->out, bare ? "<" : " <");
    size_t url_at = c->out->len;
    put_url(c->out, href);
    struct gw_slice text = gw_slice_of(c->out->data + from, text_end - from);
    struct gw_slice url = gw_slice_of(c->out->data + url_at, c->out->len - url_at);
    if (mailto) {
        url.data += strlen("mailto:");
        url.len -= strlen("mailto:");
    }
    if (!bare && gw_slice_eq(text, url))
        c->out->len = text_end;
    else
        (void)gw_buf_add_char(c->out, '>');
}

static void start_item(struct converter *c)
{
    c->marked = false;
    want_newlines(c, 1);
    unsigned depth = c->n_lists < MAX_LISTS ? c->n_lists : MAX_LISTS;
    char mark[16] = "- ";
    int n = 2;
    if (depth > 0 && c->lists[depth - 1].ordered)
        n = snprintf(mark, sizeof(mark), "%u. ", ++c->lists[depth - 1].n);
    put(c, "                ", depth > 1 ? 2 * (depth - 1) : 0);
    (void)gw_buf_add(c->out, mark, n > 0 ? (size_t)n : 0);
    c->marked = true;
}

static void start_list(struct converter *c, bool ordered)
{
    want_newlines(c, c->n_lists == 0 ? 2 : 1);
    if (c->n_lists < MAX_LISTS) {
        c->lists[c->n_lists].ordered = ordered;
        c->lists[c->n_lists].n = 0;
    }
    c->n_lists++;
}

static void end_list(struct converter *c)
{
    c->n_lists -= c->n_lists > 0 ? 1 : 0;
    c->marked = false;
    want_newlines(c, c->n_lists == 0 ? 2 : 1);
}

static void on_tag(struct converter *c, enum action action, struct gw_slice tag, bool closing)
{
    switch (action) {
    case LINE:
        want_newlines(c, 1);
        break;
    case PARAGRAPH:
        want_newlines(c, 2);
        break;
    case BREAK:
        c->marked = false;
        c->newlines += c->newlines < MAX_NEWLINES ? 1 : 0;
        break;
    case RULE:
        want_newlines(c, 1);
        put(c, "---", 3);
        want_newlines(c, 1);
        break;
    case CELL:
        c->space = true;
        break;
    case LIST:
    case ORDERED_LIST:
        if (closing)
            end_list(c);
        else
            start_list(c, action == ORDERED_LIST);
        break;
    case ITEM:
        if (!closing)
            start_item(c);
        else
            c->marked = false;
        break;
    case PRE:
        want_newlines(c, 2);
        if (!closing)
            c->pre++;
        else if (c->pre > 0)
            c->pre--;
        break;
    case LINK:
        if (c->href.len != 0)
            end_link(c);
        c->href = closing ? c->href : attribute(tag, "href");
        c->link_at = c->out->len;
        break;
    case IMAGE:
        put_text(c, attribute(tag, "alt"));
        break;
    case SKIPPED:
        break;
    }
}

static int compare_tags(const void *a, const void *b)
{
    const struct tag *x = a;
    const struct tag *y = b;
    return strcmp(x->name, y->name);
}

static const struct tag *find_tag(struct gw_slice tag)
{
    struct tag key = {.action = LINE};
    size_t n = 0;
    while (n < tag.len && !is_space(tag.data[n]) && tag.data[n] != '/') {
        if (n == MAX_TAG - 1)
            return NULL;
        key.name[n] = tag.data[n];
        if (key.name[n] >= 'A' && key.name[n] <= 'Z')
            key.name[n] = (char)(key.name[n] - 'A' + 'a');
        n++;
    }
    return bsearch(&key, tags, sizeof(tags) / sizeof(tags[0]), sizeof(tags[0]), compare_tags);
}

/* Where the tag that starts at @at ends: the offset of its ">", or of the end of the input. */
static size_t tag_end(struct converter *c, size_t at)
{
    const char *s = c->html.data;
    char quote = '\0';
    for (size_t i = at; i < c->html.len; i++) {
        if (quote != '\0') {
            if (s[i] == quote)
                quote = '\0';
            continue;
        }
        if (s[i] == '>')
            return i;
        if (!c->quotes_broken && (s[i] == '"' || s[i] == '\'') && s[i - 1] == '=')
            quote = s[i];
    }
    if (quote == '\0')
        return c->html.len;
    c->quotes_broken = true;
    const char *end = memchr(s + at, '>', c->html.len - at);
    return end != NULL ? (size_t)(end - s) : c->html.len;
}

/* Behind `</name` of an element whose content is skipped. */
static size_t skip_element(const struct converter *c, size_t at, const char *name)
{
    size_t n = strlen(name);
    struct gw_slice s = c->html;
    while (at < s.len) {
        const char *open = memchr(s.data + at, '<', s.len - at);
        if (open == NULL)
            break;
        at = (size_t)(open - s.data) + 1;
        if (s.len - at > n && s.data[at] == '/' && strncasecmp(s.data + at + 1, name, n) == 0)
            return at - 1;
    }
    return s.len;
}

static size_t after(struct gw_slice s, size_t at, const char *mark)
{
    size_t n = strlen(mark);
    const char *found = at < s.len ? memmem(s.data + at, s.len - at, mark, n) : NULL;
    return found != NULL ? (size_t)(found - s.data) + n : s.len;
}

/* Markup at @at, which holds "<". Returns what follows it; @at when it is none. */
static size_t markup(struct converter *c, size_t at)
{
    struct gw_slice s = c->html;
    size_t i = at + 1;
    if (i < s.len && (s.data[i] == '!' || s.data[i] == '?')) {
        bool comment = s.len - i > 2 && s.data[i + 1] == '-' && s.data[i + 2] == '-';
        return comment ? after(s, i + 1, "-->") : after(s, i, ">");
    }
    bool closing = i < s.len && s.data[i] == '/';
    i += closing ? 1 : 0;
    if (i >= s.len || !is_alpha(s.data[i]))
        return at;
    size_t end = tag_end(c, i);
    struct gw_slice tag = gw_slice_of(s.data + i, end - i);
    size_t next = end < s.len ? end + 1 : end;
    const struct tag *known = find_tag(tag);
    if (known != NULL && known->action == SKIPPED && !closing)
        return skip_element(c, next, known->name);
    if (known != NULL)
        on_tag(c, known->action, tag, closing);
    return next;
}

void gw_mime_html_to_text(struct gw_slice html, struct gw_buf *out)
{
    struct converter c = {.html = html, .out = out, .start = out->len};
    for (size_t at = 0; at < html.len;) {
        size_t next = html.data[at] == '<' ? markup(&c, at) : at;
        at = next != at ? next : at + put_data(&c, html, at);
    }
    if (c.href.len != 0)
        end_link(&c);
    while (out->len > c.start && is_space(out->data[out->len - 1]))
        out->len--;
    if (out->len > c.start)
        (void)gw_buf_add_char(out, '\n');
}

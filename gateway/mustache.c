/* SPDX-License-Identifier: MIT */
/* Mustache: a template becomes a list of pieces, sections know where they end; rendering walks the
 * list with a stack of values. */
#include "gateway/mustache.h"

#include <stdio.h>
#include <string.h>

enum piece_kind {
    PIECE_TEXT,
    PIECE_VARIABLE,
    PIECE_RAW,
    PIECE_SECTION,
    PIECE_INVERTED,
    PIECE_END
};

struct piece {
    enum piece_kind kind;
    struct gw_slice text; /* or the name */
    size_t end;           /* of a section: index of its PIECE_END */
};

struct gw_mustache {
    struct piece *pieces;
    size_t n;
};

const struct gw_value *gw_value_find(const struct gw_value *v, struct gw_slice name)
{
    if (v == NULL || v->kind != GW_VALUE_OBJECT)
        return NULL;
    for (size_t i = 0; i < v->n; i++)
        if (gw_slice_eq(v->names[i], name))
            return &v->items[i];
    return NULL;
}

/* ---- compiling ---- */

enum {
    MAX_DELIMITER = 16,
    MAX_SHOWN = 60 /* octets of a tag in an error */
};

struct compiler {
    struct gw_slice text;
    size_t at;
    struct gw_slice open, close; /* delimiters */
    struct gw_mustache *m;
    size_t sections[GW_MUSTACHE_MAX_DEPTH];
    size_t depth;
    struct gw_err *err;
};

static const char blanks[] = " \t\r\n";

static void add(struct compiler *c, enum piece_kind kind, struct gw_slice text)
{
    if (kind != PIECE_TEXT || text.len > 0)
        c->m->pieces[c->m->n++] = (struct piece){.kind = kind, .text = text};
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* @tag  in c->text: where, and the beginning of it is shown */
static enum gw_status refuse(struct compiler *c, const char *what, struct gw_slice tag)
{
    size_t line = 1;
    size_t column = 1;
    size_t shown = tag.len < MAX_SHOWN ? tag.len : MAX_SHOWN;
    for (const char *p = c->text.data; p < tag.data; p++) {
        line += *p == '\n' ? 1 : 0;
        column = *p == '\n' ? 1 : column + (is_continuation(*p) ? 0 : 1);
    }
    while (shown > 0 && shown < tag.len && is_continuation(tag.data[shown]))
        shown--;
    return gw_err_set(c->err, GW_INVALID, "%s: \"%.*s\" (line %zu, column %zu)", what, (int)shown,
                      tag.data, line, column);
}

/* Index of @what from @at on, text.len when it is not there. */
static size_t find(const struct compiler *c, size_t at, struct gw_slice what)
{
    const char *found = memmem(c->text.data + at, c->text.len - at, what.data, what.len);
    return found != NULL ? (size_t)(found - c->text.data) : c->text.len;
}

/* Is there nothing but blanks between the start of the line and @at? Where the line starts. */
static bool blank_before(const struct compiler *c, size_t from, size_t at, size_t *line_out)
{
    size_t i = at;
    while (i > from && (c->text.data[i - 1] == ' ' || c->text.data[i - 1] == '\t'))
        i--;
    *line_out = i;
    return i == 0 || c->text.data[i - 1] == '\n';
}

/* Likewise from @at to the end of the line. Where the next line starts. */
static bool blank_behind(const struct compiler *c, size_t at, size_t *next_out)
{
    while (at < c->text.len && (c->text.data[at] == ' ' || c->text.data[at] == '\t'))
        at++;
    if (at + 1 < c->text.len && c->text.data[at] == '\r' && c->text.data[at + 1] == '\n')
        at++;
    bool end = at == c->text.len;
    *next_out = end ? at : at + 1;
    return end || c->text.data[at] == '\n';
}

/* "{{=<% %>=}}", @inner without its marks. */
static enum gw_status set_delimiters(struct compiler *c, struct gw_slice inner)
{
    struct gw_slice both = gw_slice_trim(inner, blanks);
    size_t n = 0;
    while (n < both.len && strchr(blanks, both.data[n]) == NULL)
        n++;
    struct gw_slice close = gw_slice_trim(gw_slice_of(both.data + n, both.len - n), blanks);
    bool good = n > 0 && n <= MAX_DELIMITER && close.len > 0 && close.len <= MAX_DELIMITER;
    for (size_t i = 0; i < both.len; i++)
        good = good && both.data[i] != '=';
    for (size_t i = 0; i < close.len; i++)
        good = good && strchr(blanks, close.data[i]) == NULL;
    if (!good)
        return refuse(c, "these are no delimiters", inner);
    c->open = gw_slice_of(both.data, n);
    c->close = close;
    return GW_OK;
}

static enum gw_status open_section(struct compiler *c, enum piece_kind kind, struct gw_slice name)
{
    if (c->depth == GW_MUSTACHE_MAX_DEPTH)
        return refuse(c, "sections are nested deeper than 32 levels", name);
    c->sections[c->depth++] = c->m->n;
    add(c, kind, name);
    return GW_OK;
}

static enum gw_status close_section(struct compiler *c, struct gw_slice name)
{
    if (c->depth == 0 || !gw_slice_eq(c->m->pieces[c->sections[c->depth - 1]].text, name))
        return refuse(c, "this ends no section that is open", name);
    c->m->pieces[c->sections[--c->depth]].end = c->m->n;
    add(c, PIECE_END, name);
    return GW_OK;
}

/* What a tag means. @mark  its first character, or '\0' for a plain variable */
static enum gw_status do_tag(struct compiler *c, char mark, struct gw_slice inner)
{
    struct gw_slice name = gw_slice_trim(inner, blanks);
    if (mark == '!')
        return GW_OK;
    if (mark == '=')
        return set_delimiters(c, inner);
    if (mark == '>' || mark == '<' || mark == '$')
        return refuse(c, "partials are not supported", name);
    if (name.len == 0)
        return refuse(c, "a tag has no name", name);
    if (mark == '#' || mark == '^')
        return open_section(c, mark == '#' ? PIECE_SECTION : PIECE_INVERTED, name);
    if (mark == '/')
        return close_section(c, name);
    add(c, mark == '\0' ? PIECE_VARIABLE : PIECE_RAW, name);
    return GW_OK;
}

/* The tag at c->at. @from  where the text before it begins, which is added here: a tag that is not
 * a variable and has a line of its own takes the line away */
static enum gw_status read_tag(struct compiler *c, size_t from)
{
    size_t tag = c->at;
    size_t at = tag + c->open.len;
    char mark = at < c->text.len ? c->text.data[at] : '\0';
    mark = mark != '\0' && strchr("!=><$#^/&{", mark) != NULL ? mark : '\0';
    at += mark != '\0' ? 1 : 0;
    char closing[MAX_DELIMITER + 2]; /* "{{{" ends with "}}}", "{{=" with "=}}" */
    const char *before = mark == '=' ? "=" : mark == '{' ? "}" : "";
    int len = snprintf(closing, sizeof(closing), "%s%.*s", before, GW_SLICE_ARG(c->close));
    size_t end = find(c, at, gw_slice_of(closing, (size_t)len));
    if (end == c->text.len)
        return refuse(c, "a tag does not end", gw_slice_of(c->text.data + tag, c->text.len - tag));
    struct gw_slice inner = gw_slice_of(c->text.data + at, end - at);
    size_t behind = end + (size_t)len;
    size_t line = 0;
    size_t next = 0;
    bool alone = mark != '\0' && mark != '&' && mark != '{' && blank_before(c, from, tag, &line) &&
                 blank_behind(c, behind, &next);
    add(c, PIECE_TEXT, gw_slice_of(c->text.data + from, (alone ? line : tag) - from));
    c->at = alone ? next : behind;
    return do_tag(c, mark, inner);
}

static size_t count_tags(struct gw_slice text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += text.data[i] == '{' ? 1 : 0;
    return n;
}

enum gw_status gw_mustache_compile(struct gw_arena *arena, struct gw_slice text,
                                   struct gw_mustache **out, struct gw_err *err)
{
    /* other delimiters come after a tag with these, so the room is bounded by the limit alone */
    size_t most = count_tags(text) > 0 ? GW_MUSTACHE_MAX_TAGS : 0;
    struct compiler c = {.text = text,
                         .open = GW_SLICE_LIT("{{"),
                         .close = GW_SLICE_LIT("}}"),
                         .m = GW_ARENA_NEW(arena, struct gw_mustache),
                         .err = err};
    if (most > text.len / 2 + 1)
        most = text.len / 2 + 1;
    c.m->pieces = GW_ARENA_ARRAY(arena, struct piece, 2 * most + 1);
    enum gw_status status = GW_OK;
    for (size_t n = 0; status == GW_OK; n++) {
        size_t from = c.at;
        c.at = find(&c, from, c.open);
        if (c.at == text.len) {
            add(&c, PIECE_TEXT, gw_slice_of(text.data + from, text.len - from));
            break;
        }
        status = n < most ? read_tag(&c, from)
                          : refuse(&c, "more than 10000 tags", gw_slice_of(text.data + c.at, 0));
    }
    if (status == GW_OK && c.depth > 0)
        status = refuse(&c, "a section does not end", c.m->pieces[c.sections[c.depth - 1]].text);
    *out = c.m;
    return status;
}

/* ---- rendering ---- */

struct renderer {
    const struct gw_mustache *m;
    const struct gw_value *stack[GW_MUSTACHE_MAX_DEPTH + 2]; /* the innermost last */
    size_t depth;
    struct gw_mustache_run *run;
    struct gw_buf *out;
};

/* False when there are not so many left. */
static bool take_steps(struct renderer *r, size_t n)
{
    bool enough = n <= r->run->steps;
    r->run->steps -= enough ? n : r->run->steps;
    return enough;
}

static const struct gw_value *find_member(struct renderer *r, const struct gw_value *v,
                                          struct gw_slice name)
{
    return take_steps(r, v->n) ? gw_value_find(v, name) : NULL;
}

/* A name, dotted or ".": the first part is looked up from the innermost value out, the others in
 * what was found. NULL: there is none. */
static const struct gw_value *look_up(struct renderer *r, struct gw_slice name)
{
    if (gw_slice_is(name, "."))
        return r->depth > 0 ? r->stack[r->depth - 1] : NULL;
    const char *dot = memchr(name.data, '.', name.len);
    size_t len = dot != NULL ? (size_t)(dot - name.data) : name.len;
    const struct gw_value *v = NULL;
    for (size_t i = r->depth; i > 0 && v == NULL; i--)
        v = find_member(r, r->stack[i - 1], gw_slice_of(name.data, len));
    while (v != NULL && len < name.len) {
        name = gw_slice_of(name.data + len + 1, name.len - len - 1);
        dot = memchr(name.data, '.', name.len);
        len = dot != NULL ? (size_t)(dot - name.data) : name.len;
        v = find_member(r, v, gw_slice_of(name.data, len));
    }
    return v;
}

static void add_escaped(struct gw_buf *out, struct gw_slice s)
{
    static const struct {
        char c;
        const char *text;
    } escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    size_t plain = 0;
    for (size_t i = 0; i < s.len; i++) {
        for (size_t j = 0; j < sizeof(escapes) / sizeof(escapes[0]); j++) {
            if (s.data[i] != escapes[j].c)
                continue;
            (void)gw_buf_add(out, s.data + plain, i - plain);
            (void)gw_buf_add_str(out, escapes[j].text);
            plain = i + 1;
        }
    }
    (void)gw_buf_add(out, s.data + plain, s.len - plain);
}

static enum gw_status write_variable(struct renderer *r, const struct piece *p)
{
    const struct gw_value *v = look_up(r, p->text);
    r->run->missing = p->text;
    if (r->run->steps == 0)
        return GW_TOOBIG;
    if (v == NULL)
        return (r->run->flags & GW_MUSTACHE_LENIENT) != 0 ? GW_OK : GW_NOTFOUND;
    if (v->kind == GW_VALUE_LIST || v->kind == GW_VALUE_OBJECT)
        return GW_INVALID;
    if (p->kind == PIECE_RAW || (r->run->flags & GW_MUSTACHE_HTML) == 0)
        (void)gw_buf_add_slice(r->out, v->text);
    else
        add_escaped(r->out, v->text);
    return GW_OK;
}

static bool is_empty(const struct gw_value *v)
{
    return v == NULL || v->kind == GW_VALUE_NULL || v->kind == GW_VALUE_FALSE ||
           (v->kind == GW_VALUE_LIST && v->n == 0);
}

static enum gw_status render(struct renderer *r, size_t from, size_t to);

static enum gw_status render_section(struct renderer *r, size_t at)
{
    const struct piece *p = &r->m->pieces[at];
    const struct gw_value *v = look_up(r, p->text);
    if (p->kind == PIECE_INVERTED)
        return is_empty(v) ? render(r, at + 1, p->end) : GW_OK;
    if (is_empty(v))
        return GW_OK;
    bool list = v->kind == GW_VALUE_LIST;
    enum gw_status status = GW_OK;
    for (size_t i = 0; i < (list ? v->n : 1) && status == GW_OK; i++) {
        r->stack[r->depth++] = list ? &v->items[i] : v;
        status = render(r, at + 1, p->end);
        r->depth--;
    }
    return status;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as GW_MUSTACHE_MAX_DEPTH */
static enum gw_status render(struct renderer *r, size_t from, size_t to)
{
    enum gw_status status = take_steps(r, 1) ? GW_OK : GW_TOOBIG;
    for (size_t i = from; i < to && status == GW_OK; i++) {
        const struct piece *p = &r->m->pieces[i];
        if (!take_steps(r, 1))
            status = GW_TOOBIG;
        else if (p->kind == PIECE_TEXT)
            (void)gw_buf_add_slice(r->out, p->text);
        else if (p->kind == PIECE_VARIABLE || p->kind == PIECE_RAW)
            status = write_variable(r, p);
        else if (p->kind == PIECE_SECTION || p->kind == PIECE_INVERTED) {
            status = render_section(r, i);
            i = p->end;
        }
    }
    return status == GW_OK && r->out->overflowed ? GW_TOOBIG : status;
}

enum gw_status gw_mustache_render(const struct gw_mustache *m, struct gw_mustache_run *run,
                                  struct gw_buf *out)
{
    struct renderer r = {.m = m, .run = run, .out = out};
    for (size_t i = 2; i > 0; i--)
        if (run->values[i - 1] != NULL)
            r.stack[r.depth++] = run->values[i - 1];
    return render(&r, 0, m->n);
}

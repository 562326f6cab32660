/* SPDX-License-Identifier: MIT */
/* The header of a message that comes as MIME. */
#include <string.h>

#include "gateway/base/gw_utf8.h"
#include "gateway/mime_internal.h"
#include "gateway/mime_read_internal.h"
#include "gateway/raw_internal.h"

/* RFC 5322 sec. 3.6 and RFC 2045 sec. 3: at most once. */
static const char *const once[] = {
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Subject",
    "Date",
    "MIME-Version",
    "Content-ID",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
    "Content-Description",
};

static void complain(struct gw_prepare_job *job, const char *pointer, const char *code,
                     const char *detail)
{
    if (!gw_prepare_has_problem(job, pointer))
        gw_problems_add(job->problems, pointer, code, "%s", detail);
}

/* Takes a line off @rest, without its CRLF or LF. */
static struct gw_slice take_line(struct gw_slice *rest)
{
    const char *lf = memchr(rest->data, '\n', rest->len);
    size_t len = lf != NULL ? (size_t)(lf - rest->data) : rest->len;
    struct gw_slice line = gw_slice_of(rest->data, len);
    size_t taken = lf != NULL ? len + 1 : len;
    *rest = gw_slice_of(rest->data + taken, rest->len - taken);
    if (lf != NULL && line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool is_fold(struct gw_slice line)
{
    return line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t');
}

/* NULL, or the code of what must not stand in a header line. */
static const char *bad_octet(struct gw_slice line)
{
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.data[i];
        if (c == '\r' || c == '\0')
            return GW_PROBLEM_INJECTION;
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return GW_PROBLEM_VALUE;
    }
    return NULL;
}

/* Where problems of the field @name are pointed at. */
static const char *pointer_of(struct gw_prepare_job *job, const char *pointer, struct gw_slice name)
{
    struct gw_buf b;
    gw_buf_init(&b, 512);
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '~' || name.data[i] == '/')
            (void)gw_buf_add_str(&b, name.data[i] == '~' ? "~0" : "~1");
        else
            (void)gw_buf_add_char(&b, name.data[i]);
    }
    const char *made = gw_arena_printf(job->arena, "%s/headers/%.*s", pointer, (int)b.len, b.data);
    gw_buf_deinit(&b);
    return made;
}

static void check_field(struct gw_prepare_job *job, const struct gw_raw_field *f)
{
    struct gw_slice rest = f->value;
    while (rest.len > 0) {
        const char *code = bad_octet(take_line(&rest));
        if (code != NULL)
            complain(job, f->pointer, code,
                     code == GW_PROBLEM_INJECTION
                         ? "CR without LF, and NUL, must not stand in a header."
                         : "Control characters must not stand in a header.");
    }
    if (!gw_utf8_valid(f->value))
        complain(job, f->pointer, GW_PROBLEM_ENCODING, "This is not valid UTF-8.");
}

static void check_repeats(struct gw_prepare_job *job, const struct gw_raw_message *m)
{
    for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++) {
        unsigned n = 0;
        for (size_t j = 0; j < m->n_fields; j++) {
            if (!gw_slice_eq_nocase(m->fields[j].name, gw_slice_str(once[i])) || ++n != 2)
                continue;
            complain(job, m->fields[j].pointer, GW_PROBLEM_DUPLICATE,
                     "This field may stand only once.");
        }
    }
}

/* Past the folds that belong to the field whose first line was taken. */
static void take_folds(struct gw_slice *rest, struct gw_slice *value)
{
    while (is_fold(*rest)) {
        struct gw_slice line = take_line(rest);
        value->len = (size_t)(line.data + line.len - value->data);
    }
}

void gw_raw_read(struct gw_prepare_job *job, struct gw_slice raw, const char *pointer,
                 struct gw_raw_message *out)
{
    struct gw_slice rest = raw;
    *out = (struct gw_raw_message){
        .fields = GW_ARENA_ARRAY(job->arena, struct gw_raw_field, GW_RAW_MAX_FIELDS)};
    while (rest.len > 0) {
        struct gw_slice line = take_line(&rest);
        const char *colon = line.len > 0 ? memchr(line.data, ':', line.len) : NULL;
        if (line.len == 0)
            break;
        struct gw_slice name =
            gw_slice_of(line.data, colon != NULL ? (size_t)(colon - line.data) : 0);
        if (!gw_mime_header_name_valid(name)) {
            complain(job, pointer, GW_PROBLEM_VALUE,
                     "The message has a line in its header that is no field.");
            return;
        }
        if (out->n_fields == GW_RAW_MAX_FIELDS ||
            (size_t)(rest.data - raw.data) > GW_RAW_MAX_HEADER) {
            complain(job, pointer, GW_PROBLEM_TOO_LARGE,
                     "The message's header may have at most 500 fields and 512 KiB.");
            return;
        }
        struct gw_raw_field *f = &out->fields[out->n_fields++];
        *f = (struct gw_raw_field){.name = name,
                                   .value = gw_slice_of(colon + 1, line.len - name.len - 1),
                                   .pointer = pointer_of(job, pointer, name)};
        take_folds(&rest, &f->value);
        check_field(job, f);
    }
    out->body = rest;
    if (out->n_fields == 0)
        complain(job, pointer, GW_PROBLEM_VALUE, "The message has no header.");
    check_repeats(job, out);
}

const struct gw_raw_field *gw_raw_find(const struct gw_raw_message *m, const char *name)
{
    for (size_t i = 0; i < m->n_fields; i++)
        if (gw_slice_eq_nocase(m->fields[i].name, gw_slice_str(name)))
            return &m->fields[i];
    return NULL;
}

struct gw_slice gw_raw_value(struct gw_arena *arena, const struct gw_raw_field *f)
{
    return f != NULL ? gw_read_unfold(arena, f->value) : (struct gw_slice){.data = NULL};
}

/* ---- writing ---- */

/* Its lines, without those that are blank (RFC 5322 sec. 3.2.2 calls them obsolete). */
static void copy_field(struct gw_buf *out, struct gw_slice name, struct gw_slice value)
{
    bool first = true;
    (void)gw_buf_add_slice(out, name);
    (void)gw_buf_add_char(out, ':');
    while (value.len > 0) {
        struct gw_slice line = take_line(&value);
        if (!first && gw_read_trim(line).len == 0)
            continue;
        if (!first)
            (void)gw_buf_add(out, "\r\n", 2);
        (void)gw_buf_add_slice(out, line);
        first = false;
    }
    (void)gw_buf_add(out, "\r\n", 2);
}

/* `type; name=value`, names without the section marks of RFC 2231, each once. */
static void write_params(struct gw_arena *arena, struct gw_buf *out, const char *name,
                         struct gw_slice value)
{
    struct gw_read_params params;
    gw_read_params(arena, value, &params);
    struct gw_mime_field f = gw_mime_field_start(out, name);
    gw_mime_field_plain(&f, gw_slice_str(params.value));
    for (size_t i = 0; i < params.n; i++) {
        struct gw_slice whole = params.items[i].name;
        const char *star = memchr(whole.data, '*', whole.len);
        struct gw_slice base =
            gw_slice_of(whole.data, star != NULL ? (size_t)(star - whole.data) : whole.len);
        const char *base_name = gw_arena_cstr(arena, base);
        const char *text = gw_read_param(arena, &params, base_name);
        bool again = text == NULL || !gw_mime_header_name_valid(base);
        for (size_t j = 0; j < i && !again; j++) {
            struct gw_slice other = params.items[j].name;
            again = gw_slice_eq_nocase(other, base) ||
                    (other.len > base.len && other.data[base.len] == '*' &&
                     gw_slice_eq_nocase(gw_slice_of(other.data, base.len), base));
        }
        if (!again)
            gw_mime_field_param(&f, base_name, gw_slice_str(text));
    }
    gw_mime_field_end(&f);
}

static bool has_params(struct gw_slice name)
{
    return gw_slice_eq_nocase(name, GW_SLICE_LIT("Content-Type")) ||
           gw_slice_eq_nocase(name, GW_SLICE_LIT("Content-Disposition"));
}

void gw_raw_write_field(struct gw_arena *arena, struct gw_buf *out, struct gw_slice name,
                        struct gw_slice value)
{
    struct gw_slice line = gw_slice_of(name.data, (size_t)(value.data + value.len - name.data));
    const char *written = gw_arena_cstr(arena, name);
    if (gw_raw_is_clean(line)) {
        copy_field(out, name, value);
    } else if (has_params(name)) {
        write_params(arena, out, written, value);
    } else {
        struct gw_slice text = gw_read_to_utf8(arena, value, GW_SLICE_LIT("utf-8"));
        gw_mime_write_custom(
            out, &(struct gw_mime_header){.name = written, .value = gw_read_unfold(arena, text)});
    }
}

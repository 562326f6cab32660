/* SPDX-License-Identifier: MIT */
/* The types of single values: text, numbers with units, words. */
#include <stdio.h>
#include <string.h>

#include "config/cfg_schema.h"
#include "config/cfg_text.h"
#include "gateway/base/gw_check.h"

enum {
    WANT_SIZE = 256,
    MAX_WORDS = 16
};

void cfg_put(void *base, size_t offset, const void *value, size_t size)
{
    memcpy((char *)base + offset, value, size);
}

void cfg_put_string(void *base, size_t offset, const char *value)
{
    cfg_put(base, offset, &value, sizeof(value));
}

static void get(const void *base, size_t offset, void *value, size_t size)
{
    memcpy(value, (const char *)base + offset, size);
}

const char *cfg_string_at(const void *base, size_t offset)
{
    const char *value;
    get(base, offset, &value, sizeof(value));
    return value;
}

/* A domain, or the domain of an address: local parts keep their case (RFC 5321 sec. 2.4). */
static void lower_domain(char *s)
{
    char *at = strrchr(s, '@');
    s = at != NULL ? at : s;
    for (; *s != '\0'; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s - 'A' + 'a');
}

char *cfg_keep_text(struct cfg_loader *l, const char *text, unsigned flags)
{
    char *copy = (flags & CFG_SECRET) != 0 ? cfg_pool_secret_text(l->out, gw_slice_str(text))
                                           : gw_arena_strdup(l->out->arena, text);
    if ((flags & CFG_LOWER) != 0)
        lower_domain(copy);
    return copy;
}

const char *cfg_read_text(struct cfg_loader *l, const struct cfg_field *f,
                          const struct cfg_node *node)
{
    const char *want = f->want != NULL ? f->want : "text";
    const char *text = cfg_scalar(l, node, want);
    if (text == NULL)
        return NULL;
    if (text[0] != '\0' && (f->check == NULL || f->check(text)))
        return cfg_keep_text(l, text, f->flags);
    cfg_problem_value(l, node, (f->flags & (CFG_SECRET | CFG_QUIET)) != 0, want);
    return NULL;
}

void cfg_read_string(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                     void *base)
{
    const char *text = cfg_read_text(l, f, node);
    if (text != NULL)
        cfg_put_string(base, f->offset, text);
}

static void print_string(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    const char *value = cfg_string_at(base, f->offset);
    bool hidden = (f->flags & CFG_SECRET) != 0 && !p->show_secrets;
    if (value != NULL)
        cfg_print_string(p, f->name, hidden ? cfg_mask : value);
}

const struct cfg_type cfg_type_string = {cfg_read_string, print_string};

static void read_once(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                      void *base)
{
    if (cfg_string_at(base, f->offset) != NULL)
        cfg_problem(l, node, "\"%s\" is in the URL already; keep one of them", f->name);
    else
        cfg_read_string(l, f, node, base);
}

const struct cfg_type cfg_type_once = {read_once, print_string};

/* Whole numbers with a unit. */
struct scale {
    const char *what;
    bool (*parse)(const char *s, int64_t *out);
    void (*format)(int64_t value, char out[CFG_UNIT_SIZE]);
};

static void format_count(int64_t value, char out[CFG_UNIT_SIZE])
{
    (void)snprintf(out, CFG_UNIT_SIZE, "%lld", (long long)value);
}

static const struct scale counts = {"a number", cfg_parse_count, format_count};
static const struct scale sizes = {"a size such as 64KB or 25MB,", cfg_parse_size, cfg_format_size};
static const struct scale durations = {"a duration such as 500ms, 10s, 5m, 4h or 5d,",
                                       cfg_parse_duration, cfg_format_duration};

static bool read_scaled(struct cfg_loader *l, const struct cfg_field *f,
                        const struct cfg_node *node, const struct scale *scale, int64_t *out)
{
    char want[WANT_SIZE];
    char min[CFG_UNIT_SIZE];
    char max[CFG_UNIT_SIZE];
    scale->format(f->min, min);
    scale->format(f->max, max);
    (void)snprintf(want, sizeof(want), "%s from %s to %s", scale->what, min, max);
    const char *text = cfg_scalar(l, node, want);
    if (text == NULL)
        return false;
    if (scale->parse(text, out) && *out >= f->min && *out <= f->max)
        return true;
    cfg_problem_value(l, node, false, want);
    return false;
}

bool cfg_read_duration(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                       int64_t *out)
{
    return read_scaled(l, f, node, &durations, out);
}

static void read_size(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                      const struct scale *scale, void *base)
{
    int64_t value;
    if (!read_scaled(l, f, node, scale, &value))
        return;
    size_t size = (size_t)value;
    cfg_put(base, f->offset, &size, sizeof(size));
}

/* Zero stands for "no limit" where the table does not allow it as a value. */
static void print_size(struct cfg_printer *p, const struct cfg_field *f, const void *base,
                       const struct scale *scale)
{
    size_t value;
    char text[CFG_UNIT_SIZE];
    get(base, f->offset, &value, sizeof(value));
    if (value == 0 && f->min > 0)
        return;
    scale->format((int64_t)value, text);
    cfg_print_plain(p, f->name, text);
}

static void read_count(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                       void *base)
{
    read_size(l, f, node, &counts, base);
}

static void print_count(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    print_size(p, f, base, &counts);
}

const struct cfg_type cfg_type_count = {read_count, print_count};

static void read_unsigned(struct cfg_loader *l, const struct cfg_field *f,
                          const struct cfg_node *node, void *base)
{
    int64_t value;
    if (!read_scaled(l, f, node, &counts, &value))
        return;
    unsigned u = (unsigned)value;
    cfg_put(base, f->offset, &u, sizeof(u));
}

static void print_unsigned(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    unsigned value;
    char text[CFG_UNIT_SIZE];
    get(base, f->offset, &value, sizeof(value));
    format_count(value, text);
    cfg_print_plain(p, f->name, text);
}

const struct cfg_type cfg_type_unsigned = {read_unsigned, print_unsigned};

static void read_bytes(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                       void *base)
{
    read_size(l, f, node, &sizes, base);
}

static void print_bytes(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    print_size(p, f, base, &sizes);
}

const struct cfg_type cfg_type_size = {read_bytes, print_bytes};

static void read_duration(struct cfg_loader *l, const struct cfg_field *f,
                          const struct cfg_node *node, void *base)
{
    int64_t ms;
    if (read_scaled(l, f, node, &durations, &ms))
        cfg_put(base, f->offset, &ms, sizeof(ms));
}

static void print_duration(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    int64_t ms;
    char text[CFG_UNIT_SIZE];
    get(base, f->offset, &ms, sizeof(ms));
    cfg_format_duration(ms, text);
    cfg_print_plain(p, f->name, text);
}

const struct cfg_type cfg_type_duration = {read_duration, print_duration};

/* Rates: 1/h to 1,000,000/s. */
static void read_rate(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                      void *base)
{
    static const char want[] = "a rate such as 14/s, 600/m or 1000/h, from 1/h to 1000000/s";
    const char *text = cfg_scalar(l, node, want);
    double rate;
    if (text == NULL)
        return;
    if (cfg_parse_rate(text, &rate) && rate >= 1.0 / 3600 && rate <= 1e6)
        cfg_put(base, f->offset, &rate, sizeof(rate));
    else
        cfg_problem_value(l, node, false, want);
}

static void print_rate(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    double rate;
    char text[CFG_UNIT_SIZE];
    get(base, f->offset, &rate, sizeof(rate));
    if (rate <= 0)
        return;
    cfg_format_rate(rate, text);
    cfg_print_plain(p, f->name, text);
}

const struct cfg_type cfg_type_rate = {read_rate, print_rate};

static void read_fraction(struct cfg_loader *l, const struct cfg_field *f,
                          const struct cfg_node *node, void *base)
{
    static const char want[] = "a number from 0 to 1, such as 0.2";
    const char *text = cfg_scalar(l, node, want);
    double value;
    if (text == NULL)
        return;
    if (cfg_parse_number(text, &value) && value <= 1)
        cfg_put(base, f->offset, &value, sizeof(value));
    else
        cfg_problem_value(l, node, false, want);
}

static void print_fraction(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    double value;
    char text[CFG_UNIT_SIZE];
    get(base, f->offset, &value, sizeof(value));
    cfg_format_number(value, text);
    cfg_print_plain(p, f->name, text);
}

const struct cfg_type cfg_type_fraction = {read_fraction, print_fraction};

/* Enumerations are stored as the int that every enum of the project is. */
_Static_assert(sizeof(enum cfg_tls_mode) == sizeof(int), "enums are ints");

static void read_enum(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                      void *base)
{
    const struct cfg_word *word = cfg_word_read(l, node, f->words, f->flags);
    if (word != NULL)
        cfg_put(base, f->offset, &word->value, sizeof(word->value));
}

static void print_enum(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    int value;
    get(base, f->offset, &value, sizeof(value));
    cfg_print_string(p, f->name, cfg_word_name(f->words, value));
}

const struct cfg_type cfg_type_enum = {read_enum, print_enum};

bool cfg_word_is_later(const struct cfg_word *words, int value)
{
    while (words->name != NULL && words->value != value)
        words++;
    return words->later;
}

const char *cfg_word_name(const struct cfg_word *words, int value)
{
    while (words->name != NULL && words->value != value)
        words++;
    CHECK(words->name != NULL);
    return words->name;
}

/* The words one may choose now, and "one of a, b, c" for problems. */
static size_t words_offered(const struct cfg_word *words, const char *names[MAX_WORDS],
                            char want[WANT_SIZE])
{
    size_t n = 0;
    want[0] = '\0';
    for (const struct cfg_word *w = words; w->name != NULL && n < MAX_WORDS; w++)
        if (!w->later)
            names[n++] = w->name;
    for (size_t i = 0; i < n; i++) {
        size_t used = strlen(want);
        (void)snprintf(want + used, WANT_SIZE - used, "%s%s",
                       i != 0  ? ", "
                       : n > 1 ? "one of "
                               : "",
                       names[i]);
    }
    return n;
}

const struct cfg_word *cfg_word_read(struct cfg_loader *l, const struct cfg_node *node,
                                     const struct cfg_word *words, unsigned flags)
{
    char want[WANT_SIZE];
    const char *names[MAX_WORDS];
    size_t n = words_offered(words, names, want);
    const char *text = cfg_scalar(l, node, want);
    if (text == NULL)
        return NULL;
    for (const struct cfg_word *w = words; w->name != NULL; w++) {
        if (strcmp(w->name, text) != 0)
            continue;
        if (!w->later)
            return w;
        cfg_problem(l, node, "\"%s\" is not supported by this release; it must be %s", w->name,
                    want);
        return NULL;
    }
    const char *near = (flags & CFG_QUIET) == 0 ? cfg_nearest(text, names, n) : NULL;
    if (near == NULL) {
        cfg_problem_value(l, node, (flags & CFG_QUIET) != 0, want);
        return NULL;
    }
    char what[CFG_DESCRIPTION_SIZE];
    cfg_describe(node, what, sizeof(what));
    cfg_problem(l, node, "%s must be %s, not \"%s\"; did you mean \"%s\"?", what, want, text, near);
    return NULL;
}

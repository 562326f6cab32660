/* SPDX-License-Identifier: MIT */
/* The types that hold several values: lists, maps by name, sections inside sections. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/cfg_schema.h"
#include "config/cfg_text.h"

bool cfg_list_check(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node)
{
    char want[96];
    if (node->kind != CFG_NODE_LIST) {
        (void)snprintf(want, sizeof(want), "a list such as [a, b]");
        cfg_problem_value(l, node, true, want);
        return false;
    }
    if ((int64_t)node->n_children < f->min) {
        cfg_problem(l, node, "\"%s\" is an empty list; give it an item or leave the key out",
                    f->name);
        return false;
    }
    if ((int64_t)node->n_children > f->max) {
        cfg_problem(l, node, "\"%s\" has more than %lld items", f->name, (long long)f->max);
        return false;
    }
    return true;
}

static void put_array(const struct cfg_field *f, void *base, const void *items, size_t n)
{
    cfg_put(base, f->offset, &items, sizeof(items));
    cfg_put(base, f->count_offset, &n, sizeof(n));
}

static const void *get_array(const struct cfg_field *f, const void *base, size_t *n_out)
{
    const void *items;
    memcpy(&items, (const char *)base + f->offset, sizeof(items));
    memcpy(n_out, (const char *)base + f->count_offset, sizeof(*n_out));
    return items;
}

/* Texts */

static void read_strings(struct cfg_loader *l, const struct cfg_field *f,
                         const struct cfg_node *node, void *base)
{
    if (!cfg_list_check(l, f, node))
        return;
    const char **items = GW_ARENA_ARRAY(l->out->arena, const char *, node->n_children);
    size_t n = 0;
    for (const struct cfg_node *item = node->first; item != NULL; item = item->next) {
        const char *text = cfg_read_text(l, f, item);
        if (text != NULL)
            items[n++] = text;
    }
    put_array(f, base, items, n);
}

static void print_strings(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    size_t n;
    const char *const *items = get_array(f, base, &n);
    if (n == 0)
        return;
    cfg_print_key(p, f->name);
    for (size_t i = 0; i < n; i++) {
        (void)gw_buf_add_str(p->out, i == 0 ? " [" : ", ");
        cfg_print_quoted(p, items[i]);
    }
    (void)gw_buf_add_str(p->out, "]\n");
}

const struct cfg_type cfg_type_strings = {read_strings, print_strings};

/* Durations */

static void read_durations(struct cfg_loader *l, const struct cfg_field *f,
                           const struct cfg_node *node, void *base)
{
    if (!cfg_list_check(l, f, node))
        return;
    struct cfg_field item_field = *f;
    item_field.min = 1;
    item_field.max = CFG_MAX_DURATION;
    int64_t *items = GW_ARENA_ARRAY(l->out->arena, int64_t, node->n_children);
    size_t n = 0;
    for (const struct cfg_node *item = node->first; item != NULL; item = item->next)
        if (cfg_read_duration(l, &item_field, item, &items[n]))
            n++;
    put_array(f, base, items, n);
}

static void print_durations(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    size_t n;
    const int64_t *items = get_array(f, base, &n);
    cfg_print_key(p, f->name);
    for (size_t i = 0; i < n; i++) {
        char text[CFG_UNIT_SIZE];
        cfg_format_duration(items[i], text);
        (void)gw_buf_printf(p->out, "%s%s", i == 0 ? " [" : ", ", text);
    }
    (void)gw_buf_add_str(p->out, "]\n");
}

const struct cfg_type cfg_type_durations = {read_durations, print_durations};

/* Words that may all be given, as bits */

static void read_flags(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                       void *base)
{
    unsigned flags = 0;
    if (!cfg_list_check(l, f, node))
        return;
    for (const struct cfg_node *item = node->first; item != NULL; item = item->next) {
        const struct cfg_word *word = cfg_word_read(l, item, f->words, f->flags);
        if (word != NULL)
            flags |= (unsigned)word->value;
    }
    cfg_put(base, f->offset, &flags, sizeof(flags));
}

static void print_flags(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    unsigned flags;
    const char *before = " [";
    memcpy(&flags, (const char *)base + f->offset, sizeof(flags));
    cfg_print_key(p, f->name);
    for (const struct cfg_word *w = f->words; w->name != NULL; w++) {
        if ((flags & (unsigned)w->value) == 0)
            continue;
        (void)gw_buf_printf(p->out, "%s%s", before, w->name);
        before = ", ";
    }
    (void)gw_buf_add_str(p->out, "]\n");
}

const struct cfg_type cfg_type_flags = {read_flags, print_flags};

/* Sections */

static size_t offset_of(const struct cfg_section *s, const char *field)
{
    size_t i = 0;
    while (strcmp(s->fields[i].name, field) != 0)
        i++;
    return s->fields[i].offset;
}

/* An item's value of a field that must be unique. */
struct unique_value {
    const char *text;
    const struct cfg_node *node;
    size_t index;
};

static int compare_values(const void *a, const void *b)
{
    const struct unique_value *x = a;
    const struct unique_value *y = b;
    int order = strcmp(x->text, y->text);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* Report every item that has the same @field as one before it. */
static void check_unique(struct cfg_loader *l, const struct cfg_section *s, const char *field,
                         const struct cfg_node *list, const char *items)
{
    struct unique_value *values =
        GW_ARENA_ARRAY(l->pool.arena, struct unique_value, list->n_children);
    size_t offset = offset_of(s, field);
    size_t n = 0;
    size_t i = 0;
    for (const struct cfg_node *node = list->first; node != NULL; node = node->next, i++) {
        const char *text = cfg_string_at(items + i * s->size, offset);
        if (text != NULL)
            values[n++] = (struct unique_value){.text = text, .node = node, .index = i};
    }
    qsort(values, n, sizeof(*values), compare_values);
    for (i = 1; i < n; i++)
        if (strcmp(values[i].text, values[i - 1].text) == 0)
            cfg_problem(l, values[i].node, "%s with this \"%s\" is there already (\"%s\")", s->what,
                        field, values[i].text);
}

static void read_sections(struct cfg_loader *l, const struct cfg_field *f,
                          const struct cfg_node *node, void *base)
{
    const struct cfg_section *s = f->section;
    if (!cfg_list_check(l, f, node))
        return;
    char *items = gw_arena_calloc(l->out->arena, node->n_children, s->size);
    size_t i = 0;
    for (const struct cfg_node *item = node->first; item != NULL; item = item->next, i++) {
        if (s->defaults != NULL)
            memcpy(items + i * s->size, s->defaults, s->size);
        cfg_section_read(l, s, item, items + i * s->size);
    }
    for (const char *const *field = s->unique; *field != NULL; field++)
        check_unique(l, s, *field, node, items);
    put_array(f, base, items, i);
}

static void print_sections(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    size_t n;
    const char *items = get_array(f, base, &n);
    if (n == 0)
        return;
    cfg_print_key(p, f->name);
    (void)gw_buf_add_char(p->out, '\n');
    p->indent += 4;
    for (size_t i = 0; i < n; i++) {
        p->dash = true;
        cfg_section_print(p, f->section, items + i * f->section->size);
    }
    p->indent -= 4;
}

const struct cfg_type cfg_type_list = {read_sections, print_sections};

static void read_named(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                       void *base)
{
    const struct cfg_section *s = f->section;
    if (node->kind != CFG_NODE_MAP) {
        cfg_problem_value(l, node, true, "a map of names, each with its settings");
        return;
    }
    if ((int64_t)node->n_children < f->min) {
        cfg_problem(l, node, "\"%s\" is empty; give it an item or leave the key out", f->name);
        return;
    }
    char *items = gw_arena_calloc(l->out->arena, node->n_children, s->size);
    /* Early: an item with problems still has a name that others may refer to. */
    put_array(f, base, items, node->n_children);
    for (const struct cfg_node *item = node->first; item != NULL; item = item->next) {
        memcpy(items, s->defaults, s->size);
        cfg_put_string(items, s->name_offset, cfg_keep_text(l, item->key, 0));
        if (!cfg_is_name(item->key))
            cfg_problem_key(l, item,
                            "not a name; use 1 to 64 letters, digits, \".\", \"_\" and \"-\", "
                            "starting with a letter or digit");
        cfg_section_read(l, s, item, items);
        items += s->size;
    }
}

static void print_named(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    size_t n;
    const char *items = get_array(f, base, &n);
    cfg_print_key(p, f->name);
    (void)gw_buf_add_char(p->out, '\n');
    p->indent += 2;
    for (size_t i = 0; i < n; i++) {
        const char *item = items + i * f->section->size;
        cfg_print_key(p, cfg_string_at(item, f->section->name_offset));
        (void)gw_buf_add_char(p->out, '\n');
        p->indent += 2;
        cfg_section_print(p, f->section, item);
        p->indent -= 2;
    }
    p->indent -= 2;
}

const struct cfg_type cfg_type_named = {read_named, print_named};

static void read_inner(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                       void *base)
{
    cfg_section_read(l, f->section, node, (char *)base + f->offset);
}

/* A section that has nothing to say leaves no key behind. */
static void print_inner(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    size_t before = p->out->len;
    bool dash = p->dash;
    cfg_print_key(p, f->name);
    (void)gw_buf_add_char(p->out, '\n');
    size_t header = p->out->len;
    p->indent += 2;
    cfg_section_print(p, f->section, (const char *)base + f->offset);
    p->indent -= 2;
    if (p->out->len == header) {
        p->out->len = before;
        p->dash = dash;
    }
}

const struct cfg_type cfg_type_map = {read_inner, print_inner};

/* Keys of later releases */

static void read_later(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                       void *base)
{
    (void)base;
    if (node->kind == CFG_NODE_LIST && node->n_children == 0)
        return;
    cfg_problem_key(l, node, "\"%s\" is not supported by this release; leave it out", f->name);
}

const struct cfg_type cfg_type_later = {read_later, cfg_print_nothing};

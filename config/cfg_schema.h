/* SPDX-License-Identifier: MIT */
/* The schema: tables that say which keys exist, what they hold and where they go. The same tables
 * read a configuration and print it. Only config/ includes this. */
#ifndef CFG_SCHEMA_H
#define CFG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/cfg.h"
#include "config/cfg_loader.h"
#include "gateway/base/gw_buf.h"

struct cfg_field;

struct cfg_printer {
    struct gw_buf *out;
    const struct cfg *cfg;
    unsigned indent;
    bool dash;         /* the next key starts a list item */
    bool show_secrets; /* for comparing */
};

/* How one kind of value is read into a section's struct (@base) and printed from it. */
struct cfg_type {
    void (*read)(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                 void *base);
    void (*print)(struct cfg_printer *p, const struct cfg_field *f, const void *base);
};

/* A word of an enumeration. */
struct cfg_word {
    const char *name; /* NULL ends a table */
    int value;
    bool later; /* known, but not in this release */
};

enum {
    CFG_REQUIRED = 1,
    CFG_SECRET = 2,   /* also as <name>_file; never shown; wiped */
    CFG_QUIET = 4,    /* never shown in problems */
    CFG_NOT_NULL = 8, /* null is an error: leaving it out would grant more */
    CFG_LOWER = 16    /* folded to lower case */
};

struct cfg_field {
    const char *name;
    const struct cfg_type *type;
    size_t offset;       /* in the section's struct */
    size_t count_offset; /* lists: of their size_t count */
    size_t file_offset;  /* secrets: where the path of <name>_file goes; 0: nowhere */
    unsigned flags;
    int64_t min, max;                /* of numbers, in the unit of the type; of lists: items */
    bool (*check)(const char *text); /* strings */
    const char *want;                /* strings: what check wants, for problems */
    const struct cfg_word *words;
    const struct cfg_section *section;
};

struct cfg_section {
    const char *what; /* for problems: "a relay" */
    const struct cfg_field *fields;
    size_t n_fields;
    const char *shorthand; /* a scalar in place of the map sets this field; NULL: not possible */
    /* Sections that are items of a list or of a named map: */
    size_t size;
    const void *defaults;
    size_t name_offset;    /* named maps: where the name goes */
    const char *unique[3]; /* string fields that no two items may share */
    /* Checks across fields; also called after problems with single ones. May be NULL. */
    void (*finish)(struct cfg_loader *l, const struct cfg_node *node, void *item);
};

#define CFG_FIELDS(table) .fields = (table), .n_fields = sizeof(table) / sizeof((table)[0])

/* The longest duration anywhere: ten years. */
#define CFG_MAX_DURATION (INT64_C(3650) * 86400 * 1000)

/* const char *, size_t, unsigned, size_t of bytes, int64_t milliseconds, double per second, double,
 * enum, unsigned of or-ed words. */
extern const struct cfg_type cfg_type_string, cfg_type_count, cfg_type_unsigned, cfg_type_size,
    cfg_type_duration, cfg_type_rate, cfg_type_fraction, cfg_type_enum, cfg_type_flags;
/* As cfg_type_string, when it was not set before (by a URL). */
extern const struct cfg_type cfg_type_once;
/* Arrays of const char *, of int64_t milliseconds, of sections; a map of named sections; one
 * section inside the other's struct. */
extern const struct cfg_type cfg_type_strings, cfg_type_durations, cfg_type_list, cfg_type_named,
    cfg_type_map;
/* The name of an API key that is there, as const char *. */
extern const struct cfg_type cfg_type_api_key;
/* A key of a later release: null or an empty list is fine, anything else a problem. */
extern const struct cfg_type cfg_type_later;

extern const struct cfg_section cfg_root_section, cfg_listen_section, cfg_relay_section,
    cfg_route_section, cfg_dkim_section, cfg_api_key_section, cfg_sandbox_section;
extern const struct cfg_section cfg_oauth2_section, cfg_webhook_section, cfg_dns_section;
extern const struct cfg cfg_defaults;

/* Is any of it there? */
bool cfg_oauth2_given(const struct cfg_oauth2 *o);
/* Problems of keys that do not fit together, at @node (the relay). */
void cfg_oauth2_check(struct cfg_loader *l, const struct cfg_node *node,
                      const struct cfg_oauth2 *o);

/* Fill @out from @node: unknown keys, required keys, every field in table order, finish. */
void cfg_section_read(struct cfg_loader *l, const struct cfg_section *s,
                      const struct cfg_node *node, void *out);
void cfg_section_print(struct cfg_printer *p, const struct cfg_section *s, const void *base);

/* The text of a scalar, or NULL after a problem (also when it was reported before). */
const char *cfg_scalar(struct cfg_loader *l, const struct cfg_node *node, const char *want);
/* A text that @f->check accepts, kept in the snapshot; NULL after a problem. */
const char *cfg_read_text(struct cfg_loader *l, const struct cfg_field *f,
                          const struct cfg_node *node);
/* A copy of @text in the snapshot, as CFG_SECRET and CFG_LOWER say. */
char *cfg_keep_text(struct cfg_loader *l, const char *text, unsigned flags);
/* The reader of cfg_type_string. */
void cfg_read_string(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                     void *base);
bool cfg_read_duration(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                       int64_t *out);
/* The items of a list with min to max of them; false after a problem. */
bool cfg_list_check(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node);
/* The word @node names; NULL after a problem that lists them. */
const struct cfg_word *cfg_word_read(struct cfg_loader *l, const struct cfg_node *node,
                                     const struct cfg_word *words, unsigned flags);
bool cfg_word_is_later(const struct cfg_word *words, int value);
const char *cfg_word_name(const struct cfg_word *words, int value);
/* The index of the relay @node names; false after a problem. */
bool cfg_relay_find(struct cfg_loader *l, const struct cfg_node *node, size_t *index_out);

/* Access to a field of unknown struct. */
void cfg_put(void *base, size_t offset, const void *value, size_t size);
void cfg_put_string(void *base, size_t offset, const char *value);
const char *cfg_string_at(const void *base, size_t offset);

/* For types that leave no trace in print. */
void cfg_print_nothing(struct cfg_printer *p, const struct cfg_field *f, const void *base);
/* Printing: "key:" with indent, then the value. */
void cfg_print_key(struct cfg_printer *p, const char *name);
void cfg_print_string(struct cfg_printer *p, const char *name, const char *value);
void cfg_print_plain(struct cfg_printer *p, const char *name, const char *value);
/* @s in double quotes, as YAML and this loader read it back. */
void cfg_print_quoted(struct cfg_printer *p, const char *s);
extern const char cfg_mask[];

#endif

/* SPDX-License-Identifier: MIT */
/* YAML text to a node tree, by libyaml's events.
 *
 * What would make a configuration ambiguous or its memory unbounded is refused: duplicate keys,
 * anchors and aliases, tags, several documents, deep nesting. */
#include <yaml.h>

#include <string.h>

#include "config/cfg_loader.h"
#include "gateway/base/gw_mem.h"

struct reader {
    struct cfg_loader *l;
    const char *source;
    struct gw_slice text;
    yaml_parser_t parser;
    bool failed; /* reported; no more events */
};

static void report(struct reader *r, yaml_mark_t mark, const char *text)
{
    cfg_problem_at(r->l, r->source, (unsigned)mark.line + 1, (unsigned)mark.column + 1, text);
}

static void stop(struct reader *r, yaml_mark_t mark, const char *text)
{
    report(r, mark, text);
    r->failed = true;
}

/* Where byte @offset is; libyaml gives no mark for bytes that are not text. */
static yaml_mark_t mark_of_offset(const struct reader *r, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < r->text.len; i++) {
        unsigned char c = (unsigned char)r->text.data[i];
        if (c == '\n') {
            mark.line++;
            mark.column = 0;
        } else if ((c & 0xC0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

static void report_syntax(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    char text[256];
    yaml_mark_t mark =
        p->error == YAML_READER_ERROR ? mark_of_offset(r, p->problem_offset) : p->problem_mark;
    const char *problem = p->problem != NULL ? p->problem : "cannot be parsed";
    if (p->context != NULL && p->error != YAML_READER_ERROR)
        (void)snprintf(text, sizeof(text), "not valid YAML: %s %s that starts at line %zu", problem,
                       p->context, p->context_mark.line + 1);
    else
        (void)snprintf(text, sizeof(text), "not valid YAML: %s", problem);
    stop(r, mark, text);
}

static bool next_event(struct reader *r, yaml_event_t *ev)
{
    if (r->failed)
        return false;
    if (yaml_parser_parse(&r->parser, ev) == 1)
        return true;
    report_syntax(r);
    return false;
}

static void delete_event(yaml_event_t *ev)
{
    if (ev->type == YAML_SCALAR_EVENT)
        gw_wipe(ev->data.scalar.value, ev->data.scalar.length);
    yaml_event_delete(ev);
}

static bool is_null_word(struct gw_slice s)
{
    return s.len == 0 || gw_slice_is(s, "~") || gw_slice_is(s, "null") || gw_slice_is(s, "Null") ||
           gw_slice_is(s, "NULL");
}

static void refuse_properties(struct reader *r, const yaml_event_t *ev)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    if (ev->type == YAML_SCALAR_EVENT) {
        anchor = ev->data.scalar.anchor;
        tag = ev->data.scalar.tag;
    } else if (ev->type == YAML_SEQUENCE_START_EVENT) {
        anchor = ev->data.sequence_start.anchor;
        tag = ev->data.sequence_start.tag;
    } else if (ev->type == YAML_MAPPING_START_EVENT) {
        anchor = ev->data.mapping_start.anchor;
        tag = ev->data.mapping_start.tag;
    }
    if (anchor != NULL)
        report(r, ev->start_mark, "YAML anchors (&name) are not supported; write the value out");
    if (tag != NULL)
        report(r, ev->start_mark, "YAML tags (!name) are not supported; leave the tag out");
}

static struct cfg_node *new_node(struct reader *r, enum cfg_node_kind kind, yaml_mark_t mark)
{
    struct cfg_node *node = cfg_node_new(r->l, kind, r->source);
    node->line = (unsigned)mark.line + 1;
    node->column = (unsigned)mark.column + 1;
    if (r->l->n_nodes > CFG_MAX_NODES)
        stop(r, mark, "more than 200000 keys and values; make the file smaller");
    return node;
}

static struct cfg_node *read_node(struct reader *r, const yaml_event_t *ev, struct cfg_node *parent,
                                  const yaml_event_t *key, unsigned depth);

static void add_child(struct reader *r, struct cfg_node *parent, const yaml_event_t *key,
                      struct cfg_node *child)
{
    const char *name = NULL;
    if (key != NULL) {
        name = cfg_pool_secret_text(&r->l->pool, gw_slice_of((const char *)key->data.scalar.value,
                                                             key->data.scalar.length));
        child->key_line = (unsigned)key->start_mark.line + 1;
        child->key_column = (unsigned)key->start_mark.column + 1;
        const struct cfg_node *before = cfg_node_get(parent, name);
        if (before != NULL) {
            char text[160];
            (void)snprintf(text, sizeof(text), "this key was given before, at line %u; keep one",
                           before->key_line);
            report(r, key->start_mark, text);
        }
    }
    cfg_node_add(parent, name, child);
}

static void read_list(struct reader *r, struct cfg_node *list, unsigned depth)
{
    yaml_event_t ev;
    for (bool end = false; !end && next_event(r, &ev);) {
        end = ev.type == YAML_SEQUENCE_END_EVENT;
        if (!end)
            (void)read_node(r, &ev, list, NULL, depth);
        delete_event(&ev);
    }
}

static bool is_good_key(struct reader *r, const struct cfg_node *map, const yaml_event_t *key)
{
    if (key->type != YAML_SCALAR_EVENT || key->data.scalar.length == 0 ||
        memchr(key->data.scalar.value, '\0', key->data.scalar.length) != NULL) {
        stop(r, key->start_mark, "a key must be plain text");
        return false;
    }
    if (map->n_children == CFG_MAX_KEYS) {
        stop(r, key->start_mark, "more than 1000 keys in one map");
        return false;
    }
    refuse_properties(r, key);
    return true;
}

static void read_map(struct reader *r, struct cfg_node *map, unsigned depth)
{
    yaml_event_t key;
    yaml_event_t ev;
    for (bool end = false; !end && next_event(r, &key);) {
        end = key.type == YAML_MAPPING_END_EVENT;
        if (!end && is_good_key(r, map, &key) && next_event(r, &ev)) {
            (void)read_node(r, &ev, map, &key, depth);
            delete_event(&ev);
        }
        delete_event(&key);
    }
}

static void read_scalar(struct reader *r, const yaml_event_t *ev, struct cfg_node *node)
{
    struct gw_slice raw = gw_slice_of((const char *)ev->data.scalar.value, ev->data.scalar.length);
    if (ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && is_null_word(raw))
        node->null = true;
    else
        cfg_expand(r->l, node, raw);
}

/* The node that starts with @ev, children and all, added to @parent (NULL: the root). */
static struct cfg_node *read_node(struct reader *r, const yaml_event_t *ev, struct cfg_node *parent,
                                  const yaml_event_t *key, unsigned depth)
{
    enum cfg_node_kind kind = ev->type == YAML_MAPPING_START_EVENT    ? CFG_NODE_MAP
                              : ev->type == YAML_SEQUENCE_START_EVENT ? CFG_NODE_LIST
                                                                      : CFG_NODE_SCALAR;
    struct cfg_node *node = new_node(r, kind, ev->start_mark);
    if (parent != NULL)
        add_child(r, parent, key, node);
    refuse_properties(r, ev);
    if (ev->type == YAML_ALIAS_EVENT) {
        report(r, ev->start_mark, "YAML aliases (*name) are not supported; write the value out");
        node->bad = true;
    } else if (kind == CFG_NODE_SCALAR) {
        read_scalar(r, ev, node);
    } else if (depth == CFG_MAX_DEPTH) {
        stop(r, ev->start_mark, "more than 16 maps and lists inside each other");
    } else if (kind == CFG_NODE_MAP) {
        read_map(r, node, depth + 1);
    } else {
        read_list(r, node, depth + 1);
    }
    return node;
}

static struct cfg_node *check_root(struct reader *r, struct cfg_node *root)
{
    yaml_mark_t start = {0};
    if (r->failed)
        return NULL;
    if (root == NULL || root->null) {
        stop(r, start, "the file is empty; it needs at least one key, such as \"relays:\"");
        return NULL;
    }
    if (root->kind != CFG_NODE_MAP) {
        cfg_problem(r->l, root, "a configuration is a map of keys and values, such as \"relays:\"");
        return NULL;
    }
    return root;
}

static struct cfg_node *read_stream(struct reader *r)
{
    struct cfg_node *root = NULL;
    unsigned n_documents = 0;
    yaml_event_t ev;
    for (bool end = false; !end && next_event(r, &ev);) {
        end = ev.type == YAML_STREAM_END_EVENT;
        if (ev.type == YAML_DOCUMENT_START_EVENT && ++n_documents == 2)
            stop(r, ev.start_mark, "a second YAML document; a configuration is one document");
        else if (ev.type == YAML_SCALAR_EVENT || ev.type == YAML_ALIAS_EVENT ||
                 ev.type == YAML_SEQUENCE_START_EVENT || ev.type == YAML_MAPPING_START_EVENT)
            root = read_node(r, &ev, NULL, NULL, 0);
        delete_event(&ev);
    }
    return check_root(r, root);
}

struct cfg_node *cfg_yaml_parse(struct cfg_loader *l, const char *source, struct gw_slice text)
{
    struct reader r = {.l = l, .source = source, .text = text};
    if (yaml_parser_initialize(&r.parser) != 1) {
        cfg_problem_at(l, source, 0, 0, "the YAML parser cannot start");
        return NULL;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.data, text.len);
    struct cfg_node *root = read_stream(&r);
    /* libyaml's own window onto the text. */
    gw_wipe(r.parser.raw_buffer.start,
            (size_t)(r.parser.raw_buffer.end - r.parser.raw_buffer.start));
    gw_wipe(r.parser.buffer.start, (size_t)(r.parser.buffer.end - r.parser.buffer.start));
    yaml_parser_delete(&r.parser);
    return root;
}

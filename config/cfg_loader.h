/* SPDX-License-Identifier: MIT */
/* Loading: the node tree that file and environment become, and the problems found on the way.
 *
 * The file is parsed into a tree, the MAILHATCH_ variables are laid over it as nodes of the same
 * shape, and one pass over the schema (cfg_schema.h) turns the tree into struct cfg. Only config/
 * includes this. */
#ifndef CFG_LOADER_H
#define CFG_LOADER_H

#include <stdbool.h>
#include <stddef.h>

#include "config/cfg.h"
#include "config/cfg_pool.h"
#include "gateway/base/gw_slice.h"

enum {
    CFG_DESCRIPTION_SIZE = 128,
    CFG_MAX_ENV_RELAYS = 100
};

enum cfg_node_kind {
    CFG_NODE_SCALAR,
    CFG_NODE_MAP,
    CFG_NODE_LIST
};

/* Children are a list; those of a map have a key. Texts are in the loader's pool, all as secrets:
 * any of them may hold one. */
struct cfg_node {
    enum cfg_node_kind kind;
    const char *source;    /* file or environment variable */
    unsigned line, column; /* from 1; line 0: not from a file */
    const char *key;       /* in a map */
    unsigned key_line, key_column;
    struct cfg_node *parent, *next, *first, *last;
    size_t n_children;
    const char *text;  /* scalar: value, clean (cfg_is_clean), after ${ENV} */
    const char *shown; /* scalar: text for problems, before ${ENV} */
    bool null;         /* scalar: empty, ~ or null without quotes */
    bool bad;          /* a problem was reported: read no further */
};

struct cfg_problem_entry {
    unsigned line, column;
    char *text;
};

struct cfg_loader {
    const char *const *env; /* as for cfg_load() */
    struct cfg_pool pool;   /* nodes and their texts, dropped when loaded */
    struct cfg_pool *out;   /* the snapshot's */
    struct cfg *cfg;        /* the snapshot's, being filled */
    bool env_api_key;       /* MAILHATCH_API_KEY replaced the file's keys */
    size_t n_nodes, n_text; /* against CFG_MAX_NODES, CFG_MAX_ALL_TEXT */
    struct cfg_problem_entry problems[CFG_MAX_PROBLEMS]; /* sorted */
    size_t n_problems, n_dropped;
};

/* The value of @name in @env, as for cfg_load(); NULL when it is unset. */
const char *cfg_env_get(const char *const *env, const char *name);

/* Report what is wrong at @at: "file:line:column: text", "MAILHATCH_X: text". Problems over
 * CFG_MAX_PROBLEMS are counted; the first ones in file order stay. */
void cfg_problem(struct cfg_loader *l, const struct cfg_node *at, const char *fmt, ...)
    GW_PRINTF(3, 4);
/* As cfg_problem at the key of @at. */
void cfg_problem_key(struct cfg_loader *l, const struct cfg_node *at, const char *fmt, ...)
    GW_PRINTF(3, 4);
/* As cfg_problem for any place; line 0: not in a file. */
void cfg_problem_at(struct cfg_loader *l, const char *source, unsigned line, unsigned column,
                    const char *text);
/* `"body" must be @want, not "abc"`. The value is left out when @quiet or when it looks like a
 * URL, which may hold a password. */
void cfg_problem_value(struct cfg_loader *l, const struct cfg_node *at, bool quiet,
                       const char *want);
/* What @node is, for texts: `"body"`, `an item of "listen"`; for the environment: "it". */
void cfg_describe(const struct cfg_node *node, char *out, size_t size);
/* Moves them into the public form. */
void cfg_problems_take(struct cfg_loader *l, struct cfg_problems *out);

/* A node of @kind at no place; text and place are the caller's to fill in. */
struct cfg_node *cfg_node_new(struct cfg_loader *l, enum cfg_node_kind kind, const char *source);
/* A scalar from outside the file: @text as it stands. Reports text that is not clean. */
struct cfg_node *cfg_node_text(struct cfg_loader *l, const char *source, struct gw_slice text);
/* @key is borrowed; NULL in a list. */
void cfg_node_add(struct cfg_node *parent, const char *key, struct cfg_node *child);
struct cfg_node *cfg_node_get(const struct cfg_node *map, const char *key);
/* NULL also when @node is no map or what it has is null. */
const struct cfg_node *cfg_node_value(const struct cfg_node *node, const char *key);
/* No-op when there is no such key. */
void cfg_node_remove(struct cfg_node *map, const char *key);
/* Add, or replace what has this key. */
void cfg_node_set(struct cfg_node *map, const char *key, struct cfg_node *child);
/* Check and keep a scalar's text: clean and within the limits, or node->bad with a problem. */
void cfg_node_set_text(struct cfg_loader *l, struct cfg_node *node, struct gw_slice text);

/* Expand ${ENV}, ${ENV:-default} and $$ of @raw into the text of @node. */
void cfg_expand(struct cfg_loader *l, struct cfg_node *node, struct gw_slice raw);

/* The root map of @text, or NULL after reporting why not. Reports everything that is wrong with the
 * text as YAML: syntax, duplicate keys, anchors, tags, several documents. */
struct cfg_node *cfg_yaml_parse(struct cfg_loader *l, const char *source, struct gw_slice text);

/* Read a regular file of at most @max bytes into @buf (max + 1 bytes of room).
 * GW_OK; GW_IO or GW_TOOBIG with err->text naming the file. */
enum gw_status cfg_file_read(const char *path, char *buf, size_t max, size_t *len_out,
                             struct gw_err *err) GW_NODISCARD;

/* Lay the MAILHATCH_ variables over @root. */
void cfg_env_overlay(struct cfg_loader *l, struct cfg_node *root);

/* cfg_load() for text in memory; @name stands for the file in problems. NULL @text: no file. */
enum gw_status cfg_load_text(const char *name, const struct gw_slice *text, const char *const *env,
                             const struct cfg **out, struct cfg_problems *problems) GW_NODISCARD;

#endif

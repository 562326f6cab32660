/* SPDX-License-Identifier: MIT */
/* The node tree: making nodes, keeping their texts, finding and replacing children. */
#include <string.h>

#include "config/cfg_loader.h"
#include "config/cfg_text.h"

struct cfg_node *cfg_node_new(struct cfg_loader *l, enum cfg_node_kind kind, const char *source)
{
    struct cfg_node *node = GW_ARENA_NEW(l->pool.arena, struct cfg_node);
    l->n_nodes++;
    node->kind = kind;
    node->source = source;
    node->text = "";
    node->shown = "";
    return node;
}

void cfg_node_set_text(struct cfg_loader *l, struct cfg_node *node, struct gw_slice text)
{
    const char *wrong = NULL;
    if (text.len > CFG_MAX_TEXT)
        wrong = "is over 8192 bytes long";
    else if (!cfg_is_clean(text))
        wrong = "holds a line break, another control character, or bytes that are not UTF-8";
    else if (text.len > CFG_MAX_ALL_TEXT - l->n_text)
        wrong = "makes all values together longer than 16 MB";
    if (wrong != NULL) {
        char what[CFG_DESCRIPTION_SIZE];
        cfg_describe(node, what, sizeof(what));
        cfg_problem(l, node, "%s %s", what, wrong);
        node->bad = true;
        return;
    }
    l->n_text += text.len;
    node->text = cfg_pool_secret_text(&l->pool, text);
    if (node->shown[0] == '\0')
        node->shown = node->text;
}

struct cfg_node *cfg_node_text(struct cfg_loader *l, const char *source, struct gw_slice text)
{
    struct cfg_node *node = cfg_node_new(l, CFG_NODE_SCALAR, source);
    cfg_node_set_text(l, node, text);
    return node;
}

void cfg_node_add(struct cfg_node *parent, const char *key, struct cfg_node *child)
{
    child->key = key;
    child->parent = parent;
    child->next = NULL;
    if (parent->last != NULL)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->n_children++;
}

struct cfg_node *cfg_node_get(const struct cfg_node *map, const char *key)
{
    for (struct cfg_node *n = map->first; n != NULL; n = n->next)
        if (n->key != NULL && strcmp(n->key, key) == 0)
            return n;
    return NULL;
}

const struct cfg_node *cfg_node_value(const struct cfg_node *node, const char *key)
{
    const struct cfg_node *value = node->kind == CFG_NODE_MAP ? cfg_node_get(node, key) : NULL;
    return value != NULL && !value->null ? value : NULL;
}

void cfg_node_remove(struct cfg_node *map, const char *key)
{
    struct cfg_node *before = NULL;
    for (struct cfg_node *n = map->first; n != NULL; before = n, n = n->next) {
        if (n->key == NULL || strcmp(n->key, key) != 0)
            continue;
        if (before != NULL)
            before->next = n->next;
        else
            map->first = n->next;
        if (map->last == n)
            map->last = before;
        map->n_children--;
        return;
    }
}

void cfg_node_set(struct cfg_node *map, const char *key, struct cfg_node *child)
{
    cfg_node_remove(map, key);
    cfg_node_add(map, key, child);
}

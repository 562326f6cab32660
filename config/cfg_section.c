/* SPDX-License-Identifier: MIT */
/* Reading a section: which keys there are, which are missing, which are not known; secrets from
 * files. */
#include <stdio.h>
#include <string.h>

#include "config/cfg_schema.h"
#include "config/cfg_text.h"
#include "gateway/base/gw_mem.h"

enum {
    MAX_FIELDS = 32,
    MAX_KEY_SHOWN = 64
};

static void file_key(const struct cfg_field *f, char out[MAX_KEY_SHOWN])
{
    (void)snprintf(out, MAX_KEY_SHOWN, "%s_file", f->name);
}

static bool knows(const struct cfg_section *s, const char *key)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        char file[MAX_KEY_SHOWN];
        file_key(&s->fields[i], file);
        if (strcmp(s->fields[i].name, key) == 0 ||
            ((s->fields[i].flags & CFG_SECRET) != 0 && strcmp(file, key) == 0))
            return true;
    }
    return false;
}

static void report_unknown(struct cfg_loader *l, const struct cfg_section *s,
                           const struct cfg_node *node)
{
    const char *names[2 * MAX_FIELDS];
    char files[MAX_FIELDS][MAX_KEY_SHOWN];
    char known[512];
    size_t n = 0;
    size_t used = 0;
    known[0] = '\0';
    for (size_t i = 0; i < s->n_fields && i < MAX_FIELDS; i++) {
        names[n++] = s->fields[i].name;
        if ((s->fields[i].flags & CFG_SECRET) != 0) {
            file_key(&s->fields[i], files[i]);
            names[n++] = files[i];
        }
        int len = snprintf(known + used, sizeof(known) - used, "%s%s", i != 0 ? ", " : "",
                           s->fields[i].name);
        used += len > 0 && (size_t)len < sizeof(known) - used ? (size_t)len : 0;
    }
    /* A URL in the place of a key may hold a password: show only what looks like a key. */
    if (!cfg_is_name(node->key)) {
        cfg_problem_key(l, node, "unknown key; known here: %s", known);
        return;
    }
    const char *near = cfg_nearest(node->key, names, n);
    if (near != NULL)
        cfg_problem_key(l, node, "unknown key \"%s\"; did you mean \"%s\"?", node->key, near);
    else
        cfg_problem_key(l, node, "unknown key \"%s\"; known here: %s", node->key, known);
}

/* The node that holds what the file named by @file_node says; NULL after a problem. */
/* So that whoever runs with this configuration can see when the file changes. */
static void note_file(struct cfg_loader *l, const char *path)
{
    struct cfg_file *file = GW_ARENA_NEW(l->out->arena, struct cfg_file);
    *file = (struct cfg_file){.path = gw_arena_strdup(l->out->arena, path),
                              .next = l->cfg->secret_files};
    l->cfg->secret_files = file;
}

static const struct cfg_node *read_secret_file(struct cfg_loader *l,
                                               const struct cfg_node *file_node)
{
    const char *path = cfg_scalar(l, file_node, "the path of a file");
    if (path == NULL)
        return NULL;
    char buf[CFG_SECRET_FILE_SIZE];
    struct gw_err err;
    size_t len;
    struct cfg_node *node = NULL;
    note_file(l, path);
    if (cfg_secret_read(path, buf, &len, &err) != GW_OK) {
        cfg_problem(l, file_node, "%s", err.text);
    } else {
        node = cfg_node_new(l, CFG_NODE_SCALAR, file_node->source);
        *node = *file_node;
        node->next = NULL;
        node->shown = path;
        if (len == 0) {
            cfg_problem(l, file_node, "%s is empty", path);
            node->bad = true;
        } else {
            cfg_node_set_text(l, node, gw_slice_of(buf, len));
        }
    }
    gw_wipe(buf, sizeof(buf));
    return node;
}

/* The node of field @f in @map, from its file if need be. *failed_out: a problem was reported. */
static const struct cfg_node *find_value(struct cfg_loader *l, const struct cfg_field *f,
                                         const struct cfg_node *map, bool *failed_out)
{
    const struct cfg_node *node = cfg_node_get(map, f->name);
    *failed_out = false;
    if ((f->flags & CFG_SECRET) == 0)
        return node;
    char name[MAX_KEY_SHOWN];
    file_key(f, name);
    const struct cfg_node *file = cfg_node_get(map, name);
    if (file == NULL || file->null)
        return node;
    if (node != NULL && !node->null) {
        cfg_problem_key(l, file, "both \"%s\" and \"%s\" are given; keep one", f->name, name);
        *failed_out = true;
        return NULL;
    }
    node = read_secret_file(l, file);
    *failed_out = node == NULL;
    return node;
}

static void report_missing(struct cfg_loader *l, const struct cfg_section *s,
                           const struct cfg_field *f, const struct cfg_node *at)
{
    char file[MAX_KEY_SHOWN];
    file_key(f, file);
    if ((f->flags & CFG_SECRET) != 0)
        cfg_problem(l, at, "%s needs \"%s\" or \"%s\"", s->what, f->name, file);
    else
        cfg_problem(l, at, "%s needs \"%s\"", s->what, f->name);
}

/* Whoever reads the secret file again when it changes needs its path. */
static void keep_file(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *map,
                      void *out)
{
    char name[MAX_KEY_SHOWN];
    file_key(f, name);
    const struct cfg_node *file = cfg_node_get(map, name);
    if (f->file_offset != 0 && file != NULL && !file->null && file->text != NULL)
        cfg_put_string(out, f->file_offset, gw_arena_strdup(l->out->arena, file->text));
}

static void read_field(struct cfg_loader *l, const struct cfg_section *s, const struct cfg_field *f,
                       const struct cfg_node *map, void *out)
{
    bool failed;
    const struct cfg_node *node = find_value(l, f, map, &failed);
    if (failed || (node != NULL && node->bad))
        return;
    if (node != NULL && (!node->null || node->kind != CFG_NODE_SCALAR)) {
        f->type->read(l, f, node, out);
        keep_file(l, f, map, out);
    } else if ((f->flags & CFG_REQUIRED) != 0) {
        report_missing(l, s, f, node != NULL ? node : map);
    } else if (node != NULL && (f->flags & CFG_NOT_NULL) != 0) {
        cfg_problem_key(l, node, "\"%s\" is empty; give it a value or leave the key out", f->name);
    }
}

static void read_shorthand(struct cfg_loader *l, const struct cfg_section *s,
                           const struct cfg_node *node, void *out)
{
    for (size_t i = 0; i < s->n_fields; i++)
        if (strcmp(s->fields[i].name, s->shorthand) == 0)
            s->fields[i].type->read(l, &s->fields[i], node, out);
}

void cfg_section_read(struct cfg_loader *l, const struct cfg_section *s,
                      const struct cfg_node *node, void *out)
{
    if (node->bad)
        return;
    if (node->kind == CFG_NODE_SCALAR && s->shorthand != NULL && !node->null) {
        read_shorthand(l, s, node, out);
    } else if (node->kind != CFG_NODE_MAP) {
        char want[128];
        (void)snprintf(want, sizeof(want), "a map of keys and values (%s)%s%s", s->what,
                       s->shorthand != NULL ? " or just its " : "",
                       s->shorthand != NULL ? s->shorthand : "");
        cfg_problem_value(l, node, true, want);
        return;
    } else {
        for (const struct cfg_node *n = node->first; n != NULL; n = n->next)
            if (!knows(s, n->key))
                report_unknown(l, s, n);
        for (size_t i = 0; i < s->n_fields; i++)
            read_field(l, s, &s->fields[i], node, out);
    }
    if (s->finish != NULL)
        s->finish(l, node, out);
}

const char *cfg_scalar(struct cfg_loader *l, const struct cfg_node *node, const char *want)
{
    if (node->bad)
        return NULL;
    if (node->kind == CFG_NODE_SCALAR && !node->null)
        return node->text;
    cfg_problem_value(l, node, true, want);
    return NULL;
}

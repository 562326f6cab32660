/* SPDX-License-Identifier: MIT */
/* ${ENV}, ${ENV:-default} and $$ in the values of a file. As in the shell, :- also stands in for an
 * empty variable. */
#include <string.h>

#include "config/cfg_loader.h"
#include "gateway/base/gw_mem.h"

#define NAME_FIRST "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

enum {
    MAX_VARIABLE = 128
};

struct expansion {
    struct cfg_loader *l;
    struct cfg_node *node;
    char text[CFG_MAX_TEXT + 1];
    size_t len; /* may reach CFG_MAX_TEXT + 1: too long */
};

static void append(struct expansion *e, const char *data, size_t len)
{
    size_t room = sizeof(e->text) - e->len;
    size_t n = len < room ? len : room;
    memcpy(e->text + e->len, data, n);
    e->len += n;
}

static void fail(struct expansion *e, const char *what)
{
    cfg_problem(e->l, e->node, "%s", what);
    e->node->bad = true;
}

/* @in starts with "${"; returns what follows the closing brace. */
static struct gw_slice expand_one(struct expansion *e, struct gw_slice in)
{
    const char *close = memchr(in.data, '}', in.len);
    if (close == NULL) {
        fail(e, "\"${\" has no closing \"}\"; write $${ for a literal ${");
        return gw_slice_of(in.data + in.len, 0);
    }
    struct gw_slice inner = gw_slice_of(in.data + 2, (size_t)(close - in.data) - 2);
    struct gw_slice rest = gw_slice_of(close + 1, in.len - inner.len - 3);
    char name[MAX_VARIABLE + 1] = "";
    size_t n = 0;
    while (n < inner.len && n < MAX_VARIABLE && inner.data[n] != '\0' &&
           strchr(n == 0 ? NAME_FIRST : NAME_FIRST "0123456789", inner.data[n]) != NULL) {
        name[n] = inner.data[n];
        n++;
    }
    bool has_default = inner.len >= n + 2 && memcmp(inner.data + n, ":-", 2) == 0;
    if (n == 0 || (n < inner.len && !has_default) || memchr(inner.data, '$', inner.len) != NULL) {
        fail(e, "not a reference to an environment variable; write ${NAME} or ${NAME:-default}, or "
                "$${ for a literal ${");
        return rest;
    }
    const char *value = cfg_env_get(e->l->env, name);
    if (value != NULL && (value[0] != '\0' || !has_default)) {
        append(e, value, strlen(value));
    } else if (has_default) {
        append(e, inner.data + n + 2, inner.len - n - 2);
    } else {
        cfg_problem(e->l, e->node,
                    "environment variable %s is not set; set it, or write ${%s:-default}", name,
                    name);
        e->node->bad = true;
    }
    return rest;
}

void cfg_expand(struct cfg_loader *l, struct cfg_node *node, struct gw_slice raw)
{
    if (memchr(raw.data, '$', raw.len) == NULL) {
        cfg_node_set_text(l, node, raw);
        return;
    }
    struct expansion e = {.l = l, .node = node};
    struct gw_slice in = raw;
    while (in.len != 0) {
        const char *dollar = memchr(in.data, '$', in.len);
        size_t plain = dollar != NULL ? (size_t)(dollar - in.data) : in.len;
        append(&e, in.data, plain);
        in = gw_slice_of(in.data + plain, in.len - plain);
        if (in.len >= 2 && in.data[1] == '{') {
            in = expand_one(&e, in);
        } else if (in.len != 0) {
            append(&e, "$", 1);
            size_t used = in.len >= 2 && in.data[1] == '$' ? 2 : 1;
            in = gw_slice_of(in.data + used, in.len - used);
        }
    }
    /* What a variable held is not for problem texts: the reference is. */
    if (!node->bad) {
        node->shown = cfg_pool_secret_text(&l->pool, raw);
        cfg_node_set_text(l, node, gw_slice_of(e.text, e.len));
    }
    gw_wipe(e.text, sizeof(e.text));
}

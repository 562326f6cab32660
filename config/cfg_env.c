/* SPDX-License-Identifier: MIT */
/* The MAILHATCH_ variables: laid over the file's tree as nodes of the same shape, so that one
 * schema reads both. */
#include <stdio.h>
#include <string.h>

#include "config/cfg_loader.h"
#include "config/cfg_text.h"
#include "config/cfg_url.h"

/* Ours start with this. */
static const char prefix[] = "MAILHATCH_";
/* All that are read, by the server and by the commands that call it. */
static const char *const names[] = {"CONFIG",   "RELAY",   "LISTEN",       "STORE",
                                    "DATA_DIR", "API_KEY", "API_KEY_FILE", "DKIM",
                                    "LOG",      "URL",     "FAILPOINTS"};

static const char blanks[] = " \t\r\n";

static struct gw_slice next_word(struct gw_slice *rest)
{
    size_t skip = 0;
    size_t n = 0;
    while (skip < rest->len && strchr(blanks, rest->data[skip]) != NULL)
        skip++;
    while (skip + n < rest->len && strchr(blanks, rest->data[skip + n]) == NULL)
        n++;
    struct gw_slice word = gw_slice_of(rest->data + skip, n);
    *rest = gw_slice_of(word.data + n, rest->len - skip - n);
    return word;
}

static bool is_blank(const char *s)
{
    return s[strspn(s, blanks)] == '\0';
}

const char *cfg_env_get(const char *const *env, const char *name)
{
    size_t n = strlen(name);
    for (; env != NULL && *env != NULL; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    return NULL;
}

/* A variable of ours that is not known is nobody's business: Kubernetes sets MAILHATCH_SERVICE_HOST
 * and others for a service of that name. One that looks like a known one is mistyped, and without
 * MAILHATCH_RELAY, say, mail would go to the sandbox. */
static void report_mistyped(struct cfg_loader *l)
{
    enum {
        N_NAMES = sizeof(names) / sizeof(names[0]),
        MAX_NAME = 64
    };
    for (const char *const *env = l->env; env != NULL && *env != NULL; env++) {
        if (strncmp(*env, prefix, sizeof(prefix) - 1) != 0)
            continue;
        const char *rest = *env + sizeof(prefix) - 1;
        char name[MAX_NAME + 1];
        char source[sizeof(prefix) + MAX_NAME];
        char text[sizeof(source) + 64];
        int n = (int)strcspn(rest, "=");
        if (n > MAX_NAME)
            continue;
        (void)snprintf(name, sizeof(name), "%.*s", n, rest);
        const char *near = cfg_nearest(name, names, N_NAMES);
        if (near == NULL || strcmp(near, name) == 0)
            continue;
        (void)snprintf(source, sizeof(source), "%s%s", prefix, name);
        (void)snprintf(text, sizeof(text), "is no variable of Mailhatch; did you mean %s%s?",
                       prefix, near);
        cfg_problem_at(l, source, 0, 0, text);
    }
}

/* The variable's value; NULL when it is unset, or set to nothing, which is reported. */
static const char *variable(struct cfg_loader *l, const char *name)
{
    const char *value = cfg_env_get(l->env, name);
    if (value == NULL)
        return NULL;
    if (!is_blank(value))
        return value;
    cfg_problem_at(l, name, 0, 0, "is set but empty; unset it or give it a value");
    return NULL;
}

static struct cfg_node *text_node(struct cfg_loader *l, const char *name, const char *value)
{
    return cfg_node_text(l, name, gw_slice_str(value));
}

/* The map at @key of @root, made when it is missing; a scalar there becomes {@shorthand: it}. NULL
 * when something else is in its place: the schema will report it. */
static struct cfg_node *map_at(struct cfg_loader *l, struct cfg_node *root, const char *key,
                               const char *shorthand, const char *source)
{
    struct cfg_node *node = cfg_node_get(root, key);
    if (node != NULL && node->kind == CFG_NODE_MAP)
        return node;
    if (node != NULL && (node->kind == CFG_NODE_LIST || node->bad))
        return NULL;
    struct cfg_node *map = cfg_node_new(l, CFG_NODE_MAP, source);
    cfg_node_set(root, key, map);
    if (node != NULL && !node->null) {
        map->source = node->source;
        map->line = node->line;
        map->column = node->column;
        cfg_node_add(map, shorthand, node);
    }
    return map;
}

static void overlay_listen(struct cfg_loader *l, struct cfg_node *root)
{
    static const char name[] = "MAILHATCH_LISTEN";
    const char *value = variable(l, name);
    if (value == NULL)
        return;
    struct cfg_node *list = cfg_node_new(l, CFG_NODE_LIST, name);
    struct gw_slice rest = gw_slice_str(value);
    struct gw_slice word;
    while ((word = next_word(&rest)).len != 0)
        cfg_node_add(list, NULL, cfg_node_text(l, name, word));
    cfg_node_set(root, "listen", list);
}

static void overlay_store(struct cfg_loader *l, struct cfg_node *root)
{
    const char *engine = variable(l, "MAILHATCH_STORE");
    const char *dir = variable(l, "MAILHATCH_DATA_DIR");
    if (engine == NULL && dir == NULL)
        return;
    struct cfg_node *map = map_at(l, root, "store", "engine",
                                  engine != NULL ? "MAILHATCH_STORE" : "MAILHATCH_DATA_DIR");
    if (map == NULL)
        return;
    if (engine != NULL) {
        cfg_node_set(map, "engine", text_node(l, "MAILHATCH_STORE", engine));
        cfg_node_remove(map, "url");
        cfg_node_remove(map, "url_file");
    }
    if (dir != NULL)
        cfg_node_set(map, "path", text_node(l, "MAILHATCH_DATA_DIR", dir));
}

static void overlay_api_key(struct cfg_loader *l, struct cfg_node *root)
{
    static const char name[] = "MAILHATCH_API_KEY";
    static const char file_name[] = "MAILHATCH_API_KEY_FILE";
    const char *key = variable(l, name);
    const char *file = variable(l, file_name);
    if (key == NULL && file == NULL)
        return;
    if (key != NULL && file != NULL)
        cfg_problem_at(l, file_name, 0, 0, "MAILHATCH_API_KEY is set too; keep one of them");
    const char *source = key != NULL ? name : file_name;
    struct cfg_node *list = cfg_node_new(l, CFG_NODE_LIST, source);
    struct cfg_node *item = cfg_node_new(l, CFG_NODE_MAP, source);
    struct cfg_node *scopes = cfg_node_new(l, CFG_NODE_LIST, source);
    cfg_node_add(item, "name", text_node(l, source, "default"));
    if (key != NULL)
        cfg_node_add(item, "key", text_node(l, name, key));
    else
        cfg_node_add(item, "key_file", text_node(l, file_name, file));
    cfg_node_add(scopes, NULL, text_node(l, source, "send"));
    cfg_node_add(scopes, NULL, text_node(l, source, "read"));
    cfg_node_add(scopes, NULL, text_node(l, source, "admin"));
    cfg_node_add(item, "scopes", scopes);
    cfg_node_add(list, NULL, item);
    cfg_node_set(root, "api_keys", list);
    l->env_api_key = true;
}

/* A name for the relay at @url that @map does not have yet: its host, or the host and a number. */
static const char *relay_name(struct cfg_loader *l, const struct cfg_node *map, const char *url)
{
    struct cfg_relay_url parsed;
    const char *name = "relay";
    char text[CFG_MAX_NAME + 1];
    if (cfg_relay_url_parse(&l->pool, url, &parsed) == NULL)
        name = parsed.sandbox ? "sandbox" : strchr(parsed.host, ':') != NULL ? "ipv6" : parsed.host;
    /* A host may be longer than a name, or start with _. */
    (void)snprintf(text, sizeof(text) - 4, "%s%s", cfg_is_name(name) || name[0] != '_' ? "" : "r",
                   name);
    size_t n = strlen(text);
    for (unsigned i = 2; cfg_node_get(map, text) != NULL; i++)
        (void)snprintf(text + n, sizeof(text) - n, "-%u", i % 1000);
    return gw_arena_strdup(l->pool.arena, text);
}

static void overlay_relays(struct cfg_loader *l, struct cfg_node *root)
{
    static const char name[] = "MAILHATCH_RELAY";
    const char *value = variable(l, name);
    if (value == NULL)
        return;
    if (cfg_node_value(root, "relays") != NULL) {
        cfg_problem_at(l, name, 0, 0,
                       "the configuration file has relays already; unset the variable or remove "
                       "them there");
        return;
    }
    struct cfg_node *map = cfg_node_new(l, CFG_NODE_MAP, name);
    struct gw_slice rest = gw_slice_str(value);
    struct gw_slice word;
    while ((word = next_word(&rest)).len != 0) {
        struct cfg_node *url = cfg_node_text(l, name, word);
        if (map->n_children == CFG_MAX_ENV_RELAYS) {
            cfg_problem(l, map, "more than 100 relays; use a configuration file");
            break;
        }
        cfg_node_add(map, relay_name(l, map, url->text), url);
    }
    cfg_node_set(root, "relays", map);
}

/* The domain's entry in @domains, made when it is missing. */
static struct cfg_node *dkim_keys(struct cfg_loader *l, struct cfg_node *domains,
                                  const char *source, struct gw_slice domain)
{
    for (struct cfg_node *d = domains->first; d != NULL; d = d->next)
        if (gw_slice_eq_nocase(gw_slice_str(cfg_node_get(d, "domain")->text), domain))
            return cfg_node_get(d, "keys");
    struct cfg_node *item = cfg_node_new(l, CFG_NODE_MAP, source);
    struct cfg_node *keys = cfg_node_new(l, CFG_NODE_LIST, source);
    cfg_node_add(item, "domain", cfg_node_text(l, source, domain));
    cfg_node_add(item, "keys", keys);
    cfg_node_add(domains, NULL, item);
    return keys;
}

static void overlay_dkim(struct cfg_loader *l, struct cfg_node *root)
{
    static const char name[] = "MAILHATCH_DKIM";
    const char *value = variable(l, name);
    if (value == NULL)
        return;
    if (cfg_node_value(root, "dkim") != NULL) {
        cfg_problem_at(l, name, 0, 0,
                       "the configuration file has dkim already; unset the variable or remove it "
                       "there");
        return;
    }
    struct cfg_node *map = cfg_node_new(l, CFG_NODE_MAP, name);
    struct cfg_node *domains = cfg_node_new(l, CFG_NODE_LIST, name);
    struct gw_slice rest = gw_slice_str(value);
    struct gw_slice word;
    while ((word = next_word(&rest)).len != 0) {
        const char *first = memchr(word.data, ':', word.len);
        size_t left = first != NULL ? word.len - (size_t)(first - word.data) - 1 : 0;
        const char *second = first != NULL ? memchr(first + 1, ':', left) : NULL;
        if (second == NULL) {
            cfg_problem(l, map, "each item must be domain:selector:keyfile");
            continue;
        }
        struct cfg_node *key = cfg_node_new(l, CFG_NODE_MAP, name);
        struct gw_slice selector = gw_slice_of(first + 1, (size_t)(second - first) - 1);
        struct gw_slice file = gw_slice_of(second + 1, left - selector.len - 1);
        cfg_node_add(key, "selector", cfg_node_text(l, name, selector));
        cfg_node_add(key, "key_file", cfg_node_text(l, name, file));
        cfg_node_add(
            dkim_keys(l, domains, name, gw_slice_of(word.data, (size_t)(first - word.data))), NULL,
            key);
    }
    cfg_node_add(map, "domains", domains);
    cfg_node_set(root, "dkim", map);
}

static void overlay_log(struct cfg_loader *l, struct cfg_node *root)
{
    const char *level = variable(l, "MAILHATCH_LOG");
    struct cfg_node *map = level != NULL ? map_at(l, root, "log", "level", "MAILHATCH_LOG") : NULL;
    if (map != NULL)
        cfg_node_set(map, "level", text_node(l, "MAILHATCH_LOG", level));
}

/* What there is when nobody says anything: loopback only, and mail goes nowhere. A key that is
 * there but empty is no consent to that: the schema refuses it. */
static void add_defaults(struct cfg_loader *l, struct cfg_node *root)
{
    static const char source[] = "default";
    if (cfg_node_get(root, "listen") == NULL) {
        struct cfg_node *list = cfg_node_new(l, CFG_NODE_LIST, source);
        cfg_node_add(list, NULL, text_node(l, source, "127.0.0.1:8080"));
        cfg_node_set(root, "listen", list);
    }
    if (cfg_node_get(root, "relays") == NULL) {
        struct cfg_node *map = cfg_node_new(l, CFG_NODE_MAP, source);
        cfg_node_add(map, "sandbox", text_node(l, source, "sandbox:"));
        cfg_node_set(root, "relays", map);
    }
}

void cfg_env_overlay(struct cfg_loader *l, struct cfg_node *root)
{
    report_mistyped(l);
    overlay_listen(l, root);
    overlay_store(l, root);
    overlay_api_key(l, root);
    overlay_relays(l, root);
    overlay_dkim(l, root);
    overlay_log(l, root);
    add_defaults(l, root);
}

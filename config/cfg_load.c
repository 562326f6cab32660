/* SPDX-License-Identifier: MIT */
/* Loading: file and environment to one snapshot, and its references. */
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "config/cfg_schema.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

struct cfg_snapshot {
    struct cfg cfg;
    atomic_size_t refs;
    struct cfg_pool pool;
};

static struct cfg_snapshot *snapshot_new(void)
{
    struct cfg_snapshot *s = gw_calloc(1, sizeof(*s));
    s->cfg = cfg_defaults;
    s->cfg.snapshot = s;
    s->cfg.store.path = geteuid() == 0 ? "/var/lib/mailhatch" : "./mailhatch-data";
    atomic_init(&s->refs, 1);
    cfg_pool_init(&s->pool);
    return s;
}

static void snapshot_free(struct cfg_snapshot *s)
{
    cfg_pool_deinit(&s->pool);
    gw_free(s);
}

const struct cfg *cfg_ref(const struct cfg *c)
{
    if (c->snapshot != NULL)
        (void)atomic_fetch_add_explicit(&c->snapshot->refs, 1, memory_order_relaxed);
    return c;
}

void cfg_unref(const struct cfg **c)
{
    struct cfg_snapshot *s = *c != NULL ? (*c)->snapshot : NULL;
    *c = NULL;
    if (s == NULL)
        return;
    size_t before = atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel);
    CHECK(before != 0);
    if (before == 1)
        snapshot_free(s);
}

enum gw_status cfg_load_text(const char *name, const struct gw_slice *text, const char *const *env,
                             const struct cfg **out, struct cfg_problems *problems)
{
    struct cfg_snapshot *s = snapshot_new();
    struct cfg_loader *l = gw_calloc(1, sizeof(*l));
    l->env = env;
    l->out = &s->pool;
    l->cfg = &s->cfg;
    cfg_pool_init(&l->pool);
    struct cfg_node *root = text != NULL ? cfg_yaml_parse(l, name, *text)
                                         : cfg_node_new(l, CFG_NODE_MAP, "environment");
    if (root != NULL) {
        cfg_env_overlay(l, root);
        cfg_section_read(l, &cfg_root_section, root, &s->cfg);
    }
    cfg_problems_take(l, problems);
    cfg_pool_deinit(&l->pool);
    gw_free(l);
    *out = problems->n == 0 ? &s->cfg : NULL;
    if (*out != NULL)
        return GW_OK;
    snapshot_free(s);
    return GW_INVALID;
}

static enum gw_status load_file(const char *file, const char *const *env, const struct cfg **out,
                                struct cfg_problems *problems)
{
    char *buf = gw_malloc((size_t)CFG_MAX_FILE_SIZE + 1);
    struct gw_err err;
    size_t len = 0;
    enum gw_status status = cfg_file_read(file, buf, CFG_MAX_FILE_SIZE, &len, &err);
    if (status == GW_OK) {
        struct gw_slice text = gw_slice_of(buf, len);
        status = cfg_load_text(file, &text, env, out, problems);
    } else {
        *out = NULL;
        *problems = (struct cfg_problems){.text = {gw_strdup(err.text)}, .n = 1};
        status = status == GW_TOOBIG ? GW_INVALID : GW_IO;
    }
    gw_wipe(buf, len);
    gw_free(buf);
    return status;
}

enum gw_status cfg_load(const char *file, const char *const *env, const struct cfg **out,
                        struct cfg_problems *problems)
{
    if (file == NULL) {
        file = cfg_env_get(env, "MAILHATCH_CONFIG");
        if (file != NULL && file[0] == '\0') {
            static const char empty[] =
                "MAILHATCH_CONFIG: is set but empty; unset it or name a file";
            *out = NULL;
            *problems = (struct cfg_problems){.text = {gw_strdup(empty)}, .n = 1};
            return GW_INVALID;
        }
    }
    if (file == NULL)
        return cfg_load_text(NULL, NULL, env, out, problems);
    return load_file(file, env, out, problems);
}

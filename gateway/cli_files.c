/* SPDX-License-Identifier: MIT */
/* Watching files by asking for their status: works on every file system and mount. */
#include "gateway/cli_files.h"

#include <string.h>
#include <sys/stat.h>

#include "gateway/base/gw_mem.h"

struct file {
    const char *path;
    bool relay;
    bool there;
    struct stat seen;
};

struct cli_files {
    size_t n, cap;
    struct file *files;
};

static bool look(const char *path, struct stat *out)
{
    memset(out, 0, sizeof(*out));
    return stat(path, out) == 0;
}

/* @path  may be NULL */
static void add(struct cli_files *f, const char *path, bool relay)
{
    if (path == NULL)
        return;
    if (f->n == f->cap) {
        f->cap = f->cap == 0 ? 16 : 2 * f->cap;
        f->files = gw_realloc(f->files, f->cap * sizeof(f->files[0]));
    }
    struct file *file = &f->files[f->n++];
    *file = (struct file){.path = path, .relay = relay};
    file->there = look(path, &file->seen);
}

struct cli_files *cli_files_new(const struct cfg *cfg)
{
    struct cli_files *f = gw_calloc(1, sizeof(*f));
    for (size_t i = 0; i < cfg->n_listen; i++) {
        add(f, cfg->listen[i].cert_file, false);
        add(f, cfg->listen[i].key_file, false);
        add(f, cfg->listen[i].client_ca_file, false);
    }
    for (size_t i = 0; i < cfg->n_relays; i++) {
        add(f, cfg->relays[i].ca_file, true);
        add(f, cfg->relays[i].client_cert_file, true);
        add(f, cfg->relays[i].client_key_file, true);
    }
    for (size_t i = 0; i < cfg->dkim.n_domains; i++)
        for (size_t k = 0; k < cfg->dkim.domains[i].n_keys; k++)
            add(f, cfg->dkim.domains[i].keys[k].key_file, false);
    for (const struct cfg_file *s = cfg->secret_files; s != NULL; s = s->next)
        add(f, s->path, false);
    return f;
}

void cli_files_free(struct cli_files **f)
{
    if (*f == NULL)
        return;
    gw_free((*f)->files);
    gw_free(*f);
    *f = NULL;
}

static bool changed(const struct file *file)
{
    struct stat now;
    bool there = look(file->path, &now);
    return there != file->there || now.st_dev != file->seen.st_dev ||
           now.st_ino != file->seen.st_ino || now.st_size != file->seen.st_size ||
           now.st_mtim.tv_sec != file->seen.st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != file->seen.st_mtim.tv_nsec;
}

static bool any_changed(const struct cli_files *f, bool relays_only)
{
    for (size_t i = 0; i < f->n; i++)
        if ((!relays_only || f->files[i].relay) && changed(&f->files[i]))
            return true;
    return false;
}

bool cli_files_changed(const struct cli_files *f)
{
    return any_changed(f, false);
}

bool cli_files_relays_changed(const struct cli_files *f)
{
    return any_changed(f, true);
}

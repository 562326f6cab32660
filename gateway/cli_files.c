/* SPDX-License-Identifier: MIT */
/* Watching files by asking for their status: works on every file system and mount. */
#include "gateway/cli_files.h"

#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/gw_mem.h"

#define NO_RELAY SIZE_MAX

struct file {
    const char *path;
    size_t relay; /* index in cfg.relays, or NO_RELAY */
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
static void add(struct cli_files *f, const char *path, size_t relay)
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
        add(f, cfg->listen[i].cert_file, NO_RELAY);
        add(f, cfg->listen[i].key_file, NO_RELAY);
        add(f, cfg->listen[i].client_ca_file, NO_RELAY);
    }
    for (size_t i = 0; i < cfg->n_relays; i++) {
        add(f, cfg->relays[i].ca_file, i);
        add(f, cfg->relays[i].client_cert_file, i);
        add(f, cfg->relays[i].client_key_file, i);
    }
    for (size_t i = 0; i < cfg->dkim.n_domains; i++)
        for (size_t k = 0; k < cfg->dkim.domains[i].n_keys; k++)
            add(f, cfg->dkim.domains[i].keys[k].key_file, NO_RELAY);
    for (const struct cfg_file *s = cfg->secret_files; s != NULL; s = s->next)
        add(f, s->path, NO_RELAY);
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

bool cli_files_changed(const struct cli_files *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (changed(&f->files[i]))
            return true;
    return false;
}

bool cli_files_relay_changed(const struct cli_files *f, size_t index)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->files[i].relay == index && changed(&f->files[i]))
            return true;
    return false;
}

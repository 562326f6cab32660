/* SPDX-License-Identifier: MIT */
/* Secrets from files, read again when the file changes. */
#include "gateway/secret_file.h"

#include <string.h>

#include "config/cfg.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"

void gw_secret_file_init(struct gw_secret_file *f, const char *path, const char *value)
{
    *f = (struct gw_secret_file){.path = path, .value = value != NULL ? gw_strdup(value) : NULL};
}

void gw_secret_file_deinit(struct gw_secret_file *f)
{
    gw_free_secret(&f->value);
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool take_over(struct gw_secret_file *f, const char *text, size_t len)
{
    if (f->value != NULL && strlen(f->value) == len && memcmp(f->value, text, len) == 0)
        return false;
    gw_free_secret(&f->value);
    f->value = gw_memdup0(text, len);
    return true;
}

bool gw_secret_file_refresh(struct gw_secret_file *f)
{
    struct stat now;
    char buf[CFG_SECRET_FILE_SIZE];
    size_t len = 0;
    struct gw_err err = {.text = ""};
    if (f->path == NULL || stat(f->path, &now) != 0 || same(&now, &f->seen))
        return false;
    f->seen = now;
    bool changed = false;
    if (cfg_secret_read(f->path, buf, &len, &err) != GW_OK)
        gw_log(GW_LOG_WARN, "secret_file", GW_LOG_STR("error", err.text));
    else if (len == 0 || memchr(buf, '\0', len) != NULL)
        gw_log(GW_LOG_WARN, "secret_file", GW_LOG_STR("file", f->path),
               GW_LOG_STR("error", "empty, or not text"));
    else
        changed = take_over(f, buf, len);
    gw_wipe(buf, sizeof(buf));
    return changed;
}

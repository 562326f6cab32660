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
    char buf[CFG_SECRET_FILE_SIZE];
    size_t len = 0;
    struct gw_err err = {.text = ""};
    if (!gw_file_stamp_differs(f->path, &f->seen))
        return false;
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

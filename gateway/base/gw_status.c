/* SPDX-License-Identifier: MIT */
/* Status texts and error records. */
#include "gateway/base/gw_status.h"

#include <stdio.h>
#include <string.h>

const char *gw_status_text(enum gw_status status)
{
    static const char *const texts[] = {
#define GW_STATUS_TEXT(name, text) text,
        GW_STATUS_TABLE(GW_STATUS_TEXT)
#undef GW_STATUS_TEXT
    };
    size_t i = (size_t)status;
    return i < sizeof(texts) / sizeof(texts[0]) ? texts[i] : "unknown status";
}

static GW_PRINTF(3, 0) void set(struct gw_err *err, enum gw_status status, const char *fmt,
                                va_list ap)
{
    err->status = status;
    (void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
}

enum gw_status gw_err_set(struct gw_err *err, enum gw_status status, const char *fmt, ...)
{
    if (err == NULL)
        return status;
    va_list ap;
    va_start(ap, fmt);
    set(err, status, fmt, ap);
    va_end(ap);
    return status;
}

enum gw_status gw_err_errno(struct gw_err *err, enum gw_status status, int errnum, const char *fmt,
                            ...)
{
    if (err == NULL)
        return status;
    va_list ap;
    va_start(ap, fmt);
    set(err, status, fmt, ap);
    va_end(ap);
    size_t used = strlen(err->text);
    char buf[128];
    (void)snprintf(err->text + used, sizeof(err->text) - used, ": %s",
                   strerror_r(errnum, buf, sizeof(buf)));
    return status;
}

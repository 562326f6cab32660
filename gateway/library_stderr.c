/* SPDX-License-Identifier: MIT */
/* Standard error as a log. The C library lets a program assign `stderr`; a stream made by
 * fopencookie() hands over what is printed, line by line. */
#include "gateway/library_stderr.h"

#include <stdint.h>
#include <stdio.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"

/* The stream's lock guards it: every print holds that. */
static struct {
    char line[GW_LIBRARY_STDERR_LENGTH + 1];
    size_t len;
    int64_t spent, at_ms, lost;
} capture;

static void emit(void)
{
    int64_t now_ms = gw_clock_mono_ms();
    int64_t refilled = (now_ms - capture.at_ms) / GW_LIBRARY_STDERR_REFILL_MS;
    capture.line[capture.len] = '\0';
    capture.len = 0;
    if (refilled > 0) {
        capture.spent = refilled < capture.spent ? capture.spent - refilled : 0;
        capture.at_ms = now_ms;
    }
    if (capture.spent >= GW_LIBRARY_STDERR_LINES) {
        capture.lost++;
        return;
    }
    capture.spent++;
    gw_log(GW_LOG_WARN, "library_stderr", GW_LOG_STR("text", capture.line),
           GW_LOG_NUM("lost", capture.lost));
    capture.lost = 0;
}

static ssize_t on_write(void *cookie, const char *data, size_t len)
{
    (void)cookie;
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n')
            emit();
        else if (capture.len < GW_LIBRARY_STDERR_LENGTH)
            capture.line[capture.len++] = data[i];
    }
    return (ssize_t)len;
}

void gw_library_stderr_capture(void)
{
    FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = on_write});
    CHECK(stream != NULL);
    CHECK(setvbuf(stream, NULL, _IONBF, 0) == 0);
    stderr = stream;
}

/* SPDX-License-Identifier: MIT */
/* Structured log lines of at most LINE_MAX_SIZE bytes. */
#include "gateway/base/gw_log.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log_queue.h"

enum {
    LINE_MAX_SIZE = 4000,
    VALUE_MAX = 512,
    LAST_WORDS_MS = 200 /* before a process that has failed ends */
};                      /* lines are under PIPE_BUF: written whole */

static struct {
    enum gw_log_level level;
    enum gw_log_format format;
    int fd;
    atomic_uint_least64_t dropped;
    atomic_uint_least64_t told; /* of those dropped: reported by a line */
} logger = {.level = GW_LOG_INFO, .format = GW_LOG_FORMAT_TEXT, .fd = STDERR_FILENO};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void gw_log_init(enum gw_log_level level, enum gw_log_format format, int fd)
{
    logger.level = level;
    logger.format = format;
    logger.fd = fd;
}

void gw_log_start(void)
{
    gw_log_queue_start(logger.fd);
}

void gw_log_flush(int64_t timeout_ms)
{
    if (gw_log_queue_started())
        gw_log_queue_flush(timeout_ms);
}

bool gw_log_enabled(enum gw_log_level level)
{
    return level <= logger.level;
}

uint64_t gw_log_dropped(void)
{
    return atomic_load(&logger.dropped);
}

static void add_quoted(struct gw_buf *b, const char *s)
{
    (void)gw_buf_add_char(b, '"');
    for (size_t i = 0; s[i] != '\0' && i < VALUE_MAX; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            (void)gw_buf_printf(b, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            (void)gw_buf_printf(b, "\\u%04x", c);
        else
            (void)gw_buf_add_char(b, (char)c);
    }
    (void)gw_buf_add_char(b, '"');
}

static void add_field(struct gw_buf *b, const struct gw_log_field *f, bool json)
{
    (void)gw_buf_printf(b, json ? ",\"%s\":" : " %s=", f->key);
    if (f->str != NULL)
        add_quoted(b, f->str);
    else
        (void)gw_buf_printf(b, "%lld", (long long)f->num);
}

static bool put(const char *line, size_t len)
{
    if (gw_log_queue_started())
        return gw_log_queue_add(line, len);
    struct pollfd ready = {.fd = logger.fd, .events = POLLOUT};
    return poll(&ready, 1, 0) == 1 && write(logger.fd, line, len) == (ssize_t)len;
}

/* There was room: if there was none before, say so. */
static void tell_dropped(void)
{
    uint64_t dropped = atomic_load(&logger.dropped);
    if (atomic_exchange(&logger.told, dropped) == dropped)
        return;
    const struct gw_log_field field = GW_LOG_NUM("total", dropped);
    gw_log_write(GW_LOG_WARN, "log_lines_dropped", &field, 1);
}

void gw_log_write(enum gw_log_level level, const char *event, const struct gw_log_field *fields,
                  size_t n_fields)
{
    if (!gw_log_enabled(level))
        return;
    char now[GW_TIME_RFC3339_SIZE];
    gw_time_rfc3339(gw_clock_wall_ms(), now);
    bool json = logger.format == GW_LOG_FORMAT_JSON;
    struct gw_buf b;
    gw_buf_init(&b, LINE_MAX_SIZE);
    (void)gw_buf_printf(&b,
                        json ? "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"" : "%s %-5s %s",
                        now, level_names[level], event);
    for (size_t i = 0; i < n_fields && b.len < LINE_MAX_SIZE - VALUE_MAX * 6 - 64; i++)
        add_field(&b, &fields[i], json);
    (void)gw_buf_add_str(&b, json ? "}\n" : "\n");
    bool out = put(b.data, b.len);
    gw_buf_deinit(&b);
    if (!out)
        atomic_fetch_add(&logger.dropped, 1);
    else
        tell_dropped();
}

_Noreturn void gw_check_failed(const char *file, int line, const char *expr)
{
    gw_log(GW_LOG_ERROR, "check_failed", GW_LOG_STR("file", file), GW_LOG_NUM("line", line),
           GW_LOG_STR("expr", expr));
    gw_log_flush(LAST_WORDS_MS);
    __builtin_trap();
}

void gw_check_soft_failed(const char *file, int line, const char *expr)
{
    gw_log(GW_LOG_ERROR, "check_failed_session", GW_LOG_STR("file", file), GW_LOG_NUM("line", line),
           GW_LOG_STR("expr", expr));
}

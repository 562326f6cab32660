/* SPDX-License-Identifier: MIT */
/* Structured log: one event per line, JSON or logfmt text. No field ever carries a secret or
 * message content. Safe from any thread; never waits for the reader: lines wait in a bounded queue
 * for a thread that writes them, and what finds no room is dropped and counted; a line
 * `log_lines_dropped` says how many once there is room again. Before gw_log_start() there is no
 * thread: a line that cannot be written at once is dropped. */
#ifndef GW_LOG_H
#define GW_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gw_log_level {
    GW_LOG_ERROR,
    GW_LOG_WARN,
    GW_LOG_INFO,
    GW_LOG_DEBUG
};
enum gw_log_format {
    GW_LOG_FORMAT_JSON,
    GW_LOG_FORMAT_TEXT
};

struct gw_log_field {
    const char *key;
    const char *str; /* when not NULL; any bytes, escaped on output, cut at 512 */
    int64_t num;     /* else */
};

#define GW_LOG_STR(k, v) ((struct gw_log_field){.key = (k), .str = (v) != NULL ? (v) : ""})
#define GW_LOG_NUM(k, v) ((struct gw_log_field){.key = (k), .num = (int64_t)(v)})

/* @fd  where lines go (2 by default); borrowed */
void gw_log_init(enum gw_log_level level, enum gw_log_format format, int fd);
/* Begin to write from a thread of its own, to the @fd of gw_log_init(), which stays it. Once, after
 * the last fork. */
void gw_log_start(void);
/* Waits until what was logged is written, at most @timeout_ms. Before the process ends. */
void gw_log_flush(int64_t timeout_ms);
bool gw_log_enabled(enum gw_log_level level);
/* Lines lost because the reader stalled. */
uint64_t gw_log_dropped(void);

/* @event  snake_case name of what happened, e.g. "relay_connected" */
void gw_log_write(enum gw_log_level level, const char *event, const struct gw_log_field *fields,
                  size_t n_fields);

/* gw_log(GW_LOG_INFO, "listening", GW_LOG_STR("address", a), GW_LOG_NUM("port", p)); at least one
 * field. */
#define gw_log(level, event, ...) \
    do { \
        if (gw_log_enabled(level)) { \
            const struct gw_log_field gw_log_fields_[] = {__VA_ARGS__}; \
            gw_log_write((level), (event), gw_log_fields_, \
                         sizeof(gw_log_fields_) / sizeof(gw_log_fields_[0])); \
        } \
    } while (0)

#endif

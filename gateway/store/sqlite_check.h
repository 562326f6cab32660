/* SPDX-License-Identifier: MIT */
/* Is the database sound? Asked at every start; never costs more than a few seconds.
 *
 * Two files say how the last process ended: `running` stands while one works on the database, whose
 * write-ahead log exists then; `damaged` was left by one that met a damaged page. */
#ifndef GW_STORE_SQLITE_CHECK_H
#define GW_STORE_SQLITE_CHECK_H

#include "gateway/store/sqlite_db.h"

/* Before the database is opened: GW_IO when the log that it needs is missing. */
enum gw_status sqlite_check_log(const struct sqlite_db *d, struct gw_err *err) GW_NODISCARD;

/* After it is opened: GW_IO when it is damaged. A large file is checked whole only when it is
 * suspected (`damaged`); else its tables are looked into. */
enum gw_status sqlite_check_file(struct sqlite_db *d, struct gw_err *err) GW_NODISCARD;

/* Work begins: writes once, so that the log is there, then the mark. SQLITE_OK or an error code. */
int sqlite_check_started(struct sqlite_db *d);
/* Work ended well; before the database is closed. */
void sqlite_check_stopped(const struct sqlite_db *d);
/* The database is a new one: the marks are not about it. */
void sqlite_check_forget(const struct sqlite_db *d);
/* A damaged page was met. */
void sqlite_check_suspect(const struct sqlite_db *d);

#endif

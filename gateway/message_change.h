/* SPDX-License-Identifier: MIT */
/* What people may change about a message on its way: cancel it, try it again now, move its time,
 * pause it.
 * Pure functions for gw_store_engine.update; and what the return of a relay changes. Tested in
 * tests/unit/gateway/test_message_change.c. */
#ifndef GW_MESSAGE_CHANGE_H
#define GW_MESSAGE_CHANGE_H

#include "gateway/base/gw_status.h"
#include "gateway/message.h"

/* Whoever is not final is canceled. GW_OK when some recipient is canceled then, also when it was
 * before; GW_INVALID: all are final and none is canceled.
 * @arg  not used */
enum gw_status gw_change_cancel(struct gw_message *m, int64_t now_ms, const void *arg);

/* Recipients that wait, are held, or ended without being sent are due now, with a new lifetime when
 * theirs is over. Those that were sent, canceled or suppressed, and those whose scheduled time has
 * not come, stay. GW_INVALID: none is left to try.
 * @arg  int64_t: the lifetime in milliseconds */
enum gw_status gw_change_retry(struct gw_message *m, int64_t now_ms, const void *arg);

/* Moves the first attempt. The lifetime moves along. GW_INVALID: an attempt was made already, or
 * all are final.
 * @arg  int64_t: wall time in milliseconds; one that has passed means now */
enum gw_status gw_change_schedule(struct gw_message *m, int64_t now_ms, const void *arg);

/* Takes the time of what is scheduled away, and gives it back: the one it had, or now when that has
 * passed, with the lifetime moved along. GW_INVALID: nobody is scheduled, or paused.
 * @arg  not used */
enum gw_status gw_change_pause(struct gw_message *m, int64_t now_ms, const void *arg);
enum gw_status gw_change_unpause(struct gw_message *m, int64_t now_ms, const void *arg);

/* The recipient whose next attempt comes first among those that wait because of their relay, not
 * because of anything that was said about them, and that it does not have already; NULL: none. */
const struct gw_recipient *gw_message_relay_wait(const struct gw_message *m);
/* All that wait so because of @relay are due at @now_ms. */
void gw_message_hasten(struct gw_message *m, const char *relay, int64_t now_ms);

#endif

/* SPDX-License-Identifier: MIT */
/* What `mailhatch queue` prints. Control characters in stored texts never reach the terminal. */
#ifndef GW_CLI_QUEUE_H
#define GW_CLI_QUEUE_H

#include "gateway/store/sqlite.h"

/* @cursor  0: there is no next page */
void cli_queue_print_list(const struct gw_message *const *messages, size_t n, int64_t cursor);
void cli_queue_print_message(const struct gw_message *m, const struct gw_attempt_log *attempts,
                             size_t n_attempts);
void cli_queue_print_stats(const struct gw_store_stats *stats);
void cli_queue_print_salvage(const struct gw_salvage *saved, const char *dir);

#endif

/* SPDX-License-Identifier: MIT */
/* Loading a new configuration into a running server: on SIGHUP, on POST /v1/admin/reload, and when
 * a certificate, key or secret file has changed. */
#ifndef GW_CLI_RELOAD_H
#define GW_CLI_RELOAD_H

#include <uv.h>

#include "api/server.h"
#include "config/cfg.h"

enum {
    CLI_RELOAD_LOOK_ROUNDS = 5 /* files are looked at every so many rounds of about a second */
};

struct cli_reload;

/* @file    as given to cli_load_config(), borrowed
 * @cfg     in use now
 * @server  gets the new ones, and requests for a reload are taken from it */
struct cli_reload *cli_reload_new(uv_loop_t *loop, const char *file, const struct cfg *cfg,
                                  struct api_server *server);
/* Begin; when one is being loaded, another follows it. */
void cli_reload_start(struct cli_reload *r);
/* Once per round of the loop: looks at the files now and then. */
void cli_reload_round(struct cli_reload *r);
/* Nothing is loaded any more; whoever waits is told so. Freed when the loop has run its close
 * callbacks; with a load in hand, which nobody waits for, when that has ended. */
void cli_reload_free(struct cli_reload **reload);

#endif

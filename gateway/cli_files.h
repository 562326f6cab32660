/* SPDX-License-Identifier: MIT */
/* The files a configuration names beside itself: certificates, keys, secrets. Seen when they
 * change, also when they are replaced through a symbolic link, as orchestrators mount secrets. */
#ifndef GW_CLI_FILES_H
#define GW_CLI_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "config/cfg.h"

struct cli_files;

/* What they are now. Paths are borrowed from @cfg, which must outlive it. */
struct cli_files *cli_files_new(const struct cfg *cfg);
void cli_files_free(struct cli_files **f);

/* Is any of them another one than it was in cli_files_new()? */
bool cli_files_changed(const struct cli_files *f);
/* The same for those that relay @index of the configuration is made from. */
bool cli_files_relay_changed(const struct cli_files *f, size_t index);

#endif

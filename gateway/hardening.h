/* SPDX-License-Identifier: MIT */
/* What the process gives up on its own, so that a flaw in it is worth less to an attacker. */
#ifndef GW_HARDENING_H
#define GW_HARDENING_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_status.h"

enum {
    GW_MAX_OPEN_FILES = 65536 /* ours; as far as the hard limit allows */
};

/* No core dumps, not readable by other processes of the same user (both would show secrets and
 * mail), no new privileges ever, as many descriptors as allowed. Before any thread is started. */
void gw_harden_process(void);

/* From now on the kernel refuses (ENOSYS) every system call that is not in the list of
 * gateway/seccomp.c, in this thread and those it starts. GW_OK; GW_UNSUPPORTED on kernels and
 * processors without; the process goes on without then. */
enum gw_status gw_seccomp_enable(struct gw_err *err) GW_NODISCARD;
/* Name of the i-th call in the list, NULL behind the last. */
const char *gw_seccomp_name(size_t i);

#endif

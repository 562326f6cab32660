/* SPDX-License-Identifier: MIT */
/* Limits of the process. */
#include "gateway/hardening.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "gateway/sanitized.h"

void gw_harden_process(void)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){.rlim_cur = 0, .rlim_max = 0});
    if (!GW_SANITIZED)
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max < GW_MAX_OPEN_FILES ? files.rlim_max : GW_MAX_OPEN_FILES;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

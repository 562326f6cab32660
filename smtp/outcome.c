/* SPDX-License-Identifier: MIT */
/* Names of stages and reasons. */
#include "smtp/outcome.h"

const char *smtp_stage_name(enum smtp_stage stage)
{
    static const char *const names[] = {
#define SMTP_STAGE_NAME(name, text) text,
        SMTP_STAGE_TABLE(SMTP_STAGE_NAME)
#undef SMTP_STAGE_NAME
    };
    return (unsigned)stage < SMTP_N_STAGES ? names[stage] : "unknown";
}

const char *smtp_reason_name(enum smtp_reason reason)
{
    static const char *const names[] = {
#define SMTP_REASON_NAME(name, text) text,
        SMTP_REASON_TABLE(SMTP_REASON_NAME)
#undef SMTP_REASON_NAME
    };
    return (unsigned)reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "unknown";
}

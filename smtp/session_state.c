/* SPDX-License-Identifier: MIT */
/* The states of a session, and the one function that moves between them. */
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_failpoint.h"
#include "smtp/session_impl.h"

#define AFTER(field) offsetof(struct smtp_timeouts, field)
#define NO_TIMEOUT   SIZE_MAX
#define DO(function) smtp_session_##function
#define TO(state)    (UINT32_C(1) << SMTP_STATE_##state)

static const struct smtp_state_info states[SMTP_N_STATES] = {
#define STATE_ROW(name, text_, stage_, timeout_, blame_, send_, reply_, next_) \
    [SMTP_STATE_##name] = {.text = (text_), \
                           .stage = SMTP_STAGE_##stage_, \
                           .timeout = (timeout_), \
                           .blames_relay = (blame_), \
                           .send = (send_), \
                           .on_reply = (reply_), \
                           .next = (next_) | TO(OVER)},
    SMTP_STATE_TABLE(STATE_ROW)
#undef STATE_ROW
};

const struct smtp_state_info *smtp_state_info(enum smtp_state state)
{
    PRE((unsigned)state < SMTP_N_STATES);
    return &states[state];
}

static void end_stage(struct smtp_session *s)
{
    int32_t *ms = &s->timing.ms[states[s->state].stage];
    int64_t spent = s->now - s->stage_since;

    if (*ms > 0)
        spent += *ms;
    *ms = spent < INT32_MAX ? (int32_t)spent : INT32_MAX;
}

void smtp_session_restart_deadline(struct smtp_session *s)
{
    size_t at = states[s->state].timeout;
    int64_t timeout = 0;
    if (at != NO_TIMEOUT)
        memcpy(&timeout, (const char *)&s->config.timeouts + at, sizeof(timeout));
    s->deadline = timeout > 0 ? s->now + timeout : 0;
}

void smtp_session_enter(struct smtp_session *s, enum smtp_state next)
{
    if (gw_fails_check((states[s->state].next & UINT32_C(1) << next) != 0)) {
        smtp_session_fail(s, SMTP_REASON_LOCAL_ERROR, NULL,
                          "internal error: the session cannot go from \"%s\" to \"%s\"",
                          states[s->state].text, states[next].text);
        return;
    }
    if (s->state != SMTP_STATE_READY) /* idling is no part of a transaction */
        end_stage(s);
    s->stage_since = s->now;
    s->state = next;
    GW_FAILPOINT_OF("smtp", smtp_stage_name(states[next].stage));
    s->must_send = states[next].send != NULL && s->n_in_flight == 0;
    smtp_session_restart_deadline(s);
}

/* SPDX-License-Identifier: MIT */
/* Which HTTP answer a message gets. */
#include "api/message_answer.h"

enum {
    MAX_RETRY_AFTER_S = 24 * 3600
};

/* The relay, not the recipient, is why nothing came of it, and it may pass. */
static bool is_relay_fault(const struct gw_recipient *r)
{
    bool undecided = r->status == GW_RCPT_DEFERRED || r->status == GW_RCPT_EXPIRED ||
                     r->status == GW_RCPT_QUEUED;
    bool deferred_by_reply = r->smtp.code >= 400 && r->smtp.code < 500;
    return undecided && ((r->reason != NULL && r->retryable) || deferred_by_reply);
}

static bool has_reason(const struct gw_recipient *r, const char *reason)
{
    return r->reason != NULL && strcmp(r->reason, reason) == 0;
}

static enum api_code fault_code(const struct gw_recipient *r)
{
    if (r->reason != NULL && strncmp(r->reason, "timeout_", strlen("timeout_")) == 0)
        return API_RELAY_TIMEOUT;
    if (has_reason(r, "relay_421"))
        return API_RELAY_BUSY;
    switch (r->category) {
    case GW_CATEGORY_NETWORK:
    case GW_CATEGORY_TLS:
    case GW_CATEGORY_AUTH:
    case GW_CATEGORY_DNS:
    case GW_CATEGORY_PROTOCOL:
    case GW_CATEGORY_CONFIG:
        return API_RELAY_FAILED;
    case GW_CATEGORY_NONE:
    case GW_CATEGORY_RECIPIENT:
    case GW_CATEGORY_MAILBOX_FULL:
    case GW_CATEGORY_POLICY:
    case GW_CATEGORY_SPAM:
    case GW_CATEGORY_BLOCKLIST:
    case GW_CATEGORY_RATE:
    case GW_CATEGORY_GREYLIST:
    case GW_CATEGORY_MESSAGE:
    case GW_CATEGORY_SIZE:
    case GW_CATEGORY_OTHER:
        break;
    }
    return API_RELAY_BUSY;
}

/* The earliest planned attempt, else a guess. */
static long retry_after(const struct gw_message *m, int64_t now_ms)
{
    int64_t earliest = 0;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        int64_t next = m->rcpts[i].next_attempt_ms;
        if (next > 0 && (earliest == 0 || next < earliest))
            earliest = next;
    }
    if (earliest <= now_ms)
        return API_RETRY_AFTER_RELAY_S;
    int64_t seconds = (earliest - now_ms + 999) / 1000;
    return seconds < MAX_RETRY_AFTER_S ? (long)seconds : MAX_RETRY_AFTER_S;
}

/* What explains the failure to a person: our own words for a local fault, else the relay's. */
static const char *explain(const struct gw_recipient *r)
{
    if (r->detail != NULL && r->detail[0] != '\0')
        return r->detail;
    if (r->smtp.text != NULL && r->smtp.text[0] != '\0')
        return r->smtp.text;
    return r->reason;
}

struct api_message_answer api_message_answer(const struct gw_message *m,
                                             const struct api_prefer *prefer, bool owner,
                                             int64_t now_ms)
{
    struct api_message_answer answer = {.status = gw_message_settled(m) ? 200 : 202};
    size_t n_faults = 0;
    size_t n_permanent = 0;
    size_t n_transient = 0;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        const struct gw_recipient *r = &m->rcpts[i];
        n_faults += is_relay_fault(r);
        n_permanent += gw_rcpt_status_final(r->status) && r->status != GW_RCPT_SENT;
        n_transient += r->status == GW_RCPT_DEFERRED;
    }
    if (m->n_rcpts == 0)
        return answer;
    answer.is_problem = true;
    if (prefer->strict && n_permanent == m->n_rcpts)
        answer.code = API_REJECTED;
    else if (prefer->strict && n_permanent + n_transient == m->n_rcpts)
        answer.code = API_DEFERRED;
    else if (owner && n_faults == m->n_rcpts)
        answer.code = fault_code(&m->rcpts[0]);
    else
        answer.is_problem = false;
    if (answer.is_problem) {
        answer.detail = explain(&m->rcpts[0]);
        if (api_code_status(answer.code) == 503)
            answer.retry_after_s = retry_after(m, now_ms);
    }
    return answer;
}

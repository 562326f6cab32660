/* SPDX-License-Identifier: MIT */
/* Outcomes to verdicts, by tables. */
#include "gateway/delivery_policy.h"

#include <stddef.h>
#include <string.h>

#include "gateway/base/gw_check.h"

/* Faults that are not replies about message or recipient. */
enum fault_kind {
    FAULT_REPLY,   /* look at the reply */
    FAULT_RELAY,   /* deferred, another relay may do */
    FAULT_MESSAGE, /* this message can never go to this relay, another one may do */
    FAULT_CANCELED,
    FAULT_LOCAL,    /* deferred: ours, no relay would do better */
    FAULT_NOT_TRIED /* as before: we are going down */
};

static const struct {
    enum fault_kind kind;
    enum gw_category category;
} faults[] = {
    [SMTP_REASON_REPLY] = {FAULT_REPLY, GW_CATEGORY_OTHER},
    [SMTP_REASON_RELAY_DNS] = {FAULT_RELAY, GW_CATEGORY_DNS},
    [SMTP_REASON_CONN_REFUSED] = {FAULT_RELAY, GW_CATEGORY_NETWORK},
    [SMTP_REASON_CONN_UNREACHABLE] = {FAULT_RELAY, GW_CATEGORY_NETWORK},
    [SMTP_REASON_CONN_RESET] = {FAULT_RELAY, GW_CATEGORY_NETWORK},
    [SMTP_REASON_CONN_CLOSED] = {FAULT_RELAY, GW_CATEGORY_NETWORK},
    [SMTP_REASON_TIMEOUT] = {FAULT_RELAY, GW_CATEGORY_NETWORK},
    [SMTP_REASON_LOCAL_FD] = {FAULT_LOCAL, GW_CATEGORY_OTHER},
    [SMTP_REASON_BAD_REPLY] = {FAULT_RELAY, GW_CATEGORY_PROTOCOL},
    [SMTP_REASON_REPLY_TOO_LONG] = {FAULT_RELAY, GW_CATEGORY_PROTOCOL},
    [SMTP_REASON_REPLY_LINE_TOO_LONG] = {FAULT_RELAY, GW_CATEGORY_PROTOCOL},
    [SMTP_REASON_PROTOCOL_ERROR] = {FAULT_RELAY, GW_CATEGORY_PROTOCOL},
    [SMTP_REASON_RELAY_421] = {FAULT_RELAY, GW_CATEGORY_RATE},
    [SMTP_REASON_RELAY_REFUSED] = {FAULT_RELAY, GW_CATEGORY_POLICY},
    [SMTP_REASON_EHLO_UNSUPPORTED] = {FAULT_RELAY, GW_CATEGORY_PROTOCOL},
    [SMTP_REASON_TLS_REQUIRED_MISSING] = {FAULT_RELAY, GW_CATEGORY_TLS},
    [SMTP_REASON_STARTTLS_REFUSED] = {FAULT_RELAY, GW_CATEGORY_TLS},
    [SMTP_REASON_STARTTLS_INJECTION] = {FAULT_RELAY, GW_CATEGORY_TLS},
    [SMTP_REASON_WRONG_TLS_MODE] = {FAULT_RELAY, GW_CATEGORY_TLS},
    [SMTP_REASON_TLS_ERROR] = {FAULT_RELAY, GW_CATEGORY_TLS},
    [SMTP_REASON_TLS_CERT_EXPIRED] = {FAULT_RELAY, GW_CATEGORY_TLS},
    [SMTP_REASON_TLS_CERT_NOT_YET_VALID] = {FAULT_RELAY, GW_CATEGORY_TLS},
    [SMTP_REASON_TLS_CERT_NAME] = {FAULT_RELAY, GW_CATEGORY_TLS},
    [SMTP_REASON_TLS_CERT_UNTRUSTED] = {FAULT_RELAY, GW_CATEGORY_TLS},
    [SMTP_REASON_TLS_WEAK] = {FAULT_RELAY, GW_CATEGORY_TLS},
    [SMTP_REASON_TLS_VERSION] = {FAULT_RELAY, GW_CATEGORY_TLS},
    [SMTP_REASON_AUTH_UNAVAILABLE] = {FAULT_RELAY, GW_CATEGORY_AUTH},
    [SMTP_REASON_AUTH_FAILED] = {FAULT_RELAY, GW_CATEGORY_AUTH},
    [SMTP_REASON_AUTH_TEMPORARY] = {FAULT_RELAY, GW_CATEGORY_AUTH},
    [SMTP_REASON_AUTH_PROTOCOL] = {FAULT_RELAY, GW_CATEGORY_AUTH},
    [SMTP_REASON_TOO_LARGE] = {FAULT_MESSAGE, GW_CATEGORY_SIZE},
    [SMTP_REASON_8BIT_UNSUPPORTED] = {FAULT_MESSAGE, GW_CATEGORY_MESSAGE},
    [SMTP_REASON_SMTPUTF8_UNSUPPORTED] = {FAULT_MESSAGE, GW_CATEGORY_RECIPIENT},
    [SMTP_REASON_REQUIRETLS_UNSUPPORTED] = {FAULT_MESSAGE, GW_CATEGORY_TLS},
    [SMTP_REASON_NO_RECIPIENTS] = {FAULT_RELAY, GW_CATEGORY_OTHER},
    [SMTP_REASON_RELAY_PAUSED] = {FAULT_RELAY, GW_CATEGORY_CONFIG},
    [SMTP_REASON_RELAY_BUSY] = {FAULT_RELAY, GW_CATEGORY_RATE},
    [SMTP_REASON_CANCELED] = {FAULT_CANCELED, GW_CATEGORY_NONE},
    [SMTP_REASON_SHUTDOWN] = {FAULT_NOT_TRIED, GW_CATEGORY_NONE},
    [SMTP_REASON_LOCAL_ERROR] = {FAULT_LOCAL, GW_CATEGORY_OTHER},
};

/* Replies that say "you and I misunderstand each other" rather than anything about the mail
 * (RFC 5321 sec. 4.2.2, RFC 4954 sec. 6): the relay's configuration or ours is at fault. */
static const struct {
    int code;
    enum gw_category category;
} misunderstandings[] = {
    {500, GW_CATEGORY_PROTOCOL}, {501, GW_CATEGORY_PROTOCOL}, {502, GW_CATEGORY_PROTOCOL},
    {503, GW_CATEGORY_PROTOCOL}, {504, GW_CATEGORY_PROTOCOL}, {530, GW_CATEGORY_AUTH},
    {534, GW_CATEGORY_AUTH},     {535, GW_CATEGORY_AUTH},     {538, GW_CATEGORY_AUTH},
};

/* A deadline's reason names where it struck. */
static const char *const timeouts[SMTP_N_STAGES] = {
    [SMTP_STAGE_RESOLVE] = "timeout_resolve",
    [SMTP_STAGE_CONNECT] = "timeout_connect",
    [SMTP_STAGE_GREETING] = "timeout_greeting",
    [SMTP_STAGE_EHLO] = "timeout_ehlo",
    [SMTP_STAGE_STARTTLS] = "timeout_starttls",
    [SMTP_STAGE_TLS] = "timeout_tls",
    [SMTP_STAGE_AUTH] = "timeout_auth",
    [SMTP_STAGE_IDLE] = "timeout_idle",
    [SMTP_STAGE_MAIL] = "timeout_mail",
    [SMTP_STAGE_RCPT] = "timeout_rcpt",
    [SMTP_STAGE_DATA] = "timeout_data",
    [SMTP_STAGE_BODY] = "timeout_body",
    [SMTP_STAGE_DOT] = "timeout_dot",
    [SMTP_STAGE_RSET] = "timeout_rset",
    [SMTP_STAGE_QUIT] = "timeout_quit",
    [SMTP_STAGE_BDAT] = "timeout_bdat",
    [SMTP_STAGE_BDAT_LAST] = "timeout_bdat_last",
};

enum {
    ANY = -1
};

/* Enhanced code subject and detail (RFC 3463, IANA registry) → category; the first match wins. */
static const struct {
    int subject, detail; /* ANY matches all */
    enum gw_category category;
} enhanced[] = {
    {1, 7, GW_CATEGORY_POLICY}, /* sender's mailbox syntax */
    {1, 8, GW_CATEGORY_POLICY}, /* sender's system */
    {1, ANY, GW_CATEGORY_RECIPIENT},  {2, 2, GW_CATEGORY_MAILBOX_FULL},
    {2, 3, GW_CATEGORY_SIZE},         {2, ANY, GW_CATEGORY_RECIPIENT},
    {3, 1, GW_CATEGORY_MAILBOX_FULL}, /* mail system full */
    {3, 4, GW_CATEGORY_SIZE},         {3, ANY, GW_CATEGORY_OTHER},
    {4, ANY, GW_CATEGORY_NETWORK},    {5, 3, GW_CATEGORY_RATE}, /* too many recipients */
    {5, ANY, GW_CATEGORY_PROTOCOL},   {6, ANY, GW_CATEGORY_MESSAGE},
    {7, 8, GW_CATEGORY_AUTH},         {7, 9, GW_CATEGORY_AUTH},
    {7, 10, GW_CATEGORY_TLS},         {7, 11, GW_CATEGORY_TLS},
    {7, 28, GW_CATEGORY_RATE}, /* mail flood */
    {7, 30, GW_CATEGORY_TLS},  /* REQUIRETLS */
    {7, ANY, GW_CATEGORY_POLICY},
};

/* Without an enhanced code: basic code and stage (SMTP_N_STAGES: any) → category. */
static const struct {
    int code;
    enum smtp_stage stage;
    enum gw_category category;
} basic[] = {
    {450, SMTP_STAGE_RCPT, GW_CATEGORY_GREYLIST},
    {451, SMTP_STAGE_RCPT, GW_CATEGORY_GREYLIST},
    {452, SMTP_STAGE_RCPT, GW_CATEGORY_RATE},
    {452, SMTP_N_STAGES, GW_CATEGORY_MAILBOX_FULL},
    {550, SMTP_STAGE_RCPT, GW_CATEGORY_RECIPIENT},
    {551, SMTP_N_STAGES, GW_CATEGORY_RECIPIENT},
    {552, SMTP_STAGE_RCPT, GW_CATEGORY_MAILBOX_FULL},
    {552, SMTP_N_STAGES, GW_CATEGORY_SIZE},
    {553, SMTP_STAGE_RCPT, GW_CATEGORY_RECIPIENT},
    {553, SMTP_N_STAGES, GW_CATEGORY_POLICY},
    {550, SMTP_N_STAGES, GW_CATEGORY_POLICY},
    {554, SMTP_N_STAGES, GW_CATEGORY_POLICY},
    {555, SMTP_N_STAGES, GW_CATEGORY_PROTOCOL},
};

/* "5.1.10" → 1 and 10; false when there is no enhanced code. */
static bool enhanced_fields(const char *text, int *subject, int *detail)
{
    if (text[0] == '\0' || text[1] != '.')
        return false;
    int values[2] = {0, 0};
    size_t at = 2;
    for (size_t i = 0; i < 2; i++) {
        while (text[at] >= '0' && text[at] <= '9')
            values[i] = values[i] * 10 + (text[at++] - '0');
        if (text[at] == '.')
            at++;
    }
    *subject = values[0];
    *detail = values[1];
    return true;
}

static enum gw_category category_of_reply(const struct smtp_outcome *o)
{
    int subject = 0;
    int detail = 0;
    if (enhanced_fields(o->reply.enhanced, &subject, &detail)) {
        if (o->reply.code / 100 == 4 && subject == 7 && detail <= 1 && o->stage == SMTP_STAGE_RCPT)
            return GW_CATEGORY_GREYLIST; /* 4.7.0 and 4.7.1 to RCPT is how greylisting speaks */
        for (size_t i = 0; i < sizeof(enhanced) / sizeof(enhanced[0]); i++)
            if (enhanced[i].subject == subject &&
                (enhanced[i].detail == ANY || enhanced[i].detail == detail))
                return enhanced[i].category;
    }
    for (size_t i = 0; i < sizeof(basic) / sizeof(basic[0]); i++)
        if (basic[i].code == o->reply.code &&
            (basic[i].stage == SMTP_N_STAGES || basic[i].stage == o->stage))
            return basic[i].category;
    return GW_CATEGORY_OTHER;
}

/* RFC 5321 sec. 4.5.3.1.10: 452 to RCPT, and 552 which old servers say for it, means too many
 * recipients, unless the enhanced code says that it is about this mailbox. The session has asked
 * again in a transaction of its own where the relay took others; this is what it said to one alone.
 */
static bool is_too_many_recipients(const struct smtp_outcome *o)
{
    static const char generic[] = ".5.3"; /* "too many recipients" in any class */
    if (o->stage != SMTP_STAGE_RCPT || (o->reply.code != 452 && o->reply.code != 552))
        return false;
    const char *e = o->reply.enhanced;
    return e[0] == '\0' || strcmp(e + 1, generic) == 0;
}

/* An enhanced code about an address, a mailbox or the content tells what is wrong with the mail,
 * whatever basic code it stands behind: "501 5.1.3 Bad recipient address syntax" (RFC 3463
 * sec. 3.2, 3.3, 3.7). */
static bool is_about_mail(const struct smtp_outcome *o)
{
    int subject = 0;
    int detail = 0;
    return enhanced_fields(o->reply.enhanced, &subject, &detail) &&
           (subject == 1 || subject == 2 || subject == 6);
}

static const char *reason_of_reply(const struct smtp_outcome *o, enum gw_category category)
{
    if (o->stage != SMTP_STAGE_MAIL || o->reply.code / 100 != 5)
        return NULL;
    return category == GW_CATEGORY_SIZE ? smtp_reason_name(SMTP_REASON_TOO_LARGE)
                                        : "sender_rejected";
}

static struct gw_verdict judge_reply(const struct smtp_outcome *o)
{
    int code = o->reply.code;
    for (size_t i = 0; i < sizeof(misunderstandings) / sizeof(misunderstandings[0]); i++)
        if (misunderstandings[i].code == code && !is_about_mail(o))
            return (struct gw_verdict){.status = GW_RCPT_DEFERRED,
                                       .category = misunderstandings[i].category,
                                       .retryable = true,
                                       .next_relay = true,
                                       .relay_fault = true};
    enum gw_category category = category_of_reply(o);
    if (is_too_many_recipients(o))
        return (struct gw_verdict){
            .status = GW_RCPT_DEFERRED, .category = GW_CATEGORY_RATE, .retryable = true};
    if (code / 100 != 5)
        return (struct gw_verdict){
            .status = GW_RCPT_DEFERRED, .category = category, .retryable = true};
    /* Limits of size differ between relays; other refusals are verdicts and go nowhere else. */
    return (struct gw_verdict){.status = GW_RCPT_REJECTED,
                               .category = category,
                               .reason = reason_of_reply(o, category),
                               .next_relay = category == GW_CATEGORY_SIZE};
}

static struct gw_verdict judge_fault(const struct smtp_outcome *o, enum gw_category category)
{
    switch (faults[o->reason].kind) {
    case FAULT_REPLY:
        return judge_reply(o);
    case FAULT_MESSAGE:
        return (struct gw_verdict){
            .status = GW_RCPT_REJECTED, .category = category, .next_relay = true};
    case FAULT_CANCELED:
        return (struct gw_verdict){.status = GW_RCPT_CANCELED};
    case FAULT_NOT_TRIED:
        return (struct gw_verdict){.status = GW_RCPT_QUEUED, .retryable = true};
    case FAULT_LOCAL:
        return (struct gw_verdict){
            .status = GW_RCPT_DEFERRED, .category = category, .retryable = true};
    case FAULT_RELAY:
        break;
    }
    return (struct gw_verdict){.status = GW_RCPT_DEFERRED,
                               .category = category,
                               .retryable = true,
                               .next_relay = true,
                               .relay_fault = true};
}

struct gw_verdict gw_delivery_judge(const struct smtp_outcome *o)
{
    PRE(o->final && (unsigned)o->stage < SMTP_N_STAGES);
    if (o->accepted)
        return (struct gw_verdict){.status = GW_RCPT_SENT};
    if (gw_fails_check((size_t)o->reason < sizeof(faults) / sizeof(faults[0])))
        return (struct gw_verdict){.status = GW_RCPT_DEFERRED, .retryable = true};
    enum gw_category category = faults[o->reason].category;
    struct gw_verdict v = {.status = GW_RCPT_DEFERRED,
                           .category = category != GW_CATEGORY_NONE ? category : GW_CATEGORY_OTHER,
                           .retryable = true,
                           .uncertain = true};
    if (!o->uncertain)
        v = judge_fault(o, category);
    if (o->reason == SMTP_REASON_TIMEOUT)
        v.reason = timeouts[o->stage];
    else if (o->reason != SMTP_REASON_REPLY)
        v.reason = smtp_reason_name(o->reason);
    return v;
}

enum gw_rcpt_status gw_uncertain_status(enum gw_on_uncertain asked,
                                        enum cfg_on_uncertain configured)
{
    static const enum gw_rcpt_status of_config[] = {[CFG_UNCERTAIN_RETRY] = GW_RCPT_DEFERRED,
                                                    [CFG_UNCERTAIN_HOLD] = GW_RCPT_HELD,
                                                    [CFG_UNCERTAIN_STOP] = GW_RCPT_UNCERTAIN};
    static const enum gw_rcpt_status of_message[] = {[GW_UNCERTAIN_RETRY] = GW_RCPT_DEFERRED,
                                                     [GW_UNCERTAIN_HOLD] = GW_RCPT_HELD,
                                                     [GW_UNCERTAIN_STOP] = GW_RCPT_UNCERTAIN};
    return asked == GW_UNCERTAIN_DEFAULT ? of_config[configured] : of_message[asked];
}

static int64_t jittered(const struct cfg_retry *retry, int64_t ms, double random01)
{
    double delay = (double)ms * (1.0 + retry->jitter * (2.0 * random01 - 1.0));
    return delay > 0 ? (int64_t)delay : 0;
}

static int64_t longest_step(const struct cfg_retry *retry)
{
    int64_t longest = 0;
    for (size_t i = 0; i < retry->n_schedule; i++)
        longest = retry->schedule_ms[i] > longest ? retry->schedule_ms[i] : longest;
    return longest;
}

int64_t gw_retry_delay_ms(const struct cfg_retry *retry, unsigned attempts, double random01)
{
    PRE(retry->n_schedule > 0 && attempts > 0);
    size_t i = attempts - 1 < retry->n_schedule ? attempts - 1 : retry->n_schedule - 1;
    return jittered(retry, retry->schedule_ms[i], random01);
}

int64_t gw_refused_delay_ms(const struct cfg_retry *retry, int64_t age_ms, double random01)
{
    PRE(retry->n_schedule > 0);
    int64_t most = longest_step(retry);
    int64_t ms = age_ms / 8;
    most = most < GW_REFUSED_MAX_MS ? most : GW_REFUSED_MAX_MS;
    ms = ms < most ? ms : most;
    return jittered(retry, ms > retry->schedule_ms[0] ? ms : retry->schedule_ms[0], random01);
}

int64_t gw_retry_max_delay_ms(const struct cfg_retry *retry)
{
    int64_t longest = jittered(retry, longest_step(retry), 1.0);
    return longest > retry->uncertain_delay_ms ? longest : retry->uncertain_delay_ms;
}

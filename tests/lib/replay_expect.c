/* SPDX-License-Identifier: MIT */
/* Lines "= word arguments": what must be so now. */
#include "tests/lib/replay_impl.h"

#include <stdio.h>
#include <string.h>

static const char *verdict_of(const struct smtp_outcome *o)
{
    if (!o->final)
        return "pending";
    if (o->accepted)
        return "accepted";
    return o->uncertain ? "uncertain" : "failed";
}

/* verdict [stage reason [code [enhanced]]] */
static void check_outcome(struct replay *r, size_t i, struct gw_slice args)
{
    const struct smtp_outcome *o = &r->outcomes[i];
    char is[MAX_TOKEN];

    (void)snprintf(is, sizeof(is), "%s %s %s %d %s", verdict_of(o), smtp_stage_name(o->stage),
                   smtp_reason_name(o->reason), o->reply.code, o->reply.enhanced);
    struct gw_slice have = gw_slice_str(is);
    bool same = true;
    while (args.len > 0 && same)
        same = gw_slice_eq(replay_next_word(&args), replay_next_word(&have));
    if (!same)
        replay_fail(r, "recipient %s is: %s (%.100s)", r->rcpts[i], is, o->detail);
}

static void expect_rcpt(struct replay *r, struct gw_slice args)
{
    struct gw_slice word = replay_next_word(&args);
    for (size_t i = 0; i < r->envelope.n_rcpts; i++) {
        if (gw_slice_is(word, r->rcpts[i])) {
            check_outcome(r, i, args);
            return;
        }
    }
    replay_fail(r, "no such recipient");
}

static void expect_all(struct replay *r, struct gw_slice args)
{
    for (size_t i = 0; i < r->envelope.n_rcpts; i++)
        check_outcome(r, i, args);
}

static void expect_done(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (r->in_transaction)
        replay_fail(r, "the transaction goes on");
}

static void expect_unfinished(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (r->in_transaction || !r->unfinished)
        replay_fail(r, "nothing is left of the transaction");
}

static void expect_busy(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (!r->in_transaction)
        replay_fail(r, "there is no transaction any more");
}

static void expect_ready(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (!r->last.ready)
        replay_fail(r, "not ready; %s %s %s", smtp_stage_name(r->last.stage),
                    smtp_reason_name(r->last.reason), r->end.detail);
}

static void expect_not_ready(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (r->last.ready)
        replay_fail(r, "ready");
}

static void expect_open(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (r->last.close)
        replay_fail(r, "closed: %s", r->end.detail);
}

/* stage reason sick|quiet */
static void expect_close(struct replay *r, struct gw_slice args)
{
    char is[MAX_TOKEN];
    if (!r->last.close) {
        replay_fail(r, "the session is open, in stage %s", smtp_stage_name(r->last.stage));
        return;
    }
    (void)snprintf(is, sizeof(is), "%s %s %s", smtp_stage_name(r->end.stage),
                   smtp_reason_name(r->end.reason), r->end.relay_sick ? "sick" : "quiet");
    if (!gw_slice_is(args, is))
        replay_fail(r, "closed with: %s (%s)", is, r->end.detail);
    r->end_was_checked = true;
}

static bool contains(const char *text, struct gw_slice part)
{
    return memmem(text, strlen(text), part.data, part.len) != NULL;
}

static void expect_detail(struct replay *r, struct gw_slice args)
{
    bool found = contains(r->end.detail, args);
    for (size_t i = 0; i < r->envelope.n_rcpts; i++)
        found = found || contains(r->outcomes[i].detail, args);
    if (!found)
        replay_fail(r, "no such detail: %s | %s", r->end.detail,
                    r->outcomes != NULL ? r->outcomes[0].detail : "");
}

/* code text… of the reply that made the relay sick */
static void expect_reply(struct replay *r, struct gw_slice args)
{
    if (replay_number(r, replay_next_word(&args)) != r->end.reply.code ||
        !contains(r->end.reply.text, args))
        replay_fail(r, "reply is %d %s", r->end.reply.code, r->end.reply.text);
}

/* address text…: part of the text of the reply in an outcome */
static void expect_text(struct replay *r, struct gw_slice args)
{
    struct gw_slice word = replay_next_word(&args);
    for (size_t i = 0; i < r->envelope.n_rcpts; i++) {
        if (gw_slice_is(word, r->rcpts[i]) && contains(r->outcomes[i].reply.text, args))
            return;
    }
    replay_fail(r, "no such reply text");
}

static void expect_within(struct replay *r, struct gw_slice args)
{
    int64_t left = r->last.deadline_ms != 0 ? r->last.deadline_ms - r->now : 0;
    if (left != replay_number(r, replay_next_word(&args)))
        replay_fail(r, "the deadline is %lld ms away", (long long)left);
}

static void expect_within_at_least(struct replay *r, struct gw_slice args)
{
    int64_t left = r->last.deadline_ms != 0 ? r->last.deadline_ms - r->now : 0;
    if (left < replay_number(r, replay_next_word(&args)))
        replay_fail(r, "the deadline is %lld ms away", (long long)left);
}

static void expect_start_tls(struct replay *r, struct gw_slice args)
{
    (void)args;
    if (!r->start_tls)
        replay_fail(r, "no handshake was asked for");
}

static void expect_size(struct replay *r, struct gw_slice args)
{
    const struct smtp_capabilities *caps = smtp_session_capabilities(r->session);
    if (caps == NULL || caps->max_size != (uint64_t)replay_number(r, replay_next_word(&args)))
        replay_fail(r, "another size, or no EHLO reply yet");
}

const struct replay_word replay_expectations[] = {
    {'=', "rcpt", expect_rcpt},
    {'=', "all", expect_all},
    {'=', "done", expect_done},
    {'=', "unfinished", expect_unfinished},
    {'=', "busy", expect_busy},
    {'=', "ready", expect_ready},
    {'=', "not-ready", expect_not_ready},
    {'=', "open", expect_open},
    {'=', "close", expect_close},
    {'=', "detail", expect_detail},
    {'=', "reply", expect_reply},
    {'=', "text", expect_text},
    {'=', "within", expect_within},
    {'=', "within-at-least", expect_within_at_least},
    {'=', "start-tls", expect_start_tls},
    {'=', "size", expect_size},
    {0},
};

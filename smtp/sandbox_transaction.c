/* SPDX-License-Identifier: MIT */
/* A message on its way into the sandbox: envelope and content. */
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "smtp/sandbox_internal.h"

enum {
    FIRST_RCPTS = 8
};

void sandbox_transaction_begin(struct smtp_sandbox_session *s, struct gw_slice from, bool smtputf8)
{
    sandbox_transaction_end(s);
    struct gw_arena *arena = gw_arena_new(0);
    s->txn = (struct sandbox_transaction){
        .arena = arena, .mail_from = gw_arena_cstr(arena, from), .smtputf8 = smtputf8};
    gw_buf_init(&s->txn.content, s->config.max_message_size);
}

static void free_content(struct smtp_sandbox_session *s)
{
    gw_buf_deinit(&s->txn.content);
    s->config.budget->used -= s->txn.budgeted;
    s->txn.budgeted = 0;
}

void sandbox_transaction_end(struct smtp_sandbox_session *s)
{
    if (s->txn.arena == NULL)
        return;
    free_content(s);
    gw_arena_free(&s->txn.arena);
    s->txn = (struct sandbox_transaction){.arena = NULL};
}

void sandbox_transaction_add_rcpt(struct smtp_sandbox_session *s, struct gw_slice mailbox)
{
    struct sandbox_transaction *t = &s->txn;
    if (t->n_rcpts == t->rcpts_cap) {
        t->rcpts_cap = t->rcpts_cap != 0 ? t->rcpts_cap * 2 : FIRST_RCPTS;
        const char **more = GW_ARENA_ARRAY(t->arena, const char *, t->rcpts_cap);
        for (size_t i = 0; i < t->n_rcpts; i++)
            more[i] = t->rcpts[i];
        t->rcpts = more;
    }
    t->rcpts[t->n_rcpts++] = gw_arena_cstr(t->arena, mailbox);
}

static void spoil(struct smtp_sandbox_session *s, enum sandbox_spoilt why)
{
    s->txn.spoilt = why;
    free_content(s);
}

void sandbox_transaction_add(struct smtp_sandbox_session *s, const char *data, size_t len)
{
    struct sandbox_transaction *t = &s->txn;
    struct smtp_sandbox_budget *budget = s->config.budget;
    s->act->progress = true;
    if (t->spoilt == SANDBOX_UNSPOILT) {
        if (gw_buf_add(&t->content, data, len) != GW_OK) {
            spoil(s, SANDBOX_TOO_BIG);
            return;
        }
        budget->used += t->content.cap - t->budgeted;
        t->budgeted = t->content.cap;
        if (budget->used > budget->max)
            spoil(s, SANDBOX_NO_ROOM);
        return;
    }
    /* What is refused anyway is read for a while, so that the client sees the reply. */
    t->discarded += len;
    if (t->discarded > s->config.max_message_size) {
        sandbox_reply(s, "552 5.3.4 Message too big");
        sandbox_close(s);
    }
}

void sandbox_transaction_finish(struct smtp_sandbox_session *s)
{
    s->mode = SANDBOX_COMMAND;
    s->act->progress = true;
    if (s->txn.spoilt == SANDBOX_TOO_BIG) {
        sandbox_reply(s, "552 5.3.4 Message too big, at most %zu octets",
                      s->config.max_message_size);
        sandbox_transaction_end(s);
    } else if (s->txn.spoilt == SANDBOX_NO_ROOM) {
        sandbox_reply(s, "452 4.3.1 Too much mail at once, try again later");
        sandbox_transaction_end(s);
    } else if (s->txn.hang_up) {
        s->mode = SANDBOX_OVER;
        s->act->need = SMTP_SANDBOX_DROP;
    } else {
        s->mode = SANDBOX_WAITING;
        s->act->need = SMTP_SANDBOX_VERDICT;
        s->act->delay_ms = s->txn.delay_ms;
    }
}

struct smtp_sandbox_kept *smtp_sandbox_session_take(struct smtp_sandbox_session *s)
{
    struct sandbox_transaction *t = &s->txn;
    PRE(s->mode == SANDBOX_WAITING && t->arena != NULL);
    struct smtp_sandbox_kept *kept = gw_calloc(1, sizeof(*kept));
    size_t len;
    char *content = gw_buf_take(&t->content, &len);
    kept->content = gw_realloc(content, len + 1); /* it was grown by doubling */
    kept->arena = t->arena;
    kept->message = (struct smtp_sandbox_message){.mail_from = t->mail_from,
                                                  .rcpts = t->rcpts,
                                                  .n_rcpts = t->n_rcpts,
                                                  .content = gw_slice_of(kept->content, len),
                                                  .tls = s->tls,
                                                  .authenticated = s->authenticated};
    s->config.budget->used -= t->budgeted;
    *t = (struct sandbox_transaction){.arena = NULL};
    return kept;
}

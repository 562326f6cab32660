/* SPDX-License-Identifier: MIT */
/* The sandbox's session: any octets, whole and in pieces, must give the same replies and the same
 * messages. First octet: what is offered; second: size of the pieces. */
#include <stdint.h>
#include <stdlib.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_mem.h"
#include "smtp/sandbox_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer's name */

enum {
    MAX_SIZE = 4096,
    MAX_TRANSCRIPT = 64 << 20
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void add(struct gw_buf *b, const char *data, size_t len)
{
    require(gw_buf_add(b, data, len) == GW_OK);
}

static void add_message(struct gw_buf *b, const struct smtp_sandbox_message *m)
{
    add(b, m->mail_from, strlen(m->mail_from) + 1);
    require(m->n_rcpts > 0 && m->n_rcpts <= SMTP_SANDBOX_MAX_RCPTS);
    for (size_t i = 0; i < m->n_rcpts; i++)
        add(b, m->rcpts[i], strlen(m->rcpts[i]) + 1);
    require(m->content.len <= MAX_SIZE);
    add(b, m->content.data, m->content.len);
}

/* Returns false when the session is over. */
static bool obey(struct smtp_sandbox_session *s, struct smtp_sandbox_action *act,
                 struct gw_buf *transcript)
{
    add(transcript, act->out.data, act->out.len);
    if (act->need == SMTP_SANDBOX_START_TLS)
        smtp_sandbox_session_tls_done(s, "TLSv1.3");
    if (act->need != SMTP_SANDBOX_VERDICT)
        return act->need != SMTP_SANDBOX_CLOSE && act->need != SMTP_SANDBOX_DROP;
    struct smtp_sandbox_kept *kept = smtp_sandbox_session_take(s);
    add_message(transcript, &kept->message);
    smtp_sandbox_session_answer(s, kept->message.content.len % 2 == 0 ? "id" : NULL, act);
    add(transcript, act->out.data, act->out.len);
    smtp_sandbox_kept_free(&kept);
    return true;
}

static void run(unsigned char options, struct gw_slice in, size_t piece, struct gw_buf *transcript)
{
    struct smtp_sandbox_budget budget = {.max = 1 << 20};
    struct smtp_sandbox_tries *tries = smtp_sandbox_tries_new();
    struct smtp_sandbox_session_config config = {.starttls = (options & 1) != 0,
                                                 .chunking = (options & 2) != 0,
                                                 .pipelining = (options & 4) != 0,
                                                 .username = (options & 8) != 0 ? "user" : NULL,
                                                 .password = "pass",
                                                 .max_message_size = MAX_SIZE,
                                                 .tries = tries,
                                                 .budget = &budget};
    struct smtp_sandbox_session *s = smtp_sandbox_session_new(&config);
    size_t done = 0;
    bool going = true;
    while (going && done < in.len) {
        struct smtp_sandbox_action act;
        size_t n = piece == 0 || piece > in.len - done ? in.len - done : piece;
        char *copy = gw_memdup0(in.data + done, n);
        smtp_sandbox_session_step(s, gw_slice_of(copy, n), &act);
        require(act.used <= n && (act.used > 0 || act.need != SMTP_SANDBOX_INPUT));
        gw_free(copy);
        done += act.used;
        going = obey(s, &act, transcript);
    }
    smtp_sandbox_session_free(&s);
    require(budget.used == 0);
    smtp_sandbox_tries_free(&tries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) /* libFuzzer's name */
{
    if (size < 2)
        return 0;
    struct gw_slice in = gw_slice_of((const char *)data + 2, size - 2);
    /* What may follow STARTTLS depends on the packets by design. */
    bool same = (data[0] & 1) == 0;
    struct gw_buf whole;
    struct gw_buf split;
    gw_buf_init(&whole, MAX_TRANSCRIPT);
    gw_buf_init(&split, MAX_TRANSCRIPT);
    run(data[0], in, 0, &whole);
    run(data[0], in, (size_t)data[1] + 1, &split);
    require(!same || gw_slice_eq(gw_buf_view(&whole), gw_buf_view(&split)));
    gw_buf_deinit(&whole);
    gw_buf_deinit(&split);
    return 0;
}

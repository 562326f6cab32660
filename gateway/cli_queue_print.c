/* SPDX-License-Identifier: MIT */
/* Stored mail as text for people. */
#include "gateway/cli_queue.h"

#include <stdio.h>

#include "gateway/base/gw_clock.h"

enum {
    ID_WIDTH = GW_UUID_SIZE - 1,
    TIME_WIDTH = GW_TIME_RFC3339_SIZE - 1,
    STATUS_WIDTH = 10,
    ADDRESS_WIDTH = 32
};

/* Padded to @width; longer text stays whole. Control characters (C0, DEL, C1) become spaces. */
static void print_text(const char *s, int width)
{
    int n = 0;
    for (; s != NULL && *s != '\0'; s++, n++) {
        bool c1 = (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] >= 0x80 &&
                  (unsigned char)s[1] < 0xa0;
        bool control = (unsigned char)*s < 0x20 || *s == 0x7f || c1;
        (void)putchar(control ? ' ' : *s);
        s += c1 ? 1 : 0;
    }
    (void)printf("%*s", n < width ? width - n : 0, "");
}

static void print_time(int64_t ms)
{
    char text[GW_TIME_RFC3339_SIZE] = "-";
    if (ms != 0)
        gw_time_rfc3339(ms, text);
    print_text(text, TIME_WIDTH);
}

void cli_queue_print_list(const struct gw_message *const *messages, size_t n, int64_t cursor)
{
    (void)printf("%-*s  %-*s  %-*s  %-*s  %s\n", ID_WIDTH, "ID", STATUS_WIDTH, "STATUS", TIME_WIDTH,
                 "ACCEPTED", ADDRESS_WIDTH, "RECIPIENT", "SUBJECT");
    for (size_t i = 0; i < n; i++) {
        const struct gw_message *m = messages[i];
        (void)printf("%-*s  %-*s  ", ID_WIDTH, m->id, STATUS_WIDTH, gw_message_status(m));
        print_time(m->created_at_ms);
        (void)printf("  ");
        print_text(m->rcpts[0].email, m->n_rcpts == 1 ? ADDRESS_WIDTH : 0);
        if (m->n_rcpts > 1)
            (void)printf(" and %zu more", m->n_rcpts - 1);
        (void)printf("  ");
        print_text(m->subject, 0);
        (void)printf("\n");
    }
    if (cursor != 0)
        (void)printf("more: --cursor %lld\n", (long long)cursor);
}

/* A reply as it was, and what we call it: each word with a space before it. */
static void print_reply(const char *enhanced, const char *reason, const char *text)
{
    const char *const words[] = {enhanced, reason, text};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i] == NULL || words[i][0] == '\0')
            continue;
        (void)printf(" ");
        print_text(words[i], 0);
    }
}

static void print_recipient(const struct gw_recipient *r)
{
    (void)printf("  ");
    print_text(r->email, ADDRESS_WIDTH);
    (void)printf(" %-*s attempts %u%s", STATUS_WIDTH, gw_rcpt_status_name(r->status), r->attempts,
                 r->uncertain ? ", uncertain" : "");
    if (r->next_attempt_ms != 0) {
        (void)printf(", next ");
        print_time(r->next_attempt_ms);
    }
    if (r->relay != NULL) {
        (void)printf(", relay ");
        print_text(r->relay, 0);
    }
    if (r->smtp.code != 0)
        (void)printf(", %d", r->smtp.code);
    print_reply(r->smtp.enhanced, r->reason, r->detail != NULL ? r->detail : r->smtp.text);
    (void)printf("\n");
}

static void print_attempt(const struct gw_message *m, const struct gw_attempt_log *a)
{
    (void)printf("  ");
    print_time(a->started_at_ms);
    (void)printf("  ");
    print_text(a->relay, 0);
    (void)printf(": ");
    print_text(a->stage, 0);
    (void)printf(" %d", a->code);
    print_reply(a->enhanced, a->reason, a->detail != NULL ? a->detail : a->text);
    (void)printf(" (%zu of %zu recipients, %lld ms", a->n_rcpts, m->n_rcpts,
                 (long long)a->duration_ms);
    for (int i = 0; i < GW_N_STEPS; i++)
        if (a->step_ms[i] >= 0)
            (void)printf(", %s %d", gw_step_name((enum gw_step)i), a->step_ms[i]);
    (void)printf(")%s\n", a->uncertain ? " uncertain" : "");
}

void cli_queue_print_message(const struct gw_message *m, const struct gw_attempt_log *attempts,
                             size_t n_attempts)
{
    (void)printf("id          %s\nstatus      %s\nmessage-id  ", m->id, gw_message_status(m));
    print_text(m->message_id, 0);
    (void)printf("\nfrom        ");
    print_text(m->from, 0);
    (void)printf("\nsubject     ");
    print_text(m->subject, 0);
    (void)printf("\nsize        %zu\naccepted    ", m->mime.len);
    print_time(m->created_at_ms);
    (void)printf("\nexpires     ");
    print_time(m->expires_at_ms);
    (void)printf("\nrecipients\n");
    for (size_t i = 0; i < m->n_rcpts; i++)
        print_recipient(&m->rcpts[i]);
    if (n_attempts != 0)
        (void)printf("attempts\n");
    for (size_t i = 0; i < n_attempts; i++)
        print_attempt(m, &attempts[i]);
}

void cli_queue_print_stats(const struct gw_store_stats *stats)
{
    for (int i = 0; i < GW_STORE_LIVE_STATES; i++)
        (void)printf("%-16s %lld\n", gw_rcpt_status_name((enum gw_rcpt_status)i),
                     (long long)stats->n_live[i]);
    (void)printf("oldest           ");
    print_time(stats->oldest_ms);
    (void)printf("\ndatabase bytes   %lld, %lld of them free\nlog bytes        %lld\n"
                 "body file bytes  %lld\n",
                 (long long)stats->file_bytes, (long long)stats->free_bytes,
                 (long long)stats->log_bytes, (long long)stats->body_file_bytes);
}

void cli_queue_print_salvage(const struct gw_salvage *saved, const char *dir)
{
    if (saved->log_missing)
        (void)printf("the write-ahead log is missing: mail accepted last may be lost\n");
    (void)printf("%lld messages saved, %lld of them not final; %lld of those without their body\n",
                 (long long)saved->n_messages, (long long)saved->n_live,
                 (long long)saved->n_bodies_lost);
    if (saved->n_tables_broken != 0)
        (void)printf("not every row could be read in %lld tables\n",
                     (long long)saved->n_tables_broken);
    (void)printf("the old files are %s/mailhatch.db.damaged*\n", dir);
}

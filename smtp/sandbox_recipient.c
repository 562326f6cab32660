/* SPDX-License-Identifier: MIT */
/* Simulator recipients of the sandbox. */
#include "smtp/sandbox_recipient.h"

#include <stdio.h>

#include "gateway/base/gw_list.h"
#include "gateway/base/gw_mem.h"
#include "smtp/sandbox.h"

enum {
    MAX_TIMES = 99,
    MAX_ENHANCED_FIELD = 3 /* digits, RFC 3463 sec. 2 */
};

/* What real servers say with a code; single digits stand for the other codes of their class. */
static const struct {
    int code;
    const char *enhanced, *text;
} replies[] = {
    {421, "4.3.2", "Service not available, closing connection"},
    {450, "4.2.1", "Recipient address rejected: mailbox busy"},
    {451, "4.3.0", "Temporary failure, try again later"},
    {452, "4.2.2", "Mailbox full"},
    {4, "4.0.0", "Temporary failure, try again later"},
    {550, "5.1.1", "Recipient address rejected"},
    {551, "5.1.6", "User not local"},
    {552, "5.2.2", "Mailbox full"},
    {553, "5.1.3", "Mailbox name not allowed"},
    {554, "5.7.1", "Recipient address rejected: access denied"},
    {5, "5.0.0", "Recipient address rejected"},
};

static bool take_digit(struct gw_slice *in, unsigned *value)
{
    if (in->len == 0 || in->data[0] < '0' || in->data[0] > '9')
        return false;
    *value = *value * 10 + (unsigned)(in->data[0] - '0');
    *in = gw_slice_of(in->data + 1, in->len - 1);
    return true;
}

/* 1 to @max_digits digits. */
static bool take_number(struct gw_slice *in, unsigned max_digits, unsigned *out)
{
    *out = 0;
    unsigned n = 0;
    while (n < max_digits && take_digit(in, out))
        n++;
    return n > 0;
}

static bool take_char(struct gw_slice *in, char c)
{
    if (in->len == 0 || in->data[0] != c)
        return false;
    *in = gw_slice_of(in->data + 1, in->len - 1);
    return true;
}

static void set_usual_reply(struct smtp_sandbox_behaviour *b, int code)
{
    size_t i = 0;
    while (replies[i].code != code && replies[i].code != code / 100)
        i++;
    b->effect = SMTP_SANDBOX_REFUSE;
    b->code = code;
    b->text = replies[i].text;
    (void)snprintf(b->enhanced, sizeof(b->enhanced), "%s", replies[i].enhanced);
}

/* `-5.1.1`, class as in the code. */
static bool take_enhanced(struct gw_slice *in, struct smtp_sandbox_behaviour *b)
{
    if (!take_char(in, '-'))
        return true;
    unsigned kind;
    unsigned subject;
    unsigned detail;
    if (!take_number(in, 1, &kind) || !take_char(in, '.') ||
        !take_number(in, MAX_ENHANCED_FIELD, &subject) || !take_char(in, '.') ||
        !take_number(in, MAX_ENHANCED_FIELD, &detail) || (int)kind != b->code / 100)
        return false;
    (void)snprintf(b->enhanced, sizeof(b->enhanced), "%u.%u.%u", kind, subject, detail);
    return true;
}

/* A reply code of class @first_digit with all that may follow it. */
static bool parse_reply(struct gw_slice in, unsigned first_digit, struct smtp_sandbox_behaviour *b)
{
    unsigned code;
    if (!take_number(&in, 3, &code) || code / 100 != first_digit)
        return false;
    set_usual_reply(b, (int)code);
    if (!take_enhanced(&in, b))
        return false;
    if (first_digit == 4 && take_char(&in, 'x') &&
        (!take_number(&in, 2, &b->times) || b->times == 0 || b->times > MAX_TIMES))
        return false;
    return in.len == 0;
}

static bool parse_reject(struct gw_slice in, struct smtp_sandbox_behaviour *b)
{
    return parse_reply(in, 5, b);
}

static bool parse_defer(struct gw_slice in, struct smtp_sandbox_behaviour *b)
{
    return parse_reply(in, 4, b);
}

static bool parse_busy(struct gw_slice in, struct smtp_sandbox_behaviour *b)
{
    return parse_reply(in, 4, b) && b->code == 421 && b->times == 0;
}

static bool parse_slow(struct gw_slice in, struct smtp_sandbox_behaviour *b)
{
    static const struct {
        const char *unit;
        unsigned ms;
    } units[] = {{"ms", 1}, {"s", 1000}};
    unsigned n;
    if (!take_number(&in, 5, &n))
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!gw_slice_eq_nocase(in, gw_slice_str(units[i].unit)))
            continue;
        b->effect = SMTP_SANDBOX_SLOW;
        b->delay_ms = (int64_t)n * units[i].ms;
        return b->delay_ms <= SMTP_SANDBOX_MAX_SLOW_MS;
    }
    return false;
}

static const struct {
    const char *verb;
    bool (*parse)(struct gw_slice argument, struct smtp_sandbox_behaviour *b);
    const char *usage;
} verbs[] = {
    {"reject", parse_reject, "reject+ takes a code from 500 to 599, as in reject+550-5.1.1@"},
    {"defer", parse_defer, "defer+ takes a code from 400 to 499, as in defer+451-4.2.1x2@"},
    {"busy", parse_busy, "busy+ takes 421, as in busy+421@"},
    {"slow", parse_slow, "slow+ takes at most 60 seconds, as in slow+2s@ or slow+500ms@"},
};

/* The part of @mailbox before the last @, which is no quoted-string for any simulator. */
static struct gw_slice local_part(struct gw_slice mailbox)
{
    const char *at = mailbox.len != 0 ? memrchr(mailbox.data, '@', mailbox.len) : NULL;
    return gw_slice_of(mailbox.data, at != NULL ? (size_t)(at - mailbox.data) : mailbox.len);
}

struct smtp_sandbox_behaviour smtp_sandbox_behaviour_of(struct gw_slice mailbox)
{
    const struct smtp_sandbox_behaviour accept = {.effect = SMTP_SANDBOX_ACCEPT};
    struct gw_slice local = local_part(mailbox);
    if (gw_slice_eq_nocase(local, GW_SLICE_LIT("drop-after-dot")))
        return (struct smtp_sandbox_behaviour){.effect = SMTP_SANDBOX_HANG_UP};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        size_t n = strlen(verbs[i].verb);
        /* Only a digit behind the plus makes it ours: reject+letters@ may be anybody. */
        if (local.len < n + 2 || local.data[n] != '+' || local.data[n + 1] < '0' ||
            local.data[n + 1] > '9' ||
            !gw_slice_eq_nocase(gw_slice_of(local.data, n), gw_slice_str(verbs[i].verb)))
            continue;
        struct smtp_sandbox_behaviour b = accept;
        if (verbs[i].parse(gw_slice_of(local.data + n + 1, local.len - n - 1), &b))
            return b;
        b = accept;
        set_usual_reply(&b, 553);
        b.mistaken = verbs[i].usage;
        return b;
    }
    return accept;
}

/* --- How often a recipient was tried --- */

struct attempts {
    struct gw_list link;
    char *key; /* sender LF recipient */
    unsigned n;
};

struct smtp_sandbox_tries {
    struct gw_list list; /* newest first */
    size_t n;
};

struct smtp_sandbox_tries *smtp_sandbox_tries_new(void)
{
    struct smtp_sandbox_tries *t = gw_calloc(1, sizeof(*t));
    gw_list_init(&t->list);
    return t;
}

static void attempts_free(struct smtp_sandbox_tries *tries, struct attempts *t)
{
    gw_list_remove(&t->link);
    tries->n--;
    gw_free(t->key);
    gw_free(t);
}

void smtp_sandbox_tries_clear(struct smtp_sandbox_tries *tries)
{
    gw_list_foreach_safe (it, &tries->list)
        attempts_free(tries, gw_list_entry(it, struct attempts, link));
}

void smtp_sandbox_tries_free(struct smtp_sandbox_tries **tries)
{
    if (*tries == NULL)
        return;
    smtp_sandbox_tries_clear(*tries);
    gw_free(*tries);
    *tries = NULL;
}

static struct attempts *find_or_add(struct smtp_sandbox_tries *tries, const char *key)
{
    gw_list_foreach (it, &tries->list) {
        struct attempts *t = gw_list_entry(it, struct attempts, link);
        if (strcasecmp(t->key, key) == 0)
            return t;
    }
    if (tries->n == SMTP_SANDBOX_MAX_TRIES)
        attempts_free(tries, gw_list_entry(tries->list.prev, struct attempts, link));
    struct attempts *t = gw_calloc(1, sizeof(*t));
    t->key = gw_strdup(key);
    gw_list_push_front(&tries->list, &t->link);
    tries->n++;
    return t;
}

unsigned smtp_sandbox_tries_count(struct smtp_sandbox_tries *tries, const char *sender,
                                  struct gw_slice recipient)
{
    char key[2 * 320]; /* two paths of at most 256 octets (RFC 5321 sec. 4.5.3.1.3) */
    (void)snprintf(key, sizeof(key), "%s\n%.*s", sender, GW_SLICE_ARG(recipient));
    struct attempts *t = find_or_add(tries, key);
    if (t->n <= MAX_TIMES)
        t->n++;
    return t->n - 1;
}

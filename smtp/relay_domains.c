/* SPDX-License-Identifier: MIT */
/* A table of the domains that transactions in hand go to. A domain is in it as long as one does,
 * or its rate has not recovered from the last. */
#include "smtp/relay_domains.h"

#include <string.h>
#include <strings.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_token_bucket.h"

struct smtp_domain {
    struct gw_list link;    /* in its bucket */
    struct gw_list rated;   /* in smtp_domains.rated, or in no list */
    struct gw_list blocked; /* struct smtp_transaction, in order */
    struct gw_token_bucket rate;
    size_t n_running;
    size_t n_users;       /* transactions that name it */
    uint64_t last_number; /* of the transaction that named it last */
    char name[];          /* as first written; compared without case */
};

void smtp_domains_init(struct smtp_domains *d, size_t max_running, double rate_per_s)
{
    *d = (struct smtp_domains){.max_running = max_running, .rate_per_s = rate_per_s};
    for (size_t i = 0; i < SMTP_DOMAINS_BUCKETS; i++)
        gw_list_init(&d->buckets[i]);
    gw_list_init(&d->rated);
}

void smtp_domains_deinit(struct smtp_domains *d)
{
    for (size_t i = 0; i < SMTP_DOMAINS_BUCKETS; i++) {
        gw_list_foreach_safe (it, &d->buckets[i]) {
            struct smtp_domain *domain = gw_list_entry(it, struct smtp_domain, link);
            PRE(domain->n_users == 0);
            gw_list_remove(&domain->link);
            gw_free(domain);
        }
    }
}

bool smtp_domains_limited(const struct smtp_domains *d)
{
    return d->max_running > 0 || d->rate_per_s > 0;
}

static const char *domain_of(const char *address)
{
    const char *at = strrchr(address, '@');
    return at != NULL ? at + 1 : "";
}

/* FNV-1a over the name in lower case. */
static size_t bucket_of(const char *name)
{
    uint32_t h = 2166136261U;
    for (; *name != '\0'; name++) {
        unsigned char c = (unsigned char)*name;
        h = (h ^ (c >= 'A' && c <= 'Z' ? c | 0x20U : c)) * 16777619U;
    }
    return h % SMTP_DOMAINS_BUCKETS;
}

/* Nobody needs it: the next user would make one just like it. */
static void free_if_unused(struct smtp_domain *domain, int64_t now_ms)
{
    if (domain->n_users > 0 || !gw_token_bucket_full(&domain->rate, now_ms))
        return;
    gw_list_remove(&domain->link);
    gw_free(domain);
}

static struct smtp_domain *find(struct smtp_domains *d, const char *name, int64_t now_ms)
{
    struct gw_list *bucket = &d->buckets[bucket_of(name)];
    struct smtp_domain *found = NULL;
    gw_list_foreach_safe (it, bucket) {
        struct smtp_domain *domain = gw_list_entry(it, struct smtp_domain, link);
        if (strcasecmp(domain->name, name) == 0)
            found = domain;
        else
            free_if_unused(domain, now_ms);
    }
    if (found != NULL)
        return found;
    size_t len = strlen(name);
    struct smtp_domain *domain = gw_calloc(1, sizeof(*domain) + len + 1);
    memcpy(domain->name, name, len + 1);
    gw_list_init(&domain->blocked);
    /* One second's worth may go at once, as for the relay as a whole. */
    gw_token_bucket_init(&domain->rate, d->rate_per_s, d->rate_per_s, now_ms);
    gw_list_push_back(bucket, &domain->link);
    return domain;
}

void smtp_domains_enter(struct smtp_domains *d, struct smtp_transaction *txn, int64_t now_ms)
{
    const struct smtp_envelope *e = &txn->envelope;
    txn->domains = NULL;
    txn->n_domains = 0;
    txn->blocked_at = NULL;
    if (!smtp_domains_limited(d))
        return;
    txn->domains = gw_calloc(e->n_rcpts, sizeof(struct smtp_domain *));
    for (size_t i = 0; i < e->n_rcpts; i++) {
        struct smtp_domain *domain = find(d, domain_of(e->rcpts[i]), now_ms);
        if (domain->last_number == txn->number)
            continue;
        domain->last_number = txn->number;
        domain->n_users++;
        txn->domains[txn->n_domains++] = domain;
    }
}

static bool is_full(const struct smtp_domains *d, const struct smtp_domain *domain)
{
    return d->max_running > 0 && domain->n_running >= d->max_running;
}

static bool has_room(const struct smtp_domains *d, const struct smtp_domain *domain, int64_t now_ms)
{
    return !is_full(d, domain) && gw_token_bucket_wait_ms(&domain->rate, now_ms) == 0;
}

static void block(struct smtp_domains *d, struct smtp_transaction *txn, struct smtp_domain *domain)
{
    txn->blocked_at = domain;
    gw_list_push_back(&domain->blocked, &txn->link);
    d->n_blocked++;
    if (!is_full(d, domain) && domain->rated.next == NULL)
        gw_list_push_back(&d->rated, &domain->rated);
}

bool smtp_domains_unblock(struct smtp_domains *d, struct smtp_transaction *txn)
{
    struct smtp_domain *domain = txn->blocked_at;
    if (domain == NULL)
        return false;
    gw_list_remove(&txn->link);
    txn->blocked_at = NULL;
    d->n_blocked--;
    if (gw_list_empty(&domain->blocked))
        gw_list_remove(&domain->rated);
    return true;
}

static struct smtp_transaction *first_blocked(const struct smtp_domain *domain)
{
    return gw_list_entry(domain->blocked.next, struct smtp_transaction, link);
}

/* The next that waits at @domain gets its chance, if there is room. When it starts, or turns out to
 * wait for another domain too, it passes the chance on. */
static void wake_next(struct smtp_domains *d, struct smtp_domain *domain, struct gw_list *queue,
                      int64_t now_ms)
{
    if (gw_list_empty(&domain->blocked))
        return;
    if (has_room(d, domain, now_ms)) {
        struct smtp_transaction *txn = first_blocked(domain);
        (void)smtp_domains_unblock(d, txn);
        gw_list_push_front(queue, &txn->link);
    } else if (!is_full(d, domain) && domain->rated.next == NULL) {
        gw_list_push_back(&d->rated, &domain->rated);
    }
}

static void wake_all_domains(struct smtp_domains *d, const struct smtp_transaction *txn,
                             struct gw_list *queue, int64_t now_ms)
{
    for (size_t i = 0; i < txn->n_domains; i++)
        wake_next(d, txn->domains[i], queue, now_ms);
}

bool smtp_domains_start(struct smtp_domains *d, struct smtp_transaction *txn, struct gw_list *queue,
                        int64_t now_ms)
{
    for (size_t i = 0; i < txn->n_domains; i++) {
        if (has_room(d, txn->domains[i], now_ms))
            continue;
        block(d, txn, txn->domains[i]);
        wake_all_domains(d, txn, queue, now_ms);
        return false;
    }
    for (size_t i = 0; i < txn->n_domains; i++) {
        txn->domains[i]->n_running++;
        CHECK(gw_token_bucket_take(&txn->domains[i]->rate, now_ms));
    }
    wake_all_domains(d, txn, queue, now_ms);
    return true;
}

void smtp_domains_stop(struct smtp_domains *d, struct smtp_transaction *txn, struct gw_list *queue,
                       int64_t now_ms)
{
    for (size_t i = 0; i < txn->n_domains; i++)
        txn->domains[i]->n_running--;
    wake_all_domains(d, txn, queue, now_ms);
}

void smtp_domains_leave(struct smtp_domains *d, struct smtp_transaction *txn, struct gw_list *queue,
                        int64_t now_ms)
{
    wake_all_domains(d, txn, queue, now_ms);
    for (size_t i = 0; i < txn->n_domains; i++) {
        txn->domains[i]->n_users--;
        free_if_unused(txn->domains[i], now_ms);
    }
    gw_free(txn->domains);
    txn->domains = NULL;
    txn->n_domains = 0;
}

void smtp_domains_unblock_all(struct smtp_domains *d, struct gw_list *queue)
{
    for (size_t i = 0; i < SMTP_DOMAINS_BUCKETS && d->n_blocked > 0; i++) {
        gw_list_foreach (it, &d->buckets[i]) {
            struct smtp_domain *domain = gw_list_entry(it, struct smtp_domain, link);
            while (!gw_list_empty(&domain->blocked)) {
                struct smtp_transaction *txn = first_blocked(domain);
                (void)smtp_domains_unblock(d, txn);
                gw_list_push_back(queue, &txn->link);
            }
        }
    }
}

void smtp_domains_tick(struct smtp_domains *d, struct gw_list *queue, int64_t now_ms)
{
    gw_list_foreach_safe (it, &d->rated) {
        struct smtp_domain *domain = gw_list_entry(it, struct smtp_domain, rated);
        if (is_full(d, domain)) { /* the end of one that runs wakes it */
            gw_list_remove(&domain->rated);
        } else if (has_room(d, domain, now_ms)) {
            gw_list_remove(&domain->rated);
            wake_next(d, domain, queue, now_ms);
        }
    }
}

int64_t smtp_domains_wait_ms(const struct smtp_domains *d, int64_t now_ms)
{
    int64_t earliest = -1;
    gw_list_foreach (it, &d->rated) {
        const struct smtp_domain *domain = gw_list_entry(it, struct smtp_domain, rated);
        int64_t wait = gw_token_bucket_wait_ms(&domain->rate, now_ms);
        if (earliest < 0 || wait < earliest)
            earliest = wait;
    }
    return earliest;
}

/* SPDX-License-Identifier: MIT */
/* Where messages live. One interface, several engines; the engine is chosen at start.
 *
 * Every call returns at once; its callback comes exactly once, from the loop, never from inside the
 * call. Messages given in are borrowed until the callback; messages given out belong to the callee
 * (gw_message_free). */
#ifndef GW_STORE_H
#define GW_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "gateway/base/gw_status.h"
#include "gateway/history.h"
#include "gateway/message.h"
#include "gateway/suppression.h"
#include "gateway/template.h"

struct gw_store;

enum {
    GW_FINGERPRINT_SIZE = 32,
    GW_IDEMPOTENCY_KEPT_MS = 24 * 60 * 60 * 1000
};

/* What makes a repeated request recognisable; kept GW_IDEMPOTENCY_KEPT_MS. */
struct gw_idempotency {
    const char *key; /* tenant, route and the client's key, one text */
    unsigned char fingerprint[GW_FINGERPRINT_SIZE]; /* SHA-256 of the request's body */
};

/* @id  of the message that the key stands for, valid during the callback; NULL: GW_NOTFOUND */
typedef void (*gw_store_idempotency_cb)(enum gw_status status, const char *id,
                                        const unsigned char *fingerprint, void *data);
typedef void (*gw_store_done_cb)(enum gw_status status, void *data);
/* A new message and the key it was sent with (NULL: none); both the caller's until the callback. */
struct gw_store_new {
    struct gw_message *m;
    const struct gw_idempotency *idempotency;
};
typedef void (*gw_store_message_cb)(enum gw_status status, struct gw_message *m, void *data);

enum {
    GW_LIST_MAX = 200
};

/* Which messages; NULL or 0 matches all. Texts are copied. */
struct gw_list_query {
    const char *tenant;    /* "" sees all */
    const char *status;    /* the message's status word */
    const char *recipient; /* wire form */
    const char *from;      /* wire form */
    const char *tag;
    const char *relay; /* of some recipient's last attempt */
    int64_t since_ms;  /* wall, created at or after */
    int64_t until_ms;  /* wall, created before */
    size_t limit;      /* 1 to GW_LIST_MAX */
    int64_t cursor;    /* what the page before said; 0: the newest */
};

/* A copy with its texts in @arena. */
struct gw_list_query gw_list_query_copy(struct gw_arena *arena, const struct gw_list_query *query);
/* Whether @m is one of those asked for, cursor and limit aside. */
bool gw_list_query_matches(const struct gw_list_query *query, const struct gw_message *m);

/* @messages  newest first, without bodies; the callee frees each
 * @cursor    for the next page, 0: there is none. A page may be shorter than asked and still have a
 *            next one: work per page is bounded. */
typedef void (*gw_store_list_cb)(enum gw_status status, struct gw_message **messages, size_t n,
                                 int64_t cursor, void *data);

/* @attempts  oldest first, @m without body; both borrowed for the call. GW_NOTFOUND: m is NULL */
typedef void (*gw_store_attempts_cb)(enum gw_status status, const struct gw_message *m,
                                     const struct gw_attempt_log *attempts, size_t n, void *data);

enum {
    GW_EVENTS_MAX = 500,
    GW_EVENTS_LATEST = -1
};

/* What an engine finds for a query. */
struct gw_event_page {
    struct gw_event *events; /* in order */
    size_t n;
    int64_t next; /* query.after for the next page */
    bool more;
};

/* Which events; NULL or 0 matches all. Texts are copied. */
struct gw_event_query {
    int64_t after; /* later than this seq; 0: from the first that is kept; GW_EVENTS_LATEST: none,
                      only the end of the list is asked for */
    const char *tenant; /* "" sees all */
    const char *id;     /* of one message */
    const char *tag;    /* of the message */
    unsigned types;     /* 1 << type, or-ed */
    bool operations;    /* a tenant sees what is about no message, too */
    int64_t since_ms;   /* wall, happened at or after */
    int64_t until_ms;   /* wall, happened before */
    size_t max;         /* 1 to GW_EVENTS_MAX */
};

struct gw_event_query gw_event_query_copy(struct gw_arena *arena,
                                          const struct gw_event_query *query);

/* @events  in order of seq, borrowed for the call
 * @next    what to ask after next; nothing asked for lies before it unseen
 * @more    ask again at once: there may be more (work per call is bounded) */
typedef void (*gw_store_events_cb)(enum gw_status status, const struct gw_event *events, size_t n,
                                   int64_t next, bool more, void *data);

/* One event that could not be delivered to a webhook yet. */
struct gw_webhook_retry {
    int64_t event; /* its seq */
    unsigned attempts;
    int64_t next_ms; /* wall */
};

/* How far a webhook is. */
struct gw_webhook_state {
    int64_t cursor; /* events up to this seq are delivered, given up, or among the retries */
    bool paused;
    int64_t failing_since_ms; /* wall, of the first failure since the last success; 0: it works */
    /* Events that happened from replay_since_ms (inclusive) to replay_until_ms are delivered again,
     * those behind seq replay_next and up to replay_end; equal: there is no replay. */
    int64_t replay_next, replay_end, replay_since_ms, replay_until_ms;
};

/* What is to be stored of a webhook: its state, and its retries that are put, replaced or (next_ms
 * 0) dropped. */
struct gw_webhook_progress {
    const char *name;
    struct gw_webhook_state state;
    const struct gw_webhook_retry *changes;
    size_t n_changes;
};

/* @retries  by seq, borrowed for the call */
typedef void (*gw_store_webhook_cb)(enum gw_status status, const struct gw_webhook_state *state,
                                    const struct gw_webhook_retry *retries, size_t n, void *data);

enum {
    GW_SUPPRESSIONS_MAX = 1000 /* of one call; ours */
};

/* Which entries of a tenant's list. Texts are copied. */
struct gw_suppression_query {
    const char *tenant; /* exactly this; "" is the list of those who need no key */
    const char *email;  /* as gw_suppression_email() makes it; NULL: all */
    int reason;         /* enum gw_suppression_reason; -1: all */
    size_t limit;       /* 1 to GW_SUPPRESSIONS_MAX */
    int64_t cursor;     /* what the page before said; 0: the newest */
};

/* Copies with their texts in @arena. */
struct gw_suppression_query gw_suppression_query_copy(struct gw_arena *arena,
                                                      const struct gw_suppression_query *query);
struct gw_suppression gw_suppression_copy(struct gw_arena *arena,
                                          const struct gw_suppression *entry);

/* @entries  borrowed for the call
 * @cursor   as the call says */
typedef void (*gw_store_suppressions_cb)(enum gw_status status,
                                         const struct gw_suppression *entries, size_t n,
                                         int64_t cursor, void *data);

enum {
    GW_TEMPLATES_MAX = 200 /* of one page; ours */
};

/* Which templates of a tenant. Texts are copied. */
struct gw_template_query {
    const char *tenant; /* exactly this; "" are those of who needs no key */
    const char *name;   /* one, with its texts; NULL: a page of all, without texts */
    size_t limit;       /* 1 to GW_TEMPLATES_MAX */
    int64_t cursor;     /* what the page before said; 0: the newest */
};

/* @templates  borrowed for the call
 * @cursor     as the call says */
typedef void (*gw_store_templates_cb)(enum gw_status status, const struct gw_template *templates,
                                      size_t n, int64_t cursor, void *data);

/* Message states that are not final: GW_RCPT_QUEUED to GW_RCPT_DEFERRED. */
enum {
    GW_STORE_LIVE_STATES = GW_RCPT_DEFERRED + 1
};

struct gw_store_stats {
    int64_t n_live[GW_STORE_LIVE_STATES]; /* messages, by their status */
    int64_t oldest_ms;                    /* wall, accepted; of those not final; 0: none */
    int64_t file_bytes, free_bytes;       /* the database, and what of it is unused */
    int64_t log_bytes;                    /* its write-ahead log */
    int64_t body_file_bytes;              /* bodies kept beside the database */
    int64_t n_transactions, n_operations; /* since start: committed, and how many they held */
    int64_t commit_us;                    /* since start: time inside commits */
};
typedef void (*gw_store_stats_cb)(enum gw_status status, const struct gw_store_stats *stats,
                                  void *data);

/* Changes @m. Runs on the store's thread: a pure function of its arguments, which must not touch
 * anything else. Anything but GW_OK refuses: nothing is stored and it is the answer. */
typedef enum gw_status (*gw_store_change_fn)(struct gw_message *m, int64_t now_ms, const void *arg);
struct gw_store_change {
    gw_store_change_fn fn;
    const void *arg; /* borrowed until the callback */
};

/* The wall clock jumped. Messages that were accepted before it and have work left keep what was
 * left of their lifetime. */
struct gw_clock_jump {
    int64_t by_ms;                            /* 0: none is known of */
    int64_t accepted_from_ms, accepted_to_ms; /* wall; what was accepted in between, inclusive, was
                                                     accepted before the jump */
    int64_t latest_ms; /* wall; no recipient that waits for a retry has its attempt after it */
};

/* What an engine does. All pointers set. */
struct gw_store_engine {
    const char *name;
    bool durable; /* a commit survives the process */
    /* A new message, and in the same transaction the key it was sent with (NULL: none) and its
     * events. Recipients that its tenant suppresses are marked so in @m first. A message of which
     * some recipient has a next_attempt_ms waits in the store until then; else it is leased by the
     * caller. GW_OK: it is stored (durable engines: synced). GW_FULL: the disk is; GW_BUSY: memory
     * is, or somebody locks the file; try later. */
    void (*commit)(struct gw_store *s, struct gw_message *m,
                   const struct gw_idempotency *idempotency, gw_store_done_cb cb, void *data);
    /* The same of @n messages, one or more, in one transaction: all are stored, or none is,
     * whatever fails and whenever the process ends. @messages is borrowed until the callback. */
    void (*commit_all)(struct gw_store *s, const struct gw_store_new *messages, size_t n,
                       gw_store_done_cb cb, void *data);
    /* What is stored for a key. @key is copied. */
    void (*idempotency_find)(struct gw_store *s, const char *key, gw_store_idempotency_cb cb,
                             void *data);
    /* An attempt is about to be made, or to go on to another relay: the state of all recipients of
     * @m (`sending`, attempts counted, the relay) is stored first, so that a crash cannot forget
     * it; @attempts as with record. The lease stays. Engines that are not durable do nothing. */
    void (*begin)(struct gw_store *s, const struct gw_message *m,
                  const struct gw_attempt_log *attempts, size_t n_attempts, gw_store_done_cb cb,
                  void *data);
    /* The present state of all recipients of @m replaces the stored one, the events that follow are
     * written, and @attempts (borrowed until the callback) are added to its log. The lease ends.
     * When all are final the body may be dropped. GW_OK: it survives the process; a failure of
     * power in the next moment may undo it, to what `begin` stored. Its events are told of once
     * that is past. GW_NOTFOUND when the message is gone. */
    void (*record)(struct gw_store *s, const struct gw_message *m,
                   const struct gw_attempt_log *attempts, size_t n_attempts, gw_store_done_cb cb,
                   void *data);
    /* Change a message that is not leased, atomically; the callback gets the message as it is then
     * (GW_OK, without body) or NULL.
     *
     * GW_NOTFOUND, GW_BUSY (leased: an attempt is in hand, or about to be), GW_CONFLICT (there is
     * work to do after the change, but the body is gone), or what @change->fn says. */
    void (*update)(struct gw_store *s, const char *tenant, const char *id,
                   const struct gw_store_change *change, gw_store_message_cb cb, void *data);
    /* A copy without the body, visible to @tenant ("" sees all). GW_NOTFOUND. */
    void (*get)(struct gw_store *s, const char *tenant, const char *id, gw_store_message_cb cb,
                void *data);
    /* The same with the body; mime.data is NULL when it is not kept any more. */
    void (*raw)(struct gw_store *s, const char *tenant, const char *id, gw_store_message_cb cb,
                void *data);
    void (*attempts)(struct gw_store *s, const char *tenant, const char *id,
                     gw_store_attempts_cb cb, void *data);
    void (*list)(struct gw_store *s, const struct gw_list_query *query, gw_store_list_cb cb,
                 void *data);
    void (*events_after)(struct gw_store *s, const struct gw_event_query *query,
                         gw_store_events_cb cb, void *data);
    /* Writes an event about a relay or a webhook (@e copied; its seq is of no meaning). */
    void (*note)(struct gw_store *s, const struct gw_event *e, gw_store_done_cb cb, void *data);
    /* How far a webhook is. One of which nothing was saved begins here, behind the last event that
     * there is, and that is saved: nothing that is asked of the store later is before it. */
    void (*webhook_load)(struct gw_store *s, const char *name, gw_store_webhook_cb cb, void *data);
    /* All of @progress is copied. Engines that are not durable do nothing. */
    void (*webhook_save)(struct gw_store *s, const struct gw_webhook_progress *progress,
                         gw_store_done_cb cb, void *data);
    /* Puts @entries (texts copied, none twice) on the tenant's list; one that is there keeps its
     * place and time. @cb gets them as they are then, in the order given; its cursor is the number
     * that were not there before. GW_BUSY: full. */
    void (*suppress)(struct gw_store *s, const char *tenant, const struct gw_suppression *entries,
                     size_t n, gw_store_suppressions_cb cb, void *data);
    /* Takes @emails (copied) off it. @cb gets those that were there. GW_NOTFOUND: none was. */
    void (*unsuppress)(struct gw_store *s, const char *tenant, const char *const *emails, size_t n,
                       gw_store_suppressions_cb cb, void *data);
    /* Newest first. @cb's cursor is for the next page, 0: there is none. A page may be shorter than
     * asked and still have a next one. */
    void (*suppressions)(struct gw_store *s, const struct gw_suppression_query *query,
                         gw_store_suppressions_cb cb, void *data);
    /* Keeps @t (copied) under its name; one that is there keeps its place and the time it was
     * made. @cb gets it as it is then, without texts; its cursor is 1 when the name is new, else 0.
     * GW_TOOBIG: the tenant has too many (GW_MAX_TEMPLATES, GW_MAX_TEMPLATES_SIZE). */
    void (*template_put)(struct gw_store *s, const char *tenant, const struct gw_template *t,
                         gw_store_templates_cb cb, void *data);
    /* Deletes the one of this name (copied). GW_NOTFOUND. */
    void (*template_delete)(struct gw_store *s, const char *tenant, const char *name,
                            gw_store_done_cb cb, void *data);
    /* Newest first. @cb's cursor is for the next page, 0: there is none. What is asked by name is
     * answered in the order of template_put and template_delete. */
    void (*templates)(struct gw_store *s, const struct gw_template_query *query,
                      gw_store_templates_cb cb, void *data);
    /* Cheap at any size. */
    void (*stats)(struct gw_store *s, gw_store_stats_cb cb, void *data);
    /* Up to @max messages with body whose next_attempt_ms ≤ @now_ms and that are not leased; leased
     * by this until recorded. Earliest first within a priority; the priorities share as
     * gateway/store/due_turns.h says. @cb once per message and once with GW_NOTFOUND at the end. */
    void (*lease_due)(struct gw_store *s, int64_t now_ms, size_t max, gw_store_message_cb cb,
                      void *data);
    /* The same, of messages that wait because of @relay (gw_message_relay_wait) since before
     * @before_ms, whatever their next_attempt_ms; the recipients that do so are due at once in
     * what is given out. @relay is copied. */
    void (*lease_waiting)(struct gw_store *s, const char *relay, int64_t before_ms, size_t max,
                          gw_store_message_cb cb, void *data);
    /* The wall clock jumped: moves what hangs on it, of messages that are not leased. @jump is
     * copied. */
    void (*clock_jumped)(struct gw_store *s, const struct gw_clock_jump *jump, gw_store_done_cb cb,
                         void *data);
    /* Wall time of the earliest next attempt, 0 when there is none. */
    int64_t (*next_due_ms)(struct gw_store *s);
    void (*close)(struct gw_store *s, gw_store_done_cb cb, void *data);
};

/* Engines embed this first. */
struct gw_store {
    const struct gw_store_engine *engine;
    /* Called from the loop after events were written; NULL: nobody listens. Set by the owner. */
    void (*on_events)(void *data);
    void *on_events_data;
    /* Whether a recipient whose mailbox does not exist is suppressed from then on, in the
     * transaction that records it (gw_suppression_of_event()). Set by the owner at any time. */
    atomic_bool suppresses_unknown;
};

enum {
    GW_STORE_MEMORY_MAX_MESSAGES = 100000, /* kept in memory, final ones evicted oldest first */
    GW_STORE_MEMORY_MAX_EVENTS = 100000,   /* kept in memory, oldest forgotten first */
    GW_STORE_MEMORY_MAX_ATTEMPTS = 100,    /* kept per message in memory, oldest forgotten first */
    GW_STORE_MEMORY_MAX_SUPPRESSIONS = 20000 /* kept in memory, of all tenants */
};

/* The memory engine: nothing survives the process. Bodies of at most @max_bytes in all wait for
 * delivery; over it commit says GW_BUSY. */
enum gw_status gw_store_memory_new(uv_loop_t *loop, size_t max_bytes, struct gw_store **out);

#endif

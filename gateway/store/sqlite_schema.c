/* SPDX-License-Identifier: MIT */
/* Tables, indexes and statements of the embedded store, as text. */
#include "gateway/store/sqlite_schema.h"

const char *const sqlite_migrations[SQLITE_SCHEMA_VERSION] = {
    /* 1 */
    "CREATE TABLE messages("
    "  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, tenant TEXT,"
    "  message_id TEXT NOT NULL, from_addr TEXT NOT NULL, from_domain TEXT NOT NULL,"
    "  subject TEXT NOT NULL, mail_from TEXT NOT NULL, mail_from_utf8 INTEGER NOT NULL,"
    "  size INTEGER NOT NULL, relay TEXT, require_tls INTEGER NOT NULL, priority INTEGER NOT NULL,"
    "  delivery_mode INTEGER NOT NULL, on_uncertain INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
    "  expires_ms INTEGER NOT NULL, scheduled_ms INTEGER NOT NULL, retry_until_ms INTEGER NOT NULL,"
    "  next_ms INTEGER,"      /* NULL: settled, or leased */
    "  status TEXT NOT NULL," /* of the whole message, for search */
    "  crashes INTEGER NOT NULL DEFAULT 0,"
    "  leased INTEGER NOT NULL," /* 1: an attempt may be in hand */
    "  settled_ms INTEGER);"     /* NULL: work is left */
    "CREATE INDEX messages_tenant ON messages(tenant, seq) WHERE tenant IS NOT NULL;"
    "CREATE INDEX messages_from ON messages(from_addr, seq);"
    "CREATE INDEX messages_status ON messages(status, seq);"
    "CREATE INDEX messages_due ON messages(next_ms) WHERE next_ms IS NOT NULL;"
    "CREATE INDEX messages_leased ON messages(seq) WHERE leased = 1;"
    "CREATE INDEX messages_settled ON messages(settled_ms) WHERE settled_ms IS NOT NULL;"
    "CREATE TABLE bodies(seq INTEGER PRIMARY KEY REFERENCES messages ON DELETE CASCADE,"
    "  mime BLOB NOT NULL);"
    "CREATE TABLE recipients("
    "  seq INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE, n INTEGER NOT NULL,"
    "  email TEXT NOT NULL, domain TEXT NOT NULL, kind INTEGER NOT NULL, status INTEGER NOT NULL,"
    "  category INTEGER NOT NULL, retryable INTEGER NOT NULL, uncertain INTEGER NOT NULL,"
    "  utf8 INTEGER NOT NULL, attempts INTEGER NOT NULL, relay TEXT, reason TEXT, detail TEXT,"
    "  smtp_code INTEGER NOT NULL, smtp_enhanced TEXT, smtp_command TEXT, smtp_text TEXT,"
    "  smtp_tls TEXT, updated_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL,"
    "  duration_ms INTEGER NOT NULL, PRIMARY KEY(seq, n)) WITHOUT ROWID;"
    "CREATE INDEX recipients_email ON recipients(email, seq);"
    "CREATE INDEX recipients_relay ON recipients(relay, seq) WHERE relay IS NOT NULL;"
    "CREATE TABLE tags(seq INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,"
    "  n INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY(seq, n)) WITHOUT ROWID;"
    "CREATE INDEX tags_tag ON tags(tag, seq);"
    "CREATE TABLE idempotency(key TEXT PRIMARY KEY, fingerprint BLOB NOT NULL,"
    "  id TEXT NOT NULL, created_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX idempotency_age ON idempotency(created_ms);"
    "CREATE TABLE metadata(seq INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,"
    "  n INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(seq, n))"
    "  WITHOUT ROWID;",
    /* 2: history; priorities; bodies that outlive their delivery */
    "DROP INDEX messages_due;"
    "CREATE INDEX messages_due ON messages(priority, next_ms) WHERE next_ms IS NOT NULL;"
    "ALTER TABLE bodies ADD COLUMN in_file INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX bodies_in_file ON bodies(seq) WHERE in_file = 1;"
    "CREATE TABLE body_drops(at_ms INTEGER NOT NULL, seq INTEGER NOT NULL,"
    "  PRIMARY KEY(at_ms, seq)) WITHOUT ROWID;"
    "CREATE TABLE attempts("
    "  message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE, n INTEGER NOT NULL,"
    "  rcpts BLOB NOT NULL," /* a bit per recipient, the first in the lowest bit of the first byte
                              */
    "  relay TEXT, stage TEXT, reason TEXT, detail TEXT, code INTEGER NOT NULL, enhanced TEXT,"
    "  text TEXT, tls TEXT, uncertain INTEGER NOT NULL, reused INTEGER NOT NULL,"
    "  started_ms INTEGER NOT NULL, duration_ms INTEGER NOT NULL, resolve_ms INTEGER,"
    "  connect_ms INTEGER, greeting_ms INTEGER, ehlo_ms INTEGER, starttls_ms INTEGER,"
    "  tls_ms INTEGER, auth_ms INTEGER, mail_ms INTEGER, rcpt_ms INTEGER, data_ms INTEGER,"
    "  body_ms INTEGER, dot_ms INTEGER, PRIMARY KEY(message, n)) WITHOUT ROWID;"
    "CREATE TABLE events("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT," /* a reader's position: never used twice */
    "  message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,"
    "  rcpt INTEGER," /* NULL: about the whole message */
    "  type INTEGER NOT NULL, at_ms INTEGER NOT NULL, status TEXT NOT NULL,"
    "  category INTEGER NOT NULL, uncertain INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    "  relay TEXT, reason TEXT, code INTEGER NOT NULL, enhanced TEXT, command TEXT, text TEXT,"
    "  next_ms INTEGER NOT NULL);"
    "CREATE INDEX events_message ON events(message, seq);",
    /* 3: what the sender asks to be reported */
    "ALTER TABLE messages ADD COLUMN dsn_ret INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE messages ADD COLUMN dsn_envid TEXT;"
    "ALTER TABLE messages ADD COLUMN dsn_notify INTEGER NOT NULL DEFAULT 0;",
    /* 4: suppression lists */
    "CREATE TABLE suppressions("
    "  seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, email TEXT NOT NULL,"
    "  reason INTEGER NOT NULL, detail TEXT, message_id TEXT, created_ms INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX suppressions_email ON suppressions(tenant, email);"
    "CREATE INDEX suppressions_tenant ON suppressions(tenant, seq);",
    /* 5: mail that its relay keeps waiting, to be found when that is back */
    "ALTER TABLE messages ADD COLUMN waits_for TEXT;" /* the relay */
    "ALTER TABLE messages ADD COLUMN waits_since_ms INTEGER;"
    "CREATE INDEX messages_waiting ON messages(waits_for, priority, next_ms)"
    "  WHERE waits_for IS NOT NULL AND next_ms IS NOT NULL;",
    /* 6: recipients with copies of their own */
    ("ALTER TABLE recipients ADD COLUMN copy_at INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE recipients ADD COLUMN copy_len INTEGER NOT NULL DEFAULT 0;"),
    /* 7: events about relays and webhooks, which have no message; how far webhooks are */
    "CREATE TABLE all_events("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT," /* a reader's position: never used twice */
    "  message INTEGER REFERENCES messages ON DELETE CASCADE," /* NULL: about `subject` */
    "  rcpt INTEGER,"                                          /* NULL: about the whole message */
    "  type INTEGER NOT NULL, at_ms INTEGER NOT NULL, status TEXT NOT NULL,"
    "  category INTEGER NOT NULL, uncertain INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    "  relay TEXT, reason TEXT, code INTEGER NOT NULL, enhanced TEXT, command TEXT, text TEXT,"
    "  next_ms INTEGER NOT NULL, subject TEXT);"
    "INSERT INTO all_events SELECT *, NULL FROM events;"
    "DELETE FROM sqlite_sequence WHERE name = 'all_events';"
    "INSERT INTO sqlite_sequence(name, seq)"
    "  SELECT 'all_events', seq FROM sqlite_sequence WHERE name = 'events';"
    "DROP TABLE events;"
    "ALTER TABLE all_events RENAME TO events;"
    "CREATE INDEX events_message ON events(message, seq);"
    "CREATE INDEX events_notes ON events(at_ms) WHERE message IS NULL;"
    "CREATE TABLE webhooks("
    "  name TEXT PRIMARY KEY, cursor INTEGER NOT NULL, paused INTEGER NOT NULL,"
    "  failing_ms INTEGER NOT NULL, replay_next INTEGER NOT NULL, replay_end INTEGER NOT NULL,"
    "  replay_since_ms INTEGER NOT NULL, replay_until_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE webhook_retries("
    "  webhook TEXT NOT NULL, event INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    "  next_ms INTEGER NOT NULL, PRIMARY KEY(webhook, event)) WITHOUT ROWID;",
    /* 8: stored templates; the texts come last, so that a list does not read them */
    "CREATE TABLE templates("
    "  seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL,"
    "  created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,"
    "  subject TEXT, text TEXT, html TEXT);"
    "CREATE UNIQUE INDEX templates_name ON templates(tenant, name);"
    "CREATE INDEX templates_tenant ON templates(tenant, seq, size);",
    /* 9: the trace that a message belongs to */
    "ALTER TABLE messages ADD COLUMN traceparent TEXT;",
};

const char *const sqlite_statements[N_STMTS] = {
    [STMT_BEGIN] = "BEGIN IMMEDIATE",
    [STMT_COMMIT] = "COMMIT",
    [STMT_ROLLBACK] = "ROLLBACK",
    [STMT_INSERT_MESSAGE] =
        "INSERT INTO messages(id, tenant, message_id, from_addr, from_domain, subject, mail_from,"
        " mail_from_utf8, size, relay, require_tls, priority, delivery_mode, on_uncertain,"
        " created_ms, expires_ms, scheduled_ms, retry_until_ms, next_ms, leased, status,"
        " dsn_ret, dsn_envid, dsn_notify, traceparent)"
        " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [STMT_INSERT_BODY] = "INSERT INTO bodies(seq, mime, in_file) VALUES(?,?,?)",
    [STMT_INSERT_RCPT] = "INSERT INTO recipients(seq, n, email, domain, kind, status, category,"
                         " retryable, uncertain, utf8, copy_at, copy_len, attempts, relay, reason,"
                         " detail, smtp_code, smtp_enhanced, smtp_command, smtp_text, smtp_tls,"
                         " updated_ms, next_ms, duration_ms)"
                         " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [STMT_INSERT_TAG] = "INSERT INTO tags(seq, n, tag) VALUES(?,?,?)",
    [STMT_INSERT_METADATA] = "INSERT INTO metadata(seq, n, name, value) VALUES(?,?,?,?)",
    [STMT_FIND_SEQ] =
        "SELECT seq, leased, status FROM messages WHERE id = ?1 AND (?2 = '' OR tenant = ?2)",
    [STMT_SELECT_MESSAGE] =
        "SELECT id, tenant, message_id, from_addr, from_domain, subject, mail_from,"
        " mail_from_utf8, size, relay, require_tls, priority, delivery_mode, on_uncertain,"
        " created_ms, expires_ms, scheduled_ms, retry_until_ms, crashes, dsn_ret, dsn_envid,"
        " dsn_notify, traceparent FROM messages WHERE seq = ?",
    [STMT_SELECT_BODY] = "SELECT mime, in_file FROM bodies WHERE seq = ?",
    [STMT_SELECT_RCPTS] =
        "SELECT email, domain, kind, status, category, retryable, uncertain,"
        " utf8, attempts, relay, reason, detail, smtp_code, smtp_enhanced,"
        " smtp_command, smtp_text, smtp_tls, updated_ms, next_ms, duration_ms,"
        " count(*) OVER (), copy_at, copy_len FROM recipients WHERE seq = ? ORDER BY n",
    [STMT_SELECT_TAGS] = "SELECT tag, count(*) OVER () FROM tags WHERE seq = ? ORDER BY n",
    [STMT_SELECT_METADATA] =
        "SELECT name, value, count(*) OVER () FROM metadata WHERE seq = ? ORDER BY n",
    [STMT_UPDATE_MESSAGE] =
        "UPDATE messages SET next_ms = ?2, leased = ?3, settled_ms = ?4, crashes = ?5, status = ?6,"
        " scheduled_ms = ?7, expires_ms = ?8, on_uncertain = ?9, waits_for = ?10,"
        " waits_since_ms = ?11 WHERE seq = ?1",
    [STMT_UPDATE_RCPT] =
        "UPDATE recipients SET status = ?3, category = ?4, retryable = ?5, uncertain = ?6,"
        " attempts = ?7, relay = ?8, reason = ?9, detail = ?10, smtp_code = ?11,"
        " smtp_enhanced = ?12, smtp_command = ?13, smtp_text = ?14, smtp_tls = ?15,"
        " updated_ms = ?16, next_ms = ?17, duration_ms = ?18 WHERE seq = ?1 AND n = ?2",
    [STMT_DELETE_BODY] = "DELETE FROM bodies WHERE seq = ?",
    [STMT_SELECT_DUE] = "SELECT seq FROM messages WHERE priority = ?1 AND next_ms <= ?2"
                        " ORDER BY next_ms LIMIT ?3",
    [STMT_SELECT_WAITING] =
        "SELECT seq FROM messages WHERE waits_for = ?4 AND priority = ?1 AND next_ms IS NOT NULL"
        " AND waits_since_ms < ?2 ORDER BY next_ms LIMIT ?3",
    [STMT_LEASE] = "UPDATE messages SET next_ms = NULL, leased = 1 WHERE seq = ?",
    [STMT_NEXT_DUE] =
        "SELECT min(next_ms) FROM messages WHERE priority = ? AND next_ms IS NOT NULL",
    [STMT_RELEASE_LEASES] = "UPDATE messages SET leased = 0, next_ms = ?1 WHERE leased = 1",
    [STMT_MOVE_EXPIRY] = "UPDATE messages SET expires_ms = expires_ms + ?1 WHERE settled_ms IS NULL"
                         " AND leased = 0"
                         " AND created_ms BETWEEN ?2 AND ?3",
    /* the priorities are named so that messages_due serves; scheduled recipients (1) stay */
    [STMT_CLAMP_RECIPIENTS] =
        "UPDATE recipients SET next_ms = ?1 WHERE next_ms > ?1 AND status IN (0, 3) AND seq IN"
        " (SELECT seq FROM messages WHERE priority IN (0, 1, 2) AND next_ms > ?1)",
    [STMT_CLAMP_MESSAGES] =
        "UPDATE messages SET next_ms = ?1 WHERE priority IN (0, 1, 2) AND next_ms > ?1 AND EXISTS"
        " (SELECT 1 FROM recipients r WHERE r.seq = messages.seq AND r.next_ms = ?1"
        " AND r.status IN (0, 3))",
    [STMT_INSERT_IDEMPOTENCY] =
        "INSERT OR REPLACE INTO idempotency(key, fingerprint, id, created_ms) VALUES(?,?,?,?)",
    [STMT_FIND_IDEMPOTENCY] =
        "SELECT id, fingerprint FROM idempotency WHERE key = ?1 AND created_ms >= ?2",
    [STMT_PURGE_IDEMPOTENCY] = "DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency"
                               " WHERE created_ms < ?1 ORDER BY created_ms LIMIT ?2)",
    [STMT_SELECT_OLD] = "SELECT seq, id, size FROM messages WHERE settled_ms < ?"
                        " ORDER BY settled_ms LIMIT ?",
    [STMT_DELETE_MESSAGE] = "DELETE FROM messages WHERE seq = ?",
    [STMT_SELECT_STATES] = "SELECT status, uncertain, attempts FROM recipients WHERE seq = ?"
                           " ORDER BY n",
    [STMT_HAS_BODY_FILE] = "SELECT 1 FROM messages m JOIN bodies b ON b.seq = m.seq"
                           " WHERE m.id = ? AND b.in_file = 1",
    [STMT_HAS_BODY] = "SELECT 1 FROM bodies WHERE seq = ?",
    [STMT_INSERT_DROP] = "INSERT INTO body_drops(at_ms, seq) VALUES(?,?)",
    [STMT_SELECT_DROPS] = "SELECT d.at_ms, d.seq, m.id, m.size, m.settled_ms IS NOT NULL"
                          " FROM body_drops d LEFT JOIN messages m ON m.seq = d.seq"
                          " WHERE d.at_ms <= ? ORDER BY d.at_ms LIMIT ?",
    [STMT_DELETE_DROP] = "DELETE FROM body_drops WHERE at_ms = ? AND seq = ?",
    [STMT_INSERT_EVENT] =
        "INSERT INTO events(message, rcpt, type, at_ms, status, category, uncertain, attempt,"
        " relay, reason, code, enhanced, command, text, next_ms)"
        " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [STMT_INSERT_ATTEMPT] =
        "INSERT INTO attempts(message, n, rcpts, relay, stage, reason, detail, code, enhanced,"
        " text, tls, uncertain, reused, started_ms, duration_ms, resolve_ms, connect_ms,"
        " greeting_ms, ehlo_ms, starttls_ms, tls_ms, auth_ms, mail_ms, rcpt_ms, data_ms, body_ms,"
        " dot_ms) VALUES(?1,(SELECT ifnull(max(n), 0) + 1 FROM attempts WHERE message = ?1),"
        "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [STMT_SELECT_ATTEMPTS] =
        "SELECT rcpts, relay, stage, reason, detail, code, enhanced, text, tls, uncertain, reused,"
        " started_ms, duration_ms, resolve_ms, connect_ms, greeting_ms, ehlo_ms, starttls_ms,"
        " tls_ms, auth_ms, mail_ms, rcpt_ms, data_ms, body_ms, dot_ms, count(*) OVER ()"
        " FROM attempts WHERE message = ? ORDER BY n",
    [STMT_LAST_EVENT] = "SELECT ifnull(max(seq), 0) FROM events",
#define EVENT_COLUMNS \
    "SELECT e.seq, e.at_ms, e.type, m.id, m.tenant, e.status, r.email, e.category, e.uncertain," \
    " e.attempt, e.relay, e.reason, e.code, e.enhanced, e.command, e.text, e.next_ms, e.rcpt," \
    " e.message, e.subject FROM events e LEFT JOIN messages m ON m.seq = e.message" \
    " LEFT JOIN recipients r ON r.seq = e.message AND r.n = e.rcpt"
    [STMT_SELECT_EVENTS] = EVENT_COLUMNS " WHERE e.seq > ? ORDER BY e.seq",
    [STMT_SELECT_NOTES] = EVENT_COLUMNS " WHERE e.seq > ? AND e.message IS NULL ORDER BY e.seq",
    [STMT_SELECT_MESSAGE_EVENTS] =
        EVENT_COLUMNS " WHERE e.seq > ? AND e.message = (SELECT seq FROM messages WHERE id = ?)"
                      " ORDER BY e.seq",
#undef EVENT_COLUMNS
    [STMT_HAS_TAG] = "SELECT 1 FROM tags WHERE seq = ? AND tag = ?",
    [STMT_NOTE] = "INSERT INTO events(type, at_ms, subject, reason, text, status, category,"
                  " uncertain, attempt, code, next_ms) VALUES(?,?,?,?,?,'',0,0,0,0,0)",
    [STMT_PURGE_NOTES] = "DELETE FROM events WHERE seq IN (SELECT seq FROM events"
                         " WHERE message IS NULL AND at_ms < ?1 ORDER BY at_ms LIMIT ?2)",
    [STMT_FIND_WEBHOOK] = "SELECT cursor, paused, failing_ms, replay_next, replay_end,"
                          " replay_since_ms, replay_until_ms FROM webhooks WHERE name = ?",
    [STMT_PUT_WEBHOOK] = "INSERT OR REPLACE INTO webhooks(name, cursor, paused, failing_ms,"
                         " replay_next, replay_end, replay_since_ms, replay_until_ms)"
                         " VALUES(?,?,?,?,?,?,?,?)",
    [STMT_SELECT_RETRIES] = "SELECT event, attempts, next_ms, count(*) OVER () FROM webhook_retries"
                            " WHERE webhook = ? ORDER BY event",
    [STMT_PUT_RETRY] = "INSERT OR REPLACE INTO webhook_retries(webhook, event, attempts, next_ms)"
                       " VALUES(?,?,?,?)",
    [STMT_DELETE_RETRY] = "DELETE FROM webhook_retries WHERE webhook = ? AND event = ?",
    [STMT_PUT_SUPPRESSION] =
        "INSERT INTO suppressions(tenant, email, reason, detail, message_id, created_ms)"
        " VALUES(?,?,?,?,?,?) ON CONFLICT(tenant, email) DO UPDATE SET reason = excluded.reason,"
        " detail = excluded.detail, message_id = excluded.message_id",
#define SUPPRESSION_COLUMNS \
    "SELECT seq, email, reason, detail, message_id, created_ms FROM suppressions WHERE tenant = " \
    "?1"
    [STMT_FIND_SUPPRESSION] = SUPPRESSION_COLUMNS " AND email = ?2",
    [STMT_LIST_SUPPRESSIONS] = SUPPRESSION_COLUMNS " AND seq < ?2 ORDER BY seq DESC",
#undef SUPPRESSION_COLUMNS
    [STMT_DELETE_SUPPRESSION] = "DELETE FROM suppressions WHERE seq = ?",
    [STMT_PUT_TEMPLATE] =
        "INSERT INTO templates(tenant, name, size, created_ms, updated_ms, subject, text, html)"
        " VALUES(?1,?2,?3,?4,?4,?5,?6,?7) ON CONFLICT(tenant, name) DO UPDATE SET"
        " size = excluded.size, updated_ms = excluded.updated_ms, subject = excluded.subject,"
        " text = excluded.text, html = excluded.html",
    [STMT_FIND_TEMPLATE] = "SELECT seq, name, size, created_ms, updated_ms, subject, text, html"
                           " FROM templates WHERE tenant = ? AND name = ?",
    [STMT_LIST_TEMPLATES] = "SELECT seq, name, size, created_ms, updated_ms FROM templates"
                            " WHERE tenant = ?1 AND seq < ?2 ORDER BY seq DESC",
    [STMT_SUM_TEMPLATES] = "SELECT count(*), ifnull(sum(size), 0) FROM templates WHERE tenant = ?",
    [STMT_DELETE_TEMPLATE] = "DELETE FROM templates WHERE tenant = ? AND name = ?",
    [STMT_COUNT_STATUS] = "SELECT count(*) FROM messages WHERE status = ?",
    [STMT_SUM_FILES] = "SELECT ifnull(sum(m.size), 0) FROM bodies b JOIN messages m"
                       " ON m.seq = b.seq WHERE b.in_file = 1",
    [STMT_OLDEST] = "SELECT created_ms FROM messages WHERE status = ? ORDER BY seq LIMIT 1",
    [STMT_PAGES] = "SELECT page_count, freelist_count, page_size FROM pragma_page_count,"
                   " pragma_freelist_count, pragma_page_size",
    [STMT_VACUUM] = "PRAGMA incremental_vacuum(256)",
};

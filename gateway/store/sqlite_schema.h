/* SPDX-License-Identifier: MIT */
/* The schema of the embedded store and every statement that is run on it. */
#ifndef GW_STORE_SQLITE_SCHEMA_H
#define GW_STORE_SQLITE_SCHEMA_H

enum {
    SQLITE_SCHEMA_VERSION = 7
};

/* Every statement the store runs. The order of binds and columns is known to sqlite_rows.c,
 * sqlite_load.c, sqlite_history.c and sqlite_suppressions.c. */
enum sqlite_stmt_id {
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_INSERT_MESSAGE,
    STMT_INSERT_BODY,
    STMT_INSERT_RCPT,
    STMT_INSERT_TAG,
    STMT_INSERT_METADATA,
    STMT_FIND_SEQ,
    STMT_SELECT_MESSAGE,
    STMT_SELECT_BODY,
    STMT_SELECT_RCPTS,
    STMT_SELECT_TAGS,
    STMT_SELECT_METADATA,
    STMT_UPDATE_MESSAGE,
    STMT_UPDATE_RCPT,
    STMT_DELETE_BODY,
    STMT_SELECT_DUE,
    STMT_SELECT_WAITING,
    STMT_LEASE,
    STMT_NEXT_DUE,
    STMT_RELEASE_LEASES,
    STMT_MOVE_EXPIRY,
    STMT_CLAMP_RECIPIENTS,
    STMT_CLAMP_MESSAGES,
    STMT_INSERT_IDEMPOTENCY,
    STMT_FIND_IDEMPOTENCY,
    STMT_PURGE_IDEMPOTENCY,
    STMT_SELECT_OLD,
    STMT_DELETE_MESSAGE,
    STMT_SELECT_STATES,
    STMT_HAS_BODY,
    STMT_HAS_BODY_FILE,
    STMT_INSERT_DROP,
    STMT_SELECT_DROPS,
    STMT_DELETE_DROP,
    STMT_INSERT_EVENT,
    STMT_INSERT_ATTEMPT,
    STMT_SELECT_ATTEMPTS,
    STMT_LAST_EVENT,
    STMT_SELECT_EVENTS,
    STMT_SELECT_NOTES,
    STMT_SELECT_MESSAGE_EVENTS,
    STMT_HAS_TAG,
    STMT_NOTE,
    STMT_PURGE_NOTES,
    STMT_FIND_WEBHOOK,
    STMT_PUT_WEBHOOK,
    STMT_SELECT_RETRIES,
    STMT_PUT_RETRY,
    STMT_DELETE_RETRY,
    STMT_PUT_SUPPRESSION,
    STMT_FIND_SUPPRESSION,
    STMT_LIST_SUPPRESSIONS,
    STMT_DELETE_SUPPRESSION,
    STMT_COUNT_STATUS,
    STMT_SUM_FILES,
    STMT_OLDEST,
    STMT_PAGES,
    STMT_VACUUM,
    N_STMTS
};

/* Applied in order; user_version counts those done. Never changed once released, only added to. */
extern const char *const sqlite_migrations[SQLITE_SCHEMA_VERSION];
extern const char *const sqlite_statements[N_STMTS];

#endif

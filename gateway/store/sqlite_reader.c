/* SPDX-License-Identifier: MIT */
/* A connection that only reads, for tools. */
#include "gateway/base/gw_mem.h"
#include "gateway/store/sqlite.h"
#include "gateway/store/sqlite_db.h"
#include "gateway/store/sqlite_history.h"
#include "gateway/store/sqlite_list.h"
#include "gateway/store/sqlite_rows.h"
#include "gateway/store/sqlite_stats.h"

struct gw_store_reader {
    struct sqlite_db db;
};

enum gw_status gw_store_reader_open(const char *dir, struct gw_store_reader **out,
                                    struct gw_err *err)
{
    struct gw_store_reader *r = gw_calloc(1, sizeof(*r));
    enum gw_status st = sqlite_db_open_reader(&r->db, dir, err);
    *out = st == GW_OK ? r : NULL;
    if (st != GW_OK)
        gw_free(r);
    return st;
}

void gw_store_reader_free(struct gw_store_reader **r)
{
    if (*r != NULL)
        sqlite_db_close(&(*r)->db);
    gw_free(*r);
    *r = NULL;
}

static enum gw_status status_of(int rc)
{
    return rc == SQLITE_OK ? GW_OK : rc == SQLITE_NOTFOUND ? GW_NOTFOUND : sqlite_db_status(rc);
}

enum gw_status gw_store_reader_list(struct gw_store_reader *r, const struct gw_list_query *query,
                                    struct gw_message **messages, size_t *n_out,
                                    int64_t *cursor_out)
{
    int64_t seqs[GW_LIST_MAX];
    size_t n;
    int rc = sqlite_list(&r->db, query, seqs, &n, cursor_out);
    *n_out = 0;
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        rc = sqlite_load_message(&r->db, seqs[i], false, &messages[*n_out]);
        if (rc == SQLITE_OK)
            (*n_out)++;
        else if (rc == SQLITE_NOTFOUND) /* gone since */
            rc = SQLITE_OK;
    }
    return status_of(rc);
}

enum gw_status gw_store_reader_find(struct gw_store_reader *r, const char *id,
                                    struct gw_message **out, struct gw_attempt_log **attempts,
                                    size_t *n_attempts)
{
    struct sqlite_place place;
    *out = NULL;
    int rc = sqlite_find(&r->db, "", id, &place);
    if (rc == SQLITE_OK)
        rc = sqlite_load_message(&r->db, place.seq, false, out);
    if (rc == SQLITE_OK)
        rc = sqlite_load_attempts(&r->db, place.seq, (*out)->arena, attempts, n_attempts);
    if (rc != SQLITE_OK)
        gw_message_free(out);
    return status_of(rc);
}

enum gw_status gw_store_reader_stats(struct gw_store_reader *r, struct gw_store_stats *out)
{
    *out = (struct gw_store_stats){.oldest_ms = 0};
    int rc = sqlite_stats_count(&r->db, out);
    return status_of(rc == SQLITE_OK ? sqlite_stats_look(&r->db, out) : rc);
}

/* SPDX-License-Identifier: MIT */
/* Bodies as rows or files. */
#include "gateway/store/sqlite_bodies.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_list.h"
#include "gateway/base/gw_mem.h"
#include "gateway/store/sqlite_bind.h"
#include "gateway/store/sqlite_files.h"

enum {
    SWEEP_STEP = 256, /* directory entries looked at per call */
    CHUNK =
        64 * 1024, /* SQLite's VFS takes up to 128 KiB - 1 at once, and silently cuts the rest */
    /* Octets between syncs, and of a file that goes at a time: a commit of others in the meantime
     * may have to wait until the disk has written them, or has discarded them, so that should not
     * be much. Measured: docs/measurements.md. */
    STEP = 2 << 20,
    MAX_PATH = 4096
};

/* A file that goes when the transaction is committed. */
struct body_file {
    struct gw_list link;
    char id[GW_UUID_SIZE];
    size_t size;
};

static void write_path(const char *id, char path[MAX_PATH])
{
    (void)snprintf(path, MAX_PATH, "bodies/%s.eml", id);
}

static void remember(struct sqlite_db *d, const char *id, size_t size)
{
    struct body_file *f = gw_calloc(1, sizeof(*f));
    f->size = size;
    memcpy(f->id, id, strlen(id) + 1);
    gw_list_push_back(&d->body_files, &f->link);
}

static int chunk_at(size_t at, size_t len)
{
    return (int)(len - at < CHUNK ? len - at : CHUNK);
}

/* A file that stays behind is found by the sweep of a later start. */
static void delete_file(const struct sqlite_db *d, const char *id)
{
    char path[MAX_PATH];
    write_path(id, path);
    (void)sqlite_file_delete(d, path, false);
}

int sqlite_body_write(const struct sqlite_db *d, const struct gw_message *m, struct gw_list *gone)
{
    char path[MAX_PATH];
    write_path(m->id, path);
    sqlite3_file *file;
    int rc = sqlite_file_create(d, path, &file);
    if (rc != SQLITE_OK)
        return rc == SQLITE_CANTOPEN ? SQLITE_FULL : rc; /* no room for the name */
    for (size_t at = 0; at < m->mime.len && rc == SQLITE_OK; at += CHUNK) {
        int n = chunk_at(at, m->mime.len);
        rc = file->pMethods->xWrite(file, m->mime.data + at, n, (sqlite3_int64)at);
        bool is_last = at + CHUNK >= m->mime.len;
        if (rc != SQLITE_OK || (!is_last && (at + CHUNK) % STEP != 0))
            continue;
        rc = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
        sqlite_bodies_shrink(d, gone);
    }
    sqlite_file_close(d, file);
    if (rc != SQLITE_OK)
        delete_file(d, m->id);
    return rc;
}

void sqlite_body_unwrite(const struct sqlite_db *d, const struct gw_message *m)
{
    delete_file(d, m->id);
}

static int read_file(struct sqlite_db *d, struct gw_message *m)
{
    char path[MAX_PATH];
    write_path(m->id, path);
    sqlite3_file *file;
    int rc = sqlite_file_open(d, path, &file);
    if (rc != SQLITE_OK)
        return (rc & 0xff) == SQLITE_CANTOPEN ? SQLITE_OK : rc;
    sqlite3_int64 size = 0;
    rc = file->pMethods->xFileSize(file, &size);
    if (rc == SQLITE_OK && (size_t)size == m->mime.len) {
        char *data = gw_arena_bytes(m->arena, m->mime.len);
        for (size_t at = 0; at < m->mime.len && rc == SQLITE_OK; at += CHUNK)
            rc = file->pMethods->xRead(file, data + at, chunk_at(at, m->mime.len),
                                       (sqlite3_int64)at);
        m->mime.data = rc == SQLITE_OK ? data : NULL;
    }
    sqlite_file_close(d, file);
    return rc;
}

int sqlite_body_insert(struct sqlite_db *d, int64_t seq, const struct gw_message *m)
{
    bool in_file = m->mime.len >= SQLITE_BODY_FILE_MIN;
    d->tally.body_file_bytes += in_file ? (int64_t)m->mime.len : 0;
    struct sqlite_binder b = sqlite_bind_start(d, STMT_INSERT_BODY);
    sqlite_bind_int(&b, seq);
    sqlite_bind_blob(&b, in_file ? "" : m->mime.data, in_file ? 0 : m->mime.len);
    sqlite_bind_int(&b, in_file);
    int rc = sqlite_db_run(d, STMT_INSERT_BODY);
    (void)sqlite3_clear_bindings(b.s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sqlite_body_load(struct sqlite_db *d, int64_t seq, struct gw_message *m)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_SELECT_BODY);
    sqlite_bind_int(&b, seq);
    int rc = sqlite3_step(b.s);
    bool in_file = rc == SQLITE_ROW && sqlite3_column_int(b.s, 1) != 0;
    if (rc == SQLITE_ROW && !in_file)
        m->mime = gw_arena_slice(m->arena, gw_slice_of(sqlite3_column_blob(b.s, 0),
                                                       (size_t)sqlite3_column_bytes(b.s, 0)));
    (void)sqlite3_reset(b.s);
    if (in_file)
        return read_file(d, m);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sqlite_body_delete(struct sqlite_db *d, int64_t seq, const char *id, size_t size)
{
    GW_FAILPOINT("store.delete_body");
    struct sqlite_binder b = sqlite_bind_start(d, STMT_DELETE_BODY);
    sqlite_bind_int(&b, seq);
    int rc = sqlite_db_run(d, STMT_DELETE_BODY);
    if (rc != SQLITE_DONE)
        return rc;
    if (size >= SQLITE_BODY_FILE_MIN && sqlite3_changes(d->db) != 0) {
        d->tally.body_file_bytes -= (int64_t)size;
        remember(d, id, size);
    }
    return SQLITE_OK;
}

static void end_list(struct gw_list *files, const struct sqlite_db *d, bool delete)
{
    while (!gw_list_empty(files)) {
        struct body_file *f = gw_list_entry(files->next, struct body_file, link);
        if (delete)
            delete_file(d, f->id);
        gw_list_remove(&f->link);
        gw_free(f);
    }
}

void sqlite_bodies_settle(struct sqlite_db *d, bool committed, struct gw_list *gone)
{
    if (committed)
        gw_list_splice(gone, &d->body_files);
    else
        end_list(&d->body_files, d, false);
}

/* What fails here is done when the file is deleted. */
static void shorten(const struct sqlite_db *d, struct body_file *f)
{
    char path[MAX_PATH];
    sqlite3_file *file;
    write_path(f->id, path);
    f->size -= STEP;
    if (sqlite_file_create(d, path, &file) != SQLITE_OK)
        return;
    (void)file->pMethods->xTruncate(file, (sqlite3_int64)f->size);
    sqlite_file_close(d, file);
}

void sqlite_bodies_shrink(const struct sqlite_db *d, struct gw_list *gone)
{
    if (gw_list_empty(gone))
        return;
    struct body_file *f = gw_list_entry(gone->next, struct body_file, link);
    if (f->size > STEP) {
        shorten(d, f);
        return;
    }
    struct gw_list one;
    gw_list_init(&one);
    gw_list_remove(&f->link);
    gw_list_push_back(&one, &f->link);
    sqlite_bodies_drop(d, &one);
}

void sqlite_bodies_drop(const struct sqlite_db *d, struct gw_list *gone)
{
    GW_FAILPOINT("store.delete_files");
    end_list(gone, d, true);
}

/* The id that a file is named after, empty when it is not one of ours. */
static void read_id(const char *name, char id[GW_UUID_SIZE])
{
    size_t len = strlen(name);
    bool ours =
        len == GW_UUID_SIZE - 1 + strlen(".eml") && strcmp(name + GW_UUID_SIZE - 1, ".eml") == 0;
    memcpy(id, ours ? name : "", ours ? GW_UUID_SIZE - 1 : 0);
    id[ours ? GW_UUID_SIZE - 1 : 0] = '\0';
}

/* In hand is asked first: who is not any more is stored by now, or its file is gone. */
static int sweep_one(struct sqlite_db *d, const char *id, sqlite_in_hand_fn in_hand, void *data)
{
    if (in_hand(id, data))
        return SQLITE_OK;
    struct sqlite_binder b = sqlite_bind_start(d, STMT_HAS_BODY_FILE);
    sqlite_bind_text(&b, id);
    int rc = sqlite3_step(b.s);
    (void)sqlite3_reset(b.s);
    if (rc == SQLITE_DONE)
        delete_file(d, id);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sqlite_bodies_sweep(struct sqlite_db *d, sqlite_in_hand_fn in_hand, void *data, bool *more_out)
{
    *more_out = false;
    if (d->swept)
        return SQLITE_OK;
    if (d->sweep == NULL) {
        char path[MAX_PATH];
        (void)snprintf(path, sizeof(path), "%s/bodies", d->dir);
        d->sweep = opendir(path);
    }
    int rc = SQLITE_OK;
    const struct dirent *entry = NULL;
    for (int i = 0; i < SWEEP_STEP && rc == SQLITE_OK && d->sweep != NULL; i++) {
        entry = readdir(d->sweep);
        if (entry == NULL)
            break;
        char id[GW_UUID_SIZE];
        read_id(entry->d_name, id);
        rc = id[0] != '\0' ? sweep_one(d, id, in_hand, data) : SQLITE_OK;
    }
    *more_out = entry != NULL && rc == SQLITE_OK;
    d->swept = !*more_out;
    if (d->swept)
        sqlite_bodies_close(d);
    return rc;
}

void sqlite_bodies_close(struct sqlite_db *d)
{
    if (d->sweep != NULL)
        (void)closedir(d->sweep);
    d->sweep = NULL;
}

/* SPDX-License-Identifier: MIT */
/* The VFS: faults, and the account of what is synced. */
#include "tests/lib/disk_shim.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/gw_random.h"

enum {
    SECTOR = 512,
    MAX_FILES = 4096,
    MAX_PATH = 512
};

/* A write or truncation since the last sync. */
struct change {
    struct change *next;
    int64_t at, size; /* truncation: to @at, size -1 */
    unsigned char data[];
};

struct content {
    unsigned char *data;
    int64_t size, cap;
};

/* One file by name. */
struct account {
    char path[MAX_PATH];
    struct content durable;
    struct change *first, **last;
    bool named;   /* its name is on the disk */
    bool deleted; /* since the last sync of its directory */
};

struct shim_file {
    sqlite3_file base;
    struct account *account;
    bool syncs_name, is_log;
    sqlite3_file *real; /* behind this struct */
};

static struct {
    pthread_mutex_t lock;
    sqlite3_vfs vfs, *real;
    int64_t room;
    int fail[DISK_N_CALLS];
    bool recording;
    struct account *accounts[MAX_FILES];
    int n_accounts;
    void (*cut)(void *data);
    void *cut_data;
    void (*before_delete)(void *data);
    void *before_delete_data;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .room = -1};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static struct shim_file *self(sqlite3_file *f)
{
    return (struct shim_file *)(void *)f;
}

/* ---- the account ---- */

static struct account *account_of(const char *path)
{
    for (int i = 0; i < disk.n_accounts; i++)
        if (strcmp(disk.accounts[i]->path, path) == 0)
            return disk.accounts[i];
    must(disk.n_accounts < MAX_FILES && strlen(path) < MAX_PATH);
    struct account *a = calloc(1, sizeof(*a));
    must(a != NULL);
    memcpy(a->path, path, strlen(path) + 1);
    a->last = &a->first;
    disk.accounts[disk.n_accounts++] = a;
    return a;
}

static void add_change(struct account *a, int64_t at, int64_t size, const void *data)
{
    struct change *c = malloc(sizeof(*c) + (size > 0 ? (size_t)size : 0));
    must(c != NULL);
    *c = (struct change){.at = at, .size = size};
    if (size > 0)
        memcpy(c->data, data, (size_t)size);
    *a->last = c;
    a->last = &c->next;
}

static void resize(struct content *c, int64_t size)
{
    must(size >= 0 && c->size >= 0);
    if (size > c->size) {
        if (size > c->cap) {
            c->cap = 2 * size;
            c->data = realloc(c->data, (size_t)c->cap);
        }
        if (c->data == NULL)
            abort();
        memset(c->data + c->size, 0, (size_t)(size - c->size));
    }
    c->size = size;
}

static void put(struct content *c, int64_t at, const unsigned char *data, int64_t size)
{
    if (size == 0)
        return;
    if (at + size > c->size)
        resize(c, at + size);
    if (c->data == NULL)
        abort();
    memcpy(c->data + at, data, (size_t)size);
}

static void forget_changes(struct account *a)
{
    while (a->first != NULL) {
        struct change *next = a->first->next;
        free(a->first);
        a->first = next;
    }
    a->last = &a->first;
}

static void make_durable(struct account *a)
{
    for (const struct change *c = a->first; c != NULL; c = c->next) {
        if (c->size < 0)
            resize(&a->durable, c->at);
        else
            put(&a->durable, c->at, c->data, c->size);
    }
    forget_changes(a);
}

/* ---- images ---- */

enum survival {
    NOTHING,    /* of what was not synced */
    EVERYTHING, /* all of it */
    FIRST_WRITES,
    SOME_WRITES,
    SOME_SECTORS,
    N_SURVIVALS
};

static void put_some_sectors(struct content *image, const struct change *c)
{
    for (int64_t at = 0; at < c->size;) {
        int64_t n = SECTOR - (c->at + at) % SECTOR;
        n = n < c->size - at ? n : c->size - at;
        if (gw_random_below(2) != 0)
            put(image, c->at + at, c->data + at, n);
        at += n;
    }
}

static void survive(struct content *image, const struct account *a, enum survival how)
{
    int n = 0;
    for (const struct change *c = a->first; c != NULL; c = c->next)
        n++;
    int until = how == FIRST_WRITES ? (int)gw_random_below((uint32_t)n + 1) : n;
    for (const struct change *c = a->first; c != NULL && until-- > 0; c = c->next) {
        if (how == NOTHING || (how == SOME_WRITES && gw_random_below(2) == 0))
            continue;
        if (c->size < 0)
            resize(image, c->at);
        else if (how == SOME_SECTORS)
            put_some_sectors(image, c);
        else
            put(image, c->at, c->data, c->size);
    }
}

static void write_image(const struct account *a, const char *path)
{
    struct content image = {.size = 0};
    put(&image, 0, a->durable.data, a->durable.size);
    survive(&image, a, (enum survival)gw_random_below(N_SURVIVALS));
    FILE *f = fopen(path, "w");
    must(f != NULL);
    must(image.size == 0 || fwrite(image.data, (size_t)image.size, 1, f) == 1);
    must(fclose(f) == 0);
    free(image.data);
}

void disk_shim_image(const char *from, const char *to)
{
    size_t len = strlen(from);
    for (int i = 0; i < disk.n_accounts; i++) {
        const struct account *a = disk.accounts[i];
        const char *at = strstr(a->path, from);
        bool there = a->named || gw_random_below(2) != 0;
        if (a->deleted)
            there = a->named && gw_random_below(2) != 0;
        if (at == NULL || !there)
            continue;
        char path[2 * MAX_PATH];
        (void)snprintf(path, sizeof(path), "%s%s", to, at + len);
        write_image(a, path);
    }
}

/* ---- files ---- */

static int shim_close(sqlite3_file *f)
{
    return self(f)->real->pMethods->xClose(self(f)->real);
}

static int shim_read(sqlite3_file *f, void *data, int n, sqlite3_int64 at)
{
    (void)pthread_mutex_lock(&disk.lock);
    int rc = disk.fail[DISK_READ];
    (void)pthread_mutex_unlock(&disk.lock);
    return rc != SQLITE_OK ? rc : self(f)->real->pMethods->xRead(self(f)->real, data, n, at);
}

/* Whether a file may grow from @size to @end. */
static bool take_room(int64_t size, int64_t end)
{
    if (disk.room < 0 || end <= size)
        return true;
    if (end - size > disk.room)
        return false;
    disk.room -= end - size;
    return true;
}

static int write_locked(struct shim_file *f, const void *data, int n, int64_t at)
{
    sqlite3_int64 size = 0;
    (void)f->real->pMethods->xFileSize(f->real, &size);
    if (disk.fail[DISK_WRITE] != SQLITE_OK)
        return disk.fail[DISK_WRITE];
    if (!take_room(size, at + n))
        return SQLITE_FULL;
    if (disk.recording) {
        if (disk.cut != NULL)
            disk.cut(disk.cut_data);
        add_change(f->account, at, n, data);
    }
    return f->real->pMethods->xWrite(f->real, data, n, at);
}

static int shim_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
    (void)pthread_mutex_lock(&disk.lock);
    int rc = write_locked(self(f), data, n, at);
    (void)pthread_mutex_unlock(&disk.lock);
    return rc;
}

static int shim_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    (void)pthread_mutex_lock(&disk.lock);
    sqlite3_int64 before = 0;
    (void)self(f)->real->pMethods->xFileSize(self(f)->real, &before);
    if (disk.room >= 0 && before > size)
        disk.room += before - size;
    if (disk.recording)
        add_change(self(f)->account, size, -1, NULL);
    int rc = self(f)->real->pMethods->xTruncate(self(f)->real, size);
    (void)pthread_mutex_unlock(&disk.lock);
    return rc;
}

static int sync_locked(struct shim_file *f, int flags)
{
    if (disk.fail[DISK_SYNC] != SQLITE_OK)
        return disk.fail[DISK_SYNC];
    if (f->is_log && disk.fail[DISK_SYNC_LOG] != SQLITE_OK)
        return disk.fail[DISK_SYNC_LOG];
    if (!disk.recording)
        return f->real->pMethods->xSync(f->real, flags);
    if (disk.cut != NULL)
        disk.cut(disk.cut_data);
    make_durable(f->account);
    f->account->named = f->account->named || f->syncs_name;
    return SQLITE_OK;
}

static int shim_sync(sqlite3_file *f, int flags)
{
    (void)pthread_mutex_lock(&disk.lock);
    int rc = sync_locked(self(f), flags);
    (void)pthread_mutex_unlock(&disk.lock);
    return rc;
}

/* The rest is the real file's. @call uses `real`. */
#define FORWARD(name, args, call) \
    static int name args \
    { \
        sqlite3_file *real = self(f)->real; \
        return real->pMethods->call; \
    }
FORWARD(shim_size, (sqlite3_file * f, sqlite3_int64 *out), xFileSize(real, out))
FORWARD(shim_lock, (sqlite3_file * f, int how), xLock(real, how))
FORWARD(shim_unlock, (sqlite3_file * f, int how), xUnlock(real, how))
FORWARD(shim_reserved, (sqlite3_file * f, int *out), xCheckReservedLock(real, out))
FORWARD(shim_control, (sqlite3_file * f, int op, void *arg), xFileControl(real, op, arg))
FORWARD(shim_sector, (sqlite3_file * f), xSectorSize(real))
FORWARD(shim_traits, (sqlite3_file * f), xDeviceCharacteristics(real))
FORWARD(shim_shm_lock, (sqlite3_file * f, int at, int n, int flags), xShmLock(real, at, n, flags))
FORWARD(shim_shm_unmap, (sqlite3_file * f, int del), xShmUnmap(real, del))
FORWARD(shim_shm_map, (sqlite3_file * f, int page, int size, int extend, void volatile **out),
        xShmMap(real, page, size, extend, out))

static void shim_shm_barrier(sqlite3_file *f)
{
    self(f)->real->pMethods->xShmBarrier(self(f)->real);
}

static const sqlite3_io_methods methods = {.iVersion = 2,
                                           .xClose = shim_close,
                                           .xRead = shim_read,
                                           .xWrite = shim_write,
                                           .xTruncate = shim_truncate,
                                           .xSync = shim_sync,
                                           .xFileSize = shim_size,
                                           .xLock = shim_lock,
                                           .xUnlock = shim_unlock,
                                           .xCheckReservedLock = shim_reserved,
                                           .xFileControl = shim_control,
                                           .xSectorSize = shim_sector,
                                           .xDeviceCharacteristics = shim_traits,
                                           .xShmMap = shim_shm_map,
                                           .xShmLock = shim_shm_lock,
                                           .xShmBarrier = shim_shm_barrier,
                                           .xShmUnmap = shim_shm_unmap};

static int shim_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                     int *flags_out)
{
    struct shim_file *f = self(file);
    (void)vfs;
    f->real = (sqlite3_file *)(void *)(f + 1);
    f->is_log = (flags & SQLITE_OPEN_WAL) != 0;
    int rc = disk.real->xOpen(disk.real, path, f->real, flags, flags_out);
    f->base.pMethods = rc == SQLITE_OK ? &methods : NULL;
    if (rc != SQLITE_OK)
        return rc;
    (void)pthread_mutex_lock(&disk.lock);
    if (disk.recording && path != NULL) {
        f->account = account_of(path);
        if (f->account->deleted) { /* a new file of the same name */
            forget_changes(f->account);
            resize(&f->account->durable, 0);
            f->account->named = false;
        }
        f->account->deleted = false;
        /* SQLite's own VFS does so for these, and the store for the database */
        f->syncs_name = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_SUPER_JOURNAL)) != 0;
        if ((flags & SQLITE_OPEN_MAIN_DB) != 0)
            f->account->named = true;
    }
    (void)pthread_mutex_unlock(&disk.lock);
    return SQLITE_OK;
}

static int shim_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
    (void)vfs;
    (void)pthread_mutex_lock(&disk.lock);
    void (*before)(void *) = disk.before_delete;
    void *data = disk.before_delete_data;
    (void)pthread_mutex_unlock(&disk.lock);
    if (before != NULL)
        before(data);
    (void)pthread_mutex_lock(&disk.lock);
    sqlite3_int64 size = 0;
    FILE *f = fopen(path, "r");
    if (f != NULL && fseek(f, 0, SEEK_END) == 0)
        size = ftell(f);
    if (f != NULL)
        (void)fclose(f);
    int rc = disk.real->xDelete(disk.real, path, sync_dir);
    if (rc == SQLITE_OK && disk.room >= 0)
        disk.room += size;
    if (rc == SQLITE_OK && disk.recording) {
        struct account *a = account_of(path);
        a->deleted = true;
        a->named = a->named && sync_dir == 0;
    }
    (void)pthread_mutex_unlock(&disk.lock);
    return rc;
}

/* ---- control ---- */

void disk_shim_install(void)
{
    disk.real = sqlite3_vfs_find("unix");
    must(disk.real != NULL);
    disk.vfs = *disk.real;
    disk.vfs.zName = "disk-shim";
    disk.vfs.szOsFile = (int)sizeof(struct shim_file) + disk.real->szOsFile;
    disk.vfs.xOpen = shim_open;
    disk.vfs.xDelete = shim_delete;
    must(sqlite3_vfs_register(&disk.vfs, 1) == SQLITE_OK);
}

void disk_shim_remove(void)
{
    disk_shim_record(false);
    disk_shim_set_room(-1);
    for (int i = 0; i < DISK_N_CALLS; i++)
        disk_shim_fail((enum disk_call)i, SQLITE_OK);
    (void)sqlite3_vfs_unregister(&disk.vfs);
    must(sqlite3_vfs_register(disk.real, 1) == SQLITE_OK);
}

void disk_shim_set_room(int64_t bytes)
{
    (void)pthread_mutex_lock(&disk.lock);
    disk.room = bytes;
    (void)pthread_mutex_unlock(&disk.lock);
}

void disk_shim_fail(enum disk_call call, int rc)
{
    (void)pthread_mutex_lock(&disk.lock);
    disk.fail[call] = rc;
    (void)pthread_mutex_unlock(&disk.lock);
}

void disk_shim_record(bool on)
{
    (void)pthread_mutex_lock(&disk.lock);
    for (int i = 0; i < disk.n_accounts; i++) {
        forget_changes(disk.accounts[i]);
        free(disk.accounts[i]->durable.data);
        free(disk.accounts[i]);
    }
    disk.n_accounts = 0;
    disk.recording = on;
    (void)pthread_mutex_unlock(&disk.lock);
}

void disk_shim_on_delete(void (*before)(void *data), void *data)
{
    (void)pthread_mutex_lock(&disk.lock);
    disk.before_delete = before;
    disk.before_delete_data = data;
    (void)pthread_mutex_unlock(&disk.lock);
}

void disk_shim_on_call(void (*cut)(void *data), void *data)
{
    (void)pthread_mutex_lock(&disk.lock);
    disk.cut = cut;
    disk.cut_data = data;
    (void)pthread_mutex_unlock(&disk.lock);
}

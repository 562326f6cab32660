/* SPDX-License-Identifier: MIT */
/* The log is written in few calls, and says the same as ever. */
#include "tests/lib/store_fixture.h"

#include <dirent.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gateway/store/sqlite_bodies.h"
#include "gateway/store/sqlite_log_vfs.h"
#include "tests/lib/disk_shim.h"

enum {
    FRAME = 4096 + 24,
    N_FRAMES = 5 * SQLITE_LOG_BUFFER / FRAME,
    HOLD_MS = 10000,   /* for an answer that should be there at once */
    WITHHELD_MS = 250, /* for one that should not come */
    SECOND_NS = 1000000000,
    PIECE = 2 << 20, /* of a body that goes */
    MAX_CALLS = 3    /* a write and a sync; a write more when the buffer is full in between */
};

static void on_call(void *data)
{
    ++*(int *)data;
}

static void a_small_commit_is_one_write_and_one_sync(void **state)
{
    (void)state;
    struct store_fixture f;
    void *engine = &store_test_sqlite;
    disk_shim_install();
    disk_shim_record(true);
    store_test_open(&f, &engine);
    struct gw_message *first = store_test_new_message("", 2000);
    struct gw_message *second = store_test_new_message("", 2000);
    store_test_commit(&f, first, GW_OK); /* the log's header, too */
    int n_calls = 0;
    disk_shim_on_call(on_call, &n_calls);
    store_test_commit(&f, second, GW_OK);
    disk_shim_on_call(NULL, NULL);
    assert_true(n_calls >= 2 && n_calls <= MAX_CALLS);
    gw_message_free(&first);
    gw_message_free(&second);
    store_test_close(&f);
    disk_shim_remove();
}

/* The byte at @at of a log of frames. */
static unsigned char byte_at(int at)
{
    return (unsigned char)(at * 7 + at / 251);
}

static void more_than_the_buffer_holds_is_written_whole_and_read_back(void **state)
{
    (void)state;
    sqlite3_vfs *vfs = sqlite_log_vfs();
    sqlite3_file *file = test_calloc(1, (size_t)vfs->szOsFile);
    static unsigned char frame[FRAME];
    char database[] = "log-XXXXXX";
    char path[32] = ""; /* SQLite's VFS takes the mode from the database beside it */
    assert_true(close(mkstemp(database)) == 0);
    (void)snprintf(path, sizeof(path), "%s-wal", database);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL;
    assert_int_equal(vfs->xOpen(vfs, path, file, flags, &flags), SQLITE_OK);
    for (int n = 0; n < N_FRAMES; n++) {
        for (int i = 0; i < FRAME; i++)
            frame[i] = byte_at(n * FRAME + i);
        assert_int_equal(file->pMethods->xWrite(file, frame, FRAME, (sqlite3_int64)n * FRAME),
                         SQLITE_OK);
    }
    sqlite3_int64 size = 0;
    assert_int_equal(file->pMethods->xFileSize(file, &size), SQLITE_OK);
    assert_int_equal(size, (sqlite3_int64)N_FRAMES * FRAME);
    assert_int_equal(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL), SQLITE_OK);
    /* one in the middle again, and read before it is synced */
    assert_int_equal(file->pMethods->xWrite(file, "new", 3, FRAME), SQLITE_OK);
    for (int n = 0; n < N_FRAMES; n++) {
        assert_int_equal(file->pMethods->xRead(file, frame, FRAME, (sqlite3_int64)n * FRAME),
                         SQLITE_OK);
        assert_true(n != 1 || memcmp(frame, "new", 3) == 0);
        for (int i = n == 1 ? 3 : 0; i < FRAME; i++)
            assert_int_equal(frame[i], byte_at(n * FRAME + i));
    }
    assert_int_equal(file->pMethods->xClose(file), SQLITE_OK);
    (void)unlink(path);
    (void)unlink(database);
    test_free(file);
}

/* What was gathered for the transaction that failed is not written by the next one. */
static void a_log_that_cannot_be_written_forgets_what_it_gathered(void **state)
{
    (void)state;
    struct store_fixture f;
    void *engine = &store_test_sqlite;
    disk_shim_install();
    store_test_open(&f, &engine);
    struct gw_message *refused = store_test_new_message("", 2000);
    struct gw_message *taken = store_test_new_message("", 100);
    disk_shim_set_room(0);
    store_test_commit(&f, refused, GW_FULL);
    disk_shim_set_room(-1);
    store_test_commit(&f, taken, GW_OK);
    store_test_reopen(&f);
    store_test_get(&f, "", refused->id, GW_NOTFOUND);
    store_test_get(&f, "", taken->id, GW_OK);
    gw_message_free(&refused);
    gw_message_free(&taken);
    store_test_close(&f);
    disk_shim_remove();
}

struct held_sync {
    sem_t answered;
    int hold_ms;
    int n_calls, n_news;
    bool was_answered_first;
};

/* A small transaction is a write and a sync: the sync waits for the answer. */
static void hold_sync(void *data)
{
    struct held_sync *h = data;
    struct timespec deadline;
    if (++h->n_calls != 2)
        return;
    (void)clock_gettime(CLOCK_REALTIME, &deadline);
    int64_t ns = deadline.tv_nsec + (int64_t)h->hold_ms * 1000000;
    deadline.tv_sec += ns / SECOND_NS;
    deadline.tv_nsec = ns % SECOND_NS;
    h->was_answered_first = sem_timedwait(&h->answered, &deadline) == 0;
}

static void on_news(void *data)
{
    ((struct held_sync *)data)->n_news++;
}

static void a_verdict_is_answered_before_its_sync_and_told_after_it(void **state)
{
    (void)state;
    struct store_fixture f;
    struct held_sync h = {.hold_ms = HOLD_MS};
    void *engine = &store_test_sqlite;
    assert_int_equal(sem_init(&h.answered, 0, 0), 0);
    disk_shim_install();
    disk_shim_record(true);
    store_test_open(&f, &engine);
    struct gw_message *m = store_test_new_message("", 2000);
    store_test_commit(&f, m, GW_OK);
    f.store->on_events = on_news;
    f.store->on_events_data = &h;
    m->rcpts[0].status = GW_RCPT_SENT;
    disk_shim_on_call(hold_sync, &h);
    store_test_record(&f, m, GW_OK);
    assert_int_equal(h.n_news, 0);
    assert_int_equal(sem_post(&h.answered), 0);
    while (h.n_news == 0)
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    disk_shim_on_call(NULL, NULL);
    assert_true(h.was_answered_first);
    assert_int_equal(h.n_calls, 2);
    gw_message_free(&m);
    store_test_close(&f);
    disk_shim_remove();
    (void)sem_destroy(&h.answered);
}

/* Its file goes with the verdict, which must not come back without it. */
static void a_verdict_on_a_body_that_is_a_file_is_answered_after_its_sync(void **state)
{
    (void)state;
    struct store_fixture f;
    struct held_sync h = {.hold_ms = WITHHELD_MS};
    void *engine = &store_test_sqlite;
    assert_int_equal(sem_init(&h.answered, 0, 0), 0);
    disk_shim_install();
    disk_shim_record(true);
    store_test_open(&f, &engine);
    struct gw_message *m = store_test_new_message("", SQLITE_BODY_FILE_MIN);
    store_test_commit(&f, m, GW_OK);
    m->rcpts[0].status = GW_RCPT_SENT;
    disk_shim_on_call(hold_sync, &h);
    store_test_record(&f, m, GW_OK);
    assert_int_equal(sem_post(&h.answered), 0);
    disk_shim_on_call(NULL, NULL);
    assert_int_equal(h.n_calls, 2);
    assert_true(!h.was_answered_first);
    gw_message_free(&m);
    store_test_close(&f);
    disk_shim_remove();
    (void)sem_destroy(&h.answered);
}

struct held_delete {
    sem_t answered;
    int n_calls;
    bool was_answered_first;
};

static void hold_delete(void *data)
{
    struct held_delete *h = data;
    struct timespec deadline;
    if (++h->n_calls != 1)
        return; /* SQLite's own, when it is closed */
    (void)clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += HOLD_MS / 1000;
    h->was_answered_first = sem_timedwait(&h->answered, &deadline) == 0;
}

/* To delete a large file takes the disk some milliseconds. */
static void nobody_waits_until_a_file_is_deleted(void **state)
{
    (void)state;
    struct store_fixture f;
    struct held_delete h = {.was_answered_first = false};
    void *engine = &store_test_sqlite;
    assert_int_equal(sem_init(&h.answered, 0, 0), 0);
    disk_shim_install();
    store_test_open(&f, &engine);
    struct gw_message *large = store_test_new_message("", SQLITE_BODY_FILE_MIN);
    struct gw_message *other = store_test_new_message("", 2000);
    store_test_commit(&f, large, GW_OK);
    disk_shim_on_delete(hold_delete, &h);
    large->rcpts[0].status = GW_RCPT_SENT;
    store_test_record(&f, large, GW_OK);
    store_test_commit(&f, other, GW_OK);
    assert_int_equal(sem_post(&h.answered), 0);
    gw_message_free(&large);
    gw_message_free(&other);
    store_test_close(&f); /* all is deleted by then */
    disk_shim_on_delete(NULL, NULL);
    assert_true(h.was_answered_first);
    disk_shim_remove();
    (void)sem_destroy(&h.answered);
}

struct seen_delete {
    const char *dir;
    atomic_llong size; /* of the largest body when something is deleted */
};

static void see_sizes(void *data)
{
    struct seen_delete *seen = data;
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/bodies", seen->dir);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        struct stat st;
        (void)snprintf(path, sizeof(path), "%s/bodies/%s", seen->dir, e->d_name);
        if (e->d_name[0] != '.' && stat(path, &st) == 0 && st.st_size > seen->size)
            seen->size = st.st_size;
    }
    (void)closedir(d);
}

static void a_large_file_goes_in_pieces(void **state)
{
    (void)state;
    struct store_fixture f;
    void *engine = &store_test_sqlite;
    disk_shim_install();
    store_test_open(&f, &engine);
    struct seen_delete seen = {.dir = f.dir};
    struct gw_message *m = store_test_new_message("", 7 * PIECE);
    store_test_commit(&f, m, GW_OK);
    disk_shim_on_delete(see_sizes, &seen);
    m->rcpts[0].status = GW_RCPT_SENT;
    store_test_record(&f, m, GW_OK);
    while (seen.size == 0)
        store_test_get(&f, "", m->id, GW_OK);
    disk_shim_on_delete(NULL, NULL);
    assert_true(seen.size <= PIECE);
    gw_message_free(&m);
    store_test_close(&f);
    disk_shim_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_commit_is_one_write_and_one_sync),
        cmocka_unit_test(more_than_the_buffer_holds_is_written_whole_and_read_back),
        cmocka_unit_test(a_log_that_cannot_be_written_forgets_what_it_gathered),
        cmocka_unit_test(a_verdict_is_answered_before_its_sync_and_told_after_it),
        cmocka_unit_test(a_verdict_on_a_body_that_is_a_file_is_answered_after_its_sync),
        cmocka_unit_test(nobody_waits_until_a_file_is_deleted),
        cmocka_unit_test(a_large_file_goes_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

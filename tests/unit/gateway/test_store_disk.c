/* SPDX-License-Identifier: MIT */
/* The SQLite engine on a disk that is full, broken, locked or tampered with. */
#include "tests/lib/store_fixture.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/gw_clock.h"
#include "gateway/store/sqlite.h"
#include "tests/lib/disk_shim.h"

enum {
    LARGE = 300 * 1024, /* a body that is a file */
    MEGABYTE = 1 << 20
};

static void open_on_shim(struct store_fixture *f)
{
    void *state = &store_test_sqlite;
    disk_shim_install();
    store_test_open(f, &state);
}

static void close_on_shim(struct store_fixture *f)
{
    store_test_close(f);
    disk_shim_remove();
}

static int count_bodies(const struct store_fixture *f)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/bodies", f->dir);
    DIR *d = opendir(path);
    assert_non_null(d);
    int n = 0;
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        n += e->d_name[0] != '.' ? 1 : 0;
    (void)closedir(d);
    return n;
}

/* Files are deleted behind the answer. */
static void until_no_body_is_left(struct store_fixture *f, const struct gw_message *m)
{
    while (count_bodies(f) != 0)
        store_test_get(f, "", m->id, GW_OK);
}

static void finish(struct store_fixture *f, struct gw_message *m, enum gw_status want)
{
    m->rcpts[0].status = GW_RCPT_SENT;
    store_test_record(f, m, want);
}

static void a_full_disk_refuses_mail_until_there_is_room(void **state)
{
    (void)state;
    struct store_fixture f;
    open_on_shim(&f);
    struct gw_message *m = store_test_new_message("", 2000);
    disk_shim_set_room(0);
    store_test_commit(&f, m, GW_FULL);
    store_test_get(&f, "", m->id, GW_NOTFOUND);
    disk_shim_set_room(-1);
    store_test_commit(&f, m, GW_OK);
    store_test_get(&f, "", m->id, GW_OK);
    gw_message_free(&m);
    close_on_shim(&f);
}

static void assert_mode(const char *path, mode_t want)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    if ((st.st_mode & 07777) != want)
        fail_msg("%s has mode %o", path, st.st_mode & 07777);
}

/* Every file and directory in @dir; the number of files. */
static int assert_modes(const char *dir)
{
    char path[600];
    DIR *d = opendir(dir);
    assert_non_null(d);
    assert_mode(dir, 0700);
    int n = 0;
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (e->d_type == DT_DIR)
            n += assert_modes(path);
        else
            assert_mode(path, 0600);
        n += e->d_type == DT_DIR ? 0 : 1;
    }
    (void)closedir(d);
    return n;
}

static void only_the_owner_may_read_anything(void **state)
{
    (void)state;
    struct store_fixture f;
    mode_t before = umask(0);
    open_on_shim(&f);
    struct gw_message *m = store_test_new_message("", LARGE);
    store_test_commit(&f, m, GW_OK);
    /* database, log, its index, lock, ballast, the mark of a running server, the body */
    assert_int_equal(assert_modes(f.dir), 7);
    finish(&f, m, GW_OK);
    gw_message_free(&m);
    close_on_shim(&f);
    (void)umask(before);
}

/* Commit until the disk is full; the number that were taken. */
static int fill(struct store_fixture *f, struct gw_message **sent, int max)
{
    for (int i = 0; i < max; i++) {
        sent[i] = store_test_new_message("", 20000);
        store_test_ask_commit(f, sent[i]);
        store_test_settle(f);
        if (f->status == GW_OK)
            continue;
        assert_int_equal(f->status, GW_FULL);
        gw_message_free(&sent[i]);
        return i;
    }
    fail_msg("the disk was never full");
    return max;
}

static void the_queue_drains_on_a_full_disk_and_mail_is_taken_again(void **state)
{
    (void)state;
    enum {
        MAX = 2000
    };
    static struct gw_message *sent[MAX];
    struct store_fixture f;
    open_on_shim(&f);
    disk_shim_set_room(3L * MEGABYTE);
    int n = fill(&f, sent, MAX);
    assert_true(n > 10);
    disk_shim_set_room(0); /* somebody else took the rest */
    for (int i = 0; i < n; i++) {
        finish(&f, sent[i], GW_OK);
        gw_message_free(&sent[i]);
    }
    disk_shim_set_room(16L * MEGABYTE);
    struct gw_message *m = store_test_new_message("", 2000);
    enum gw_status status = GW_FULL;
    while (status == GW_FULL) { /* looked at again every second */
        store_test_ask_commit(&f, m);
        store_test_settle(&f);
        status = f.status;
    }
    assert_int_equal(status, GW_OK);
    gw_message_free(&m);
    close_on_shim(&f);
}

static void a_start_on_a_full_disk_delivers_but_accepts_nothing(void **state)
{
    (void)state;
    struct store_fixture f;
    open_on_shim(&f);
    struct gw_message *m = store_test_new_message("", 2000);
    m->rcpts[0].next_attempt_ms = 5000;
    store_test_commit(&f, m, GW_OK);
    store_test_shut(&f);
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/ballast", f.dir);
    assert_int_equal(unlink(path), 0);
    disk_shim_set_room(MEGABYTE); /* enough for a log, not for the ballast */
    store_test_open_engine(&f, STORE_TEST_SQLITE);
    struct gw_message *other = store_test_new_message("", 2000);
    store_test_commit(&f, other, GW_FULL);
    store_test_lease(&f, 5000, 1);
    finish(&f, m, GW_OK);
    gw_message_free(&m);
    gw_message_free(&other);
    close_on_shim(&f);
}

static void a_large_body_that_does_not_fit_leaves_nothing_behind(void **state)
{
    (void)state;
    struct store_fixture f;
    open_on_shim(&f);
    struct gw_message *large = store_test_new_message("", LARGE);
    struct gw_message *small = store_test_new_message("", 2000);
    struct gw_message *other = store_test_new_message("", 2000);
    disk_shim_set_room(204800);
    store_test_commit(&f, small, GW_OK);
    store_test_commit(&f, large, GW_FULL);
    store_test_commit(&f, other, GW_OK); /* it gave back what it had taken of the room */
    store_test_get(&f, "", small->id, GW_OK);
    store_test_get(&f, "", other->id, GW_OK);
    store_test_get(&f, "", large->id, GW_NOTFOUND);
    assert_int_equal(count_bodies(&f), 0);
    disk_shim_set_room(-1);
    store_test_commit(&f, large, GW_OK);
    assert_int_equal(count_bodies(&f), 1);
    finish(&f, large, GW_OK);
    until_no_body_is_left(&f, large);
    gw_message_free(&large);
    gw_message_free(&other);
    gw_message_free(&small);
    close_on_shim(&f);
}

/* After a failed @call nothing is ever acknowledged again, even when the disk seems well. */
static void check_fatal(enum disk_call call, int rc)
{
    struct store_fixture f;
    open_on_shim(&f);
    f.may_fail = true;
    struct gw_message *m = store_test_new_message("", 2000);
    disk_shim_fail(call, rc);
    store_test_commit(&f, m, GW_IO);
    assert_int_equal(f.n_fatal, 1);
    disk_shim_fail(call, SQLITE_OK);
    store_test_commit(&f, m, GW_IO);
    finish(&f, m, GW_IO);
    assert_int_equal(f.n_fatal, 1);
    gw_message_free(&m);
    close_on_shim(&f);
}

static void a_failed_sync_is_final(void **state)
{
    (void)state;
    check_fatal(DISK_SYNC, SQLITE_IOERR_FSYNC);
}

static void a_failed_write_is_final(void **state)
{
    (void)state;
    check_fatal(DISK_WRITE, SQLITE_IOERR_WRITE);
}

/* A store that failed for good at @call, a sync, while this large message was committed. */
static struct gw_message *fail_with_large_body(struct store_fixture *f, enum disk_call call)
{
    open_on_shim(f);
    f->may_fail = true;
    struct gw_message *m = store_test_new_message("", LARGE);
    disk_shim_fail(call, SQLITE_IOERR_FSYNC);
    store_test_commit(f, m, GW_IO);
    assert_int_equal(f->n_fatal, 1);
    disk_shim_fail(call, SQLITE_OK);
    return m;
}

static void a_failed_sync_of_a_large_body_is_final(void **state)
{
    (void)state;
    struct store_fixture f;
    struct gw_message *m = fail_with_large_body(&f, DISK_SYNC);
    store_test_get(&f, "", m->id, GW_IO);
    gw_message_free(&m);
    close_on_shim(&f);
}

/* The log has all of the transaction: it may be there after the next start, though nobody was told
 * so. */
static void what_a_failed_sync_may_have_stored_keeps_its_body(void **state)
{
    (void)state;
    struct store_fixture f;
    struct gw_message *m = fail_with_large_body(&f, DISK_SYNC_LOG);
    store_test_shut(&f);
    store_test_open_engine(&f, STORE_TEST_SQLITE);
    store_test_lease(&f, INT64_MAX, 1);
    assert_string_equal(f.got->id, m->id);
    assert_int_equal(f.got->mime.len, LARGE);
    assert_memory_equal(f.got->mime.data, m->mime.data, LARGE);
    finish(&f, m, GW_OK);
    until_no_body_is_left(&f, m);
    gw_message_free(&m);
    close_on_shim(&f);
}

static bool exists(const struct store_fixture *f, const char *name)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    return access(path, F_OK) == 0;
}

static void damage_met_at_work_is_final_and_remembered(void **state)
{
    (void)state;
    struct store_fixture f;
    open_on_shim(&f);
    f.may_fail = true;
    struct gw_message *m = store_test_new_message("", LARGE);
    store_test_commit(&f, m, GW_OK);
    disk_shim_fail(DISK_READ, SQLITE_CORRUPT);
    f.n_expected++;
    f.store->engine->raw(f.store, "", m->id, store_test_on_message, &f);
    store_test_settle(&f);
    assert_int_equal(f.status, GW_IO);
    assert_int_equal(f.n_fatal, 1);
    assert_true(exists(&f, "damaged"));
    disk_shim_fail(DISK_READ, SQLITE_OK);
    store_test_shut(&f);
    assert_true(exists(&f, "running"));
    store_test_open_engine(&f, STORE_TEST_SQLITE); /* checked whole, and found sound */
    assert_true(!exists(&f, "damaged"));
    finish(&f, m, GW_OK);
    gw_message_free(&m);
    close_on_shim(&f);
}

/* What a crash before the commit leaves. */
static void leave_file(const struct store_fixture *f, unsigned n)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/bodies/%08x-0000-7000-8000-000000000000.eml", f->dir, n);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static void large_bodies_are_read_back_and_left_over_files_go(void **state)
{
    (void)state;
    struct store_fixture f;
    open_on_shim(&f);
    struct gw_message *m = store_test_new_message("", LARGE);
    m->rcpts[0].next_attempt_ms = 5000;
    store_test_commit(&f, m, GW_OK);
    store_test_shut(&f);
    leave_file(&f, 1);
    store_test_open_engine(&f, STORE_TEST_SQLITE);
    while (count_bodies(&f) != 1) /* swept between batches */
        store_test_get(&f, "", m->id, GW_OK);
    store_test_lease(&f, 5000, 1);
    assert_int_equal(f.got->mime.len, LARGE);
    assert_memory_equal(f.got->mime.data, m->mime.data, LARGE);
    finish(&f, m, GW_OK);
    until_no_body_is_left(&f, m);
    gw_message_free(&m);
    close_on_shim(&f);
}

/* The sweep takes many steps, and all the files are there before the transaction is. */
static void files_of_what_is_being_stored_are_not_left_over(void **state)
{
    (void)state;
    enum {
        N_LEFT = 4000,
        N = 100
    };
    struct gw_store_new given[N] = {{.m = NULL}};
    struct store_fixture f;
    open_on_shim(&f);
    store_test_shut(&f);
    for (unsigned i = 0; i < N_LEFT; i++)
        leave_file(&f, i);
    for (int i = 0; i < N; i++)
        given[i].m = store_test_new_message("", LARGE);
    store_test_open_engine(&f, STORE_TEST_SQLITE);
    f.n_expected++;
    f.store->engine->commit_all(f.store, given, N, store_test_on_done, &f);
    store_test_settle(&f);
    assert_int_equal(f.status, GW_OK);
    while (count_bodies(&f) > N)
        store_test_get(&f, "", given[0].m->id, GW_OK);
    assert_int_equal(count_bodies(&f), N);
    for (int i = 0; i < N; i++) {
        finish(&f, given[i].m, GW_OK);
        gw_message_free(&given[i].m);
    }
    close_on_shim(&f);
}

static void a_message_whose_body_is_lost_is_given_up_and_blocks_nobody(void **state)
{
    (void)state;
    struct store_fixture f;
    open_on_shim(&f);
    struct gw_message *lost = store_test_new_message("", LARGE);
    lost->rcpts[0].next_attempt_ms = 5000;
    store_test_commit(&f, lost, GW_OK);
    struct gw_message *next = store_test_new_message("", 10);
    next->rcpts[0].next_attempt_ms = 6000;
    store_test_commit(&f, next, GW_OK);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/bodies/%s.eml", f.dir, lost->id);
    assert_int_equal(truncate(path, 100), 0);
    store_test_lease(&f, 6000, 1);
    assert_string_equal(f.got->id, next->id);
    store_test_get(&f, "", lost->id, GW_OK);
    assert_int_equal(f.got->rcpts[0].status, GW_RCPT_REJECTED);
    assert_string_equal(f.got->rcpts[0].reason, "body_lost");
    gw_message_free(&lost);
    gw_message_free(&next);
    close_on_shim(&f);
}

static sqlite3 *open_outside(const struct store_fixture *f)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/mailhatch.db", f->dir);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(db, 10000), SQLITE_OK);
    return db;
}

static void who_locks_the_file_for_long_is_waited_for_and_then_refused(void **state)
{
    (void)state;
    struct store_fixture f;
    open_on_shim(&f);
    sqlite3 *db = open_outside(&f);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct gw_message *m = store_test_new_message("", 10);
    int64_t start = gw_clock_mono_ms();
    store_test_commit(&f, m, GW_BUSY);
    assert_true(gw_clock_mono_ms() - start >= 4000);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    store_test_commit(&f, m, GW_OK);
    gw_message_free(&m);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    close_on_shim(&f);
}

static void an_outside_reader_disturbs_nobody(void **state)
{
    (void)state;
    struct store_fixture f;
    open_on_shim(&f);
    sqlite3 *db = open_outside(&f);
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM messages", NULL, NULL, NULL),
                     SQLITE_OK);
    for (int i = 0; i < 100; i++) {
        struct gw_message *m = store_test_new_message("", 20000);
        store_test_commit(&f, m, GW_OK);
        finish(&f, m, GW_OK);
        gw_message_free(&m);
    }
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    close_on_shim(&f);
}

static int64_t file_size(const struct store_fixture *f, const char *name)
{
    char path[64];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void old_history_is_forgotten_and_its_space_given_back(void **state)
{
    (void)state;
    enum {
        N = 400
    };
    struct store_fixture f;
    open_on_shim(&f);
    store_test_shut(&f);
    f.keep_history_ms = 1000;
    f.keep_bodies_ms = INT64_C(86400000);
    gw_clock_fake(1000000, 1);
    store_test_open_engine(&f, STORE_TEST_SQLITE);
    char first[GW_UUID_SIZE];
    for (int i = 0; i < N; i++) {
        struct gw_message *m = store_test_new_message("", i % 100 == 0 ? LARGE : 50000);
        store_test_commit(&f, m, GW_OK);
        finish(&f, m, GW_OK);
        if (i == 0)
            memcpy(first, m->id, sizeof(first));
        gw_message_free(&m);
    }
    assert_int_equal(count_bodies(&f), N / 100);
    gw_clock_fake_advance(1001);
    f.status = GW_OK;
    int64_t full = 0;
    do {
        store_test_reopen(&f); /* the log is written back */
        full = full != 0 ? full : file_size(&f, "mailhatch.db");
        for (int step = 0; step < 40; step++) { /* one after each batch */
            gw_clock_fake_advance(60000);
            f.n_expected++;
            f.store->engine->get(f.store, "", first, store_test_on_message, &f);
            store_test_settle(&f);
        }
    } while (f.status == GW_OK || file_size(&f, "mailhatch.db") > 6L * MEGABYTE);
    assert_true(full > 15L * MEGABYTE);
    assert_int_equal(count_bodies(&f), 0);
    gw_clock_fake_end();
    close_on_shim(&f);
}

static void a_place_that_cannot_hold_a_directory_is_named(void **state)
{
    (void)state;
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    struct gw_store_sqlite_config config = {.dir = "/proc/nowhere"};
    struct gw_store *store;
    struct gw_err err = {.text = ""};
    assert_int_equal(gw_store_sqlite_new(&loop, &config, &store, &err), GW_IO);
    assert_non_null(strstr(err.text, "/proc/nowhere"));
    assert_non_null(strstr(err.text, "MAILHATCH_DATA_DIR"));
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_owner_may_read_anything),
        cmocka_unit_test(a_full_disk_refuses_mail_until_there_is_room),
        cmocka_unit_test(the_queue_drains_on_a_full_disk_and_mail_is_taken_again),
        cmocka_unit_test(a_start_on_a_full_disk_delivers_but_accepts_nothing),
        cmocka_unit_test(a_large_body_that_does_not_fit_leaves_nothing_behind),
        cmocka_unit_test(a_failed_sync_is_final),
        cmocka_unit_test(a_failed_write_is_final),
        cmocka_unit_test(a_failed_sync_of_a_large_body_is_final),
        cmocka_unit_test(what_a_failed_sync_may_have_stored_keeps_its_body),
        cmocka_unit_test(damage_met_at_work_is_final_and_remembered),
        cmocka_unit_test(large_bodies_are_read_back_and_left_over_files_go),
        cmocka_unit_test(files_of_what_is_being_stored_are_not_left_over),
        cmocka_unit_test(a_message_whose_body_is_lost_is_given_up_and_blocks_nobody),
        cmocka_unit_test(who_locks_the_file_for_long_is_waited_for_and_then_refused),
        cmocka_unit_test(an_outside_reader_disturbs_nobody),
        cmocka_unit_test(old_history_is_forgotten_and_its_space_given_back),
        cmocka_unit_test(a_place_that_cannot_hold_a_directory_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Starts of the SQLite engine on files that are old, damaged or incomplete, and their salvage. */
#include "tests/lib/store_fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "gateway/store/sqlite.h"
#include "gateway/store/sqlite_db.h"
#include "gateway/store/sqlite_schema.h"

enum {
    N = 300, /* messages in a file that gets damaged */
    PAGE = 4096
};

static void open_store(struct store_fixture *f)
{
    void *state = &store_test_sqlite;
    store_test_open(f, &state);
}

static void write_path(const struct store_fixture *f, const char *name, char path[64])
{
    (void)snprintf(path, 64, "%s/%s", f->dir, name);
}

static bool exists(const struct store_fixture *f, const char *name)
{
    char path[64];
    write_path(f, name, path);
    return access(path, F_OK) == 0;
}

static void delete_file(const struct store_fixture *f, const char *name)
{
    char path[64];
    write_path(f, name, path);
    assert_int_equal(unlink(path), 0);
}

/* What a salvage leaves for people to look at. */
static void forget_damaged(const struct store_fixture *f)
{
    static const char *const names[] = {"mailhatch.db.damaged", "mailhatch.db.damaged-wal",
                                        "mailhatch.db.damaged-shm"};
    assert_true(exists(f, names[0]));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (exists(f, names[i]))
            delete_file(f, names[i]);
}

static void check_refusal(struct store_fixture *f, enum gw_status want, const char *text)
{
    struct gw_store_sqlite_config config = {.dir = f->dir};
    struct gw_err err = {.text = ""};
    assert_int_equal(gw_store_sqlite_new(&f->loop, &config, &f->store, &err), want);
    if (strstr(err.text, text) == NULL)
        fail_msg("`%s` lacks `%s`", err.text, text);
}

static void copy_file(const char *from, const char *to)
{
    static char bytes[8 << 20];
    FILE *in = fopen(from, "r");
    FILE *out = fopen(to, "w");
    assert_true(in != NULL && out != NULL);
    size_t n = fread(bytes, 1, sizeof(bytes), in);
    assert_true(n < sizeof(bytes));
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    assert_int_equal(fclose(in), 0);
    assert_int_equal(fclose(out), 0);
}

/* The directory as a process that is killed now would leave it, in a directory of its own. */
static void leave_behind(const struct store_fixture *f, struct store_fixture *copy)
{
    static const char *const names[] = {"mailhatch.db", "mailhatch.db-wal", "running"};
    open_store(copy);
    store_test_shut(copy);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char from[64];
        char to[64];
        write_path(f, names[i], from);
        write_path(copy, names[i], to);
        copy_file(from, to);
    }
}

static struct gw_message *new_waiting(struct store_fixture *f)
{
    struct gw_message *m = store_test_new_message("k1", 3000);
    m->rcpts[0].status = GW_RCPT_SCHEDULED;
    m->rcpts[0].next_attempt_ms = 5000;
    store_test_commit(f, m, GW_OK);
    return m;
}

/* ---- marks ---- */

static void a_killed_process_is_followed_and_a_missing_log_is_noticed(void **state)
{
    (void)state;
    struct store_fixture f;
    struct store_fixture killed;
    open_store(&f);
    struct gw_message *m = new_waiting(&f);
    assert_true(exists(&f, "running"));
    leave_behind(&f, &killed);
    store_test_open_engine(&killed, STORE_TEST_SQLITE);
    store_test_get(&killed, "k1", m->id, GW_OK);
    store_test_shut(&killed);
    assert_true(!exists(&killed, "running"));
    assert_true(!exists(&killed, "mailhatch.db-wal"));
    store_test_open_engine(&killed, STORE_TEST_SQLITE); /* no log, but stopped in order */
    store_test_close(&killed);

    leave_behind(&f, &killed);
    delete_file(&killed, "mailhatch.db-wal");
    check_refusal(&killed, GW_IO, "mailhatch.db-wal is missing");
    struct gw_salvage saved;
    struct gw_err err;
    assert_int_equal(gw_store_sqlite_salvage(killed.dir, &saved, &err), GW_OK);
    assert_true(saved.log_missing);
    store_test_open_engine(&killed, STORE_TEST_SQLITE);
    forget_damaged(&killed);
    store_test_close(&killed);
    gw_message_free(&m);
    store_test_close(&f);
}

static void a_suspected_file_that_is_sound_is_used_again(void **state)
{
    (void)state;
    struct store_fixture f;
    open_store(&f);
    struct gw_message *m = new_waiting(&f);
    store_test_shut(&f);
    char path[64];
    write_path(&f, "damaged", path);
    FILE *mark = fopen(path, "w");
    assert_non_null(mark);
    assert_int_equal(fclose(mark), 0);
    store_test_open_engine(&f, STORE_TEST_SQLITE);
    assert_true(!exists(&f, "damaged"));
    store_test_get(&f, "k1", m->id, GW_OK);
    gw_message_free(&m);
    store_test_close(&f);
}

/* ---- damage ---- */

/* Overwrites the type of each leaf page of the table whose root SQL finds. */
static void damage(const struct store_fixture *f, const char *table, int n_pages)
{
    char path[64];
    char sql[256];
    write_path(f, "mailhatch.db", path);
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    (void)snprintf(sql, sizeof(sql),
                   "SELECT pageno FROM dbstat WHERE name = '%s' AND pagetype = 'leaf'"
                   " ORDER BY path LIMIT %d OFFSET 1",
                   table, n_pages);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    long pages[16];
    int n = 0;
    while (sqlite3_step(s) == SQLITE_ROW && n < 16)
        pages[n++] = (long)sqlite3_column_int64(s, 0);
    assert_int_equal(n, n_pages);
    (void)sqlite3_finalize(s);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    for (int i = 0; i < n; i++) {
        assert_int_equal(fseek(file, (pages[i] - 1) * PAGE, SEEK_SET), 0);
        assert_int_equal(fwrite("\x77\x77\x77\x77\x77\x77\x77\x77", 1, 8, file), 8);
    }
    assert_int_equal(fclose(file), 0);
}

static void salvage(struct store_fixture *f, struct gw_salvage *saved)
{
    struct gw_err err = {.text = ""};
    if (gw_store_sqlite_salvage(f->dir, saved, &err) != GW_OK)
        fail_msg("%s", err.text);
    store_test_open_engine(f, STORE_TEST_SQLITE);
    forget_damaged(f);
}

/* Everything that is due, until nothing is; the number of messages. */
static int drain(struct store_fixture *f)
{
    int n = 0;
    int before;
    do {
        before = f->n_messages;
        int ends = f->n_ends;
        f->store->engine->lease_due(f->store, 5000, 100, store_test_on_message, f);
        while (f->n_ends == ends)
            (void)uv_run(&f->loop, UV_RUN_ONCE);
        n += f->n_messages - before;
    } while (f->n_messages != before);
    f->n_expected = f->n_done + f->n_messages + f->n_ends;
    return n;
}

static void open_damaged(struct store_fixture *f, const char *table, int n_pages)
{
    open_store(f);
    for (int i = 0; i < N; i++) {
        struct gw_message *m = new_waiting(f);
        gw_message_free(&m);
    }
    store_test_shut(f);
    damage(f, table, n_pages);
    check_refusal(f, GW_IO, "is damaged");
    check_refusal(f, GW_IO, "queue salvage");
}

static void what_can_be_read_of_damaged_messages_is_saved(void **state)
{
    (void)state;
    struct store_fixture f;
    struct gw_salvage saved;
    open_damaged(&f, "messages", 1);
    salvage(&f, &saved);
    assert_int_equal(saved.n_tables_broken, 1);
    assert_true(saved.n_messages >= N - 60 && saved.n_messages < N);
    assert_int_equal(saved.n_live, saved.n_messages);
    assert_int_equal(saved.n_bodies_lost, 0);
    assert_int_equal(drain(&f), saved.n_messages);
    store_test_close(&f);
}

static void messages_whose_bodies_are_lost_are_given_up(void **state)
{
    (void)state;
    struct store_fixture f;
    struct gw_salvage saved;
    open_damaged(&f, "bodies", 4);
    salvage(&f, &saved);
    assert_int_equal(saved.n_messages, N);
    assert_true(saved.n_bodies_lost > 0 && saved.n_bodies_lost < 30);
    assert_int_equal(drain(&f), N - saved.n_bodies_lost);
    store_test_close(&f);
}

static void a_damaged_index_loses_nothing(void **state)
{
    (void)state;
    struct store_fixture f;
    struct gw_salvage saved;
    open_damaged(&f, "messages_from", 1);
    salvage(&f, &saved);
    assert_int_equal(saved.n_messages, N);
    assert_int_equal(saved.n_tables_broken, 0);
    assert_int_equal(drain(&f), N);
    store_test_close(&f);
}

static void nothing_to_salvage_is_said(void **state)
{
    (void)state;
    struct gw_salvage saved;
    struct gw_err err;
    assert_int_equal(gw_store_sqlite_salvage("no-such-dir", &saved, &err), GW_NOTFOUND);
    struct store_fixture f;
    open_store(&f);
    assert_int_equal(gw_store_sqlite_salvage(f.dir, &saved, &err), GW_BUSY);
    assert_non_null(strstr(err.text, "another process"));
    store_test_close(&f);
}

/* ---- older files ---- */

static void a_file_of_the_first_schema_is_brought_forward(void **state)
{
    (void)state;
    struct store_fixture f;
    open_store(&f);
    store_test_shut(&f);
    delete_file(&f, "mailhatch.db");
    char path[64];
    write_path(&f, "mailhatch.db", path);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    static const char rows[] =
        "INSERT INTO messages VALUES(7,'01a214cf-0000-7000-8000-000000000001','k1','<m@x>',"
        "'f@x','x','s','f@x',0,4,NULL,0,1,0,0,1000,9000,0,0,5000,'deferred',0,0,NULL);"
        "INSERT INTO bodies VALUES(7,x'6d696d65');"
        "INSERT INTO recipients VALUES(7,0,'a@b','b',0,3,0,1,0,0,2,'r1',NULL,NULL,450,'4.0.0',"
        "'RCPT','later',NULL,2000,5000,12);"
        "PRAGMA user_version = 1";
    assert_int_equal(sqlite3_exec(db, sqlite_migrations[0], NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, rows, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    store_test_open_engine(&f, STORE_TEST_SQLITE);
    assert_int_equal(f.store->engine->next_due_ms(f.store), 5000);
    store_test_lease(&f, 5000, 1);
    assert_string_equal(f.got->rcpts[0].smtp.text, "later");
    assert_true(gw_slice_is(f.got->mime, "mime"));
    f.got->rcpts[0].status = GW_RCPT_SENT;
    store_test_record(&f, f.got, GW_OK);
    store_test_close(&f);
}

/* The file system that the store sees; 0: the real one. In place of the C library's. */
static long fake_magic;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): reserved ones there */
int statfs(const char *path, struct statfs *out)
{
    long rc = syscall(SYS_statfs, path, out);
    if (rc == 0 && fake_magic != 0)
        out->f_type = fake_magic;
    return (int)rc;
}

static void a_network_file_system_is_refused(void **state)
{
    (void)state;
    /* linux/magic.h and fs/smb/client: NFS, CIFS, SMB2, FUSE, AFS, 9P */
    static const long refused[] = {0x6969,     0xFF534D42, 0xFE534D42,
                                   0x65735546, 0x5346414F, 0x01021997};
    static const long taken[] = {0xEF53, 0x58465342, 0x01021994, 0x794C7630}; /* ext4 and others */
    char dir[] = "store-XXXXXX";
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct sqlite_db d;
        struct gw_err err = {.text = ""};
        fake_magic = refused[i];
        assert_int_equal(sqlite_db_lock(&d, dir, &err), GW_IO);
        assert_non_null(strstr(err.text, "network file system"));
        assert_non_null(strstr(err.text, dir));
    }
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        struct sqlite_db d;
        fake_magic = taken[i];
        assert_int_equal(sqlite_db_lock(&d, dir, NULL), GW_OK);
        sqlite_db_close(&d);
    }
    fake_magic = 0;
    char path[64];
    static const char *const names[] = {"lock", "bodies"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        assert_int_equal(remove(path), 0);
    }
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_process_is_followed_and_a_missing_log_is_noticed),
        cmocka_unit_test(a_suspected_file_that_is_sound_is_used_again),
        cmocka_unit_test(what_can_be_read_of_damaged_messages_is_saved),
        cmocka_unit_test(messages_whose_bodies_are_lost_are_given_up),
        cmocka_unit_test(a_damaged_index_loses_nothing),
        cmocka_unit_test(nothing_to_salvage_is_said),
        cmocka_unit_test(a_network_file_system_is_refused),
        cmocka_unit_test(a_file_of_the_first_schema_is_brought_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

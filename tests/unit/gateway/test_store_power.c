/* SPDX-License-Identifier: MIT */
/* Power loss: while random mail goes through the SQLite engine, the disk is cut at random calls and
 * shown as it may look after the failure (tests/lib/disk_shim.h). Each image is opened as any start
 * would, and held against what had been acknowledged by then: nothing is missing, nothing is older
 * than acknowledged but for a verdict whose sync was put off, which may be undone, nothing is there
 * that was never asked for, and the file is sound.
 *
 *   MAILHATCH_POWER_IMAGES=2000 MAILHATCH_SEED=7 build/asan/tests/unit/unit_gateway_store_power */
#include "tests/lib/store_fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_random.h"
#include "gateway/store/sqlite.h"
#include "gateway/store/sqlite_bodies.h"
#include "tests/lib/disk_shim.h"

enum {
    IMAGES = 120, /* unless MAILHATCH_POWER_IMAGES says otherwise */
    IMAGES_PER_ROUND = 12,
    MESSAGES = 160,          /* per round */
    IN_HAND = 24,            /* messages worked on at once */
    MAX_CHANGES = 6,         /* of a message after its commit; the last one is its end */
    CALLS_BETWEEN_CUTS = 60, /* on average */
    LARGE_ONE_IN = 12
};

/* A message and how far it has come: 0 nothing, 1 committed, then one more per change. */
struct item {
    struct round *round;
    struct gw_message *m;
    int asked, acked; /* acked: under round.lock */
    int kept;         /* what no failure of power may undo; under round.lock */
    bool is_verdict;  /* the last thing asked */
    int last;         /* the change that ends it */
};

struct image {
    char dir[32];
    int kept[MESSAGES];
};

struct round {
    uv_loop_t loop;
    struct gw_store *store;
    char dir[32];
    pthread_mutex_t lock;
    struct item items[MESSAGES];
    int n_started, n_in_hand;
    struct image images[IMAGES_PER_ROUND];
    int n_images, max_images;
    int until_cut; /* calls; under the shim's lock */
    uint64_t seed;
    bool closed;
};

static void make_dir(char *dir)
{
    memcpy(dir, "power-XXXXXX", sizeof("power-XXXXXX"));
    assert_non_null(mkdtemp(dir));
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/bodies", dir);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void remove_dir(const char *dir)
{
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        char path[512];
        (void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (strcmp(e->d_name, "bodies") == 0)
            remove_dir(path);
        else if (e->d_name[0] != '.')
            assert_int_equal(unlink(path), 0);
    }
    (void)closedir(d);
    assert_int_equal(rmdir(dir), 0);
}

/* ---- the cut ---- */

static void cut(void *data)
{
    struct round *r = data;
    static _Thread_local bool is_seeded; /* as the generator; the store's threads end with it */
    if (!is_seeded)
        gw_random_seed(r->seed + 1);
    is_seeded = true;
    if (r->n_images == r->max_images || r->until_cut-- > 0)
        return;
    r->until_cut = (int)gw_random_below(2 * CALLS_BETWEEN_CUTS);
    struct image *image = &r->images[r->n_images++];
    (void)pthread_mutex_lock(&r->lock);
    for (int i = 0; i < MESSAGES; i++)
        image->kept[i] = r->items[i].kept;
    (void)pthread_mutex_unlock(&r->lock);
    make_dir(image->dir);
    disk_shim_image(r->dir, image->dir);
}

/* ---- the mail ---- */

static void go_on(struct item *item);

static void on_stored(enum gw_status status, void *data)
{
    struct item *item = data;
    assert_int_equal(status, GW_OK);
    (void)pthread_mutex_lock(&item->round->lock);
    /* what came before it was synced with it or by something in between */
    bool may_be_undone = item->is_verdict && item->m->mime.len < SQLITE_BODY_FILE_MIN;
    item->kept = may_be_undone ? item->acked : item->asked;
    item->acked = item->asked;
    (void)pthread_mutex_unlock(&item->round->lock);
    go_on(item);
}

static void start_some(struct round *r)
{
    while (r->n_in_hand < IN_HAND && r->n_started < MESSAGES) {
        struct item *item = &r->items[r->n_started++];
        size_t len = gw_random_below(LARGE_ONE_IN) == 0 ? 128 * 1024 + gw_random_below(200000)
                                                        : 200 + gw_random_below(4000);
        item->round = r;
        item->m = store_test_new_message("", len);
        char *body = gw_arena_bytes(item->m->arena, len);
        memset(body, item->m->id[35], len); /* a letter of its own */
        item->m->mime = gw_slice_of(body, len);
        item->last = 2 + (int)gw_random_below(MAX_CHANGES);
        r->n_in_hand++;
        go_on(item);
    }
}

/* The next step of a message: its attempts count them. */
static void go_on(struct item *item)
{
    struct gw_store *store = item->round->store;
    struct gw_recipient *rcpt = &item->m->rcpts[0];
    if (item->asked == item->last) {
        item->round->n_in_hand--;
        start_some(item->round);
        return;
    }
    item->asked++;
    if (item->asked == 1) {
        store->engine->commit(store, item->m, NULL, on_stored, item);
        return;
    }
    rcpt->attempts = (unsigned)item->asked;
    rcpt->status = item->asked == item->last ? GW_RCPT_SENT : GW_RCPT_DEFERRED;
    rcpt->next_attempt_ms = rcpt->status == GW_RCPT_SENT ? 0 : INT64_C(4000000000000);
    static const size_t first = 0;
    struct gw_attempt_log log = {
        .rcpts = &first, .n_rcpts = 1, .relay = "r", .enhanced = "", .text = ""};
    item->is_verdict = gw_random_below(3) != 0;
    if (!item->is_verdict) {
        store->engine->begin(store, item->m, NULL, 0, on_stored, item);
    } else {
        struct gw_attempt_log *kept = GW_ARENA_NEW(item->m->arena, struct gw_attempt_log);
        *kept = log;
        store->engine->record(store, item->m, kept, 1, on_stored, item);
    }
}

/* ---- the check ---- */

static void check_message(struct gw_message *m, const struct item *item, int kept)
{
    if (m == NULL) {
        if (kept != 0)
            fail_msg("%s was acknowledged and is gone", item->m->id);
        return;
    }
    int found = m->rcpts[0].attempts == 0 ? 1 : (int)m->rcpts[0].attempts;
    if (found < kept || found > item->asked)
        fail_msg("%s: state %d, kept %d, asked %d", m->id, found, kept, item->asked);
    if (found == item->last) {
        assert_int_equal(m->rcpts[0].status, GW_RCPT_SENT);
        return;
    }
    assert_int_equal(m->mime.len, item->m->mime.len);
    assert_non_null(m->mime.data);
    assert_memory_equal(m->mime.data, item->m->mime.data, m->mime.len);
}

static void on_raw(enum gw_status status, struct gw_message *m, void *data)
{
    struct store_fixture *f = data;
    assert_true(status == GW_OK || status == GW_NOTFOUND);
    gw_message_free(&f->got);
    f->got = m;
    f->n_done++;
}

/* What SQLite itself thinks of the file. */
static void check_file(const char *dir)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/mailhatch.db", dir);
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    static const char *const checks[] = {
        "PRAGMA integrity_check",
        "SELECT CASE WHEN count(*) = 0 THEN 'ok' END FROM pragma_foreign_key_check"};
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        assert_int_equal(sqlite3_prepare_v2(db, checks[i], -1, &s, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(s), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(s, 0), "ok");
        assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void check_image(const struct round *r, const struct image *image)
{
    struct store_fixture f = {.engine = STORE_TEST_SQLITE};
    memcpy(f.dir, image->dir, sizeof(f.dir) - 1);
    assert_int_equal(uv_loop_init(&f.loop), 0);
    store_test_open_engine(&f, STORE_TEST_SQLITE);
    for (int i = 0; i < r->n_started; i++) {
        f.n_expected++;
        f.store->engine->raw(f.store, "", r->items[i].m->id, on_raw, &f);
        store_test_settle(&f);
        check_message(f.got, &r->items[i], image->kept[i]);
    }
    gw_message_free(&f.got);
    store_test_shut(&f);
    assert_int_equal(uv_loop_close(&f.loop), 0);
    check_file(image->dir);
    remove_dir(image->dir);
}

static void on_closed(enum gw_status status, void *data)
{
    (void)status;
    ((struct round *)data)->closed = true;
}

static void never(const char *detail, void *data)
{
    (void)data;
    fail_msg("%s", detail);
}

/* Up to @max_images; how many they were. */
static int run_round(uint64_t seed, int max_images)
{
    struct round *r = gw_calloc(1, sizeof(*r));
    r->seed = seed;
    r->max_images = max_images < IMAGES_PER_ROUND ? max_images : IMAGES_PER_ROUND;
    r->until_cut = (int)gw_random_below(2 * CALLS_BETWEEN_CUTS);
    assert_int_equal(pthread_mutex_init(&r->lock, NULL), 0);
    make_dir(r->dir);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    disk_shim_install();
    disk_shim_record(true);
    struct gw_err err;
    struct gw_store_sqlite_config config = {
        .dir = r->dir, .retention_history_ms = INT64_C(86400000), .on_fatal = never};
    assert_int_equal(gw_store_sqlite_new(&r->loop, &config, &r->store, &err), GW_OK);
    disk_shim_on_call(cut, r);
    start_some(r);
    while (r->n_in_hand != 0)
        (void)uv_run(&r->loop, UV_RUN_ONCE);
    disk_shim_on_call(NULL, NULL);
    r->store->engine->close(r->store, on_closed, r);
    while (!r->closed)
        (void)uv_run(&r->loop, UV_RUN_ONCE);
    disk_shim_remove();
    assert_int_equal(uv_loop_close(&r->loop), 0);
    for (int i = 0; i < r->n_images; i++)
        check_image(r, &r->images[i]);
    for (int i = 0; i < MESSAGES; i++)
        gw_message_free(&r->items[i].m);
    int n = r->n_images;
    remove_dir(r->dir);
    (void)pthread_mutex_destroy(&r->lock);
    gw_free(r);
    return n;
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void nothing_acknowledged_is_lost_with_the_power(void **state)
{
    (void)state;
    int64_t now = gw_clock_wall_ms();
    uint64_t seed = number_from("MAILHATCH_SEED", (uint64_t)now);
    int images = (int)number_from("MAILHATCH_POWER_IMAGES", IMAGES);
    print_message("MAILHATCH_SEED=%llu\n", (unsigned long long)seed);
    int n = 0;
    while (n < images) {
        gw_random_seed(++seed);
        int more = run_round(seed, images - n);
        assert_true(more > 0);
        n += more;
    }
    gw_random_seed(0);
    print_message("%d images\n", n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost_with_the_power),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

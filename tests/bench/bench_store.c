/* SPDX-License-Identifier: MIT */
/* What the durable store costs.
 *
 * bench_store accept [--runs N] [--messages N]   commits of 2 KB messages, many in hand
 * bench_store lone [--runs N]                    a commit alone, and one fdatasync
 * bench_store scale DIR [--messages N]           N queued messages in DIR, which is filled up first
 *
 * accept: `ours` is the engine with its threads and callbacks, `sqlite` the same rows by bare
 * SQLite calls, in transactions of as many messages as ours had. lone: the sync is of as many bytes
 * as a commit writes. scale: start, resident size, and pages of every search.
 *
 * One line per figure, `key=value` separated by spaces. Directories are made in the present one. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/store/sqlite.h"
#include "gateway/store/sqlite_bind.h"
#include "gateway/store/sqlite_rows.h"
#include "gateway/store/sqlite_stats.h"

enum {
    BODY = 2048,
    IN_HAND = 256,
    ROWS_PER_MESSAGE_COMMIT = 1000,
    MAX_RUNS = 101,
    LONE_COMMITS = 300,
    FRAMES_AFTER = 40, /* commits: before the first checkpoint */
    FRAME = 4096 + 24, /* https://sqlite.org/fileformat2.html#walformat */
    PAGES = 50,        /* asked of each search */
    MAX_SAMPLES = 4096
};

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "bench_store: %s\n", what);
    exit(1);
}

static void on_fatal(const char *detail, void *data)
{
    (void)data;
    die(detail);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

struct samples {
    double v[MAX_SAMPLES];
    size_t n;
};

static void sample(struct samples *s, double v)
{
    if (s->n < MAX_SAMPLES)
        s->v[s->n++] = v;
}

static double quantile(struct samples *s, double q)
{
    qsort(s->v, s->n, sizeof(double), by_value);
    return s->n != 0 ? s->v[(size_t)((double)(s->n - 1) * q)] : 0;
}

/* Message @i of many; what searches look for is spread over it. */
static struct gw_message *new_message(int64_t i, bool waits)
{
    static char body[BODY];
    memset(body, 'x', sizeof(body));
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_message *m = GW_ARENA_NEW(arena, struct gw_message);
    m->arena = arena;
    gw_uuid_v7(gw_clock_wall_ms(), m->id);
    m->tenant = i % 1000 == 0 ? "rare" : "billing";
    m->message_id = gw_arena_printf(arena, "<%s@example.com>", m->id);
    m->from = i % 1000 == 7 ? "rare@example.com" : "billing@example.com";
    m->from_domain = "example.com";
    m->subject = "Your invoice";
    m->mail_from = m->from;
    m->mime = gw_slice_of(body, BODY);
    m->created_at_ms = gw_clock_wall_ms();
    m->expires_at_ms = m->created_at_ms + 432000000;
    m->priority = (enum gw_priority)(i % 3);
    m->rcpts = GW_ARENA_ARRAY(arena, struct gw_recipient, 1);
    m->n_rcpts = 1;
    m->rcpts[0] = (struct gw_recipient){
        .email = gw_arena_printf(arena, "user%lld@example.org", (long long)(i % 100000)),
        .domain = "example.org",
        .smtp = {.enhanced = "", .text = ""},
        .duration_ms = -1};
    if (i % 10 == 3) {
        m->tags = GW_ARENA_ARRAY(arena, struct gw_slice, 1);
        m->tags[0] = gw_slice_str(i % 1000 == 3 ? "rare" : "invoice");
        m->n_tags = 1;
    }
    if (waits) {
        m->rcpts[0].status = i % 50 == 0 ? GW_RCPT_DEFERRED : GW_RCPT_SCHEDULED;
        m->rcpts[0].relay = i % 50 == 0 ? "backup" : NULL;
        m->rcpts[0].next_attempt_ms = m->created_at_ms + 86400000;
    }
    return m;
}

/* ---- the engine, many in hand ---- */

struct accept_run {
    uv_loop_t loop;
    struct gw_store *store;
    struct gw_message **messages;
    int n, n_asked, n_done;
    struct gw_store_stats stats;
    bool done;
};

static void on_committed(enum gw_status status, void *data)
{
    struct accept_run *r = data;
    CHECK(status == GW_OK);
    r->n_done++;
    if (r->n_asked < r->n) {
        r->store->engine->commit(r->store, r->messages[r->n_asked++], NULL, on_committed, r);
    }
}

static void on_stats(enum gw_status status, const struct gw_store_stats *stats, void *data)
{
    struct accept_run *r = data;
    CHECK(status == GW_OK);
    r->stats = *stats;
    r->done = true;
}

static void on_done(enum gw_status status, void *data)
{
    (void)status;
    ((struct accept_run *)data)->done = true;
}

static void run_until(struct accept_run *r, const bool *flag)
{
    while (!*flag)
        (void)uv_run(&r->loop, UV_RUN_ONCE);
}

static void open_engine(struct accept_run *r, const char *dir)
{
    struct gw_err err = {.text = ""};
    struct gw_store_sqlite_config config = {
        .dir = dir, .retention_history_ms = INT64_C(86400000), .on_fatal = on_fatal};
    CHECK(uv_loop_init(&r->loop) == 0);
    if (gw_store_sqlite_new(&r->loop, &config, &r->store, &err) != GW_OK)
        die(err.text);
}

static void close_engine(struct accept_run *r)
{
    r->done = false;
    r->store->engine->close(r->store, on_done, r);
    run_until(r, &r->done);
    CHECK(uv_loop_close(&r->loop) == 0);
}

static void remove_dir(const char *dir)
{
    static const char *const names[] = {"mailhatch.db", "mailhatch.db-wal", "mailhatch.db-shm",
                                        "lock",         "ballast",          "running"};
    char path[512];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof(path), "%s/bodies", dir);
    (void)rmdir(path);
    (void)rmdir(dir);
}

/* Messages per second; *group_out: how many a transaction held. */
static double accept_ours(struct gw_message **messages, int n, double *group_out)
{
    char dir[] = "bench-XXXXXX";
    if (mkdtemp(dir) == NULL)
        die("mkdtemp");
    struct accept_run r = {.messages = messages, .n = n};
    open_engine(&r, dir);
    int64_t start = gw_clock_mono_us();
    while (r.n_asked < IN_HAND && r.n_asked < n)
        r.store->engine->commit(r.store, messages[r.n_asked++], NULL, on_committed, &r);
    while (r.n_done < n)
        (void)uv_run(&r.loop, UV_RUN_ONCE);
    double seconds = (double)(gw_clock_mono_us() - start) / 1e6;
    r.store->engine->stats(r.store, on_stats, &r);
    run_until(&r, &r.done);
    *group_out = (double)r.stats.n_operations / (double)r.stats.n_transactions;
    close_engine(&r);
    remove_dir(dir);
    return n / seconds;
}

/* ---- SQLite alone ---- */

static void step(struct sqlite_db *d, enum sqlite_stmt_id id)
{
    CHECK(sqlite_db_run(d, id) == SQLITE_DONE);
}

/* The rows of one accepted message, by plain calls. */
static void insert_plainly(struct sqlite_db *d, const struct gw_message *m)
{
    sqlite3_stmt *s = d->stmts[STMT_INSERT_MESSAGE];
    const char *const texts[] = {m->id,          m->tenant,  m->message_id, m->from,
                                 m->from_domain, m->subject, m->mail_from};
    for (int i = 0; i < 7; i++)
        CHECK(sqlite3_bind_text(s, i + 1, texts[i], -1, SQLITE_STATIC) == SQLITE_OK);
    const int64_t numbers[] = {0, BODY, 0, 0, m->priority, 0, 0, m->created_at_ms, m->expires_at_ms,
                               0, 0,    0, 1};
    for (int i = 0; i < 13; i++)
        CHECK(sqlite3_bind_int64(s, i + 8, numbers[i]) == SQLITE_OK);
    CHECK(sqlite3_bind_null(s, 10) == SQLITE_OK && sqlite3_bind_null(s, 19) == SQLITE_OK &&
          sqlite3_bind_text(s, 21, "queued", -1, SQLITE_STATIC) == SQLITE_OK &&
          sqlite3_bind_int(s, 22, 0) == SQLITE_OK && sqlite3_bind_null(s, 23) == SQLITE_OK &&
          sqlite3_bind_int(s, 24, 0) == SQLITE_OK);
    step(d, STMT_INSERT_MESSAGE);
    int64_t seq = sqlite3_last_insert_rowid(d->db);
    s = d->stmts[STMT_INSERT_BODY];
    CHECK(sqlite3_bind_int64(s, 1, seq) == SQLITE_OK &&
          sqlite3_bind_blob(s, 2, m->mime.data, BODY, SQLITE_STATIC) == SQLITE_OK &&
          sqlite3_bind_int(s, 3, 0) == SQLITE_OK);
    step(d, STMT_INSERT_BODY);
    s = d->stmts[STMT_INSERT_RCPT];
    for (int i = 1; i <= 24; i++)
        CHECK(sqlite3_bind_int64(s, i, i == 1 ? seq : 0) == SQLITE_OK);
    CHECK(sqlite3_bind_text(s, 3, m->rcpts[0].email, -1, SQLITE_STATIC) == SQLITE_OK &&
          sqlite3_bind_text(s, 4, m->rcpts[0].domain, -1, SQLITE_STATIC) == SQLITE_OK);
    static const int nulls[] = {14, 15, 16, 19, 21};
    for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
        CHECK(sqlite3_bind_null(s, nulls[i]) == SQLITE_OK);
    step(d, STMT_INSERT_RCPT);
    if (m->n_tags != 0) {
        s = d->stmts[STMT_INSERT_TAG];
        CHECK(sqlite3_bind_int64(s, 1, seq) == SQLITE_OK &&
              sqlite3_bind_int(s, 2, 0) == SQLITE_OK &&
              sqlite3_bind_text(s, 3, m->tags[0].data, (int)m->tags[0].len, SQLITE_STATIC) ==
                  SQLITE_OK);
        step(d, STMT_INSERT_TAG);
    }
    s = d->stmts[STMT_INSERT_EVENT];
    for (int i = 1; i <= 15; i++)
        CHECK(sqlite3_bind_int64(s, i, i == 1 ? seq : i == 4 ? m->created_at_ms : 0) == SQLITE_OK);
    CHECK(sqlite3_bind_text(s, 5, "queued", -1, SQLITE_STATIC) == SQLITE_OK);
    step(d, STMT_INSERT_EVENT);
}

static double accept_sqlite(struct gw_message **messages, int n, int group)
{
    char dir[] = "bench-XXXXXX";
    if (mkdtemp(dir) == NULL)
        die("mkdtemp");
    struct sqlite_db d;
    struct gw_err err = {.text = ""};
    if (sqlite_db_open(&d, dir, &err) != GW_OK)
        die(err.text);
    int64_t start = gw_clock_mono_us();
    for (int i = 0; i < n;) {
        step(&d, STMT_BEGIN);
        for (int k = 0; k < group && i < n; k++)
            insert_plainly(&d, messages[i++]);
        step(&d, STMT_COMMIT);
    }
    double seconds = (double)(gw_clock_mono_us() - start) / 1e6;
    sqlite_db_close(&d);
    remove_dir(dir);
    return n / seconds;
}

static void bench_accept(int runs, int n)
{
    struct gw_message **messages = gw_calloc((size_t)n, sizeof(struct gw_message *));
    struct samples ours = {.n = 0};
    struct samples sqlite = {.n = 0};
    struct samples ratio = {.n = 0};
    struct samples groups = {.n = 0};
    for (int run = 0; run < runs; run++) {
        for (int i = 0; i < n; i++)
            messages[i] = new_message(i, false);
        double group;
        sample(&ours, accept_ours(messages, n, &group));
        sample(&groups, group);
        sample(&sqlite, accept_sqlite(messages, n, (int)(group + 0.5)));
        sample(&ratio, ours.v[ours.n - 1] / sqlite.v[sqlite.n - 1]);
        for (int i = 0; i < n; i++)
            gw_message_free(&messages[i]);
    }
    (void)printf("accept in_hand=%d group=%.0f ours_per_s=%.0f sqlite_per_s=%.0f ratio=%.2f "
                 "ratio_min=%.2f ratio_max=%.2f\n",
                 IN_HAND, quantile(&groups, 0.5), quantile(&ours, 0.5), quantile(&sqlite, 0.5),
                 quantile(&ratio, 0.5), quantile(&ratio, 0), quantile(&ratio, 1));
    gw_free(messages);
}

/* Of this process and all its threads: what others do on the machine does not count. */
static double cpu_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- a commit alone ---- */

/* Pages that a commit writes to the log, which grows by them until its first checkpoint. */
static double frames_per_commit(const char *dir, int n_commits)
{
    char path[64];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s/mailhatch.db-wal", dir);
    CHECK(stat(path, &st) == 0);
    return (double)st.st_size / FRAME / n_commits;
}

static void bench_lone(int runs)
{
    struct samples commit = {.n = 0};
    struct samples sync = {.n = 0};
    struct samples cpu = {.n = 0};
    double frames = 0;
    char dir[] = "bench-XXXXXX";
    if (mkdtemp(dir) == NULL)
        die("mkdtemp");
    struct accept_run r = {.n = 0};
    open_engine(&r, dir);
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/lone", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        die(path);
    static char page[64 << 10]; /* what the log gets for one message */
    for (int i = 0; i < runs * LONE_COMMITS / 3; i++) {
        struct gw_message *m = new_message(i, false);
        double cpu_start = cpu_ms();
        int64_t start = gw_clock_mono_us();
        r.store->engine->commit(r.store, m, NULL, on_committed, &r);
        for (int done = r.n_done; r.n_done == done;)
            (void)uv_run(&r.loop, UV_RUN_ONCE);
        sample(&commit, (double)(gw_clock_mono_us() - start));
        sample(&cpu, (cpu_ms() - cpu_start) * 1e3);
        gw_message_free(&m);
        if (i + 1 == FRAMES_AFTER)
            frames = frames_per_commit(dir, FRAMES_AFTER);
        start = gw_clock_mono_us();
        CHECK(pwrite(fd, page, sizeof(page), (off_t)i * (off_t)sizeof(page)) ==
              (ssize_t)sizeof(page));
        CHECK(fdatasync(fd) == 0);
        sample(&sync, (double)(gw_clock_mono_us() - start));
    }
    (void)close(fd);
    (void)unlink(path);
    close_engine(&r);
    remove_dir(dir);
    (void)printf("lone commit_p10_us=%.0f commit_p50_us=%.0f commit_p99_us=%.0f "
                 "fdatasync_p10_us=%.0f fdatasync_p50_us=%.0f fdatasync_p99_us=%.0f "
                 "ratio_p10=%.2f ratio_p50=%.2f cpu_p50_us=%.0f log_pages=%.1f\n",
                 quantile(&commit, 0.1), quantile(&commit, 0.5), quantile(&commit, 0.99),
                 quantile(&sync, 0.1), quantile(&sync, 0.5), quantile(&sync, 0.99),
                 quantile(&commit, 0.1) / quantile(&sync, 0.1),
                 quantile(&commit, 0.5) / quantile(&sync, 0.5), quantile(&cpu, 0.5), frames);
}

/* ---- a large queue ---- */

static void build_queue(const char *dir, int64_t n)
{
    struct sqlite_db d;
    struct gw_err err = {.text = ""};
    if (sqlite_db_open(&d, dir, &err) != GW_OK)
        die(err.text);
    int64_t there = 0;
    struct gw_store_stats stats = {.n_live = {0}};
    CHECK(sqlite_stats_count(&d, &stats) == SQLITE_OK);
    for (int i = 0; i < GW_STORE_LIVE_STATES; i++)
        there += stats.n_live[i];
    for (int64_t i = there; i < n;) {
        step(&d, STMT_BEGIN);
        for (int k = 0; k < ROWS_PER_MESSAGE_COMMIT && i < n; k++, i++) {
            struct gw_message *m = new_message(i, true);
            CHECK(sqlite_insert_message(&d, m, m->created_at_ms) == SQLITE_OK);
            gw_message_free(&m);
        }
        step(&d, STMT_COMMIT);
    }
    sqlite_db_close(&d);
}

static long resident_kb(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kb = 0;
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, "VmRSS:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    if (f != NULL)
        (void)fclose(f);
    return kb;
}

struct page_walk {
    struct accept_run *r;
    size_t n;
    int64_t cursor;
    bool done;
};

static void on_page(enum gw_status status, struct gw_message **messages, size_t n, int64_t cursor,
                    void *data)
{
    struct page_walk *w = data;
    CHECK(status == GW_OK);
    for (size_t i = 0; i < n; i++)
        gw_message_free(&messages[i]);
    w->n = n;
    w->cursor = cursor;
    w->done = true;
}

static void bench_search(struct accept_run *r, const char *name, struct gw_list_query query)
{
    struct samples ms = {.n = 0};
    struct samples cpu = {.n = 0};
    size_t rows = 0;
    query.limit = 50;
    for (int i = 0; i < PAGES; i++) {
        struct page_walk w = {.r = r};
        int64_t start = gw_clock_mono_us();
        double cpu_start = cpu_ms();
        r->store->engine->list(r->store, &query, on_page, &w);
        run_until(r, &w.done);
        sample(&cpu, cpu_ms() - cpu_start);
        sample(&ms, (double)(gw_clock_mono_us() - start) / 1000);
        rows += w.n;
        query.cursor = w.cursor;
    }
    (void)printf("search by=%s pages=%d rows=%zu p50_ms=%.2f max_ms=%.2f cpu_p50_ms=%.2f "
                 "cpu_max_ms=%.2f\n",
                 name, PAGES, rows, quantile(&ms, 0.5), quantile(&ms, 1), quantile(&cpu, 0.5),
                 quantile(&cpu, 1));
}

static void bench_scale(const char *dir, int64_t n)
{
    char path[512];
    struct stat st;
    build_queue(dir, n);
    (void)snprintf(path, sizeof(path), "%s/mailhatch.db", dir);
    if (stat(path, &st) != 0)
        die(path);
    struct accept_run r = {.n = 0};
    int64_t start = gw_clock_mono_us();
    double cpu_start = cpu_ms();
    open_engine(&r, dir);
    (void)printf("scale file_mb=%lld start_ms=%.0f start_cpu_ms=%.0f\n",
                 (long long)(st.st_size >> 20), (double)(gw_clock_mono_us() - start) / 1000,
                 cpu_ms() - cpu_start);
    start = gw_clock_mono_us();
    r.store->engine->stats(r.store, on_stats, &r);
    run_until(&r, &r.done);
    int64_t queued = r.stats.n_live[GW_RCPT_SCHEDULED] + r.stats.n_live[GW_RCPT_DEFERRED];
    (void)printf("stats ms=%.2f queued=%lld\n", (double)(gw_clock_mono_us() - start) / 1000,
                 (long long)queued);
    int64_t now = gw_clock_wall_ms();
    bench_search(&r, "all", (struct gw_list_query){.limit = 0});
    bench_search(&r, "status", (struct gw_list_query){.status = "scheduled"});
    bench_search(&r, "rare_status", (struct gw_list_query){.status = "deferred"});
    bench_search(&r, "no_status", (struct gw_list_query){.status = "sent"});
    bench_search(&r, "recipient", (struct gw_list_query){.recipient = "user77@example.org"});
    bench_search(&r, "from", (struct gw_list_query){.from = "billing@example.com"});
    bench_search(&r, "rare_from", (struct gw_list_query){.from = "rare@example.com"});
    bench_search(&r, "tag", (struct gw_list_query){.tag = "invoice"});
    bench_search(&r, "rare_tag", (struct gw_list_query){.tag = "rare"});
    bench_search(&r, "relay", (struct gw_list_query){.relay = "backup"});
    bench_search(&r, "tenant", (struct gw_list_query){.tenant = "rare"});
    bench_search(&r, "since_until",
                 (struct gw_list_query){.since_ms = now - 10000000, .until_ms = now + 1});
    bench_search(&r, "old_only", (struct gw_list_query){.until_ms = 1000});
    bench_search(&r, "tag_and_status",
                 (struct gw_list_query){.tag = "invoice", .status = "deferred"});
    bench_search(&r, "tenant_and_status",
                 (struct gw_list_query){.tenant = "rare", .status = "scheduled"});
    bench_search(&r, "from_and_rare_tag",
                 (struct gw_list_query){.from = "billing@example.com", .tag = "rare"});
    (void)printf("resident mb=%.1f\n", (double)resident_kb() / 1024);
    close_engine(&r);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"runs", required_argument, NULL, 'r'}, {"messages", required_argument, NULL, 'm'}, {0}};
    long runs = 5;
    long messages = 0;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) { /* NOLINT: one thread */
        if (c == 'r')
            runs = strtol(optarg, NULL, 10);
        else if (c == 'm')
            messages = strtol(optarg, NULL, 10);
        else
            return 2;
    }
    const char *what = optind < argc ? argv[optind] : "";
    if (runs < 1 || runs > MAX_RUNS || messages < 0)
        return 2;
    if (strcmp(what, "accept") == 0)
        bench_accept((int)runs, messages != 0 ? (int)messages : 20000);
    else if (strcmp(what, "lone") == 0)
        bench_lone((int)runs);
    else if (strcmp(what, "scale") == 0 && optind + 1 < argc)
        bench_scale(argv[optind + 1], messages != 0 ? messages : 1000000);
    else
        return 2;
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* The registry of metrics.
 *
 * A family is a row of GW_METRIC_TABLE; its series hang in a small hash table of lists that only
 * grow, so look-ups need no lock; a lock is held only to add a series. Cells are relaxed atomics:
 * a page may show one number a moment older than its neighbour, never a torn or lost one. */
#include "gateway/metrics.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <uv.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

enum {
    N_CHAINS = 32, /* hash chains per family */
    MAX_BUCKETS = 16
};

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

struct series {
    struct series *next; /* in its chain; immutable once linked */
    char labels[GW_METRIC_MAX_LABELS][GW_METRIC_MAX_LABEL_VALUE + 1];
    atomic_bool shown;
    atomic_int_least64_t sum; /* of a histogram; else the value */
    atomic_uint_least64_t buckets[];
};

static struct family_state {
    struct series *_Atomic chains[N_CHAINS];
    size_t n_series; /* under the lock */
} families[GW_N_METRICS];

static uv_once_t once = UV_ONCE_INIT;
static uv_mutex_t lock; /* held to add a series */

static const struct family {
    enum gw_metric_kind kind;
    enum gw_metric_unit unit;
    const char *name, *labels, *help;
} table[GW_N_METRICS] = {
#define GW_METRIC_ROW(id, kind, unit, name, labels, help) \
    [GW_METRIC_##id] = {GW_METRIC_##kind, GW_METRIC_##unit, "mailhatch_" name, labels, help},
    GW_METRIC_TABLE(GW_METRIC_ROW)
#undef GW_METRIC_ROW
};

/* Upper bounds, inclusive. Of times in µs: from one fast callback to the longest wait of a client;
 * of other things: powers of two. */
static const int64_t time_bounds[] = {100,     250,     500,      1000,     2500,   5000,
                                      10000,   25000,   50000,    100000,   250000, 500000,
                                      1000000, 5000000, 30000000, 300000000};
static const int64_t plain_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
_Static_assert(N_OF(time_bounds) <= MAX_BUCKETS && N_OF(plain_bounds) <= MAX_BUCKETS, "room");

static const int64_t *bounds_of(const struct family *f, size_t *n_out)
{
    if (f->kind != GW_METRIC_HISTOGRAM) {
        *n_out = 0;
        return NULL;
    }
    bool time = f->unit == GW_METRIC_MICROSECONDS;
    *n_out = time ? N_OF(time_bounds) : N_OF(plain_bounds);
    return time ? time_bounds : plain_bounds;
}

static size_t n_labels_of(const struct family *f)
{
    size_t n = f->labels[0] != '\0' ? 1 : 0;
    for (const char *p = f->labels; (p = strchr(p, ',')) != NULL; p++)
        n++;
    return n;
}

/* ---- finding and adding series ---- */

static const char *label_at(const char *const *labels, size_t i)
{
    return labels != NULL && labels[i] != NULL ? labels[i] : "";
}

static size_t chain_of(const char *const *labels, size_t n)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    for (size_t i = 0; i < n; i++) {
        const char *s = label_at(labels, i);
        for (size_t k = 0; s[k] != '\0' && k < GW_METRIC_MAX_LABEL_VALUE; k++)
            hash = (hash ^ (unsigned char)s[k]) * 1099511628211U;
        hash *= 1099511628211U;
    }
    return (size_t)(hash % N_CHAINS);
}

static struct series *look_up(struct family_state *state, size_t chain, const char *const *labels,
                              size_t n)
{
    struct series *s = atomic_load_explicit(&state->chains[chain], memory_order_acquire);
    for (; s != NULL; s = s->next) {
        size_t i = 0;
        while (i < n && strncmp(s->labels[i], label_at(labels, i), GW_METRIC_MAX_LABEL_VALUE) == 0)
            i++;
        if (i == n)
            return s;
    }
    return NULL;
}

static void init_lock(void)
{
    CHECK(uv_mutex_init(&lock) == 0);
}

/* Under the lock. */
static struct series *add_series(enum gw_metric m, size_t chain, const char *const *labels,
                                 size_t n)
{
    struct family_state *state = &families[m];
    size_t n_buckets;
    (void)bounds_of(&table[m], &n_buckets);
    struct series *s = gw_calloc(1, sizeof(*s) + (n_buckets + 1) * sizeof(s->buckets[0]));
    for (size_t i = 0; i < n; i++) {
        const char *from = label_at(labels, i);
        memcpy(s->labels[i], from, strnlen(from, GW_METRIC_MAX_LABEL_VALUE));
    }
    s->next = atomic_load_explicit(&state->chains[chain], memory_order_relaxed);
    state->n_series++;
    atomic_store_explicit(&state->chains[chain], s, memory_order_release);
    return s;
}

static struct series *series_of(enum gw_metric m, const char *const *labels)
{
    static const char *const other[GW_METRIC_MAX_LABELS] = {"other", "other", "other"};
    struct family_state *state = &families[m];
    size_t n = n_labels_of(&table[m]);
    CHECK(n <= GW_METRIC_MAX_LABELS);
    size_t chain = chain_of(labels, n);
    struct series *s = look_up(state, chain, labels, n);
    if (s != NULL)
        return s;
    uv_once(&once, init_lock);
    uv_mutex_lock(&lock);
    if (state->n_series >= GW_METRIC_MAX_SERIES) {
        labels = other;
        chain = chain_of(labels, n);
    }
    s = look_up(state, chain, labels, n);
    if (s == NULL)
        s = add_series(m, chain, labels, n);
    uv_mutex_unlock(&lock);
    return s;
}

/* ---- counting ---- */

void gw_metric_add(enum gw_metric m, uint64_t n, const char *const *labels)
{
    PRE(table[m].kind == GW_METRIC_COUNTER);
    struct series *s = series_of(m, labels);
    atomic_fetch_add_explicit(&s->sum, (int64_t)n, memory_order_relaxed);
    atomic_store_explicit(&s->shown, true, memory_order_relaxed);
}

void gw_metric_set(enum gw_metric m, int64_t value, const char *const *labels)
{
    PRE(table[m].kind == GW_METRIC_GAUGE);
    struct series *s = series_of(m, labels);
    atomic_store_explicit(&s->sum, value, memory_order_relaxed);
    atomic_store_explicit(&s->shown, true, memory_order_relaxed);
}

void gw_metric_clear(enum gw_metric m)
{
    PRE(table[m].kind == GW_METRIC_GAUGE);
    for (size_t i = 0; i < N_CHAINS; i++) {
        struct series *s = atomic_load_explicit(&families[m].chains[i], memory_order_acquire);
        for (; s != NULL; s = s->next)
            atomic_store_explicit(&s->shown, false, memory_order_relaxed);
    }
}

void gw_metric_observe(enum gw_metric m, int64_t value, const char *const *labels)
{
    PRE(table[m].kind == GW_METRIC_HISTOGRAM);
    if (value < 0)
        return;
    struct series *s = series_of(m, labels);
    size_t n;
    const int64_t *bounds = bounds_of(&table[m], &n);
    size_t i = 0;
    while (i < n && value > bounds[i])
        i++;
    atomic_fetch_add_explicit(&s->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->sum, value, memory_order_relaxed);
    atomic_store_explicit(&s->shown, true, memory_order_relaxed);
}

int64_t gw_metric_value(enum gw_metric m, const char *const *labels)
{
    size_t n = n_labels_of(&table[m]);
    const struct series *s = look_up(&families[m], chain_of(labels, n), labels, n);
    if (s == NULL)
        return 0;
    if (table[m].kind != GW_METRIC_HISTOGRAM)
        return atomic_load_explicit(&s->sum, memory_order_relaxed);
    size_t n_buckets;
    (void)bounds_of(&table[m], &n_buckets);
    int64_t count = 0;
    for (size_t i = 0; i <= n_buckets; i++)
        count += (int64_t)atomic_load_explicit(&s->buckets[i], memory_order_relaxed);
    return count;
}

/* ---- the page ---- */

static void add_value(struct gw_buf *out, const struct family *f, int64_t value)
{
    if (f->unit == GW_METRIC_PLAIN)
        (void)gw_buf_printf(out, "%lld", (long long)value);
    else
        (void)gw_buf_printf(out, "%lld.%06lld", (long long)(value / 1000000),
                            (long long)(value % 1000000));
}

static void add_label_value(struct gw_buf *out, const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '\n')
            (void)gw_buf_add_str(out, "\\n");
        else if (*s == '"' || *s == '\\')
            (void)gw_buf_printf(out, "\\%c", *s);
        else
            (void)gw_buf_add_char(out, *s);
    }
}

/* {a="x",b="y"}, left open for the caller's `le` when there is one. */
static bool add_labels(struct gw_buf *out, const struct family *f, const struct series *s)
{
    const char *name = f->labels;
    for (size_t i = 0; *name != '\0'; i++) {
        size_t len = strcspn(name, ",");
        (void)gw_buf_printf(out, "%s%.*s=\"", i == 0 ? "{" : ",", (int)len, name);
        add_label_value(out, s->labels[i]);
        (void)gw_buf_add_char(out, '"');
        name += len + (name[len] == ',' ? 1 : 0);
    }
    return f->labels[0] != '\0';
}

static void add_sample(struct gw_buf *out, const struct family *f, const struct series *s,
                       const char *suffix, int64_t value, bool as_count)
{
    (void)gw_buf_printf(out, "%s%s", f->name, suffix);
    (void)gw_buf_add_str(out, add_labels(out, f, s) ? "} " : " ");
    if (as_count)
        (void)gw_buf_printf(out, "%lld", (long long)value);
    else
        add_value(out, f, value);
    (void)gw_buf_add_char(out, '\n');
}

static void add_histogram(struct gw_buf *out, const struct family *f, const struct series *s)
{
    size_t n;
    const int64_t *bounds = bounds_of(f, &n);
    int64_t count = 0;
    for (size_t i = 0; i <= n; i++) {
        count += (int64_t)atomic_load_explicit(&s->buckets[i], memory_order_relaxed);
        (void)gw_buf_printf(out, "%s_bucket", f->name);
        (void)gw_buf_add_str(out, add_labels(out, f, s) ? ",le=\"" : "{le=\"");
        if (i < n)
            add_value(out, f, bounds[i]);
        else
            (void)gw_buf_add_str(out, "+Inf");
        (void)gw_buf_printf(out, "\"} %lld\n", (long long)count);
    }
    add_sample(out, f, s, "_sum", atomic_load_explicit(&s->sum, memory_order_relaxed), false);
    add_sample(out, f, s, "_count", count, true);
}

static void add_family(struct gw_buf *out, enum gw_metric m)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    const struct family *f = &table[m];
    (void)gw_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name,
                        kinds[f->kind]);
    for (size_t i = 0; i < N_CHAINS; i++) {
        const struct series *s = atomic_load_explicit(&families[m].chains[i], memory_order_acquire);
        for (; s != NULL; s = s->next) {
            if (!atomic_load_explicit(&s->shown, memory_order_relaxed))
                continue;
            if (f->kind == GW_METRIC_HISTOGRAM)
                add_histogram(out, f, s);
            else
                add_sample(out, f, s, "", atomic_load_explicit(&s->sum, memory_order_relaxed),
                           false);
        }
    }
}

void gw_metrics_render(struct gw_buf *out)
{
    for (size_t m = 0; m < GW_N_METRICS; m++)
        add_family(out, (enum gw_metric)m);
}

void gw_metrics_reset(void)
{
    for (size_t m = 0; m < GW_N_METRICS; m++) {
        for (size_t i = 0; i < N_CHAINS; i++) {
            struct series *s = atomic_load(&families[m].chains[i]);
            while (s != NULL) {
                struct series *next = s->next;
                gw_free(s);
                s = next;
            }
            atomic_store(&families[m].chains[i], NULL);
        }
        families[m].n_series = 0;
    }
}

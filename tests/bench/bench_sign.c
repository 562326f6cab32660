/* SPDX-License-Identifier: MIT */
/* What a signature costs.
 *
 * bench_sign [--runs N] [--ms N]   raw OpenSSL and ours, RSA-2048 and Ed25519, interleaved
 * bench_sign --leak N              N signatures of each algorithm, resident size before and after
 * bench_sign --alg NAME …          only rsa2048 or ed25519
 * bench_sign --mode raw            OpenSSL alone
 *
 * One line per figure, `key=value` separated by spaces; times are microseconds of this thread's CPU
 * per signature. `raw` is one EVP_PKEY_sign() (RSA) or EVP_DigestSign() (Ed25519) over a digest
 * with a parsed key, `ours` is gw_dkim_sign() of a message of 2 KB. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "gateway/base/gw_mem.h"
#include "gateway/dkim.h"

enum {
    MAX_RUNS = 101,
    BATCH = 20,
    WARM_UP = 2000,
    MESSAGE_SIZE = 2048,
    SIGNATURE_ROOM = 16384
};

struct algorithm {
    const char *name;
    enum gw_dkim_key_type type;
    char path[64];
    struct gw_dkim *dkim;
    EVP_PKEY *key; /* a parse of its own for the raw signatures */
    EVP_PKEY_CTX *ctx;
    EVP_MD_CTX *md;
};

static struct gw_buf message;

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "bench_sign: %s\n", what);
    exit(1);
}

static void make_message(void)
{
    gw_buf_init(&message, 1 << 20);
    (void)gw_buf_add_str(&message,
                         "From: Billing <billing@example.com>\r\nTo: Ann <ann@example.org>\r\n"
                         "Subject: Your invoice\r\nDate: Mon, 23 Nov 2026 12:34:56 +0000\r\n"
                         "Message-ID: <0193d0c4-7f3a-7000-8000-000000000000@example.com>\r\n"
                         "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                         "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    while (message.len < MESSAGE_SIZE)
        (void)gw_buf_add_str(&message, "Please find the invoice for last month in the attachment; "
                                       "thank you=\r\n");
}

static void setup(struct algorithm *a)
{
    struct gw_err err;
    char *pem = NULL;
    char *txt = NULL;
    if (gw_dkim_keygen(a->type, 0, &pem, &txt, &err) != GW_OK)
        die(err.text);
    (void)snprintf(a->path, sizeof(a->path), "/tmp/bench_sign.XXXXXX");
    int fd = mkstemp(a->path);
    if (fd < 0 || write(fd, pem, strlen(pem)) != (ssize_t)strlen(pem))
        die("cannot write a key file");
    (void)close(fd);
    struct cfg_dkim_key key = {.selector = "s", .key_file = a->path};
    struct cfg_dkim_domain domain = {.domain = "example.com", .keys = &key, .n_keys = 1};
    struct cfg_dkim config = {.domains = &domain, .n_domains = 1};
    enum gw_status st = gw_dkim_new(&config, &a->dkim, &err);
    (void)unlink(a->path);
    if (st != GW_OK)
        die(err.text);
    BIO *bio = BIO_new_mem_buf(pem, -1);
    a->key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    gw_free_secret(&pem);
    gw_free(txt);
    a->md = EVP_MD_CTX_new();
    a->ctx = a->type == GW_DKIM_RSA ? EVP_PKEY_CTX_new(a->key, NULL) : NULL;
    if (a->md == NULL ||
        (a->type == GW_DKIM_RSA && (EVP_PKEY_sign_init(a->ctx) != 1 ||
                                    EVP_PKEY_CTX_set_signature_md(a->ctx, EVP_sha256()) != 1)))
        die("cannot prepare the raw signature");
}

static void teardown(struct algorithm *a)
{
    EVP_PKEY_CTX_free(a->ctx);
    EVP_MD_CTX_free(a->md);
    EVP_PKEY_free(a->key);
    gw_dkim_free(&a->dkim);
}

static void sign_raw(struct algorithm *a)
{
    static const unsigned char digest[32] = {1};
    unsigned char sig[512];
    size_t len = sizeof(sig);
    int ok = 0;
    if (a->type == GW_DKIM_RSA)
        ok = EVP_PKEY_sign(a->ctx, sig, &len, digest, sizeof(digest));
    else
        ok = EVP_DigestSignInit(a->md, NULL, NULL, NULL, a->key) == 1 &&
             EVP_DigestSign(a->md, sig, &len, digest, sizeof(digest)) == 1;
    if (ok != 1)
        die("raw signature failed");
}

static void sign_floor(struct algorithm *a)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (EVP_Digest(message.data, message.len, digest, NULL, EVP_sha256(), NULL) != 1)
        die("raw digest failed");
    sign_raw(a);
}

static void sign_ours(struct algorithm *a)
{
    struct gw_err err;
    struct gw_buf out;
    gw_buf_init(&out, SIGNATURE_ROOM);
    if (gw_dkim_sign(a->dkim, "example.com", gw_buf_view(&message), &out, NULL, &err) != GW_OK)
        die(err.text);
    gw_buf_deinit(&out);
}

static double cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double measure(void (*sign)(struct algorithm *), struct algorithm *a, double for_us)
{
    double start = cpu_us();
    double now = start;
    size_t n = 0;
    while (now - start < for_us) {
        for (int i = 0; i < BATCH; i++)
            sign(a);
        n += BATCH;
        now = cpu_us();
    }
    return (now - start) / (double)n;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(const char *what, const char *name, double *v, size_t n)
{
    qsort(v, n, sizeof(*v), by_value);
    (void)printf("bench=sign what=%s alg=%s median=%.3f min=%.3f max=%.3f runs=%zu\n", what, name,
                 v[n / 2], v[0], v[n - 1], n);
}

/* The limit alone: what other benchmarks are held against. */
static void print_raw(struct algorithm *a, size_t runs, double for_us)
{
    double us[MAX_RUNS];
    for (int i = 0; i < WARM_UP; i++)
        sign_raw(a);
    for (size_t i = 0; i < runs; i++)
        us[i] = measure(sign_raw, a, for_us);
    print("raw_us", a->name, us, runs);
}

static void compare(struct algorithm *a, size_t runs, double for_us)
{
    static const struct {
        const char *time;
        void (*sign)(struct algorithm *);
    } ways[] = {{"raw_us", sign_raw}, {"floor_us", sign_floor}, {"ours_us", sign_ours}};
    enum {
        N_WAYS = sizeof(ways) / sizeof(ways[0]),
        RAW = 0,
        FLOOR,
        OURS
    };
    double us[N_WAYS][MAX_RUNS];
    double per_raw[MAX_RUNS];
    double per_floor[MAX_RUNS];
    for (int i = 0; i < WARM_UP; i++)
        for (size_t w = 0; w < N_WAYS; w++)
            ways[w].sign(a);
    for (size_t i = 0; i < runs; i++) {
        for (size_t w = 0; w < N_WAYS; w++)
            us[w][i] = measure(ways[w].sign, a, for_us);
        per_raw[i] = us[OURS][i] / us[RAW][i];
        per_floor[i] = us[OURS][i] / us[FLOOR][i];
    }
    for (size_t w = 0; w < N_WAYS; w++)
        print(ways[w].time, a->name, us[w], runs);
    print("ours_per_raw", a->name, per_raw, runs);
    print("ours_per_floor", a->name, per_floor, runs);
}

static long rss_kb(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    char line[128];
    if (f == NULL || fgets(line, sizeof(line), f) == NULL)
        die("/proc/self/statm");
    (void)fclose(f);
    const char *space = strchr(line, ' ');
    if (space != NULL)
        pages = strtol(space, NULL, 10);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void leak(struct algorithm *a, long n)
{
    for (int i = 0; i < WARM_UP; i++)
        sign_ours(a);
    long before = rss_kb();
    for (long i = 0; i < n; i++)
        sign_ours(a);
    long after = rss_kb();
    (void)printf("bench=sign_leak alg=%s signatures=%ld rss_before_kb=%ld rss_after_kb=%ld "
                 "growth_kb=%ld\n",
                 a->name, n, before, after, after - before);
}

static const char *option(int argc, char **argv, const char *name, const char *otherwise)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return otherwise;
}

static long number(int argc, char **argv, const char *name, const char *otherwise)
{
    return strtol(option(argc, argv, name, otherwise), NULL, 10);
}

int main(int argc, char **argv)
{
    struct algorithm algorithms[] = {{.name = "rsa2048", .type = GW_DKIM_RSA},
                                     {.name = "ed25519", .type = GW_DKIM_ED25519}};
    long n_leak = number(argc, argv, "--leak", "0");
    long runs = number(argc, argv, "--runs", "9");
    const char *only = option(argc, argv, "--alg", NULL);
    const char *mode = option(argc, argv, "--mode", "compare");
    long ms = number(argc, argv, "--ms", "200");
    if (runs < 1 || runs > MAX_RUNS || ms < 1 || n_leak < 0)
        die("usage: bench_sign [--runs 1..101] [--ms N] [--alg NAME] [--leak N] [--mode raw]");
    make_message();
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        if (only != NULL && strcmp(only, algorithms[i].name) != 0)
            continue;
        setup(&algorithms[i]);
        (void)printf("bench=sign what=keys_cached alg=%s value=%d\n", algorithms[i].name,
                     gw_dkim_cached_keys_active());
        if (strcmp(mode, "raw") == 0)
            print_raw(&algorithms[i], (size_t)runs, (double)ms * 1e3);
        else if (n_leak != 0)
            leak(&algorithms[i], n_leak);
        else
            compare(&algorithms[i], (size_t)runs, (double)ms * 1e3);
        (void)fflush(stdout);
        teardown(&algorithms[i]);
    }
    gw_buf_deinit(&message);
    return 0;
}

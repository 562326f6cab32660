/* SPDX-License-Identifier: MIT */
/* The program's own getaddrinfo, found by the linker before libc's: the name asked for says what
 * the answer is. */
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "tests/matrix/matrix.h"

enum {
    MANY = 30,
    IP_SIZE = 16
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool over;       /* who is not answered gives up */
    unsigned n_once; /* answers to names that are known only once */
} dns = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* The answers in order; nobody listens on 127.0.1.*, "hole" is where a connect hears nothing. */
static const struct {
    const char *name;
    int result; /* of getaddrinfo, unless there are addresses */
    bool silent, once;
    const char *ips[3];
    size_t good_at; /* of MANY addresses, the only one that is reachable; 0: none */
} answers[] = {
    {.name = "nxdomain.test", .result = EAI_NONAME},
    {.name = "servfail.test", .result = EAI_AGAIN},
    {.name = "silent.test", .silent = true},
    {.name = "once.test", .result = EAI_AGAIN, .once = true, .ips = {"127.0.0.1"}},
    {.name = "once-more.test", .result = EAI_AGAIN, .once = true, .ips = {"127.0.0.1"}},
    {.name = "fifth.test", .good_at = 5},
    {.name = "sixth.test", .good_at = 6},
    {.name = "v6-refused.test", .ips = {"::1", "127.0.0.1"}},
    {.name = "hole-first.test", .ips = {MATRIX_HOLE, "127.0.0.1"}},
};

typedef int (*getaddrinfo_fn)(const char *, const char *, const struct addrinfo *,
                              struct addrinfo **);

static getaddrinfo_fn real(void)
{
    union {
        void *symbol;
        getaddrinfo_fn call;
    } p = {.symbol = dlsym(RTLD_NEXT, "getaddrinfo")};
    return p.call;
}

/* glibc frees a list node by node, so that lists may be joined. */
static void append(struct addrinfo **out, const char *ip)
{
    const struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    while (*out != NULL)
        out = &(*out)->ai_next;
    CHECK(real()(ip, NULL, &numeric, out) == 0);
}

static void append_many(struct addrinfo **out, size_t good_at)
{
    for (size_t i = 1; i <= MANY; i++) {
        char ip[IP_SIZE];
        (void)snprintf(ip, sizeof(ip), i == good_at ? "127.0.0.1" : "127.0.1.%zu", i);
        append(out, ip);
    }
}

static void wait_until_over(void)
{
    pthread_mutex_lock(&dns.lock);
    while (!dns.over)
        pthread_cond_wait(&dns.changed, &dns.lock);
    pthread_mutex_unlock(&dns.lock);
}

void matrix_dns_end(void)
{
    pthread_mutex_lock(&dns.lock);
    dns.over = true;
    pthread_cond_broadcast(&dns.changed);
    pthread_mutex_unlock(&dns.lock);
}

/* Each such name has a case of its own, which asks twice. */
static bool was_asked(size_t i)
{
    pthread_mutex_lock(&dns.lock);
    bool asked = (dns.n_once & 1U << i) != 0;
    dns.n_once |= 1U << i;
    pthread_mutex_unlock(&dns.lock);
    return asked;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): reserved ones there */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **out)
{
    size_t i = 0;
    size_t n = sizeof(answers) / sizeof(answers[0]);
    while (i < n && strcmp(answers[i].name, name) != 0)
        i++;
    if (i == n)
        return real()(name, service, hints, out);
    *out = NULL;
    if (answers[i].silent)
        wait_until_over();
    if (answers[i].once && was_asked(i))
        return answers[i].result;
    if (answers[i].good_at != 0)
        append_many(out, answers[i].good_at);
    for (size_t ip = 0; ip < 3 && answers[i].ips[ip] != NULL; ip++)
        append(out, answers[i].ips[ip]);
    if (*out != NULL)
        return 0;
    return answers[i].result != 0 ? answers[i].result : EAI_AGAIN;
}

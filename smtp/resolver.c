/* SPDX-License-Identifier: MIT */
/* getaddrinfo in a detached thread, at most one per resolver. */
#include "smtp/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"

enum {
    THREAD_STACK = 512 * 1024,
    MAX_LABEL = 63
};

/* What thread and loop share. The last of the two to leave frees it. */
struct lookup_job {
    pthread_mutex_t lock;
    bool abandoned, finished; /* under lock */
    uv_async_t *async;        /* valid until abandoned */
    char *host;
    int result, errnum; /* of getaddrinfo */
    struct addrinfo *found;
};

struct smtp_resolver {
    uv_async_t async;
    char *host;
    uint16_t port;
    bool literal, closing;
    struct lookup_job *job;       /* in progress, or NULL */
    struct gw_list waiting;       /* struct smtp_lookup */
    struct smtp_addresses answer; /* the last good one */
    int64_t answered_at_ms;
    void (*on_closed)(void *data);
    void *data;
};

static atomic_int n_threads;

static bool parse_literal(const char *host, uint16_t port, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
    return uv_ip4_addr(host, port, (struct sockaddr_in *)(void *)out) == 0 ||
           uv_ip6_addr(host, port, (struct sockaddr_in6 *)(void *)out) == 0;
}

void smtp_address_text(const struct sockaddr_storage *address, char out[SMTP_ADDRESS_TEXT_SIZE])
{
    char ip[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    bool is_v6 = address->ss_family == AF_INET6;
    if (is_v6)
        (void)uv_ip6_name(v6, ip, sizeof(ip));
    else
        (void)uv_ip4_name(v4, ip, sizeof(ip));
    (void)snprintf(out, SMTP_ADDRESS_TEXT_SIZE, is_v6 ? "[%s]:%u" : "%s:%u", ip,
                   (unsigned)ntohs(is_v6 ? v6->sin6_port : v4->sin_port));
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

enum gw_status smtp_host_check(const char *host, struct gw_err *err)
{
    struct sockaddr_storage address;
    size_t len = strlen(host);
    size_t label = 0;
    if (parse_literal(host, 0, &address))
        return GW_OK;
    if (len > 1 && host[len - 1] == '.')
        len--; /* the root */
    if (len == 0 || len > SMTP_MAX_HOST)
        return gw_err_set(err, GW_INVALID, "host name must have 1 to %d octets", SMTP_MAX_HOST);
    for (size_t i = 0; i <= len; i++) {
        if (i == len || host[i] == '.') {
            if (label == 0 || label > MAX_LABEL)
                return gw_err_set(err, GW_INVALID,
                                  "host name has a label that is empty or over %d octets",
                                  MAX_LABEL);
            label = 0;
        } else if (is_host_char(host[i])) {
            label++;
        } else {
            return gw_err_set(err, GW_INVALID,
                              "host name has a byte other than letters, digits, '-', '_' and '.' "
                              "(write international names as A-labels, xn--...)");
        }
    }
    return GW_OK;
}

/* --- The thread --- */

static void job_free(struct lookup_job *job)
{
    if (job->found != NULL)
        freeaddrinfo(job->found);
    (void)pthread_mutex_destroy(&job->lock);
    gw_free(job->host);
    gw_free(job);
}

static void *run_job(void *arg)
{
    struct lookup_job *job = arg;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    job->result = getaddrinfo(job->host, NULL, &hints, &job->found);
    job->errnum = errno;
    if (job->result != 0)
        job->found = NULL;
    atomic_fetch_sub(&n_threads, 1); /* what is left to do does not block */
    (void)pthread_mutex_lock(&job->lock);
    job->finished = true;
    bool abandoned = job->abandoned;
    if (!abandoned)
        (void)uv_async_send(job->async); /* under the lock: close cannot come between */
    (void)pthread_mutex_unlock(&job->lock);
    if (abandoned)
        job_free(job);
    return NULL;
}

/* Signals are the loop thread's business. */
static int start_thread(struct lookup_job *job)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attr, THREAD_STACK);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&thread, &attr, run_job, job);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    return rc;
}

/* 0, or an errno. */
static int start_job(struct smtp_resolver *r)
{
    if (atomic_fetch_add(&n_threads, 1) >= SMTP_RESOLVER_MAX_THREADS) {
        atomic_fetch_sub(&n_threads, 1);
        return EAGAIN;
    }
    struct lookup_job *job = gw_calloc(1, sizeof(*job));
    (void)pthread_mutex_init(&job->lock, NULL);
    job->async = &r->async;
    job->host = gw_strdup(r->host);
    int rc = start_thread(job);
    if (rc != 0) {
        atomic_fetch_sub(&n_threads, 1);
        job_free(job);
        return rc;
    }
    r->job = job;
    return 0;
}

/* --- The loop's side --- */

static bool has(const struct smtp_addresses *a, const struct sockaddr *addr, socklen_t len)
{
    for (size_t i = 0; i < a->n; i++)
        if (memcmp(&a->list[i], addr, len) == 0)
            return true;
    return false;
}

/* Appends the next address of @family after *@from, without repeats; false when there is none. */
static bool take_next(struct smtp_addresses *out, const struct addrinfo **from, int family,
                      uint16_t port)
{
    for (; *from != NULL; *from = (*from)->ai_next) {
        struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
        if ((*from)->ai_family != family || (*from)->ai_addrlen > sizeof(address))
            continue;
        memcpy(&address, (*from)->ai_addr, (*from)->ai_addrlen);
        if (family == AF_INET6)
            ((struct sockaddr_in6 *)(void *)&address)->sin6_port = htons(port);
        else
            ((struct sockaddr_in *)(void *)&address)->sin_port = htons(port);
        if (has(out, (const struct sockaddr *)&address, (*from)->ai_addrlen))
            continue;
        out->list[out->n++] = address;
        *from = (*from)->ai_next;
        return true;
    }
    return false;
}

/* The system's order (RFC 6724), but the families take turns (RFC 8305 sec. 4). */
static void interleave(const struct addrinfo *found, uint16_t port, struct smtp_addresses *out)
{
    *out = (struct smtp_addresses){.n = 0};
    if (found == NULL)
        return;
    bool v6_first = found->ai_family == AF_INET6;
    const int families[] = {v6_first ? AF_INET6 : AF_INET, v6_first ? AF_INET : AF_INET6};
    const struct addrinfo *from[] = {found, found};
    bool more = true;
    while (more && out->n < SMTP_MAX_ADDRESSES) {
        more = take_next(out, &from[0], families[0], port);
        if (out->n < SMTP_MAX_ADDRESSES && take_next(out, &from[1], families[1], port))
            more = true;
    }
}

static void answer_all(struct smtp_resolver *r, const struct smtp_addresses *found,
                       enum smtp_reason reason, const char *detail)
{
    /* Whoever asks again from its callback waits for the next answer. */
    struct gw_list now;
    gw_list_init(&now);
    while (!gw_list_empty(&r->waiting)) {
        struct gw_list *first = r->waiting.next;
        gw_list_remove(first);
        gw_list_push_back(&now, first);
    }
    while (!gw_list_empty(&now)) {
        struct smtp_lookup *l = gw_list_entry(now.next, struct smtp_lookup, link);
        gw_list_remove(&l->link);
        l->on_done(l, found, reason, detail);
    }
}

static void answer_failure(struct smtp_resolver *r, int result, int errnum)
{
    char detail[SMTP_DETAIL_SIZE];
    bool no_such_name = result == EAI_NONAME || result == EAI_NODATA;
    bool no_fd = result == EAI_SYSTEM && (errnum == EMFILE || errnum == ENFILE);
    struct smtp_addresses kept;
    if (no_such_name)
        (void)snprintf(detail, sizeof(detail),
                       "relay host \"%.100s\" does not exist in DNS or has no address", r->host);
    else
        (void)snprintf(detail, sizeof(detail), "relay host \"%.100s\" cannot be resolved: %s",
                       r->host,
                       result == EAI_SYSTEM ? uv_strerror(uv_translate_sys_error(errnum))
                                            : gai_strerror(result));
    if (!no_such_name && smtp_resolver_last_good(r, &kept)) {
        gw_log(GW_LOG_WARN, "relay_dns_stale", GW_LOG_STR("host", r->host),
               GW_LOG_STR("error", detail));
        answer_all(r, &kept, SMTP_REASON_REPLY, "");
        return;
    }
    answer_all(r, NULL, no_fd ? SMTP_REASON_LOCAL_FD : SMTP_REASON_RELAY_DNS, detail);
}

static void on_async(uv_async_t *async)
{
    struct smtp_resolver *r = async->data;
    struct lookup_job *job = r->job;
    if (r->closing)
        return;
    if (job == NULL) { /* no thread could be started */
        answer_failure(r, EAI_AGAIN, 0);
        return;
    }
    (void)pthread_mutex_lock(&job->lock);
    bool finished = job->finished;
    (void)pthread_mutex_unlock(&job->lock);
    if (!finished)
        return;
    r->job = NULL;
    struct smtp_addresses found;
    interleave(job->found, r->port, &found);
    int result = job->result == 0 && found.n == 0 ? EAI_NODATA : job->result;
    int errnum = job->errnum;
    job_free(job);
    if (result != 0) {
        answer_failure(r, result, errnum);
        return;
    }
    r->answer = found;
    r->answered_at_ms = gw_clock_mono_ms();
    answer_all(r, &found, SMTP_REASON_REPLY, "");
}

enum gw_status smtp_resolver_new(uv_loop_t *loop, const char *host, uint16_t port,
                                 struct smtp_resolver **out, struct gw_err *err)
{
    *out = NULL;
    enum gw_status st = smtp_host_check(host, err);
    if (st != GW_OK)
        return st;
    struct smtp_resolver *r = gw_calloc(1, sizeof(*r));
    int rc = uv_async_init(loop, &r->async, on_async);
    if (rc != 0) {
        gw_free(r);
        return gw_err_set(err, GW_IO, "uv_async_init: %s", uv_strerror(rc));
    }
    r->async.data = r;
    r->host = gw_strdup(host);
    r->port = port;
    gw_list_init(&r->waiting);
    r->literal = parse_literal(host, port, &r->answer.list[0]);
    r->answer.n = r->literal ? 1 : 0;
    *out = r;
    return GW_OK;
}

static void on_async_closed(uv_handle_t *handle)
{
    struct smtp_resolver *r = handle->data;
    void (*on_closed)(void *) = r->on_closed;
    void *data = r->data;
    gw_free(r->host);
    gw_free(r);
    on_closed(data);
}

void smtp_resolver_close(struct smtp_resolver *r, void (*on_closed)(void *data), void *data)
{
    PRE(!r->closing);
    r->closing = true;
    r->on_closed = on_closed;
    r->data = data;
    while (!gw_list_empty(&r->waiting))
        gw_list_remove(r->waiting.next);
    if (r->job != NULL) {
        (void)pthread_mutex_lock(&r->job->lock);
        r->job->abandoned = true;
        bool finished = r->job->finished;
        (void)pthread_mutex_unlock(&r->job->lock);
        if (finished)
            job_free(r->job);
        r->job = NULL;
    }
    uv_close((uv_handle_t *)&r->async, on_async_closed);
}

static bool younger_than(const struct smtp_resolver *r, int64_t age_ms)
{
    return r->answer.n != 0 && (r->literal || gw_clock_mono_ms() - r->answered_at_ms < age_ms);
}

bool smtp_resolver_cached(const struct smtp_resolver *r, struct smtp_addresses *out)
{
    if (!younger_than(r, SMTP_RESOLVER_FRESH_MS))
        return false;
    *out = r->answer;
    return true;
}

bool smtp_resolver_last_good(const struct smtp_resolver *r, struct smtp_addresses *out)
{
    if (!younger_than(r, SMTP_RESOLVER_KEEP_MS))
        return false;
    *out = r->answer;
    return true;
}

void smtp_resolver_lookup(struct smtp_resolver *r, struct smtp_lookup *lookup)
{
    PRE(!r->closing);
    gw_list_push_back(&r->waiting, &lookup->link);
    if (r->job == NULL && start_job(r) != 0)
        (void)uv_async_send(&r->async);
}

void smtp_resolver_cancel(struct smtp_lookup *lookup)
{
    gw_list_remove(&lookup->link);
}

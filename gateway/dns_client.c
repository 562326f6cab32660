/* SPDX-License-Identifier: MIT */
/* c-ares on a uv loop.
 *
 * Happy path: ask → c-ares opens sockets, which we watch → what arrives goes to c-ares → on_reply →
 * the records are copied to the table → on_answer. Failure: c-ares tries again, the next server, or
 * TCP; our timer wakes it for that. Closing: c-ares drops what is pending (ARES_EDESTRUCTION), each
 * watched socket and the timer are closed, then the memory goes. */
#include "gateway/dns_client.h"

#include <ares.h>
#include <ares_dns.h>
#include <netdb.h>
#include <netinet/in.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_list.h"
#include "gateway/base/gw_mem.h"

enum {
    EDNS_SIZE = 1232, /* octets of an answer by UDP that no path has to fragment */
    CLASS_IN = 1
};

struct gw_dns_client {
    uv_loop_t *loop;
    ares_channel channel; /* NULL: closing */
    uv_timer_t timer;     /* c-ares wants to be woken */
    struct gw_list sockets;
    size_t n_open; /* handles that are not closed */
    void (*on_answer)(void *);
    void *data;
    void (*on_closed)(void *);
    void *closed_data;
};

struct dns_socket {
    struct gw_list link;
    uv_poll_t poll;
    struct gw_dns_client *client;
    ares_socket_t fd;
};

/* Of one question, until it is answered. */
struct dns_query {
    struct gw_dns_client *client;
    struct gw_arena *arena;
    struct gw_dns_question *question;
};

/* ---- sockets and time ---- */

static void let_go(struct gw_dns_client *c)
{
    if (--c->n_open != 0)
        return;
    void (*on_closed)(void *) = c->on_closed;
    void *data = c->closed_data;
    gw_free(c);
    on_closed(data);
}

static void on_timer(uv_timer_t *timer);

static void set_timer(struct gw_dns_client *c)
{
    struct timeval room;
    if (c->channel == NULL)
        return;
    const struct timeval *left = ares_timeout(c->channel, NULL, &room);
    if (left == NULL)
        (void)uv_timer_stop(&c->timer);
    else
        (void)uv_timer_start(&c->timer, on_timer,
                             (uint64_t)left->tv_sec * 1000 + (uint64_t)left->tv_usec / 1000 + 1, 0);
}

static void process(struct gw_dns_client *c, ares_socket_t readable, ares_socket_t writable)
{
    if (c->channel == NULL)
        return;
    ares_process_fd(c->channel, readable, writable);
    set_timer(c);
}

static void on_timer(uv_timer_t *timer)
{
    process(timer->data, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    const struct dns_socket *s = poll->data;
    bool failed = status < 0; /* c-ares finds out when it reads */
    process(s->client, failed || (events & UV_READABLE) != 0 ? s->fd : ARES_SOCKET_BAD,
            !failed && (events & UV_WRITABLE) != 0 ? s->fd : ARES_SOCKET_BAD);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct dns_socket *s = handle->data;
    struct gw_dns_client *c = s->client;
    gw_free(s);
    let_go(c);
}

static struct dns_socket *find(struct gw_dns_client *c, ares_socket_t fd)
{
    gw_list_foreach (it, &c->sockets) {
        struct dns_socket *s = gw_list_entry(it, struct dns_socket, link);
        if (s->fd == fd)
            return s;
    }
    return NULL;
}

static struct dns_socket *watch(struct gw_dns_client *c, ares_socket_t fd)
{
    struct dns_socket *s = gw_calloc(1, sizeof(*s));
    s->client = c;
    s->fd = fd;
    CHECK(uv_poll_init_socket(c->loop, &s->poll, fd) == 0);
    s->poll.data = s;
    c->n_open++;
    gw_list_push_back(&c->sockets, &s->link);
    return s;
}

/* c-ares says what it waits for at a socket; nothing: it closes it after this call. */
static void on_socket(void *data, ares_socket_t fd, int readable, int writable)
{
    struct gw_dns_client *c = data;
    struct dns_socket *s = find(c, fd);
    int events = (readable != 0 ? UV_READABLE : 0) | (writable != 0 ? UV_WRITABLE : 0);
    if (events == 0) {
        if (s == NULL)
            return;
        gw_list_remove(&s->link);
        (void)uv_poll_stop(&s->poll);
        uv_close((uv_handle_t *)&s->poll, on_poll_closed);
        return;
    }
    if (s == NULL)
        s = watch(c, fd);
    (void)uv_poll_start(&s->poll, events, on_poll);
}

/* ---- answers ---- */

static enum gw_dns_status status_of(int rc)
{
    switch (rc) {
    case ARES_SUCCESS:
        return GW_DNS_FOUND;
    case ARES_ENODATA:
        return GW_DNS_NODATA;
    case ARES_ENOTFOUND:
        return GW_DNS_NXDOMAIN;
    case ARES_ESERVFAIL:
    case ARES_ENOTIMP:
    case ARES_EFORMERR:
        return GW_DNS_SERVFAIL;
    case ARES_EREFUSED:
        return GW_DNS_REFUSED;
    case ARES_ECONNREFUSED:
        return GW_DNS_UNREACHABLE;
    case ARES_ETIMEOUT:
        return GW_DNS_TIMEOUT;
    default:
        return GW_DNS_MALFORMED;
    }
}

/* One too many spoils an answer that all of is judged by: the one left out may be the one looked
 * for. Of MX and PTR nobody looks at more than GW_SPF_MAX_NAMES. */
static int add(struct gw_dns_answer *answer, struct gw_slice *records, struct gw_slice record)
{
    if (answer->n == GW_DNS_MAX_RECORDS)
        return ARES_EBADRESP;
    records[answer->n++] = record;
    return ARES_SUCCESS;
}

/* A run of strings of one record begins with record_start. */
static int read_texts(const struct dns_query *q, const unsigned char *reply, int len,
                      struct gw_slice *records)
{
    struct gw_dns_answer *answer = &q->question->answer;
    struct ares_txt_ext *texts = NULL;
    int rc = ares_parse_txt_reply_ext(reply, len, &texts);
    for (const struct ares_txt_ext *t = texts; rc == ARES_SUCCESS && t != NULL;) {
        struct gw_buf text;
        gw_buf_init(&text, GW_DNS_MAX_TEXT);
        do {
            (void)gw_buf_add(&text, t->txt, t->length);
            t = t->next;
        } while (t != NULL && t->record_start == 0);
        rc = text.overflowed ? ARES_EBADRESP
                             : add(answer, records, gw_arena_slice(q->arena, gw_buf_view(&text)));
        gw_buf_deinit(&text);
    }
    ares_free_data(texts);
    return rc;
}

static int read_mx(const struct dns_query *q, const unsigned char *reply, int len,
                   struct gw_slice *records)
{
    struct ares_mx_reply *hosts = NULL;
    int rc = ares_parse_mx_reply(reply, len, &hosts);
    for (const struct ares_mx_reply *m = hosts; rc == ARES_SUCCESS && m != NULL; m = m->next)
        (void)add(&q->question->answer, records, gw_arena_slice(q->arena, gw_slice_str(m->host)));
    ares_free_data(hosts);
    return rc;
}

static int read_ptr(const struct dns_query *q, const unsigned char *reply, int len,
                    struct gw_slice *records)
{
    struct hostent *host = NULL;
    static const unsigned char any[4];
    int rc = ares_parse_ptr_reply(reply, len, any, sizeof(any), AF_INET, &host);
    for (size_t i = 0; rc == ARES_SUCCESS && host->h_aliases[i] != NULL; i++)
        (void)add(&q->question->answer, records,
                  gw_arena_slice(q->arena, gw_slice_str(host->h_aliases[i])));
    if (host != NULL)
        ares_free_hostent(host);
    return rc;
}

static int read_a(const struct dns_query *q, const unsigned char *reply, int len,
                  struct gw_slice *records)
{
    struct ares_addrttl found[GW_DNS_MAX_RECORDS + 1];
    int n = GW_DNS_MAX_RECORDS + 1;
    int rc = ares_parse_a_reply(reply, len, NULL, found, &n);
    for (int i = 0; rc == ARES_SUCCESS && i < n; i++)
        rc = add(&q->question->answer, records,
                 gw_arena_slice(q->arena, gw_slice_of((const char *)&found[i].ipaddr,
                                                      sizeof(found[i].ipaddr))));
    return rc;
}

static int read_aaaa(const struct dns_query *q, const unsigned char *reply, int len,
                     struct gw_slice *records)
{
    struct ares_addr6ttl found[GW_DNS_MAX_RECORDS + 1];
    int n = GW_DNS_MAX_RECORDS + 1;
    int rc = ares_parse_aaaa_reply(reply, len, NULL, found, &n);
    for (int i = 0; rc == ARES_SUCCESS && i < n; i++)
        rc = add(&q->question->answer, records,
                 gw_arena_slice(q->arena, gw_slice_of((const char *)&found[i].ip6addr,
                                                      sizeof(found[i].ip6addr))));
    return rc;
}

static int read_reply(const struct dns_query *q, const unsigned char *reply, int len)
{
    struct gw_slice *records = GW_ARENA_ARRAY(q->arena, struct gw_slice, GW_DNS_MAX_RECORDS);
    q->question->answer.records = records;
    switch (q->question->type) {
    case GW_DNS_TXT:
        return read_texts(q, reply, len, records);
    case GW_DNS_MX:
        return read_mx(q, reply, len, records);
    case GW_DNS_PTR:
        return read_ptr(q, reply, len, records);
    case GW_DNS_A:
        return read_a(q, reply, len, records);
    case GW_DNS_AAAA:
        return read_aaaa(q, reply, len, records);
    }
    return ARES_EBADRESP;
}

static void on_reply(void *data, int rc, int timeouts, unsigned char *reply, int len)
{
    struct dns_query *q = data;
    struct gw_dns_client *c = q->client;
    (void)timeouts;
    if (rc != ARES_EDESTRUCTION && q->question->answer.status == GW_DNS_PENDING) {
        struct gw_dns_answer *answer = &q->question->answer;
        if (rc == ARES_SUCCESS)
            rc = read_reply(q, reply, len);
        if (rc != ARES_SUCCESS)
            answer->n = 0; /* whatever was read of it */
        answer->status = rc == ARES_SUCCESS && answer->n == 0 ? GW_DNS_NODATA : status_of(rc);
        c->on_answer(c->data);
    }
    gw_free(q);
}

/* ---- the client ---- */

static void on_timer_closed(uv_handle_t *handle)
{
    let_go(handle->data);
}

static void on_nothing(void *data)
{
    (void)data;
}

enum gw_status gw_dns_client_new(uv_loop_t *loop, const char *servers, void (*on_answer)(void *),
                                 void *data, struct gw_dns_client **out, struct gw_err *err)
{
    struct gw_dns_client *c = gw_calloc(1, sizeof(*c));
    struct ares_options options = {.timeout = GW_DNS_TRY_MS,
                                   .tries = GW_DNS_TRIES,
                                   .flags = ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH |
                                            ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP,
                                   .ednspsz = EDNS_SIZE,
                                   .sock_state_cb = on_socket,
                                   .sock_state_cb_data = c};
    c->loop = loop;
    c->on_answer = on_answer;
    c->data = data;
    gw_list_init(&c->sockets);
    CHECK(uv_timer_init(loop, &c->timer) == 0);
    c->timer.data = c;
    c->n_open = 1;
    int rc = ares_init_options(&c->channel, &options,
                               ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_FLAGS |
                                   ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB);
    if (rc == ARES_SUCCESS && servers != NULL)
        rc = ares_set_servers_ports_csv(c->channel, servers);
    if (rc != ARES_SUCCESS) {
        (void)gw_err_set(err, GW_DNS, "DNS: %s", ares_strerror(rc));
        gw_dns_client_close(c, on_nothing, NULL);
        return GW_DNS;
    }
    *out = c;
    return GW_OK;
}

void gw_dns_client_ask(struct gw_dns_client *c, struct gw_dns_table *t)
{
    PRE(c->channel != NULL);
    for (size_t i = 0; i < t->n; i++) {
        struct gw_dns_question *question = t->questions[i];
        if (question->asked || question->answer.status != GW_DNS_PENDING)
            continue;
        struct dns_query *q = gw_calloc(1, sizeof(*q));
        *q = (struct dns_query){.client = c, .arena = t->arena, .question = question};
        question->asked = true;
        ares_query(c->channel, question->name, CLASS_IN, (int)question->type, on_reply, q);
    }
    set_timer(c);
}

void gw_dns_client_close(struct gw_dns_client *c, void (*on_closed)(void *), void *data)
{
    ares_channel channel = c->channel;
    c->on_closed = on_closed;
    c->closed_data = data;
    c->channel = NULL;
    if (channel != NULL)
        ares_destroy(channel); /* through on_socket and on_reply */
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

/* SPDX-License-Identifier: MIT */
/* SPF, DKIM and DMARC: any bytes as what DNS answers. The judge ends, keeps its limits, and says
 * the same whichever answer comes first.
 *
 * The first octet says for which address; the rest is lines, and a question's type and name say
 * which line begins its answer. Of that its first octet is the number of records: 0 no such name,
 * 1 SERVFAIL, n the rest of this line and of n - 2 more. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_turns.h"
#include "gateway/domain_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer's name */

enum {
    MAX_SIZE = 1 << 14,
    MAX_LINES = 64,
    MOST_RECORDS = 15
};

struct zone {
    struct gw_slice lines[MAX_LINES];
    size_t n;
};

static void split(struct gw_slice in, struct zone *z)
{
    z->n = 0;
    while (z->n < MAX_LINES) {
        const char *end = in.len > 0 ? memchr(in.data, '\n', in.len) : NULL;
        size_t len = end != NULL ? (size_t)(end - in.data) : in.len;
        z->lines[z->n++] = gw_slice_of(in.data, len);
        if (end == NULL)
            return;
        in = gw_slice_of(end + 1, in.len - len - 1);
    }
}

/* What is left of @line when it is a record of that type, of the form that dns.h says. */
static struct gw_slice record(struct gw_arena *arena, enum gw_dns_type type, struct gw_slice line)
{
    char octets[16] = {0};
    struct gw_slice rest =
        line.len > 0 ? gw_slice_of(line.data + 1, line.len - 1) : gw_slice_of("", 0);
    if (type == GW_DNS_TXT)
        return gw_arena_slice(
            arena, gw_slice_of(rest.data, rest.len < GW_DNS_MAX_TEXT ? rest.len : GW_DNS_MAX_TEXT));
    if (type == GW_DNS_MX || type == GW_DNS_PTR)
        return gw_arena_slice(arena, gw_slice_of(rest.data, strnlen(rest.data, rest.len)));
    memcpy(octets, rest.data, rest.len < sizeof(octets) ? rest.len : sizeof(octets));
    return gw_arena_slice(arena, gw_slice_of(octets, type == GW_DNS_A ? 4 : sizeof(octets)));
}

static void answer(const struct zone *z, struct gw_arena *arena, struct gw_dns_question *q)
{
    size_t at = (gw_turns_flow(q->name) + (uint32_t)q->type) % z->n;
    size_t kind = z->lines[at].len > 0 ? (size_t)(z->lines[at].data[0] & MOST_RECORDS) : 0;
    struct gw_slice *records = GW_ARENA_ARRAY(arena, struct gw_slice, MOST_RECORDS);
    q->answer.status = kind == 0 ? GW_DNS_NXDOMAIN : kind == 1 ? GW_DNS_SERVFAIL : GW_DNS_FOUND;
    q->answer.records = records;
    for (size_t i = 0; i + 1 < kind; i++)
        records[q->answer.n++] = record(arena, q->type, z->lines[(at + i) % z->n]);
}

/* The first that waits, or the last. */
static struct gw_dns_question *next_question(const struct gw_dns_table *t, bool last)
{
    struct gw_dns_question *found = NULL;
    for (size_t i = 0; i < t->n && (found == NULL || last); i++)
        if (t->questions[i]->answer.status == GW_DNS_PENDING)
            found = t->questions[i];
    return found;
}

/* What does not borrow. */
struct result {
    enum gw_verdict spf, dkim, dmarc;
    enum gw_spf_result others, ip;
    bool ok, cut;
};

static struct result judge(const struct zone *z, const char *ip, bool last)
{
    static const struct gw_dkim_public key = {.domain = "a.example.org",
                                              .selector = "s",
                                              .type = GW_DKIM_RSA,
                                              .txt = "v=DKIM1; k=rsa; p=QUJD"};
    const struct gw_domain_subject subject = {.domain = "a.example.org",
                                              .mail_domain = "a.example.org",
                                              .ip = ip,
                                              .keys = &key,
                                              .n_keys = 1,
                                              .spf_advice = "v=spf1 mx ~all"};
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_dns_table table;
    struct gw_domain_report r;
    gw_dns_table_init(&table, arena);
    while (!gw_domain_judge(&subject, &table, arena, &r)) {
        struct gw_dns_question *q = next_question(&table, last);
        CHECK(q != NULL); /* else it would wait for ever */
        answer(z, arena, q);
    }
    CHECK(r.spf_lookups <= GW_SPF_MAX_LOOKUPS + 1 && r.spf_voids <= GW_SPF_MAX_VOID + 1);
    CHECK(r.spf_others != GW_SPF_PENDING && (ip == NULL || r.ip_result != GW_SPF_PENDING));
    CHECK((r.spf.verdict == GW_VERDICT_OK) == (r.spf.n_problems == 0));
    bool fails =
        r.spf_others >= GW_SPF_TEMPERROR || (ip != NULL && r.ip_result >= GW_SPF_TEMPERROR);
    CHECK(!fails || (r.spf.verdict > GW_VERDICT_WEAK && !r.ok));
    struct result out = {.spf = r.spf.verdict,
                         .dkim = r.dkim,
                         .dmarc = r.dmarc.verdict,
                         .others = r.spf_others,
                         .ip = r.ip_result,
                         .ok = r.ok,
                         .cut = table.n == GW_DNS_MAX_QUESTIONS};
    gw_arena_free(&arena);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) /* libFuzzer's name */
{
    static const char *const ips[] = {NULL, "97.97.97.97",
                                      "6161:6161:6161:6161:6161:6161:6161:6161", "192.0.2.1"};
    struct zone z;
    if (size == 0 || size > MAX_SIZE)
        return 0;
    split(gw_slice_of((const char *)data + 1, size - 1), &z);
    const char *ip = ips[data[0] % (sizeof(ips) / sizeof(ips[0]))];
    struct result a = judge(&z, ip, false);
    struct result b = judge(&z, ip, true);
    if (a.cut || b.cut) /* the order says what is left out */
        return 0;
    CHECK(a.spf == b.spf && a.dkim == b.dkim && a.dmarc == b.dmarc);
    CHECK(a.others == b.others && a.ip == b.ip && a.ok == b.ok);
    return 0;
}

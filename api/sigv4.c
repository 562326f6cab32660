/* SPDX-License-Identifier: MIT */
/* Verifying AWS signatures. */
#include "api/sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <time.h>

#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

enum {
    HEX_SIZE = 2 * API_SIGV4_SHA256_SIZE,
    DATE_LENGTH = 8,       /* 20261123 */
    TIME_LENGTH = 16,      /* 20261123T170405Z */
    MAX_REGION = 64,       /* ours; theirs are about 14 */
    MAX_SECRET_PREFIX = 4, /* "AWS4" */
    MAX_SECRET = 256 + MAX_SECRET_PREFIX
};

static struct gw_slice rest_from(struct gw_slice s, size_t at)
{
    return gw_slice_of(s.data + at, s.len - at);
}

/* ---- the Authorization header ---- */

/* Cuts what is before @c off @s; all of it when there is none. */
static struct gw_slice cut(struct gw_slice *s, char c)
{
    const char *at = s->len > 0 ? memchr(s->data, c, s->len) : NULL;
    struct gw_slice head = at != NULL ? gw_slice_of(s->data, (size_t)(at - s->data)) : *s;
    *s = at != NULL ? rest_from(*s, head.len + 1) : gw_slice_of(NULL, 0);
    return head;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Lower-case hex, as every signer writes it. */
static bool parse_hash(struct gw_slice s, unsigned char out[API_SIGV4_SHA256_SIZE])
{
    if (s.len != HEX_SIZE)
        return false;
    for (size_t i = 0; i < API_SIGV4_SHA256_SIZE; i++) {
        int high = hex_digit(s.data[2 * i]);
        int low = hex_digit(s.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool parse_credential(struct gw_slice s, struct api_sigv4_claim *out)
{
    out->key_id = cut(&s, '/');
    out->scope = s;
    out->date = cut(&s, '/');
    out->region = cut(&s, '/');
    return out->key_id.len > 0 && out->date.len == DATE_LENGTH && out->region.len > 0 &&
           out->region.len <= MAX_REGION && gw_slice_is(s, "ses/aws4_request");
}

static bool is_header_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Names in ascending order, so that none is there twice. */
static bool are_headers(struct gw_slice list)
{
    struct gw_slice before = {0};
    size_t n = 0;
    while (list.len > 0) {
        struct gw_slice name = cut(&list, ';');
        if (name.len == 0 || name.len > API_SIGV4_MAX_NAME || n++ == API_SIGV4_MAX_SIGNED)
            return false;
        for (size_t i = 0; i < name.len; i++)
            if (!is_header_char(name.data[i]))
                return false;
        size_t common = before.len < name.len ? before.len : name.len;
        int order = common > 0 ? memcmp(before.data, name.data, common) : -1;
        if (order > 0 || (order == 0 && before.len >= name.len))
            return false;
        before = name;
    }
    return n > 0;
}

/* One `Name=value` of the header. False when it is unknown, there already, or malformed. */
static bool parse_part(struct gw_slice part, struct api_sigv4_claim *out, unsigned *seen)
{
    static const char *const names[] = {"Credential", "SignedHeaders", "Signature"};
    struct gw_slice name = cut(&part, '=');
    size_t i = 0;
    while (i < 3 && !gw_slice_is(name, names[i]))
        i++;
    if (i == 3 || (*seen & 1U << i) != 0)
        return false;
    *seen |= 1U << i;
    if (i == 0)
        return parse_credential(part, out);
    if (i == 2)
        return parse_hash(part, out->signature);
    out->signed_headers = part;
    return are_headers(part);
}

bool api_sigv4_parse(struct gw_slice authorization, struct api_sigv4_claim *out)
{
    static const char scheme[] = "AWS4-HMAC-SHA256 ";
    size_t skip = sizeof(scheme) - 1;
    unsigned seen = 0;
    *out = (struct api_sigv4_claim){0};
    if (authorization.len > API_SIGV4_MAX_AUTHORIZATION || authorization.len <= skip ||
        memcmp(authorization.data, scheme, skip) != 0)
        return false;
    struct gw_slice rest = rest_from(authorization, skip);
    while (rest.len > 0) {
        struct gw_slice part = cut(&rest, ',');
        while (part.len > 0 && part.data[0] == ' ')
            part = rest_from(part, 1);
        if (!parse_part(part, out, &seen))
            return false;
    }
    return seen == 7;
}

bool api_sigv4_is_signed(const struct api_sigv4_claim *claim, const char *name)
{
    struct gw_slice list = claim->signed_headers;
    while (list.len > 0) {
        if (gw_slice_is(cut(&list, ';'), name))
            return true;
    }
    return false;
}

/* ---- the canonical request ---- */

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void add_encoded(struct gw_buf *out, char c)
{
    if (is_unreserved(c))
        (void)gw_buf_add_char(out, c);
    else
        (void)gw_buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
}

/* Without empty segments and dots, then encoded once more. */
static void add_path(struct gw_buf *out, struct gw_slice path)
{
    size_t start = out->len;
    struct gw_slice rest = path;
    while (rest.len > 0) {
        struct gw_slice segment = cut(&rest, '/');
        if (segment.len == 0 || gw_slice_is(segment, "."))
            continue;
        if (gw_slice_is(segment, "..")) {
            while (out->len > start && out->data[--out->len] != '/') {
            }
            continue;
        }
        (void)gw_buf_add_char(out, '/');
        for (size_t i = 0; i < segment.len; i++)
            add_encoded(out, segment.data[i]);
    }
    if (out->len == start || path.data[path.len - 1] == '/')
        (void)gw_buf_add_char(out, '/');
}

struct pair {
    struct gw_slice name, value;
};

static int compare_slices(struct gw_slice a, struct gw_slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a;
    const struct pair *y = b;
    int order = compare_slices(x->name, y->name);
    return order != 0 ? order : compare_slices(x->value, y->value);
}

static int upper_hex(char c)
{
    return hex_digit(c >= 'A' && c <= 'F' ? (char)(c | 0x20) : c);
}

/* @s with exactly what must be encoded encoded, however it was before. */
static struct gw_slice recode(struct gw_arena *arena, struct gw_slice s)
{
    struct gw_buf out;
    gw_buf_init(&out, 3 * s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        bool escape = s.data[i] == '%' && s.len - i >= 3 && upper_hex(s.data[i + 1]) >= 0 &&
                      upper_hex(s.data[i + 2]) >= 0;
        if (!escape) {
            add_encoded(&out, s.data[i]);
            continue;
        }
        int byte = upper_hex(s.data[i + 1]) << 4 | upper_hex(s.data[i + 2]);
        add_encoded(&out, (char)(unsigned char)byte);
        i += 2;
    }
    struct gw_slice kept = gw_arena_slice(arena, gw_buf_view(&out));
    gw_buf_deinit(&out);
    return kept;
}

static bool add_query(struct gw_buf *out, struct gw_slice query, struct gw_arena *arena)
{
    struct pair pairs[API_SIGV4_MAX_PAIRS];
    size_t n = 0;
    while (query.len > 0) {
        struct gw_slice value = cut(&query, '&');
        if (value.len == 0)
            continue;
        if (n == API_SIGV4_MAX_PAIRS)
            return false;
        struct gw_slice name = cut(&value, '=');
        pairs[n++] = (struct pair){.name = recode(arena, name), .value = recode(arena, value)};
    }
    if (n > 0)
        qsort(pairs, n, sizeof(pairs[0]), compare_pairs);
    for (size_t i = 0; i < n; i++)
        (void)gw_buf_printf(out, "%s%s=%s", i > 0 ? "&" : "", pairs[i].name.data,
                            pairs[i].value.data);
    return true;
}

/* Blanks around the value are dropped, blanks inside become one. */
static void add_value(struct gw_buf *out, struct gw_slice value)
{
    bool blank = false;
    bool first = true;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        if (c == ' ' || c == '\t') {
            blank = true;
            continue;
        }
        if (blank && !first)
            (void)gw_buf_add_char(out, ' ');
        (void)gw_buf_add_char(out, c);
        blank = false;
        first = false;
    }
}

static size_t find_headers(const struct api_sigv4_request *request, struct gw_slice name,
                           struct gw_slice values[API_SIGV4_MAX_VALUES])
{
    char text[API_SIGV4_MAX_NAME + 1];
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    return request->headers(request->headers_data, text, values, API_SIGV4_MAX_VALUES);
}

static bool add_headers(struct gw_buf *out, const struct api_sigv4_request *request,
                        struct gw_slice names)
{
    while (names.len > 0) {
        struct gw_slice values[API_SIGV4_MAX_VALUES];
        struct gw_slice name = cut(&names, ';');
        size_t n = find_headers(request, name, values);
        if (n == 0 || n > API_SIGV4_MAX_VALUES)
            return false;
        (void)gw_buf_add_slice(out, name);
        for (size_t i = 0; i < n; i++) {
            (void)gw_buf_add_char(out, i == 0 ? ':' : ',');
            add_value(out, values[i]);
        }
        (void)gw_buf_add_char(out, '\n');
    }
    return true;
}

static void add_hex(struct gw_buf *out, const unsigned char hash[API_SIGV4_SHA256_SIZE])
{
    for (size_t i = 0; i < API_SIGV4_SHA256_SIZE; i++)
        (void)gw_buf_printf(out, "%02x", hash[i]);
}

bool api_sigv4_canonical(const struct api_sigv4_request *request,
                         const struct api_sigv4_claim *claim, struct gw_arena *arena,
                         struct gw_buf *out)
{
    (void)gw_buf_add_slice(out, request->method);
    (void)gw_buf_add_char(out, '\n');
    add_path(out, request->path);
    (void)gw_buf_add_char(out, '\n');
    if (!add_query(out, request->query, arena))
        return false;
    (void)gw_buf_add_char(out, '\n');
    if (!add_headers(out, request, claim->signed_headers))
        return false;
    (void)gw_buf_add_char(out, '\n');
    (void)gw_buf_add_slice(out, claim->signed_headers);
    (void)gw_buf_add_char(out, '\n');
    add_hex(out, request->body_sha256);
    return !out->overflowed;
}

/* ---- verifying ---- */

/* @n digits at @s as a number; -1 when they are none. */
static int number(const char *s, size_t n)
{
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        v = v * 10 + (s[i] - '0');
    }
    return v;
}

/* 20261123T170405Z in seconds since the epoch. */
static bool parse_time(struct gw_slice s, int64_t *out)
{
    if (s.len != TIME_LENGTH || s.data[8] != 'T' || s.data[15] != 'Z')
        return false;
    struct tm tm = {.tm_year = number(s.data, 4) - 1900,
                    .tm_mon = number(s.data + 4, 2) - 1,
                    .tm_mday = number(s.data + 6, 2),
                    .tm_hour = number(s.data + 9, 2),
                    .tm_min = number(s.data + 11, 2),
                    .tm_sec = number(s.data + 13, 2)};
    if (tm.tm_year < 70 || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 ||
        tm.tm_sec > 60)
        return false;
    *out = (int64_t)timegm(&tm);
    return true;
}

static void hmac(const void *key, size_t key_len, struct gw_slice data,
                 unsigned char out[API_SIGV4_SHA256_SIZE])
{
    unsigned len = 0;
    CHECK(HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)data.data, data.len, out,
               &len) != NULL &&
          len == API_SIGV4_SHA256_SIZE);
}

static void sign(const struct api_sigv4_claim *claim, const char *secret, struct gw_slice text,
                 unsigned char out[API_SIGV4_SHA256_SIZE])
{
    char start[MAX_SECRET + 1];
    int len = snprintf(start, sizeof(start), "AWS4%s", secret);
    PRE(len > 0 && (size_t)len < sizeof(start));
    hmac(start, (size_t)len, claim->date, out);
    hmac(out, API_SIGV4_SHA256_SIZE, claim->region, out);
    hmac(out, API_SIGV4_SHA256_SIZE, GW_SLICE_LIT("ses"), out);
    hmac(out, API_SIGV4_SHA256_SIZE, GW_SLICE_LIT("aws4_request"), out);
    hmac(out, API_SIGV4_SHA256_SIZE, text, out);
    gw_wipe(start, sizeof(start));
}

static bool same_signature(const struct api_sigv4_claim *claim, const char *secret,
                           struct gw_slice time, struct gw_slice canonical)
{
    unsigned char hash[API_SIGV4_SHA256_SIZE];
    struct gw_buf text;
    gw_buf_init(&text, API_SIGV4_MAX_AUTHORIZATION + HEX_SIZE + 64);
    SHA256((const unsigned char *)canonical.data, canonical.len, hash);
    (void)gw_buf_add_str(&text, "AWS4-HMAC-SHA256\n");
    (void)gw_buf_add_slice(&text, time);
    (void)gw_buf_add_char(&text, '\n');
    (void)gw_buf_add_slice(&text, claim->scope);
    (void)gw_buf_add_char(&text, '\n');
    add_hex(&text, hash);
    sign(claim, secret, gw_buf_view(&text), hash);
    bool same = CRYPTO_memcmp(hash, claim->signature, sizeof(hash)) == 0;
    gw_wipe(hash, sizeof(hash));
    gw_buf_deinit(&text);
    return same;
}

/* A claimed hash of the body is the body's. */
static bool body_is_as_claimed(const struct api_sigv4_request *request)
{
    struct gw_slice given;
    unsigned char claimed[API_SIGV4_SHA256_SIZE];
    size_t n = request->headers(request->headers_data, "x-amz-content-sha256", &given, 1);
    return n == 0 || (n == 1 && parse_hash(given, claimed) &&
                      memcmp(claimed, request->body_sha256, sizeof(claimed)) == 0);
}

enum api_sigv4_verdict api_sigv4_verify(const struct api_sigv4_request *request,
                                        const struct api_sigv4_claim *claim, const char *secret,
                                        int64_t now_ms, struct gw_arena *arena)
{
    struct gw_slice time;
    int64_t time_s;
    if (!api_sigv4_is_signed(claim, "host") || !api_sigv4_is_signed(claim, "x-amz-date") ||
        request->headers(request->headers_data, "x-amz-date", &time, 1) != 1 ||
        !parse_time(time, &time_s) || memcmp(time.data, claim->date.data, DATE_LENGTH) != 0)
        return API_SIGV4_MALFORMED;
    int64_t off_s = now_ms / 1000 - time_s;
    if (off_s > API_SIGV4_WINDOW_S || off_s < -API_SIGV4_WINDOW_S)
        return API_SIGV4_EXPIRED;
    if (!body_is_as_claimed(request))
        return API_SIGV4_MISMATCH;
    struct gw_buf canonical;
    gw_buf_init(&canonical, API_SIGV4_MAX_CANONICAL);
    enum api_sigv4_verdict verdict = API_SIGV4_MALFORMED;
    if (api_sigv4_canonical(request, claim, arena, &canonical))
        verdict = same_signature(claim, secret, time, gw_buf_view(&canonical)) ? API_SIGV4_GOOD
                                                                               : API_SIGV4_MISMATCH;
    gw_buf_deinit(&canonical);
    return verdict;
}

void api_sigv4_derive_secret(const char *master, const char *key_id,
                             char out[API_SIGV4_SECRET_SIZE])
{
    unsigned char hash[API_SIGV4_SHA256_SIZE];
    hmac(master, strlen(master), gw_slice_str(key_id), hash);
    PRE(gw_base64_encoded_size(sizeof(hash)) == API_SIGV4_SECRET_SIZE - 1);
    out[gw_base64_encode(hash, sizeof(hash), out)] = '\0';
    gw_wipe(hash, sizeof(hash));
}

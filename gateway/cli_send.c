/* SPDX-License-Identifier: MIT */
/* `mailhatch send`: one message through a running server. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/client.h"
#include "gateway/base/gw_mem.h"
#include "gateway/cli.h"
#include "gateway/http_client.h"

enum {
    MAX_ITEMS = 1000,
    MAX_INPUT_BYTES = 25 << 20, /* text from standard input, or one attached file */
    MAX_ANSWER = 16 << 20,
    DEFAULT_WAIT_S = 30,
    MAX_WAIT_S = 60,
    EXTRA_TIMEOUT_MS = 15000 /* for the answer to arrive after the wait */
};

struct send_args {
    struct api_client_message message;
    const char *url, *key;
    unsigned wait_s;
    const char *to[MAX_ITEMS], *cc[MAX_ITEMS], *bcc[MAX_ITEMS], *headers[MAX_ITEMS];
    struct api_client_file files[MAX_ITEMS];
    struct gw_buf text, file_bytes[MAX_ITEMS];
};

static void usage(FILE *to)
{
    (void)fputs(
        "usage: mailhatch send --from ADDRESS --to ADDRESS... --subject TEXT [OPTIONS] [< TEXT]\n\n"
        "Posts one message to a running server, waits for the relay's answer and prints a line "
        "per\n"
        "recipient. The text is read from standard input unless --text or --html is given.\n\n"
        "  --from A, --to A, --cc A, --bcc A   addresses: a@b or 'Name <a@b>'; to, cc and bcc "
        "repeat\n"
        "  --subject TEXT\n"
        "  --text TEXT, --html TEXT            the body\n"
        "  --attach FILE                       repeats\n"
        "  --header 'Name: value'              repeats\n"
        "  --relay NAME                        a configured relay\n"
        "  --wait SECONDS                      how long to wait, 0 to 60 (default 30)\n"
        "  --url URL       http://127.0.0.1:8080 (default: $MAILHATCH_URL), or unix:/path\n"
        "  --key ID.SECRET API key (default: $MAILHATCH_API_KEY; safer: other users see "
        "options)\n\n"
        "exit code: 0 every recipient is sent, 4 not all are, 1 the request failed, 2 usage\n",
        to);
}

static bool add(const char **list, size_t *n, const char *value)
{
    if (*n == MAX_ITEMS)
        return false;
    list[(*n)++] = value;
    return true;
}

static bool read_all(int fd, const char *name, struct gw_buf *out)
{
    gw_buf_init(out, MAX_INPUT_BYTES);
    for (;;) {
        char chunk[65536];
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n == 0)
            return true;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || gw_buf_add(out, chunk, (size_t)n) != GW_OK) {
            (void)fprintf(stderr, "mailhatch: %s: %s\n", name,
                          n < 0 ? "cannot be read" : "is over 25 MiB");
            return false;
        }
    }
}

static bool attach(struct send_args *a, const char *file)
{
    size_t i = a->message.n_files;
    int fd = i < MAX_ITEMS ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        (void)fprintf(stderr, "mailhatch: %s: cannot be opened\n", file);
        return false;
    }
    bool ok = read_all(fd, file, &a->file_bytes[i]);
    (void)close(fd);
    const char *slash = strrchr(file, '/');
    a->files[i] = (struct api_client_file){.filename = slash != NULL ? slash + 1 : file,
                                           .content = gw_buf_view(&a->file_bytes[i])};
    a->message.n_files++;
    return ok;
}

static bool parse_wait(const char *s, unsigned *out)
{
    char *end;
    unsigned long n = strtoul(s, &end, 10);
    *out = (unsigned)n;
    return s[0] >= '0' && s[0] <= '9' && *end == '\0' && n <= MAX_WAIT_S;
}

/* Options that set one text: letter → member. */
static const char **single(struct send_args *a, int c)
{
    struct api_client_message *m = &a->message;
    const struct {
        int letter;
        const char **to;
    } singles[] = {{'f', &m->from},  {'s', &m->subject}, {'T', &m->text}, {'H', &m->html},
                   {'r', &m->relay}, {'u', &a->url},     {'k', &a->key}};
    for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++)
        if (singles[i].letter == c)
            return singles[i].to;
    return NULL;
}

static bool take_option(struct send_args *a, int c)
{
    struct api_client_message *m = &a->message;
    const char **text = single(a, c);
    if (text != NULL) {
        *text = optarg;
        return true;
    }
    switch (c) {
    case 't':
        return add(a->to, &m->n_to, optarg);
    case 'c':
        return add(a->cc, &m->n_cc, optarg);
    case 'b':
        return add(a->bcc, &m->n_bcc, optarg);
    case 'x':
        return strchr(optarg, ':') != NULL && add(a->headers, &m->n_headers, optarg);
    case 'a':
        return attach(a, optarg);
    case 'w':
        return parse_wait(optarg, &a->wait_s);
    default:
        return false;
    }
}

/* CLI_OK, CLI_USAGE, or -1: help was asked for. */
static int parse(int argc, char **argv, struct send_args *a)
{
    static const struct option options[] = {{"from", required_argument, NULL, 'f'},
                                            {"to", required_argument, NULL, 't'},
                                            {"cc", required_argument, NULL, 'c'},
                                            {"bcc", required_argument, NULL, 'b'},
                                            {"subject", required_argument, NULL, 's'},
                                            {"text", required_argument, NULL, 'T'},
                                            {"html", required_argument, NULL, 'H'},
                                            {"attach", required_argument, NULL, 'a'},
                                            {"header", required_argument, NULL, 'x'},
                                            {"relay", required_argument, NULL, 'r'},
                                            {"wait", required_argument, NULL, 'w'},
                                            {"url", required_argument, NULL, 'u'},
                                            {"key", required_argument, NULL, 'k'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int c;
    while ((c = cli_next_option(argc, argv, options)) != -1) {
        if (c == 'h')
            return -1;
        if (!take_option(a, c))
            return CLI_USAGE;
    }
    a->message.to = a->to;
    a->message.cc = a->cc;
    a->message.bcc = a->bcc;
    a->message.headers = a->headers;
    a->message.files = a->files;
    bool has_rcpt = a->message.n_to + a->message.n_cc + a->message.n_bcc != 0;
    return optind == argc && a->message.from != NULL && has_rcpt ? CLI_OK : CLI_USAGE;
}

static int post(const struct send_args *a, const char *json)
{
    char url[1024];
    char auth[600];
    char prefer[64];
    bool is_unix = strncmp(a->url, "unix:", 5) == 0;
    (void)snprintf(url, sizeof(url), "%s/v1/messages", is_unix ? "http://localhost" : a->url);
    (void)snprintf(auth, sizeof(auth), "Authorization: Bearer %s", a->key != NULL ? a->key : "");
    (void)snprintf(prefer, sizeof(prefer), "Prefer: wait=%u", a->wait_s);
    const char *headers[] = {"Content-Type: application/json",
                             "Expect:", a->wait_s != 0 ? prefer : "X-Mailhatch-Client: send",
                             a->key != NULL ? auth : NULL, NULL};
    struct gw_buf answer;
    struct gw_buf table;
    gw_buf_init(&answer, MAX_ANSWER);
    gw_buf_init(&table, MAX_ANSWER);
    struct gw_err err;
    long status = 0;
    int rc = CLI_FAILED;
    struct gw_http_request request = {.url = url,
                                      .unix_socket = is_unix ? a->url + 5 : NULL,
                                      .headers = headers,
                                      .body = gw_slice_str(json),
                                      .timeout_ms = (long)a->wait_s * 1000 + EXTRA_TIMEOUT_MS};
    if (gw_http_do(&request, &answer, &status, &err) != GW_OK) {
        (void)fprintf(stderr, "mailhatch: %s\n", err.text);
    } else {
        bool all_sent = api_client_report(gw_buf_view(&answer), status, &table);
        (void)fwrite(table.data, 1, table.len, status / 100 == 2 ? stdout : stderr);
        if (status / 100 == 2)
            rc = all_sent ? CLI_OK : CLI_NOT_ALL_SENT;
    }
    gw_wipe(auth, sizeof(auth));
    gw_buf_deinit(&answer);
    gw_buf_deinit(&table);
    return rc;
}

static int send_message(struct send_args *a)
{
    if (a->message.text == NULL && a->message.html == NULL) {
        if (!read_all(STDIN_FILENO, "standard input", &a->text) ||
            gw_buf_add_char(&a->text, '\0') != GW_OK)
            return CLI_FAILED;
        a->message.text = a->text.data;
    }
    char *json = api_client_json(&a->message);
    if (json == NULL) {
        (void)fprintf(stderr, "mailhatch: a text is not valid UTF-8\n");
        return CLI_FAILED;
    }
    int rc = post(a, json);
    gw_free(json);
    return rc;
}

int cli_send(int argc, char **argv)
{
    struct send_args *a = gw_calloc(1, sizeof(*a));
    a->url = getenv("MAILHATCH_URL") != NULL ? getenv("MAILHATCH_URL") : "http://127.0.0.1:8080";
    a->key = getenv("MAILHATCH_API_KEY");
    a->wait_s = DEFAULT_WAIT_S;
    int rc = parse(argc, argv, a);
    if (rc == CLI_OK)
        rc = send_message(a);
    else
        usage(rc == -1 ? stdout : stderr);
    if (rc == -1)
        rc = CLI_OK;
    gw_free(a->text.data);
    for (size_t i = 0; i < a->message.n_files; i++)
        gw_free(a->file_bytes[i].data);
    gw_free(a);
    return rc;
}

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
#include "gateway/cli_client.h"
#include "gateway/cli_options.h"

enum {
    MAX_ITEMS = 1000,
    MAX_INPUT_BYTES = 25 << 20, /* text from standard input, or one attached file */
    DEFAULT_WAIT_S = 30,
    MAX_WAIT_S = 60,
    EXTRA_TIMEOUT_MS = 15000 /* for the answer to arrive after the wait */
};

struct send_args {
    struct api_client_message message;
    struct cli_server server;
    int64_t wait_s;
    const char *to[MAX_ITEMS], *cc[MAX_ITEMS], *bcc[MAX_ITEMS], *headers[MAX_ITEMS];
    const char *attached[MAX_ITEMS];
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
    int fd = open(file, O_RDONLY | O_CLOEXEC);
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

static bool has_colon(const char *value)
{
    return strchr(value, ':') != NULL;
}

/* CLI_OK, CLI_FAILED, or what cli_read_options() says. */
static int parse(int argc, char **argv, struct send_args *a)
{
    struct api_client_message *m = &a->message;
    struct cli_list to = {.items = a->to, .max = MAX_ITEMS};
    struct cli_list cc = {.items = a->cc, .max = MAX_ITEMS};
    struct cli_list bcc = {.items = a->bcc, .max = MAX_ITEMS};
    struct cli_list headers = {.items = a->headers, .max = MAX_ITEMS};
    struct cli_list attached = {.items = a->attached, .max = MAX_ITEMS};
    const struct cli_option options[] = {
        {"from", .text = &m->from},
        {"to", .list = &to},
        {"cc", .list = &cc},
        {"bcc", .list = &bcc},
        {"subject", .text = &m->subject},
        {"text", .text = &m->text},
        {"html", .text = &m->html},
        {"attach", .list = &attached},
        {"header", .list = &headers, .valid = has_colon},
        {"relay", .text = &m->relay},
        {"wait", .number = &a->wait_s, .min = 0, .max = MAX_WAIT_S},
        {"url", .text = &a->server.url},
        {"key", .text = &a->server.key},
        {0}};
    int usable = cli_read_options(argc, argv, options);
    if (usable != CLI_OK)
        return usable;
    m->to = a->to;
    m->n_to = to.n;
    m->cc = a->cc;
    m->n_cc = cc.n;
    m->bcc = a->bcc;
    m->n_bcc = bcc.n;
    m->headers = a->headers;
    m->n_headers = headers.n;
    m->files = a->files;
    if (optind != argc || m->from == NULL || to.n + cc.n + bcc.n == 0)
        return CLI_USAGE;
    for (size_t i = 0; i < attached.n; i++)
        if (!attach(a, a->attached[i]))
            return CLI_FAILED;
    return CLI_OK;
}

static int post(const struct send_args *a, const char *json)
{
    static const int codes[] = {[CLI_REPLY_GOOD] = CLI_OK,
                                [CLI_REPLY_MIXED] = CLI_NOT_ALL_SENT,
                                [CLI_REPLY_REFUSED] = CLI_FAILED};
    char prefer[64];
    (void)snprintf(prefer, sizeof(prefer), "Prefer: wait=%lld", (long long)a->wait_s);
    return codes[cli_ask(&a->server,
                         &(struct cli_request){.path = "/v1/messages",
                                               .prefer = a->wait_s != 0 ? prefer : NULL,
                                               .json = json,
                                               .timeout_ms = a->wait_s * 1000 + EXTRA_TIMEOUT_MS,
                                               .report = api_client_report})];
}

static int send_message(struct send_args *a)
{
    if (a->message.text == NULL && a->message.html == NULL) {
        if (!read_all(STDIN_FILENO, "standard input", &a->text) ||
            gw_buf_add_char(&a->text, '\0') != GW_OK)
            return CLI_FAILED;
        a->message.text = a->text.data;
        if (strlen(a->text.data) + 1 != a->text.len) {
            (void)fprintf(stderr, "mailhatch: standard input: holds a NUL, so it is no text\n");
            return CLI_FAILED;
        }
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
    a->server = cli_server_default();
    a->wait_s = DEFAULT_WAIT_S;
    int rc = parse(argc, argv, a);
    if (rc == CLI_OK)
        rc = send_message(a);
    else if (rc != CLI_FAILED)
        rc = cli_show_usage(rc, usage);
    gw_free(a->text.data);
    for (size_t i = 0; i < a->message.n_files; i++)
        gw_free(a->file_bytes[i].data);
    gw_free(a);
    return rc;
}

/* SPDX-License-Identifier: MIT */
/* `mailhatch healthcheck`: asks the server that runs with the same configuration how it is. For
 * containers without a shell or curl. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/cli.h"
#include "gateway/cli_options.h"

enum {
    TIMEOUT_S = 4, /* for each step of the conversation */
    ANSWER_SIZE = 2048
};

static void usage(FILE *to)
{
    (void)fputs("usage: mailhatch healthcheck [--config FILE] [--live]\n\n"
                "Asks the server on this machine for /readyz; the exit code is 0 when it is ready, "
                "else 1.\nIt is found through the configuration that it runs with: the first "
                "listener without TLS.\nIf all have TLS, it counts that the first one takes "
                "connections.\n\n"
                "  --config FILE  as for serve\n"
                "  --live         ask for /livez: is the process alive, whatever its relays do\n",
                to);
}

static const struct cfg_listen *choose(const struct cfg *cfg)
{
    for (size_t i = 0; i < cfg->n_listen; i++)
        if (cfg->listen[i].cert_file == NULL)
            return &cfg->listen[i];
    return &cfg->listen[0];
}

static void set_timeouts(int fd)
{
    struct timeval limit = {.tv_sec = TIMEOUT_S};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static int open_and_connect(int family, const struct sockaddr *to, socklen_t size)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    set_timeouts(fd);
    if (connect(fd, to, size) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* A server that listens everywhere is asked on the loopback address. */
static const char *host_of(const struct cfg_listen *l)
{
    if (strcmp(l->host, "0.0.0.0") == 0)
        return "127.0.0.1";
    return strcmp(l->host, "::") == 0 ? "::1" : l->host;
}

static int connect_to(const struct cfg_listen *l)
{
    if (l->kind == CFG_LISTEN_UNIX) {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        if (strlen(l->path) >= sizeof(to.sun_path))
            return -1;
        memcpy(to.sun_path, l->path, strlen(l->path));
        return open_and_connect(AF_UNIX, (const struct sockaddr *)&to, sizeof(to));
    }
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *found = NULL;
    (void)snprintf(port, sizeof(port), "%u", (unsigned)l->port);
    if (getaddrinfo(host_of(l), port, &hints, &found) != 0)
        return -1;
    int fd = open_and_connect(found->ai_family, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return fd;
}

/* The body of the answer, or what went wrong, goes to standard output. */
static bool ask(int fd, const char *path)
{
    char text[ANSWER_SIZE + 1];
    size_t len = 0;
    ssize_t n = 0;
    int size = snprintf(text, sizeof(text),
                        "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    if (send(fd, text, (size_t)size, MSG_NOSIGNAL) != size) {
        (void)puts("the request could not be sent");
        return false;
    }
    while (len < ANSWER_SIZE && (n = recv(fd, text + len, ANSWER_SIZE - len, 0)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    const char *body = strstr(text, "\r\n\r\n");
    (void)puts(body != NULL ? body + 4 : "no answer in time");
    return strncmp(text, "HTTP/1.1 200 ", 13) == 0;
}

static int check(const struct cfg *cfg, const char *path)
{
    const struct cfg_listen *l = choose(cfg);
    int fd = connect_to(l);
    if (fd < 0) {
        (void)printf("%s takes no connection\n", l->address);
        return CLI_FAILED;
    }
    bool well = l->cert_file != NULL || ask(fd, path);
    (void)close(fd);
    return well ? CLI_OK : CLI_FAILED;
}

int cli_healthcheck(int argc, char **argv)
{
    const char *file = NULL;
    bool live = false;
    const struct cli_option options[] = {{"config", .text = &file}, {"live", .flag = &live}, {0}};
    int usable = cli_read_options(argc, argv, options);
    if (usable != CLI_OK || optind != argc)
        return cli_show_usage(usable, usage);
    const struct cfg *cfg = cli_load_config(file);
    if (cfg == NULL)
        return CLI_CONFIG;
    int rc = check(cfg, live ? "/livez" : "/readyz");
    cfg_unref(&cfg);
    return rc;
}

/* SPDX-License-Identifier: MIT */
/* A client socket in the same thread as the server's loop: every wait runs the loop. */
#ifndef TEST_LINE_CLIENT_H
#define TEST_LINE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "smtp/tls.h"

enum {
    TEST_LINE_CLIENT_SIZE = 256 * 1024
};

struct line_client {
    uv_loop_t *loop;
    int fd;
    struct smtp_tls_context *context;
    struct smtp_tls *tls;
    char got[TEST_LINE_CLIENT_SIZE]; /* all received and not yet forgotten, NUL-terminated */
    size_t n_got;
    bool closed; /* by the server */
};

/* All of them fail the test after 20 s. */
void line_client_connect(struct line_client *c, uv_loop_t *loop, uint16_t port);
/* Checks the server's certificate for localhost against @ca_pem. */
void line_client_start_tls(struct line_client *c, const char *ca_pem);
void line_client_send(struct line_client *c, const char *data, size_t len);
/* Runs until @text was received. */
void line_client_expect(struct line_client *c, const char *text);
/* Forgets what was received, sends @line, expects @text. */
void line_client_ask(struct line_client *c, const char *line, const char *text);
/* Runs until the server has closed. */
void line_client_expect_close(struct line_client *c);
void line_client_close(struct line_client *c);
/* Runs the loop until *flag. */
void line_client_run_until(uv_loop_t *loop, const bool *flag);

#endif

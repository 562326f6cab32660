/* SPDX-License-Identifier: MIT */
/* The URLs of a configuration: relay URLs and listen addresses. */
#ifndef CFG_URL_H
#define CFG_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/cfg.h"
#include "config/cfg_pool.h"
#include "gateway/base/gw_slice.h"

struct cfg_relay_url {
    bool sandbox; /* nothing below applies */
    enum cfg_tls_mode tls_mode;
    const char *username, *password; /* decoded; NULL when not there */
    const char *host;                /* without brackets, lower case */
    uint16_t port;
};

/* smtp://[user[:pass]@]host[:587][?tls=opportunistic|none], smtps://…[:465], sandbox:
 * @pool  for the strings; all are wiped with it
 * NULL, or what is wrong and what would be right; never part of @text. */
const char *cfg_relay_url_parse(struct cfg_pool *pool, const char *text, struct cfg_relay_url *out);

/* 127.0.0.1:8080, [::1]:8080, unix:/path, http://…, https://…?cert=…&key=…&client_ca=…
 * Fills kind, address, host, port, path, loopback and the files of @out, strings from @arena.
 * NULL, or what is wrong and what would be right. */
const char *cfg_listen_parse(struct gw_arena *arena, const char *text, struct cfg_listen *out);

#endif

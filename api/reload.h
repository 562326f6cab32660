/* SPDX-License-Identifier: MIT */
/* How the HTTP face asks for a new configuration, whoever loads it. */
#ifndef API_RELOAD_H
#define API_RELOAD_H

#include <stdbool.h>
#include <stddef.h>

enum {
    API_RELOAD_DETAIL_SIZE = 2048,
    API_RELOAD_MAX_PARTS = 3
};

struct api_reload_result {
    bool ok;
    const char *detail; /* not ok: what is wrong; valid during the callback */
    /* ok: sections that differ, but take effect at the next start only; static texts */
    const char *needs_restart[API_RELOAD_MAX_PARTS];
    size_t n_needs_restart;
};
typedef void (*api_reload_cb)(const struct api_reload_result *result, void *data);

struct api_reload_hook {
    /* Begin. True: @on_done will be called once, from the loop, never from inside the call. False:
     * one is being loaded already. NULL: nothing can be loaded. */
    bool (*start)(void *data, api_reload_cb on_done, void *done_data);
    /* on_done will not be called. */
    void (*cancel)(void *data);
    void *data;
};

#endif

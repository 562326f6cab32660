/* SPDX-License-Identifier: MIT */
/* Reload.
 *
 * Happy path: start → a thread reads the configuration, certificates, CAs and keys → on the loop:
 * relays → everything changes at once, in one callback.
 * Failure: whatever is wrong, the old configuration stays as it is, and log, metric and whoever
 * asked say why. */
#include "gateway/cli_reload.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/cli.h"
#include "gateway/cli_files.h"
#include "gateway/metrics.h"
#include "gateway/notify.h"

enum {
    MAX_PARTS_TEXT = 256
};

struct cli_reload {
    uv_loop_t *loop;
    uv_async_t loaded;
    const char *file;
    struct api_server *server;
    const struct cfg *cfg; /* in use */
    struct cli_files *files;
    unsigned n_rounds;
    bool suspicious; /* files had changed at the last look: load when they change no more */
    bool running, again, closing;
    uv_thread_t thread;
    api_reload_cb on_done; /* who asked for this one; NULL: nobody waits */
    void *done_data;
    /* The thread's results: */
    const struct cfg *new_cfg;
    struct api_load *load;
    char detail[API_RELOAD_DETAIL_SIZE];
};

/* ---- in the thread ---- */

static void add_problems(struct cli_reload *r, const struct cfg_problems *problems)
{
    size_t at = 0;
    for (size_t i = 0; i < problems->n && at < sizeof(r->detail); i++) {
        int n = snprintf(r->detail + at, sizeof(r->detail) - at, "%s%s", i > 0 ? "; " : "",
                         problems->text[i]);
        at += n > 0 ? (size_t)n : 0;
    }
}

static bool files_changed(size_t relay, const void *files)
{
    return cli_files_relay_changed(files, relay);
}

static void load(void *data)
{
    struct cli_reload *r = data;
    struct cfg_problems problems = {.n = 0};
    struct gw_err err = {.status = GW_OK};
    const struct gw_setup_before before = {r->cfg, files_changed, r->files};
    if (cli_read_config(r->file, &r->new_cfg, &problems) != GW_OK)
        add_problems(r, &problems);
    else if (api_load_read(r->server, r->new_cfg, &before, &r->load, &err) != GW_OK)
        (void)snprintf(r->detail, sizeof(r->detail), "%s", err.text);
    cfg_problems_deinit(&problems);
    (void)uv_async_send(&r->loaded);
}

/* ---- on the loop ---- */

/* Everything that may differ without effect before the next start. */
static void compare(const struct cfg *was, const struct cfg *now, struct api_reload_result *result)
{
    static const char *const at_start[API_RELOAD_MAX_PARTS] = {"listen", "store", "sandbox"};
    for (size_t i = 0; i < API_RELOAD_MAX_PARTS; i++)
        if (!cfg_same(was, now, at_start[i]))
            result->needs_restart[result->n_needs_restart++] = at_start[i];
}

static void list_parts(const struct api_reload_result *result, struct gw_buf *out)
{
    for (size_t i = 0; i < result->n_needs_restart; i++)
        (void)gw_buf_printf(out, "%s%s", i > 0 ? ", " : "", result->needs_restart[i]);
    (void)gw_buf_add(out, "", 1);
}

static bool apply(struct cli_reload *r, struct api_reload_result *result)
{
    struct gw_err err = {.status = GW_OK};
    if (r->detail[0] != '\0')
        return false;
    if (api_server_load(r->server, r->load, &err) != GW_OK) {
        (void)snprintf(r->detail, sizeof(r->detail), "%s", err.text);
        return false;
    }
    compare(r->cfg, r->new_cfg, result);
    cli_files_free(&r->files);
    cfg_unref(&r->cfg);
    r->cfg = cfg_ref(r->new_cfg);
    gw_log_init(r->cfg->log.level, r->cfg->log.format, STDERR_FILENO);
    return true;
}

static void report(const struct api_reload_result *result)
{
    gw_metric_add(GW_METRIC_RELOADS, 1, GW_LABELS(result->ok ? "ok" : "failed"));
    if (!result->ok) {
        gw_log(GW_LOG_ERROR, "reload_failed", GW_LOG_STR("detail", result->detail),
               GW_LOG_STR("effect", "the configuration stays what it was"));
        return;
    }
    struct gw_buf parts;
    gw_buf_init(&parts, MAX_PARTS_TEXT);
    list_parts(result, &parts);
    gw_log(GW_LOG_INFO, "reloaded", GW_LOG_STR("needs_restart", parts.data));
    gw_buf_deinit(&parts);
}

static void answer(struct cli_reload *r, const struct api_reload_result *result)
{
    api_reload_cb on_done = r->on_done;
    r->on_done = NULL;
    if (on_done != NULL)
        on_done(result, r->done_data);
}

static void on_async_closed(uv_handle_t *handle)
{
    gw_free(handle->data);
}

static void end(struct cli_reload *r)
{
    api_load_free(&r->load);
    cfg_unref(&r->new_cfg);
    cli_files_free(&r->files);
    cfg_unref(&r->cfg);
    uv_close((uv_handle_t *)&r->loaded, on_async_closed);
}

static void on_loaded(uv_async_t *async)
{
    struct cli_reload *r = async->data;
    if (!r->running)
        return;
    CHECK(uv_thread_join(&r->thread) == 0);
    if (r->closing) {
        end(r);
        return;
    }
    struct api_reload_result result = {.detail = r->detail};
    result.ok = apply(r, &result);
    report(&result);
    /* Another look only when they change once more, also after a failure. */
    if (!result.ok)
        cli_files_free(&r->files);
    r->files = cli_files_new(r->cfg);
    r->suspicious = false;
    api_load_free(&r->load);
    cfg_unref(&r->new_cfg);
    r->running = false;
    gw_notify("READY=1\n");
    answer(r, &result);
    if (r->again)
        cli_reload_start(r);
}

void cli_reload_start(struct cli_reload *r)
{
    r->again = r->running;
    if (r->running)
        return;
    char state[GW_NOTIFY_MAX];
    (void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld\n",
                   (long long)gw_clock_mono_us());
    gw_notify(state);
    r->running = true;
    r->detail[0] = '\0';
    CHECK(uv_thread_create(&r->thread, load, r) == 0);
}

/* From POST /v1/admin/reload. */
static bool start_for_api(void *data, api_reload_cb on_done, void *done_data)
{
    struct cli_reload *r = data;
    if (r->running)
        return false;
    r->on_done = on_done;
    r->done_data = done_data;
    cli_reload_start(r);
    return true;
}

static void cancel_for_api(void *data)
{
    ((struct cli_reload *)data)->on_done = NULL;
}

void cli_reload_round(struct cli_reload *r)
{
    if (r->running || ++r->n_rounds % CLI_RELOAD_LOOK_ROUNDS != 0)
        return;
    bool changed = cli_files_changed(r->files);
    if (changed && r->suspicious) {
        gw_log(GW_LOG_INFO, "files_changed",
               GW_LOG_STR("detail", "a certificate, key or secret file is another one"));
        cli_reload_start(r);
    }
    r->suspicious = changed;
}

struct cli_reload *cli_reload_new(uv_loop_t *loop, const char *file, const struct cfg *cfg,
                                  struct api_server *server)
{
    struct cli_reload *r = gw_calloc(1, sizeof(*r));
    r->loop = loop;
    r->file = file;
    r->server = server;
    r->cfg = cfg_ref(cfg);
    r->files = cli_files_new(cfg);
    CHECK(uv_async_init(loop, &r->loaded, on_loaded) == 0);
    uv_unref((uv_handle_t *)&r->loaded);
    r->loaded.data = r;
    api_server_on_reload(server, &(struct api_reload_hook){
                                     .start = start_for_api, .cancel = cancel_for_api, .data = r});
    return r;
}

void cli_reload_free(struct cli_reload **reload)
{
    struct cli_reload *r = *reload;
    if (r == NULL)
        return;
    *reload = NULL;
    r->closing = true;
    api_server_on_reload(r->server, &(struct api_reload_hook){.start = NULL});
    answer(r, &(struct api_reload_result){.detail = "the server is shutting down"});
    if (!r->running)
        end(r);
    /* else its thread may be stuck at a file for ever: a drain does not wait for that */
}

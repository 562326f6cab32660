/* SPDX-License-Identifier: MIT */
/* The HTTP face: listeners, connections and routes over one gateway. Loop thread only.
 *
 * Spec: RFC 9110-9113 (HTTP), 9457 (problems), 7240 (Prefer), docs/api.md. */
#ifndef API_SERVER_H
#define API_SERVER_H

#include <stdint.h>
#include <uv.h>

#include "api/reload.h"
#include "gateway/gateway.h"

struct api_server;

/* Binds and listens on every address of the gateway's configuration. After an error nothing is left
 * open. err->text names the address and what to do. */
enum gw_status api_server_new(uv_loop_t *loop, struct gw_gateway *gateway, struct api_server **out,
                              struct gw_err *err) GW_NODISCARD;
/* Port that listener @i (as in cfg.listen) got; 0 for Unix sockets. */
uint16_t api_server_port(const struct api_server *s, size_t i);

/* A configuration with all that was read from files for it: the listeners' certificates too. */
struct api_load;
/* In any thread, while @s goes on; it must not be drained before this returns.
 * @before  the configuration in use
 * On error *out is NULL, err->text says which file is wrong, and how. */
enum gw_status api_load_read(const struct api_server *s, const struct cfg *cfg,
                             const struct gw_setup_before *before, struct api_load **out,
                             struct gw_err *err) GW_NODISCARD;
/* Sets the pointer to NULL; NULL is fine. */
void api_load_free(struct api_load **load);
/* From now on everything but the listeners and the store is as @load has it. What is in hand ends
 * with what it began with.
 * @load  read while the configuration was the one in use now; what it holds is taken out
 * On error everything is as before, err->text says why. */
enum gw_status api_server_load(struct api_server *s, struct api_load *load,
                               struct gw_err *err) GW_NODISCARD;

/* Who loads a configuration when a client asks for it. Copied. */
void api_server_on_reload(struct api_server *s, const struct api_reload_hook *hook);
/* Stop listening; answer new requests with 503 and `Connection: close`; requests in hand go on. */
void api_server_drain(struct api_server *s);
/* The gateway is gone. Only after api_server_drain(). */
void api_server_detach(struct api_server *s);
/* Requests not yet answered. */
size_t api_server_in_flight(const struct api_server *s);
/* Connections on which an answer has not gone out as a whole. */
size_t api_server_unsent(const struct api_server *s);

#endif

/* SPDX-License-Identifier: MIT */
/* The HTTP face: listeners, connections and routes over one gateway. Loop thread only.
 *
 * Spec: RFC 9110-9113 (HTTP), 9457 (problems), 7240 (Prefer), docs/api.md. */
#ifndef API_SERVER_H
#define API_SERVER_H

#include <stdint.h>
#include <uv.h>

#include "api/reload.h"
#include "gateway/dkim.h"
#include "gateway/gateway.h"

struct api_server;

/* Binds and listens on every address of the gateway's configuration. After an error nothing is left
 * open. err->text names the address and what to do. */
enum gw_status api_server_new(uv_loop_t *loop, struct gw_gateway *gateway, struct api_server **out,
                              struct gw_err *err) GW_NODISCARD;
/* Port that listener @i (as in cfg.listen) got; 0 for Unix sockets. */
uint16_t api_server_port(const struct api_server *s, size_t i);
/* From now on everything but the listeners and the store is as @cfg says; the listeners'
 * certificates are read again. What is in hand ends with what it began with.
 * @dkim, @keep_relays  see gw_gateway_load()
 * On error everything is as before, err->text says why. */
enum gw_status api_server_load(struct api_server *s, const struct cfg *cfg, struct gw_dkim *dkim,
                               bool keep_relays, struct gw_err *err) GW_NODISCARD;
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

/* SPDX-License-Identifier: MIT */
/*
 * net: the listener: makes sessions of connections and calls of frames, runs the calls on
 * strands and sends the answers. It does I/O only; see common/wss and the services.
 */
#pragma once

#include "oem-server/server/server.h"

struct net;

/* In this order: start, drain, close, free, by the thread that owns the server; net_renew() in
 * between, by any thread. server must outlive net. ERR_TLS: the certificates or the key are
 * unusable; ERR_IO: listening on the address fails. */
enum err net_start(struct server *server, struct net **net_out);
uint16_t net_port(const struct net *net);
void net_renew(
    struct net *net); /* new connections get the certificate that server_renew made */
void net_drain(struct net *net, unsigned timeout_ms); /* GOAWAY; waits for open calls to end */
void net_close(struct net *net); /* closes all connections; workers may still run calls */
void net_free(struct net *net);  /* when the workers are done; NULL is fine */

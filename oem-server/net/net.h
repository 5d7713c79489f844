/* SPDX-License-Identifier: MIT */
/*
 * net: the listener: connections become sessions, frames become calls on a worker's strand,
 * answers go back. Does I/O only; see common/wss and engine.
 */
#pragma once

#include "oem-server/server/server.h"

struct net;

enum err net_start(struct server *server, struct net **net_out);
uint16_t net_port(const struct net *net);
void net_renew(
    struct net *net); /* new connections get the certificate that server_renew made */
void net_drain(struct net *net, unsigned timeout_ms); /* GOAWAY; waits for open calls to end */
void net_close(struct net *net); /* all connections; workers may still be at it */
void net_free(struct net *net);  /* when the workers are done; NULL is fine */

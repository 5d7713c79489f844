/* SPDX-License-Identifier: MIT */
/*
 * server: the server's life: opened, resumed, renewed, watched, drained, stopped. Used by main,
 * net and init.c; on main's thread.
 */
#pragma once

#include "oem-server/base/base.h"

enum err server_open(const struct config *config, struct server **server_out);
void server_close(struct server *server);

/* Before serving: the log and the CA of oemctl init; the newest entries of the log are compared
 * with the store (ERR_DATA_LOSS names row and field); runs that the last process left end. */
enum err server_resume(struct server *server);
/* A new WebServer certificate for the same key, with the names of the configuration; logged.
 * Runs under way keep the one they began with. The listener is told by net_renew(). */
enum err server_renew(struct server *server);
/* To be called every second or so: puts threads in the place of unresponsive ones, and has a
 * worker end runs whose lease is over and enter alarms. Never waits. true: words, for the
 * service manager, have changed; "" means that all is well. */
bool server_watch(struct server *server, char words[static HSM_HUNG_WORDS]);
/* Each second: may it go on? ERR_UNAVAILABLE: a token of the HSM has been away for
 * SERVER_LOST_MS, and only a new process may find it (each second it is looked for).
 * ERR_DATA_LOSS: no change can be entered in the event log any more. */
enum err server_check(struct server *server);
void server_drain(struct server *server);    /* no new work; what is queued is done */
enum err server_stop(struct server *server); /* the log's last entry, and a checkpoint of it */

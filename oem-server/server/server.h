/* SPDX-License-Identifier: MIT */
/*
 * server: the server's life: opened, resumed, renewed, watched, drained, stopped. Used by main,
 * net and init.c; on main's thread.
 */
#pragma once

#include "oem-server/base/base.h"

/* Opens uses, HSM, store and pools, without log and CA. *server_out is the caller's, for
 * server_close(), when no call runs any more. ERR_CONFIG, ERR_HSM, ERR_PIN, ERR_BUSY (another
 * process has the store), ERR_DATA_LOSS. */
enum err server_open(const struct config *config, struct server **server_out);
void server_close(struct server *server);

/* What an administrator accepts at one start. */
struct server_accepts {
    bool clock;   /* --clock-is-right: what it says now, though the log has later entries */
    bool renewal; /* --renew: a new WebServer certificate before anything is served */
};

/* Before serving: opens the log and the CA that oemctl init made, compares the store with the
 * log's anchor (ERR_VERIFY), and the newest entries of the log with the store (ERR_DATA_LOSS
 * names row and field), and ends runs that the last process left. ERR_PRECONDITION: oemctl init
 * has not run, or the WebServer certificate is not valid now. ERR_UNAVAILABLE: the clock is
 * before the log's last entry (clock_check.h). */
enum err server_resume(struct server *server, const struct server_accepts *accepts);
/* A new WebServer certificate for the same key, with the names of the configuration; logged.
 * Open runs keep the certificate that they began with. The caller then calls net_renew(). On a
 * worker. */
enum err server_renew(struct server *server);
/* Called about once a second by the main thread: replaces blocked threads, and lets a worker
 * end expired runs and enter alarms. Does not wait. true: words, for the service manager, have
 * changed; "" means that all is well. */
bool server_watch(struct server *server, char words[static SERVER_AILMENT_SIZE]);
/* Called once a second by the main thread: whether the server may continue. ERR_UNAVAILABLE: a
 * token of the HSM has been missing, or a call in its module has not returned, for
 * SERVER_LOST_MS, and a new process may succeed (tests/e2e/slow/token). It lets a worker look
 * for a token, try the keys, and restart the module (hsm_mend()). ERR_DATA_LOSS: the event log
 * has stopped, so no change can be entered. */
enum err server_check(struct server *server);
void server_drain(struct server *server);    /* no new work; queued jobs are done */
enum err server_stop(struct server *server); /* the log's last entry, and a checkpoint of it */

/* SPDX-License-Identifier: MIT */
/*
 * remote: a connection to the server on which one call at a time is made and waited for.
 *
 * TLS 1.3 with our certificate; the server's must lead to the given root and carry the host's
 * name. remote_send is the transport of a struct rpc_stub, its context the struct remote. Every
 * call has a deadline; a call that changes something has an idempotency key. A connection that
 * is not made, or lost before an answer, is made again, and the call with its key, after waits
 * with jitter (common/host/backoff.h) and four times in all; what will not pass is told at
 * once. Owned by the command that opens it; one thread.
 */
#pragma once

#include "common/rpc/rpc.h"
#include "common/wss/stream.h"
#include "oem-server/ctl/command.h"

struct remote;

enum err remote_open(const struct ctl *ctl, struct remote **remote_out);
void remote_close(struct remote **remote); /* AUTO; NULL is fine */

const struct settings *remote_settings(const struct remote *remote); /* complete; borrowed */

rpc_transport remote_send;

/* Does a call of this method change something, so that it carries an idempotency key? */
bool remote_changes(const char *method);

/* A streaming call of method, with payload as its request; freed before remote_close.
 * timeout_ms 0 means as for other calls. */
enum err remote_stream(struct remote *remote, const char *method, struct span payload,
                       uint32_t timeout_ms, struct wss_stream **stream_out);

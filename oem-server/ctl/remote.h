/* SPDX-License-Identifier: MIT */
/*
 * remote: a connection to the server for one call at a time.
 *
 * TLS 1.3 with the operator's certificate; the server's must lead to the given root and carry
 * the host's name. remote_send is the transport of a struct rpc_stub, its context the struct
 * remote. Each call has a deadline; a call that changes something has an idempotency key.
 * A connection that is not made is tried for two seconds (test_client: patience_ends); a call
 * that is lost with its connection is made four times at most, with the same key (test_client:
 * attempts_have_a_number); permanent failures are reported without a retry (test_ctl_remote).
 * Owned by the command that opens it; one thread.
 */
#pragma once

#include "common/rpc/rpc.h"
#include "common/wss/stream.h"
#include "oem-server/ctl/command.h"

struct remote;

/* Reads the configuration and connects. *remote_out is the caller's, for remote_close().
 * ERR_CONFIG, ERR_TLS, ERR_DENIED, ERR_UNAVAILABLE, each with a message. */
enum err remote_open(const struct ctl *ctl, struct remote **remote_out);
void remote_close(struct remote **remote); /* AUTO; NULL is fine */

const struct settings *remote_settings(const struct remote *remote); /* complete; borrowed */

rpc_transport remote_send;

/* A streaming call of method, with payload as its request; freed before remote_close.
 * timeout_ms 0 means as for other calls. */
enum err remote_stream(struct remote *remote, const char *method, struct span payload,
                       uint32_t timeout_ms, struct wss_stream **stream_out);

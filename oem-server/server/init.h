/* SPDX-License-Identifier: MIT */
/*
 * init: the server without its sockets, for oemctl init: arrows 1 and 2 and the first operator,
 * called in memory through the same pipeline (roles, event log, transactions) as all other
 * calls. One thread.
 */
#pragma once

#include "common/rpc/rpc.h"
#include "oem-server/config/config.h"

struct init;

/* Opens the tokens, the Root token included, and the store. *init_out is the caller's, for
 * init_close(). ERR_BUSY: the server runs. ERR_UNAVAILABLE: the clock is before the last entry
 * of the log, and is not accepted as right (clock_check.h). */
enum err init_open(const char *config_path, bool clock_is_right, struct init **init_out);
void init_close(struct init *init); /* NULL is fine */

/* An rpc_transport; context is the struct init. Serves Pki, and Registry.Add and List for
 * the first operator. */
enum err init_transport(void *init, const char *method, struct span payload,
                        struct buf *response_out);

const struct config *init_config(const struct init *init); /* borrowed, as long as init */

/* The log's verifier key text (C2SP signed-note), once arrow 1 is done. Caller frees with
 * free(). */
enum err init_verifier_key(struct init *init, char **text_out);

/* SPDX-License-Identifier: MIT */
/*
 * init_run: the state of oemctl init while it runs: the server without its sockets
 * (server/init.h) and the folder for the first operator's files. For init*.c only.
 */
#pragma once

#include "oem-server/ctl/report.h"
#include "oem-server/server/init.h"

struct init_run {
    struct ctl *ctl;
    struct init *init;
    const char *folder;
    const char *operator_name;
    bool keys_found; /* arrow 1 found the keys of an earlier init */
    struct report report;
};

/* Arrows 1 and 2, each with its line; writes root.pem, issuing.pem and web-server.pem. Existing
 * keys and certificates are used and not replaced (test_ca_setup, tests/e2e/refusals/commands):
 * ERR_EXISTS if the folder holds another root. */
enum err init_arrows(struct init_run *run);

/* Makes operator.key and operator.pem, or finds them complete and that operator registered with
 * them. A key without certificate, left by an interruption, is used. ERR_EXISTS: they are
 * another operator's; ERR_NOT_FOUND, ERR_REVOKED, ERR_MISMATCH: they are not registered. */
enum err init_operator(struct init_run *run);

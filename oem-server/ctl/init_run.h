/* SPDX-License-Identifier: MIT */
/*
 * init_run: what oemctl init has at hand while it runs: the server without its sockets
 * (server/init.h) and the folder for what it hands to the first operator. For init*.c only.
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

/* Arrows 1 and 2, each with its line; writes root.pem, issuing.pem and web-server.pem. Keys and
 * certificates that are there are found, never replaced: ERR_EXISTS if the folder holds another
 * root. */
enum err init_arrows(struct init_run *run);

/* operator.key and operator.pem: made, or found complete; a key without certificate, which a
 * cut leaves, is used. */
enum err init_operator(struct init_run *run);

/* SPDX-License-Identifier: MIT */
/*
 * config: oem-server's configuration, from one ini file. Unknown sections or keys, and a
 * key that is there twice, are errors with file:line (test_config). Strings live as long as the
 * config. See oem-server(8), and deploy/ for an example. One thread.
 */
#pragma once

#include "oem-server/hsm/hsm.h"

enum { CONFIG_SERVER_NAMES_MAX = 8 };

/* From the section "policy". A time may be given in minutes (of a request for approval: in
 * hours) or, with _s, in seconds. */
struct config_policy {
    unsigned run_idle_s;    /* a run whose station is silent for so long ends */
    unsigned run_longest_s; /* a run ends after so long in any case */
    unsigned unlocked_s; /* a unit that is committed for so long without a lock statement is an
                            alarm */
    unsigned approval_s; /* a request for approval expires after so long */
    bool two_person;     /* acts that the method table marks need a second operator */
};

/* The log's second place. From the section "log". */
struct config_anchor {
    char *path;       /* NULL: none, so a restored backup is not noticed */
    unsigned every_s; /* while the log grows, a checkpoint is put there so often */
    unsigned lag_s;   /* no new board is begun while an entry waits for it for longer */
};

struct config {
    char *path; /* of the file that was read */
    char *name; /* of this server, in the holder of each of its runs; default: the host's */
    char *listen_address; /* NULL: all */
    uint16_t listen_port;
    char *state; /* folder */
    char *store_path;
    char *uses_path; /* of the counts of signatures (oem-server/uses); NULL: in memory */
    unsigned workers;
    unsigned queue;
    struct config_policy policy;
    struct hsm_config hsm;
    char *organization;
    char *trust_domain;
    char *server_names[CONFIG_SERVER_NAMES_MAX + 1]; /* NULL-terminated */
    char *origin; /* of the event log; default "<trust_domain>/hallmark-log" */
    struct config_anchor anchor;
};

/* ERR_CONFIG names file and line, or what is missing. *config_out is the caller's, for
 * config_free(). */
enum err config_read(const char *path, struct config **config_out);
void config_free(struct config *config); /* NULL is fine */

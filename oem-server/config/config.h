/* SPDX-License-Identifier: MIT */
/*
 * config: oem-server's settings, from one ini file. Unknown sections or keys are errors with
 * file:line. Strings live as long as the config. See oem-server(8) and deploy/ for an example.
 */
#pragma once

#include "oem-server/hsm/hsm.h"

enum { CONFIG_SERVER_NAMES_MAX = 8 };

struct config {
    char *listen_address; /* NULL: all */
    uint16_t listen_port;
    char *state; /* folder */
    char *store_path;
    unsigned workers;
    unsigned queue;
    struct hsm_config hsm;
    char *organization;
    char *trust_domain;
    char *server_names[CONFIG_SERVER_NAMES_MAX + 1]; /* NULL-terminated */
    char *origin; /* of the event log; default "<trust_domain>/hallmark-log" */
};

enum err config_read(const char *path, struct config **config_out);
void config_free(struct config *config);

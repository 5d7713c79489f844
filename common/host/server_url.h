/* SPDX-License-Identifier: MIT */
/*
 * server_url: the server's address as people write it, wss://HOST[:PORT][/].
 *
 * HOST is a name, an IPv4 address, or an IPv6 address in brackets; without PORT it is 443. Used
 * by oemctl's configuration and options and by station-agent's --server. No state; any thread.
 */
#pragma once

#include <stdint.h>

#include "common/core/err.h"

struct server_url {
    char host[256]; /* without brackets */
    uint16_t port;
};

/* ERR_USAGE with a message for any other text: a path, user, sign, blank or port outside 1 to
 * 65535 is refused (test_server_url). */
enum err server_url_parse(const char *text, struct server_url *url_out);

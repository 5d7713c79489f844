/* SPDX-License-Identifier: MIT */
/*
 * server_url: the server's address as people write it, wss://HOST[:PORT][/].
 *
 * HOST is a name, an IPv4 address, or an IPv6 address in brackets; without PORT it is 443. Used
 * by oemctl's configuration and options, by station-agent's --server, and for proxies. No
 * state; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/core/err.h"

struct server_url {
    char host[256]; /* without brackets */
    uint16_t port;
};

/* HOST[:PORT][/] alone; false: the text is another. */
bool server_address_read(const char *text, uint16_t port_default, struct server_url *url_out);

/* ERR_USAGE with a message for any other text: a path, user, sign, blank or port outside 1 to
 * 65535 is refused (test_server_url). */
enum err server_url_parse(const char *text, struct server_url *url_out);

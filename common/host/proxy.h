/* SPDX-License-Identifier: MIT */
/*
 * proxy: the HTTP proxy over which a client reaches its server (CONNECT, RFC 9110 9.3.6), as
 * curl chooses it.
 *
 * Given by its user, or else in the environment: https_proxy, HTTPS_PROXY, all_proxy,
 * ALL_PROXY, the first that is not empty. http_proxy is for other URLs and does nothing.
 * no_proxy or NO_PROXY names hosts that are reached directly, whoever gave the proxy: separated
 * by commas or blanks, "*" alone for all, a name with all names below it, an address, a block
 * ADDRESS/BITS.
 *
 * Reads the environment, so before threads are made. Used by oemctl and station-agent.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/core/err.h"

enum { PROXY_USER_MAX = 90 }; /* bytes of USER:PASSWORD: what libwebsockets takes */

struct proxy {
    char host[256];                /* without brackets */
    uint16_t port;                 /* 0: none, the server is reached directly */
    char user[PROXY_USER_MAX + 1]; /* USER:PASSWORD, decoded, a secret; "": none */
};

/* [http://][USER[:PASSWORD]@]HOST[:PORT][/], percent-encoded user and password; port 1080 if
 * left out, as curl has it. ERR_USAGE with a message, without the password, for any other text:
 * another scheme, a path, a control character. */
enum err proxy_parse(const char *text, struct proxy *proxy_out);

/* For the server at host, a name or an address without brackets. given: what the program's user
 * asked for, NULL: nothing, "none": no proxy, whatever the environment has. ERR_USAGE: it, or
 * the variable that the message names, is no proxy. */
enum err proxy_choose(const char *given, const char *host, struct proxy *proxy_out);

/* Whether a list as in no_proxy names this host. */
bool proxy_not_for(const char *list, const char *host);

/* SPDX-License-Identifier: MIT */
/*
 * server_url: reads the address of a server. Called for what the user of oemctl or
 * station-agent wrote. It must not take a part of a text that is not an address as a whole.
 */
#include "common/host/server_url.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"

enum { PORT_DEFAULT = 443 };

static const char scheme[] = "wss://";

/* Reads a whole number of rest, which ends it but for one slash: no sign, no blank, which
 * strtoul() takes. */
static bool port_read(const char *rest, uint16_t *port_out)
{
    size_t len = strspn(rest, "0123456789");
    if (len == 0 || len > 5 || (rest[len] != '\0' && strcmp(rest + len, "/") != 0))
        return false;
    unsigned long port = strtoul(rest, NULL, 10);
    *port_out = (uint16_t)port;
    return port >= 1 && port <= UINT16_MAX;
}

bool server_address_read(const char *text, uint16_t port_default, struct server_url *url)
{
    bool bracket = *text == '[';
    const char *host = bracket ? text + 1 : text;
    size_t len = strcspn(host, bracket ? "]" : ":/");
    const char *rest = host + len;
    if (bracket && *rest++ != ']')
        return false;
    const char *allowed = bracket ? "0123456789abcdefABCDEF:."
                                  : "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789.-";
    if (len == 0 || len >= sizeof(url->host) || strspn(host, allowed) < len)
        return false;
    memcpy(url->host, host, len);
    url->host[len] = '\0';
    url->port = port_default;
    return *rest == ':' ? port_read(rest + 1, &url->port)
                        : *rest == '\0' || strcmp(rest, "/") == 0;
}

enum err server_url_parse(const char *text, struct server_url *url_out)
{
    struct server_url url = { 0 };
    if (strncmp(text, scheme, sizeof(scheme) - 1) != 0 ||
        !server_address_read(text + sizeof(scheme) - 1, PORT_DEFAULT, &url))
        return fail_quiet(ERR_USAGE, "not wss://HOST:PORT: %s", text);
    *url_out = url;
    return ERR_OK;
}

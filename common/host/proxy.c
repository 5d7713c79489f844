/* SPDX-License-Identifier: MIT */
/*
 * proxy: reads what names a proxy, and what excepts a host from it. Called by the programs at
 * their start. No message may contain a password.
 */
#include "common/host/proxy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "common/host/server_url.h"

enum { PORT_DEFAULT = 1080 };

static const char scheme[] = "http://";

/* Percent-encoding is undone; what is no text of one line is refused. */
static bool user_read(const char *text, size_t len, char user[static PROXY_USER_MAX + 1])
{
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)text[i];
        if (byte == '%') {
            char digits[3] = { 0 };
            memcpy(digits, text + i + 1, len - i > 2 ? 2 : 0);
            if (hex_read(digits, &byte, 1) != ERR_OK)
                return false;
            i += 2;
        }
        if (byte < 0x20 || byte == 0x7f || used == PROXY_USER_MAX)
            return false;
        user[used++] = (char)byte;
    }
    user[used] = '\0';
    return used > 0 && strchr(user, '@') == NULL;
}

enum err proxy_parse(const char *text, struct proxy *proxy_out)
{
    struct proxy proxy = { 0 };
    struct server_url address = { 0 };
    const char *rest = text;
    if (strncasecmp(text, scheme, sizeof(scheme) - 1) == 0)
        rest += sizeof(scheme) - 1;
    const char *at = strrchr(rest, '@');
    const char *place = at == NULL ? rest : at + 1;
    if (strstr(place, "://") != NULL || (at != NULL && strstr(text, "://") > rest))
        return fail_quiet(ERR_USAGE, "a proxy is reached by http:// only: %s", place);
    if (at != NULL && !user_read(rest, (size_t)(at - rest), proxy.user))
        return fail_quiet(
            ERR_USAGE,
            "the user and password of the proxy %s: 1 to %d bytes, without controls "
            "and @",
            place, PROXY_USER_MAX);
    if (!server_address_read(place, PORT_DEFAULT, &address))
        return fail_quiet(ERR_USAGE, "not http://HOST:PORT of a proxy: %s", place);
    memcpy(proxy.host, address.host, sizeof(proxy.host));
    proxy.port = address.port;
    *proxy_out = proxy;
    return ERR_OK;
}

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    return memcmp(a, b, whole) == 0 &&
           (rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

/* Whether word, ADDRESS or ADDRESS/BITS, holds this address. */
static bool block_holds(const char *word, int family, const uint8_t address[static 16])
{
    char text[64];
    uint8_t block[16];
    unsigned most = family == AF_INET ? 32 : 128, bits = most;
    size_t len = strcspn(word, "/");
    bool bracket = word[0] == '[' && len > 1 && word[len - 1] == ']';
    if (len >= sizeof(text))
        return false;
    snprintf(text, sizeof(text), "%.*s", (int)len - (bracket ? 2 : 0),
             word + (bracket ? 1 : 0));
    if (word[len] == '/') {
        char *end;
        unsigned long value = strtoul(word + len + 1, &end, 10);
        if (word[len + 1] < '0' || word[len + 1] > '9' || *end != '\0' || value > most)
            return false;
        bits = (unsigned)value;
    }
    return inet_pton(family, text, block) == 1 && bits_equal(block, address, bits);
}

/* The host itself, or a name below it. */
static bool name_holds(const char *word, const char *host)
{
    size_t host_len = strlen(host), len;
    word += *word == '.';
    len = strlen(word);
    len -= len > 0 && word[len - 1] == '.';
    host_len -= host_len > 0 && host[host_len - 1] == '.';
    return len > 0 && host_len >= len && strncasecmp(host + host_len - len, word, len) == 0 &&
           (host_len == len || host[host_len - len - 1] == '.');
}

bool proxy_not_for(const char *list, const char *host)
{
    char word[300];
    uint8_t address[16];
    int family = inet_pton(AF_INET, host, address) == 1    ? AF_INET
                 : inet_pton(AF_INET6, host, address) == 1 ? AF_INET6
                                                           : AF_UNSPEC;
    if (strcmp(list, "*") == 0)
        return true;
    for (size_t len; *(list += strspn(list, ", ")) != '\0'; list += len) {
        len = strcspn(list, ", ");
        snprintf(word, sizeof(word), "%.*s", (int)(len < sizeof(word) ? len : 0), list);
        if (family == AF_UNSPEC ? name_holds(word, host) : block_holds(word, family, address))
            return true;
    }
    return false;
}

/* The first of these variables that is not empty, and its name; NULL: none. */
static const char *variable(const char *const names[], size_t count, const char **name_out)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = getenv(names[i]);
        *name_out = names[i];
        if (value != NULL && *value != '\0')
            return value;
    }
    return NULL;
}

enum err proxy_choose(const char *given, const char *host, struct proxy *proxy_out)
{
    static const char *const proxies[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
                                           "ALL_PROXY" };
    static const char *const exceptions[] = { "no_proxy", "NO_PROXY" };
    const char *name = NULL, *unused = NULL;
    const char *list = variable(exceptions, COUNT(exceptions), &unused);
    const char *text = given;
    struct proxy proxy = { 0 };
    if (given == NULL)
        text = variable(proxies, COUNT(proxies), &name);
    if (text != NULL && strcmp(text, "none") != 0 &&
        (list == NULL || !proxy_not_for(list, host))) {
        enum err e = proxy_parse(text, &proxy);
        if (e != ERR_OK && given == NULL) {
            char words[FAIL_WORDS_MAX];
            snprintf(words, sizeof(words), "%s", fail_words());
            return fail_quiet(e, "the environment's %s: %s", name, words);
        }
        TRY(e);
    }
    *proxy_out = proxy;
    return ERR_OK;
}

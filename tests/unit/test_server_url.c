/* SPDX-License-Identifier: MIT */
/* The server's address: one form for all programs. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#include "common/host/own.h"
#include "common/host/server_url.h"

static const struct {
    const char *text;
    const char *host; /* NULL: refused */
    uint16_t port;
} servers[] = {
    { "wss://oem.example:8443", "oem.example", 8443 },
    { "wss://oem.example:8443/", "oem.example", 8443 },
    { "wss://oem.example", "oem.example", 443 },
    { "wss://127.0.0.1:1", "127.0.0.1", 1 },
    { "wss://[::1]:65535", "::1", 65535 },
    { "wss://[fe80::1]", "fe80::1", 443 },
    { "wss://[::1]/", "::1", 443 },
    { "wss://oem.example/", "oem.example", 443 },
    { "ws://oem.example:1", NULL, 0 },
    { "oem.example:1", NULL, 0 },
    { "wss://", NULL, 0 },
    { "wss://:1", NULL, 0 },
    { "wss://x:", NULL, 0 },
    { "wss://x:0", NULL, 0 },
    { "wss://x:65536", NULL, 0 },
    { "wss://x:+1", NULL, 0 },
    { "wss://x: 1", NULL, 0 },
    { "wss://x:1/path", NULL, 0 },
    { "wss://x//", NULL, 0 },
    { "wss://user@x:1", NULL, 0 },
    { "wss://[::1", NULL, 0 },
    { "wss://[::1]x", NULL, 0 },
    { "wss://[]:1", NULL, 0 },
    { "wss://a b:1", NULL, 0 },
    { "wss://x:1//", NULL, 0 },
    { "wss://x:00443", "x", 443 },
    { "wss://x:000443", NULL, 0 },
    { "wss://[::1]:", NULL, 0 },
    { "wss://::1", NULL, 0 },
    { "wss://[x]:1", NULL, 0 },
    { "wss://x:1?q", NULL, 0 },
    { "", NULL, 0 },
};

static void servers_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(servers); i++) {
        struct server_url a = { .host = "" };
        enum err e = server_url_parse(servers[i].text, &a);
        bool good = servers[i].host == NULL
                        ? e == ERR_USAGE && *a.host == '\0'
                        : e == ERR_OK && strcmp(a.host, servers[i].host) == 0 &&
                              a.port == servers[i].port;
        if (!good)
            fail_msg("%s: %d %s %u", servers[i].text, (int)e, a.host, a.port);
    }
}

static void hosts_have_a_longest_name(void **state)
{
    (void)state;
    struct server_url a;
    char text[300], host[257] = "";
    memset(host, 'h', sizeof(host) - 1);
    snprintf(text, sizeof(text), "wss://%s:1", host);
    assert_int_equal(server_url_parse(text, &a), ERR_USAGE);
    host[255] = '\0';
    snprintf(text, sizeof(text), "wss://%s:1", host);
    assert_int_equal(server_url_parse(text, &a), ERR_OK);
    assert_string_equal(a.host, host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_are_read),
        cmocka_unit_test(hosts_have_a_longest_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

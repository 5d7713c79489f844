/* SPDX-License-Identifier: MIT */
/* Proxies: what is one, when it is taken, and for which hosts it is not. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "common/host/proxy.h"

static const struct {
    const char *text;
    const char *host; /* NULL: refused */
    uint16_t port;
    const char *user;
} proxies[] = {
    { "http://proxy.example:3128", "proxy.example", 3128, "" },
    { "HTTP://proxy.example:3128/", "proxy.example", 3128, "" },
    { "proxy.example:3128", "proxy.example", 3128, "" },
    { "proxy.example", "proxy.example", 1080, "" },
    { "http://10.0.0.1:8080", "10.0.0.1", 8080, "" },
    { "http://[fd00::1]:8080", "fd00::1", 8080, "" },
    { "http://ann:secret@proxy.example:1", "proxy.example", 1, "ann:secret" },
    { "ann:se:cret@proxy.example:1", "proxy.example", 1, "ann:se:cret" },
    { "http://ann@proxy.example:1", "proxy.example", 1, "ann" },
    { "http://ann:p%3A%2f%25@[::1]:1", "::1", 1, "ann:p:/%" },
    { "http://ann:pass/word@proxy.example:1", "proxy.example", 1, "ann:pass/word" },
    { "", NULL, 0, "" },
    { "http://", NULL, 0, "" },
    { "https://proxy.example:1", NULL, 0, "" },
    { "socks5h://proxy.example:1", NULL, 0, "" },
    { "socks5://ann:secret@proxy.example:1", NULL, 0, "" },
    { "http://proxy.example:0", NULL, 0, "" },
    { "http://proxy.example:65536", NULL, 0, "" },
    { "http://proxy.example:1/path", NULL, 0, "" },
    { "http://proxy example:1", NULL, 0, "" },
    { "http://proxy.example:1\r\nX: y", NULL, 0, "" },
    { "http://@proxy.example:1", NULL, 0, "" },
    { "http://ann:%zz@proxy.example:1", NULL, 0, "" },
    { "http://ann:%4@proxy.example:1", NULL, 0, "" },
    { "http://ann:%00@proxy.example:1", NULL, 0, "" },
    { "http://ann:%0d%0aX@proxy.example:1", NULL, 0, "" },
    { "http://ann:%40@proxy.example:1", NULL, 0, "" }, /* libwebsockets takes no @ there */
};

static void proxies_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(proxies); i++) {
        struct proxy p = { 0 };
        enum err e = proxy_parse(proxies[i].text, &p);
        bool good = proxies[i].host == NULL
                        ? e == ERR_USAGE && p.port == 0
                        : e == ERR_OK && strcmp(p.host, proxies[i].host) == 0 &&
                              p.port == proxies[i].port && strcmp(p.user, proxies[i].user) == 0;
        if (!good || strstr(fail_words(), "secret") != NULL)
            fail_msg("%s: %d %s %u %s (%s)", proxies[i].text, (int)e, p.host, p.port, p.user,
                     fail_words());
    }
}

static void a_password_has_a_longest_size(void **state)
{
    (void)state;
    char text[200];
    struct proxy p;
    for (size_t len = PROXY_USER_MAX - 1; len <= PROXY_USER_MAX + 1; len++) {
        memset(text, 'x', len);
        memcpy(text + len, "@h:1", sizeof("@h:1"));
        assert_int_equal(proxy_parse(text, &p), len <= PROXY_USER_MAX ? ERR_OK : ERR_USAGE);
    }
}

static const struct {
    const char *list, *host;
    bool excepted;
} exceptions[] = {
    { "*", "oem.example", true },
    { "oem.example", "oem.example", true },
    { "OEM.Example", "oem.example", true },
    { "example", "oem.example", true },
    { ".example", "oem.example", true },
    { "oem.example.", "oem.example", true },
    { "oem.example", "oem.example.", true },
    { "a.test, oem.example", "oem.example", true },
    { "a.test oem.example", "oem.example", true },
    { "10.1.2.3", "10.1.2.3", true },
    { "10.1.0.0/16", "10.1.2.3", true },
    { "10.1.2.2/31", "10.1.2.3", true },
    { "0.0.0.0/0", "10.1.2.3", true },
    { "::1", "::1", true },
    { "[::1]", "::1", true },
    { "fd00::/8", "fd12::1", true },
    { "0:0:0:0:0:0:0:1", "::1", true },
    { "", "oem.example", false },
    { "*,x", "oem.example", false }, /* as curl has it: the asterisk stands alone */
    { "em.example", "oem.example", false },
    { "www.oem.example", "oem.example", false },
    { "oem.example:443", "oem.example", false },
    { ".", "oem.example", false },
    { "10.1.2.4", "10.1.2.3", false },
    { "10.1.2.0/31", "10.1.2.3", false },
    { "10.1.0.0/33", "10.1.0.0", false },
    { "10.1.0.0/", "10.1.0.0", false },
    { "10.1.0.0/-1", "10.1.0.0", false },
    { "2.3", "10.1.2.3", false }, /* no name: an address has no domains */
    { "fd00::/8", "fe12::1", false },
    { "10.1.2.3", "oem.example", false },
};

static void hosts_are_excepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(exceptions); i++)
        if (proxy_not_for(exceptions[i].list, exceptions[i].host) != exceptions[i].excepted)
            fail_msg("no_proxy %s, host %s", exceptions[i].list, exceptions[i].host);
}

static const char *const variables[] = { "http_proxy", "https_proxy", "HTTPS_PROXY",
                                         "all_proxy",  "ALL_PROXY",   "no_proxy",
                                         "NO_PROXY" };

/* One environment, and which proxy is taken for oem.example: by its host, "" for none, NULL
 * for an error that names the first variable. */
static const struct {
    const char *environment[3][2];
    const char *given, *host;
} choices[] = {
    { { { "http_proxy", "http://p:1" } }, NULL, "" },
    { { { "https_proxy", "http://p:1" } }, NULL, "p" },
    { { { "HTTPS_PROXY", "http://p:1" } }, NULL, "p" },
    { { { "all_proxy", "http://p:1" } }, NULL, "p" },
    { { { "ALL_PROXY", "http://p:1" } }, NULL, "p" },
    { { { "https_proxy", "http://p:1" }, { "HTTPS_PROXY", "http://q:1" } }, NULL, "p" },
    { { { "https_proxy", "" }, { "all_proxy", "http://q:1" } }, NULL, "q" },
    { { { "https_proxy", "http://p:1" }, { "no_proxy", "example" } }, NULL, "" },
    { { { "https_proxy", "http://p:1" }, { "NO_PROXY", "example" } }, NULL, "" },
    { { { "https_proxy", "http://p:1" }, { "no_proxy", "other" } }, NULL, "p" },
    { { { "https_proxy", "http://p:1" } }, "http://q:1", "q" },
    { { { "https_proxy", "http://p:1" } }, "none", "" },
    { { { "no_proxy", "example" } }, "http://q:1", "" },
    { { { "https_proxy", "socks5://p:1" } }, NULL, NULL },
    { { { "https_proxy", "socks5://p:1" }, { "no_proxy", "example" } }, NULL, "" },
    { { { "https_proxy", "socks5://p:1" } }, "none", "" },
};

static void the_environment_is_read_as_curl_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(choices); i++) {
        struct proxy p = { 0 };
        for (size_t k = 0; k < COUNT(variables); k++)
            assert_int_equal(unsetenv(variables[k]), 0);
        for (size_t k = 0; k < 3 && choices[i].environment[k][0] != NULL; k++)
            assert_int_equal(
                setenv(choices[i].environment[k][0], choices[i].environment[k][1], 1), 0);
        enum err e = proxy_choose(choices[i].given, "oem.example", &p);
        bool good =
            choices[i].host == NULL
                ? e == ERR_USAGE && strstr(fail_words(), choices[i].environment[0][0]) != NULL
                : e == ERR_OK && strcmp(p.host, choices[i].host) == 0 &&
                      (p.port != 0) == (*p.host != '\0');
        if (!good)
            fail_msg("choice %zu: %d %s:%u", i, (int)e, p.host, p.port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proxies_are_read),
        cmocka_unit_test(a_password_has_a_longest_size),
        cmocka_unit_test(hosts_are_excepted),
        cmocka_unit_test(the_environment_is_read_as_curl_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

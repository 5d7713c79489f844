/* SPDX-License-Identifier: MIT */
/* Which ends of a connection may pass, and which will not. */
#include "tests/unit/check.h"

#include <openssl/ssl.h>

#include "common/host/own.h"
#include "common/wss/close_reason.h"

static const struct {
    const char *name;
    struct wss_ending ending;
    enum err want;
} cases[] = {
    { "nobody there, or reset", { 0 }, ERR_UNAVAILABLE },
    { "server not trusted", { .verify = X509_V_ERR_CERT_HAS_EXPIRED }, ERR_TLS },
    { "server of another name", { .verify = X509_V_ERR_HOSTNAME_MISMATCH }, ERR_TLS },
    { "certificate required", { .alert = 116 }, ERR_TLS },
    { "unknown CA", { .alert = 48 }, ERR_TLS },
    { "certificate expired", { .alert = 45 }, ERR_TLS },
    { "certificate revoked", { .alert = 44 }, ERR_TLS },
    { "bad certificate", { .alert = 42 }, ERR_TLS },
    { "no common TLS version", { .alert = 70 }, ERR_TLS },
    { "internal error", { .alert = 80 }, ERR_UNAVAILABLE },
    { "user cancelled", { .alert = 90 }, ERR_UNAVAILABLE },
    { "bytes damaged on the way", { .alert = 20 }, ERR_UNAVAILABLE },
    { "a page for people", { .http = 200 }, ERR_PROTO },
    { "moved", { .http = 301 }, ERR_PROTO },
    { "forbidden", { .http = 403 }, ERR_PROTO },
    { "upgrade required", { .http = 426 }, ERR_PROTO },
    { "request late", { .http = 408 }, ERR_UNAVAILABLE },
    { "too many requests", { .http = 429 }, ERR_UNAVAILABLE },
    { "bad gateway", { .http = 502 }, ERR_UNAVAILABLE },
    { "upgraded to another subprotocol", { .http = 101 }, ERR_PROTO },
    { "done", { .code = 1000, .by_peer = true }, ERR_UNAVAILABLE },
    { "going away", { .code = 1001, .by_peer = true }, ERR_UNAVAILABLE },
    { "another version", { .code = 1002, .by_peer = true }, ERR_PROTO },
    { "text", { .code = 1003, .by_peer = true }, ERR_PROTO },
    { "no code", { .code = 1005, .by_peer = true }, ERR_UNAVAILABLE },
    { "lost", { .code = 1006, .by_peer = true }, ERR_UNAVAILABLE },
    { "no Frame", { .code = 1007, .by_peer = true }, ERR_PROTO },
    { "not registered, or revoked", { .code = 1008, .by_peer = true }, ERR_DENIED },
    { "too big", { .code = 1009, .by_peer = true }, ERR_PROTO },
    { "extension", { .code = 1010, .by_peer = true }, ERR_PROTO },
    { "internal error", { .code = 1011, .by_peer = true }, ERR_UNAVAILABLE },
    { "restart", { .code = 1012, .by_peer = true }, ERR_UNAVAILABLE },
    { "overload", { .code = 1013, .by_peer = true }, ERR_UNAVAILABLE },
    { "private", { .code = 4000, .by_peer = true }, ERR_UNAVAILABLE },
    { "we say: broke the protocol", { .code = 1002 }, ERR_PROTO },
    { "we say: does not read", { .code = 1008 }, ERR_UNAVAILABLE },
    { "we say: no memory", { .code = 1011 }, ERR_UNAVAILABLE },
};

static void ends_are_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (ending_err(&cases[i].ending) != cases[i].want)
            fail_msg("%s: %d", cases[i].name, (int)ending_err(&cases[i].ending));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(ends_are_told_apart) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

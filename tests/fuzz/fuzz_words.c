/* SPDX-License-Identifier: MIT */
/* What people and peers write: the server's URL, proxies and whom they are not for, times,
 * names, and text that is made safe. What is accepted keeps its rule, and a time is itself
 * again when it is written. */
#include <stdlib.h>
#include <string.h>

#include "common/host/clean.h"
#include "common/host/name.h"
#include "common/host/proxy.h"
#include "common/host/server_url.h"
#include "common/host/utf8.h"
#include "oem-server/ctl/when.h"
#include "tests/fuzz/fuzz.h"

static void url(const char *text)
{
    struct server_url to = { 0 };
    if (server_url_parse(text, &to) != ERR_OK)
        return;
    FUZZ_CHECK(to.port != 0 && memchr(to.host, '\0', sizeof(to.host)) != NULL);
    FUZZ_CHECK(to.host[0] != '\0' && strpbrk(to.host, " /@[]") == NULL);
}

static void proxied(const char *text)
{
    struct proxy proxy = { 0 };
    (void)proxy_not_for(text, "oem.example");
    (void)proxy_not_for(text, "10.1.2.3");
    FUZZ_CHECK(proxy_not_for(text, "2001:db8::1") || strcmp(text, "*") != 0);
    if (proxy_parse(text, &proxy) != ERR_OK)
        return;
    FUZZ_CHECK(proxy.port != 0 && strpbrk(proxy.host, " /@[]\r\n") == NULL);
    FUZZ_CHECK(strlen(proxy.user) <= PROXY_USER_MAX && strpbrk(proxy.user, "@\r\n") == NULL);
}

static void moment(const char *text)
{
    char written[WHEN_TEXT_SIZE];
    uint64_t seconds = 0, again = 0;
    if (when_parse(text, &seconds) != ERR_OK)
        return;
    FUZZ_CHECK(seconds <= WHEN_END);
    when_text(seconds, written);
    FUZZ_CHECK(when_parse(written, &again) == ERR_OK && again == seconds);
}

static void cleaned(const char *text)
{
    char small[16];
    AUTO(free_drop) char *copy = clean_copy(text);
    if (copy == NULL)
        return;
    FUZZ_CHECK(clean_is(copy) && utf8_is(span_of(copy, strlen(copy))));
    FUZZ_CHECK(clean_is(text) == (strcmp(text, copy) == 0));
    FUZZ_CHECK(clean_put(small, sizeof(small), text) == (strcmp(small, text) == 0));
    FUZZ_CHECK(clean_is(small) && strlen(small) < sizeof(small));
}

void fuzz_one(struct span input)
{
    AUTO(free_drop) char *text = strndup((const char *)input.ptr, input.len);
    if (text == NULL)
        return;
    url(text);
    proxied(text);
    moment(text);
    cleaned(text);
    if (name_is_good(text))
        FUZZ_CHECK(clean_is(text) && strlen(text) <= NAME_LENGTH_MAX &&
                   strstr(text, "..") == NULL);
    if (name_is_organization(text))
        FUZZ_CHECK(clean_is(text) && strlen(text) <= NAME_ORGANIZATION_MAX);
}

static void seed(fuzz_put *put, void *context, const char *name, const char *text)
{
    put(context, name, span_of(text, strlen(text)));
}

void fuzz_seeds(fuzz_put *put, void *context)
{
    seed(put, context, "url", "wss://oem.example:4433");
    seed(put, context, "url-address", "wss://[2001:db8::1]:4433");
    seed(put, context, "proxy", "http://ann:p%3Ass@[2001:db8::1]:3128/");
    seed(put, context, "proxy-not-for", "example, 10.0.0.0/8 [2001:db8::1],fd00::/8");
    seed(put, context, "day", "2026-11-22");
    seed(put, context, "minute", "2026-11-22T14:05Z");
    seed(put, context, "second", "2026-11-22T14:05:30+05:30");
    seed(put, context, "name", "po-4711.line-1");
    seed(put, context, "controls", "a\x1b[2J\xe2\x80\xae b\xc2\x85");
    seed(put, context, "not-utf8", "\xc0\x80\xed\xa0\x80\xff");
}

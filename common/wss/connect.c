/* SPDX-License-Identifier: MIT */
/*
 * connect: a client's attempt to connect: to each address of the server's name, or of its
 * proxy's, in turn, until one answers or refuses for good (close_reason.h). Behind a proxy the
 * server's name is the proxy's to resolve. wss_connect() runs on the program's thread,
 * the rest on the I/O thread. An attempt must be reported once, whichever callback
 * libwebsockets uses for it.
 */
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "common/wss/conn.h"

/* For a TCP connection to an address that others follow; the last one has what libwebsockets
 * gives it (timeout_secs). */
enum { ADDRESS_S = 3 };

enum { REASON_MAX = 760, REFUSAL_MAX = TLS_WORDS_MAX + 80 };

static void addresses_drop(struct addrinfo **addresses)
{
    if (*addresses != NULL)
        freeaddrinfo(*addresses);
    *addresses = NULL;
}

static bool proxied(const struct wss *wss)
{
    return wss->config.proxy.port != 0;
}

/* Resolved here, because that may take long. */
enum err wss_connect(struct wss *wss)
{
    const char *name = proxied(wss) ? wss->config.proxy.host : wss->config.address;
    struct addrinfo *found = NULL;
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    int problem = getaddrinfo(name, NULL, &hints, &found);
    if (problem != 0)
        return fail_quiet(ERR_UNAVAILABLE, "%s%s: %s", proxied(wss) ? "the proxy " : "", name,
                          gai_strerror(problem));
    struct addrinfo *unused = atomic_exchange(&wss->resolved, found);
    addresses_drop(&unused);
    ev_async_send(wss->loop, &wss->wake);
    return ERR_OK;
}

static const char *distrust(const struct wss *wss, long verdict, char *words, size_t size)
{
    if (wss->distrust[0] != '\0') /* it is a matter of a clock */
        snprintf(words, size, "%s", wss->distrust);
    else
        snprintf(words, size, "the server's certificate: %s",
                 X509_verify_cert_error_string(verdict));
    return words;
}

static const char *http_refusal(unsigned status, char *words, size_t size)
{
    snprintf(words, size, "the server answers HTTP %u: no Hallmark server, or a proxy", status);
    return words;
}

/* libwebsockets tells neither the status of a proxy's answer nor more than these words. */
static const char *proxy_words(const char *words)
{
    return words == NULL || strstr(words, "proxy") == NULL
               ? words
               : "it opens no connection to there: it may not allow that address or port, "
                 "cannot reach it, or wants another user and password";
}

static void report(struct wss *wss, const char *words)
{
    char reason[REASON_MAX], over[320] = "";
    const struct proxy *proxy = &wss->config.proxy;
    if (proxied(wss)) {
        snprintf(over, sizeof(over), " over the proxy http://%s:%u", proxy->host, proxy->port);
        words = proxy_words(words);
    }
    snprintf(reason, sizeof(reason), "cannot connect to wss://%s:%u%s: %s", wss->config.address,
             wss->config.port, over, words == NULL ? "no reason given" : words);
    if (wss->config.handler.closed != NULL)
        wss->config.handler.closed(wss->config.handler.context, NULL, reason);
}

void connect_failed(struct wss *wss, struct lws *wsi, const char *words)
{
    char refusal[REFUSAL_MAX];
    if (wsi != NULL && wss->attempt != NULL && wsi != wss->attempt)
        return; /* of an address that was given up */
    SSL *ssl = wsi == NULL ? NULL : lws_get_ssl(wsi);
    unsigned http = wsi == NULL ? 0 : lws_http_client_http_response(wsi);
    long verdict = ssl == NULL ? X509_V_OK : SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK) /* says more than lws's own text */
        words = distrust(wss, verdict, refusal, sizeof(refusal));
    else if (wss->ending.alert != 0)
        words = tls_refusal(wss, refusal, sizeof(refusal));
    else if (http >= 200)
        words = http_refusal(http, refusal, sizeof(refusal));
    wss->attempt = NULL;
    if (wss->refused)
        return;
    wss->refused = true;
    wss->ending.verify = verdict;
    wss->ending.http = http;
    wss->address = wss->address == NULL ? NULL : wss->address->ai_next;
    if (wss->address == NULL || ending_err(&wss->ending) != ERR_UNAVAILABLE)
        report(wss, words);
    else
        ev_async_send(wss->loop, &wss->wake); /* not from within lws: see connect_go_on() */
}

/* Where to: the server's address; or its name, over the proxy at that address. */
static bool aim(struct wss *wss, const struct addrinfo *to, char address[static NI_MAXHOST])
{
    char numeric[NI_MAXHOST], place[sizeof(struct proxy) + NI_MAXHOST];
    const struct proxy *proxy = &wss->config.proxy;
    bool brackets = proxied(wss) && strchr(wss->config.address, ':') != NULL;
    if (getnameinfo(to->ai_addr, to->ai_addrlen, numeric, sizeof(numeric), NULL, 0,
                    NI_NUMERICHOST) != 0)
        return false;
    snprintf(address, NI_MAXHOST, brackets ? "[%s]" : "%s",
             proxied(wss) ? wss->config.address : numeric);
    if (!proxied(wss))
        return true;
    brackets = to->ai_family == AF_INET6;
    snprintf(place, sizeof(place), "%s%s%s%s%s:%u", proxy->user,
             *proxy->user == '\0' ? "" : "@", brackets ? "[" : "", numeric, brackets ? "]" : "",
             proxy->port);
    bool set = lws_set_proxy(wss->vhost, place) == 0;
    OPENSSL_cleanse(place, sizeof(place));
    return set;
}

static void connect_to(struct wss *wss, const struct addrinfo *to)
{
    char address[NI_MAXHOST] = "";
    struct lws_client_connect_info info = {
        .context = wss->lws,
        .vhost = wss->vhost,
        .address = address,
        .port = wss->config.port,
        .path = "/",
        .host = wss->config.address,
        .origin = NULL,
        .protocol = RPC_SUBPROTOCOL,
        .local_protocol_name = RPC_SUBPROTOCOL,
        .ssl_connection = LCCSCF_USE_SSL,
        .alpn = "http/1.1",
        .retry_and_idle_policy = &wss->keepalive,
        .pwsi = &wss->attempt,
    };
    wss->refused = false;
    wss->ending = (struct wss_ending){ 0 };
    wss->distrust[0] = '\0';
    if (!aim(wss, to, address) || lws_client_connect_via_info(&info) == NULL)
        connect_failed(wss, NULL, "not reachable");
    else if (wss->attempt != NULL && to->ai_next != NULL)
        lws_set_timeout(wss->attempt, PENDING_TIMEOUT_AWAITING_CONNECT_RESPONSE, ADDRESS_S);
}

void connect_go_on(struct wss *wss)
{
    struct addrinfo *resolved = atomic_exchange(&wss->resolved, NULL);
    if (wss->address == NULL && resolved != NULL) {
        addresses_drop(&wss->addresses);
        wss->addresses = wss->address = TAKE(resolved);
    }
    addresses_drop(&resolved); /* an attempt is under way, with its own time-outs */
    if (wss->address != NULL && wss->attempt == NULL)
        connect_to(wss, wss->address);
}

void connect_made(struct wss *wss)
{
    wss->attempt = NULL;
    wss->address = NULL;
}

void connect_forget(struct wss *wss)
{
    struct addrinfo *resolved = atomic_exchange(&wss->resolved, NULL);
    addresses_drop(&resolved);
    addresses_drop(&wss->addresses);
}

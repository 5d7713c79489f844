/* SPDX-License-Identifier: MIT */
/*
 * tls: settings and callbacks of OpenSSL for both sides. Called by wss.c for each context, and
 * by OpenSSL on the I/O thread. It must not accept a peer that OpenSSL did not verify, whatever
 * libwebsockets' own callback says (tests/e2e/refusals/tls).
 */
#include "common/wss/conn.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <string.h>

#include "common/host/log.h"

static int wss_index = -1;  /* of an SSL_CTX's struct wss */
static int done_index = -1; /* of an SSL: its handshake is over */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_index(void)
{
    wss_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    done_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    trust_init();
}

static void peer_address(const SSL *ssl, char address[static 64])
{
    struct sockaddr_storage from;
    socklen_t len = sizeof(from);
    address[0] = '\0';
    if (getpeername(SSL_get_fd(ssl), (struct sockaddr *)&from, &len) == 0 &&
        getnameinfo((struct sockaddr *)&from, len, address, 64, NULL, 0, NI_NUMERICHOST) != 0)
        address[0] = '\0';
    address_unmap(address);
}

static const char *alert_words(int value)
{
    return (value & 0xff) == TLS13_AD_CERTIFICATE_REQUIRED ? "certificate required"
                                                           : SSL_alert_desc_string_long(value);
}

/* OpenSSL's alerts for a certificate that has expired, and for one that is not valid yet. The
 * server's clock is not known here. */
static bool alert_is_of_a_clock(int alert)
{
    return alert == SSL3_AD_CERTIFICATE_EXPIRED || alert == SSL3_AD_BAD_CERTIFICATE;
}

const char *tls_refusal(const struct wss *wss, char *words, size_t size)
{
    char times[TLS_WORDS_MAX] = "";
    if (alert_is_of_a_clock(wss->ending.alert))
        trust_own(wss, times);
    snprintf(words, size, "the server refuses the handshake: %s%s",
             alert_words(wss->ending.alert), times);
    return words;
}

/* A server that refuses our certificate says so when our side of the handshake is over. */
static void on_client_info(const SSL *ssl, int where, int value)
{
    struct wss *wss = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), wss_index);
    if (wss != NULL && (where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT &&
        value >> 8 == SSL3_AL_FATAL)
        wss->ending.alert = value & 0xff;
}

/* OpenSSL calls before it moves on from a state: after the certificate comes the signature of
 * CertificateVerify, after that Finished. */
static void on_state(const SSL *ssl, struct wss *wss)
{
    if (SSL_get_state(ssl) == TLS_ST_SW_CERT)
        admission_signing(&wss->admission);
    else if (SSL_get_state(ssl) == TLS_ST_SW_CERT_VRFY)
        admission_signed(&wss->admission);
}

/* A fatal alert that we write in the handshake is our refusal of a peer, whatever its cause.
 * Later alerts are caused by lost connections (OpenSSL 3 calls a missing close_notify a decode
 * error). */
static void on_info(const SSL *ssl, int where, int value)
{
    struct wss *wss = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), wss_index);
    if (wss != NULL && (where & SSL_CB_LOOP) != 0)
        on_state(ssl, wss);
    if ((where & SSL_CB_HANDSHAKE_DONE) != 0)
        SSL_set_ex_data((SSL *)(uintptr_t)ssl, done_index, &done_index);
    if ((where & SSL_CB_WRITE_ALERT) != SSL_CB_WRITE_ALERT || value >> 8 != SSL3_AL_FATAL ||
        SSL_get_ex_data(ssl, done_index) != NULL)
        return;
    char address[64], words[TLS_WORDS_MAX + 64];
    const char *why = trust_client_words(ssl);
    peer_address(ssl, address);
    snprintf(words, sizeof(words), "%s%s%s", alert_words(value), why == NULL ? "" : ": ",
             why == NULL ? "" : why);
    if (wss != NULL)
        admission_signed(&wss->admission); /* a failed one has taken time as well */
    if (wss != NULL && wss->config.handler.tls_refused != NULL)
        wss->config.handler.tls_refused(wss->config.handler.context, address, words);
}

/* The name, or address, that the server's certificate must carry. */
static enum err expect_server(const char *host, SSL_CTX *tls)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 ||
        X509_VERIFY_PARAM_set1_host(param, host, 0) == 1)
        return ERR_OK;
    return fail(ERR_TLS, "wss: %s: not a name to check a certificate for", host);
}

/* libwebsockets installs a verify callback that forgets OpenSSL's verdict; setting the mode
 * again with a callback that changes no verdict puts it right. It runs after lws's own. */
enum err tls_prepare(struct wss *wss, SSL_CTX *tls)
{
    pthread_once(&once, make_index);
    SSL_CTX_set_ex_data(tls, wss_index, wss);
    if (SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1)
        return fail(ERR_TLS, "wss: TLS 1.3 is not available");
    SSL_CTX_set_options(tls, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    if (wss->config.server) {
        SSL_CTX_set_num_tickets(tls, 0);
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                           trust_client);
        SSL_CTX_set_purpose(tls, X509_PURPOSE_SSL_CLIENT);
        SSL_CTX_set_info_callback(tls, on_info);
    } else {
        SSL_CTX_set_info_callback(tls, on_client_info);
        TRY(expect_server(wss->config.address, tls));
    }
    wss->tls = tls;
    return wss->config.tls_setup(wss->config.tls_context, tls);
}

bool tls_peer_ok(SSL *ssl, X509 **certificate_out)
{
    *certificate_out = ssl == NULL ? NULL : SSL_get1_peer_certificate(ssl);
    return *certificate_out != NULL && SSL_get_verify_result(ssl) == X509_V_OK &&
           SSL_version(ssl) == TLS1_3_VERSION;
}

/* SPDX-License-Identifier: MIT */
/*
 * trust: words for a certificate that is not accepted. Called by OpenSSL in the handshake, on
 * the I/O thread, and by connect.c after it. It must not change a verdict: it only keeps what a
 * verdict was about.
 */
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/host/validity.h"
#include "common/wss/conn.h"

enum { NAME_MAX_BYTES = 40 };

static int words_index = -1; /* of an SSL: a string that it owns */

static void words_free(void *parent, void *words, CRYPTO_EX_DATA *data, int index, long argl,
                       void *argp)
{
    (void)parent, (void)data, (void)index, (void)argl, (void)argp;
    free(words);
}

void trust_init(void)
{
    words_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, words_free);
}

/* Its times, and the clock that says that they are wrong. A verdict of another kind depends on
 * no clock, and OpenSSL's own text is enough: "". OpenSSL looks at the times after it has
 * verified the signature, so the name is one that the CA has given. */
static void clock_words(const X509_STORE_CTX *context, const char *whose, const char *clock,
                        char out[static TLS_WORDS_MAX])
{
    char name[NAME_MAX_BYTES] = "?", times[VALIDITY_WORDS_MAX];
    struct validity validity;
    int verdict = X509_STORE_CTX_get_error(context);
    X509 *certificate = X509_STORE_CTX_get_current_cert(context);
    out[0] = '\0';
    if (!validity_is_cause(verdict) || certificate == NULL ||
        validity_of(certificate, &validity) != ERR_OK)
        return;
    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                    sizeof(name));
    snprintf(out, TLS_WORDS_MAX, "%s certificate%s (%s): %s: %s", whose,
             X509_STORE_CTX_get_error_depth(context) == 0 ? "" : "'s issuer", name,
             X509_verify_cert_error_string(verdict),
             validity_words(&validity, clock, clock_real_s(), times));
}

int trust_client(int ok, X509_STORE_CTX *context)
{
    char words[TLS_WORDS_MAX];
    SSL *ssl = X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx());
    if (ok == 1 || ssl == NULL || SSL_get_ex_data(ssl, words_index) != NULL)
        return ok;
    clock_words(context, "the client's", "the server's clock", words);
    char *kept = words[0] == '\0' ? NULL : strdup(words);
    if (kept != NULL && SSL_set_ex_data(ssl, words_index, kept) != 1)
        free(kept);
    return ok;
}

const char *trust_client_words(const SSL *ssl)
{
    return SSL_get_ex_data(ssl, words_index);
}

void trust_server(struct wss *wss, bool ok, const X509_STORE_CTX *context)
{
    if (!ok && wss->distrust[0] == '\0')
        clock_words(context, "the server's", "this computer's clock", wss->distrust);
}

void trust_own(const struct wss *wss, char out[static TLS_WORDS_MAX])
{
    char times[VALIDITY_WORDS_MAX];
    struct validity validity;
    const X509 *own = wss->tls == NULL ? NULL : SSL_CTX_get0_certificate(wss->tls);
    int64_t now_s = clock_real_s();
    out[0] = '\0';
    if (own == NULL || validity_of(own, &validity) != ERR_OK)
        return;
    snprintf(out, TLS_WORDS_MAX, ": our certificate is %s%s",
             validity_words(&validity, "this computer's clock", now_s, times),
             validity_covers(&validity, now_s) ? "; what does the server's clock say?" : "");
}

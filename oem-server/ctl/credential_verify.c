/* SPDX-License-Identifier: MIT */
/*
 * Verifies a certificate against a root and issuers in files. Called by unit show. It must not
 * use the system's trust store.
 */
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/host/validity.h"
#include "oem-server/ctl/credential.h"

static void store_drop(X509_STORE **store)
{
    X509_STORE_free(*store);
}

static void chain_drop(STACK_OF(X509) * *chain)
{
    sk_X509_pop_free(*chain, X509_free);
}

static void context_drop(X509_STORE_CTX **context)
{
    X509_STORE_CTX_free(*context);
}

/* All certificates of a PEM file. */
static enum err load_chain(const char *path, STACK_OF(X509) * chain)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fail_quiet(ERR_NOT_FOUND, "%s: cannot be read", path);
    X509 *certificate;
    bool kept = true;
    while (kept && (certificate = PEM_read_X509(file, NULL, NULL, NULL)) != NULL) {
        kept = sk_X509_push(chain, certificate) > 0;
        if (!kept)
            X509_free(certificate);
    }
    fclose(file);
    return kept ? ERR_OK : fail_quiet(ERR_MEMORY, "%s: no memory", path);
}

/* What depends on a clock is said with that clock. */
static enum err refuse(const X509_STORE_CTX *context)
{
    int verdict = X509_STORE_CTX_get_error(context);
    const X509 *certificate = X509_STORE_CTX_get_current_cert(context);
    const char *text = X509_verify_cert_error_string(verdict);
    struct validity validity;
    char words[VALIDITY_WORDS_MAX];
    if (!validity_is_cause(verdict) || certificate == NULL ||
        validity_of(certificate, &validity) != ERR_OK)
        return fail_quiet(ERR_SIG, "%s", text);
    return fail_quiet(
        ERR_SIG, "%s: %s", text,
        validity_words(&validity, "this computer's clock", clock_real_s(), words));
}

enum err credential_verify(X509 *certificate, const char *root_path, const char *issuers_path)
{
    AUTO(store_drop) X509_STORE *roots = X509_STORE_new();
    AUTO(chain_drop) STACK_OF(X509) *issuers = sk_X509_new_null();
    AUTO(context_drop) X509_STORE_CTX *context = X509_STORE_CTX_new();
    if (roots == NULL || issuers == NULL || context == NULL)
        return fail_quiet(ERR_MEMORY, "no memory to verify a certificate");
    if (X509_STORE_load_file(roots, root_path) != 1)
        return fail_quiet(ERR_NOT_FOUND, "%s: no certificate of a root", root_path);
    TRY(load_chain(issuers_path, issuers));
    if (X509_STORE_CTX_init(context, roots, certificate, issuers) != 1)
        return fail_quiet(ERR_MEMORY, "no memory to verify a certificate");
    return X509_verify_cert(context) == 1 ? ERR_OK : refuse(context);
}

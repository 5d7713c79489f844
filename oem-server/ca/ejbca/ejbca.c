/* SPDX-License-Identifier: MIT */
/*
 * ejbca: opens the configuration's files and makes the backend of them. Called at the server's
 * start and by oemctl ca check. It must not connect to anything.
 */
#include "oem-server/ca/ejbca/ejbca.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "oem-server/ca/ejbca/ask.h"
#include "oem-server/ca/ejbca/inside.h"
#include "oem-server/ca/ejbca/issue.h"
#include "oem-server/ca/ssl.h"

enum { CHAIN_MAX = 8 };

/* The others are the HSM's. */
static bool use_of(enum ca_profile profile, enum ejbca_use *use_out)
{
    static const struct {
        enum ca_profile profile;
        enum ejbca_use use;
    } rows[] = {
        { CA_STATION, EJBCA_STATION }, { CA_OPERATOR, EJBCA_PEOPLE },
        { CA_AUDITOR, EJBCA_PEOPLE },  { CA_DEVICE, EJBCA_DEVICE },
        { CA_BOOT, EJBCA_BOOT },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].profile != profile)
            continue;
        *use_out = rows[i].use;
        return true;
    }
    return false;
}

/* --- Files. --- */

static enum err check_file(const char *key, const char *path, bool secret)
{
    struct stat st;
    if (access(path, R_OK) != 0 || stat(path, &st) != 0)
        return fail(ERR_CONFIG, "[ejbca] %s: %s: %s", key, path, strerror(errno));
    if (secret && (st.st_mode & S_IRWXO) != 0)
        return fail(ERR_CONFIG, "[ejbca] %s: %s: others may read it: chmod o= it", key, path);
    return ERR_OK;
}

static enum err read_chain(const char *path, STACK_OF(X509) * chain)
{
    FILE *file = fopen(path, "re");
    X509 *certificate;
    bool kept = file != NULL;
    while (kept && sk_X509_num(chain) < CHAIN_MAX &&
           (certificate = PEM_read_X509(file, NULL, NULL, NULL)) != NULL) {
        kept = sk_X509_push(chain, certificate) > 0;
        if (!kept)
            X509_free(certificate);
    }
    if (file != NULL)
        fclose(file);
    return kept && sk_X509_num(chain) > 0
               ? ERR_OK
               : ssl_fail(ERR_CONFIG, "[ejbca] issuer: no certificate in PEM");
}

static void bio_drop(BIO **bio)
{
    BIO_free(*bio);
}

/* RFC 2253, as EJBCA writes a DN, escaped for a path. */
static enum err issuer_path(struct ejbca *e)
{
    AUTO(bio_drop) BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (bio == NULL || X509_NAME_print_ex(bio, X509_get_subject_name(e->issuer), 0,
                                          XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0)
        return ssl_fail(ERR_MEMORY, "EJBCA's DN");
    long len = BIO_get_mem_data(bio, &text);
    AUTO(free_drop) char *dn = strndup(text, (size_t)len);
    e->issuer_path = dn == NULL ? NULL : http_escape(dn);
    return e->issuer_path == NULL ? fail(ERR_MEMORY, "ca: EJBCA") : ERR_OK;
}

/* A board keeps the issuer's certificate beside its own. */
static enum err check_issuer(const struct ejbca *e)
{
    AUTO(buf_free) struct buf der = { 0 };
    TRY(ssl_certificate_der(e->issuer, &der));
    if (X509_check_ca(e->issuer) == 0)
        return fail(ERR_CONFIG, "[ejbca] issuer: the first certificate is no CA's");
    if (e->config->profiles[EJBCA_DEVICE].certificate_profile != NULL &&
        der.len > CERTIFICATE_MAX)
        return fail(
            ERR_CONFIG,
            "[ejbca] issuer: its certificate has %zu bytes, and a board keeps %d of it: "
            "use a CA with a P-256 key and fewer extensions",
            der.len, CERTIFICATE_MAX);
    return ERR_OK;
}

static void ejbca_drop(struct ejbca **e)
{
    ejbca_close(*e);
}

enum err ejbca_open(const struct ejbca_config *config, struct ejbca **ejbca_out)
{
    AUTO(ejbca_drop) struct ejbca *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return fail(ERR_MEMORY, "ca: EJBCA");
    e->config = config;
    breaker_init(&e->issuing);
    breaker_init(&e->asking);
    doubts_init(&e->doubts);
    turns_init(&e->turns);
    e->chain = sk_X509_new_null();
    if (e->chain == NULL)
        return fail(ERR_MEMORY, "ca: EJBCA");
    TRY(check_file("certificate", config->certificate, false));
    TRY(check_file("key", config->key, true));
    TRY(check_file("trust", config->trust, false));
    TRY(check_file("issuer", config->issuer, false));
    TRY(read_chain(config->issuer, e->chain));
    e->issuer = sk_X509_value(e->chain, 0);
    TRY(check_issuer(e));
    TRY(issuer_path(e));
    *ejbca_out = TAKE(e);
    return ERR_OK;
}

void ejbca_close(struct ejbca *ejbca)
{
    if (ejbca == NULL)
        return;
    breaker_fini(&ejbca->issuing);
    breaker_fini(&ejbca->asking);
    doubts_fini(&ejbca->doubts);
    turns_fini(&ejbca->turns);
    sk_X509_pop_free(ejbca->chain, X509_free);
    free(ejbca->issuer_path);
    free(ejbca);
}

STACK_OF(X509) * ejbca_chain(const struct ejbca *ejbca)
{
    return ejbca->chain;
}

/* --- The backend. --- */

static bool takes(const void *state, enum ca_profile profile)
{
    const struct ejbca *e = state;
    enum ejbca_use use;
    return use_of(profile, &use) && e->config->profiles[use].certificate_profile != NULL;
}

static enum err issue(void *state, const struct backend_request *request,
                      X509 **certificate_out)
{
    enum ejbca_use use;
    return use_of(request->kind, &use)
               ? issue_once(state, use, request, certificate_out)
               : fail(ERR_INTERNAL, "ca: EJBCA: no profile %u", (unsigned)request->kind);
}

static enum err unused(void *state, X509 *certificate, X509 *stands)
{
    return issue_unused(state, certificate, stands);
}

enum err ejbca_serve(struct ejbca *ejbca, struct ca *ca)
{
    const struct ca_backend backend = { .state = ejbca,
                                        .issue = issue,
                                        .issuer = ejbca->issuer,
                                        .takes = takes,
                                        .unused = unused };
    return ca_use_outside(ca, &backend);
}

bool ejbca_has_doubts(struct ejbca *ejbca)
{
    return doubts_any(&ejbca->doubts, clock_ms());
}

void ejbca_tidy(struct ejbca *ejbca)
{
    while (issue_tidy(ejbca))
        ;
}

enum err ejbca_revoke(struct ejbca *ejbca, struct span certificate)
{
    AUTO(ssl_certificate_drop) X509 *parsed = NULL;
    TRY(ssl_certificate_open("revoked", certificate, &parsed));
    return X509_verify(parsed, X509_get0_pubkey(ejbca->issuer)) == 1
               ? ask_revoke(ejbca, parsed, "CESSATION_OF_OPERATION")
               : ERR_OK;
}

enum err ejbca_generate_key(struct ejbca *ejbca, const char *alias)
{
    struct ask_result result = { 0 };
    if (ejbca->config->crypto_token == NULL)
        return fail(ERR_CONFIG,
                    "[ejbca] crypto_token is missing: [boot] keys = ejbca needs it");
    TRY(ask_edition(ejbca));
    if (atomic_load(&ejbca->edition) == EDITION_COMMUNITY)
        return fault_fail(FAULT_ENTERPRISE, 0, "EJBCA Community");
    enum err failed = ask_generate(ejbca, alias, &result);
    bool told = result.fault == FAULT_ENTERPRISE || result.fault == FAULT_FORBIDDEN ||
                result.fault == FAULT_NO_CERTIFICATE || result.fault == FAULT_DISABLED;
    return failed == ERR_OK || (fault_is_doubtful(result.fault) && !told) ? ERR_OK : failed;
}

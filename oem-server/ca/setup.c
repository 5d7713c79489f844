/* SPDX-License-Identifier: MIT */
/*
 * setup: arrows 1 and 2: the OEM's keys, and the certificates of the root, the issuing CA and
 * the web server. Called by oemctl init, and by the server to renew the web server's
 * certificate. It must not replace a key that exists (test_ca_setup).
 */
#include "common/host/log.h"
#include "oem-server/ca/ca.h"
#include "oem-server/ca/cert.h"
#include "oem-server/ca/names.h"
#include "oem-server/ca/ssl.h"

static const struct {
    enum hsm_token token;
    enum hsm_kind kind;
    const char *name;
} keys[] = {
    { HSM_ROOT, HSM_P256, CA_KEY_ROOT },        { HSM_ISSUING, HSM_P256, CA_KEY_ISSUING },
    { HSM_TLS, HSM_P256, CA_KEY_WEB_SERVER },   { HSM_LOG, HSM_ED25519, CA_KEY_LOG },
    { HSM_BOOT, HSM_AES256_KEK, HSM_UNIT_KEK },
};

void ca_keys_expect(struct hsm *hsm)
{
    for (size_t i = 0; i < COUNT(keys); i++)
        hsm_key_expect(hsm, keys[i].token, keys[i].name);
}

enum err ca_keys_try(struct hsm *hsm)
{
    enum err first = ERR_OK;
    for (size_t i = 0; i < COUNT(keys); i++) {
        enum err e = keys[i].token == HSM_ROOT
                         ? ERR_OK
                         : hsm_key_try(hsm, keys[i].token, keys[i].kind, keys[i].name);
        first = first == ERR_OK ? e : first;
    }
    return first;
}

enum err ca_keys_make(struct hsm *hsm)
{
    for (size_t i = 0; i < COUNT(keys); i++) {
        bool created = false;
        TRY(hsm_key_make(hsm, keys[i].token, keys[i].kind, keys[i].name, &created));
        log_line(LOG_LEVEL_INFO, "ca: key %s: %s", keys[i].name,
                 created ? "made" : "was there");
    }
    return ERR_OK;
}

/* Keys and certificates while they are made; all owned. */
struct setup {
    EVP_PKEY *root_key, *issuing_key, *web_server_key;
    X509 *root, *issuing, *web_server;
};

static void setup_drop(struct setup *s)
{
    EVP_PKEY_free(s->root_key);
    EVP_PKEY_free(s->issuing_key);
    EVP_PKEY_free(s->web_server_key);
    X509_free(s->root);
    X509_free(s->issuing);
    X509_free(s->web_server);
}

static enum err issue_authority(const struct profile *profile,
                                const struct names_subject *parts, EVP_PKEY *key, X509 *issuer,
                                EVP_PKEY *signer, X509 **certificate_out)
{
    AUTO(ssl_name_drop) X509_NAME *subject = NULL;
    TRY(names_subject_make(parts, &subject));
    const struct cert_request r = { profile, subject, key, NULL, issuer, signer, NULL };
    return cert_make(&r, certificate_out);
}

static enum err issue_web_server(struct setup *s, const char *organization,
                                 const char *const server_names[])
{
    AUTO(ssl_name_drop) X509_NAME *subject = NULL;
    AUTO(ssl_general_names_drop) GENERAL_NAMES *names = NULL;
    TRY(names_server(server_names, &names));
    const struct names_subject parts = { .organization = organization,
                                         .common_name = server_names[0] };
    TRY(names_subject_make(&parts, &subject));
    const struct cert_request r = {
        &profile_web_server, subject, s->web_server_key, names, s->issuing, s->issuing_key, NULL
    };
    return cert_make(&r, &s->web_server);
}

static enum err issue_all(struct setup *s, struct hsm *hsm, const char *organization,
                          const char *const server_names[])
{
    TRY(hsm_key_evp(hsm, HSM_ROOT, CA_KEY_ROOT, &s->root_key));
    TRY(hsm_key_evp(hsm, HSM_ISSUING, CA_KEY_ISSUING, &s->issuing_key));
    TRY(hsm_key_evp(hsm, HSM_TLS, CA_KEY_WEB_SERVER, &s->web_server_key));
    const struct names_subject root = { .organization = organization,
                                        .common_name = "Root CA" };
    TRY(issue_authority(&profile_root, &root, s->root_key, NULL, s->root_key, &s->root));
    const struct names_subject issuing = { .organization = organization,
                                           .common_name = "Issuing CA" };
    TRY(issue_authority(&profile_issuing, &issuing, s->issuing_key, s->root, s->root_key,
                        &s->issuing));
    return issue_web_server(s, organization, server_names);
}

/* The board stores the WebServer certificate and its issuer's. */
static enum err check_size(const char *what, const struct buf *der)
{
    if (der->len > CERTIFICATE_MAX)
        return fail(ERR_LIMIT,
                    "ca: %s certificate: %zu bytes, a board keeps %d: shorten the names", what,
                    der->len, CERTIFICATE_MAX);
    return ERR_OK;
}

enum err ca_certificates_issue(struct hsm *hsm, const char *organization,
                               const char *const server_names[],
                               struct ca_certificates *certificates_out)
{
    TRY(names_organization_check(organization));
    AUTO(setup_drop) struct setup s = { 0 };
    TRY(issue_all(&s, hsm, organization, server_names));
    AUTO(ca_certificates_free) struct ca_certificates der = { 0 };
    TRY(ssl_certificate_der(s.root, &der.root));
    TRY(ssl_certificate_der(s.issuing, &der.issuing));
    TRY(ssl_certificate_der(s.web_server, &der.web_server));
    TRY(check_size("issuing", &der.issuing));
    TRY(check_size("web server", &der.web_server));
    *certificates_out = der;
    der = (struct ca_certificates){ 0 };
    return ERR_OK;
}

enum err ca_web_server_issue(struct hsm *hsm, const char *organization,
                             const char *const server_names[], struct span issuing,
                             struct buf *certificate_out)
{
    AUTO(setup_drop) struct setup s = { 0 };
    AUTO(buf_free) struct buf der = { 0 };
    TRY(ssl_certificate_open("issuing", issuing, &s.issuing));
    TRY(hsm_key_evp(hsm, HSM_ISSUING, CA_KEY_ISSUING, &s.issuing_key));
    TRY(hsm_key_evp(hsm, HSM_TLS, CA_KEY_WEB_SERVER, &s.web_server_key));
    TRY(issue_web_server(&s, organization, server_names));
    TRY(ssl_certificate_der(s.web_server, &der));
    TRY(check_size("web server", &der));
    *certificate_out = buf_take(&der);
    return ERR_OK;
}

void ca_certificates_free(struct ca_certificates *certificates)
{
    buf_free(&certificates->root);
    buf_free(&certificates->issuing);
    buf_free(&certificates->web_server);
}

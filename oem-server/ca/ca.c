/* SPDX-License-Identifier: MIT */
/*
 * ca: issues certificates by profile through a backend. Called by the services of the diagram
 * and of operators, on workers. It must not give out a certificate that does not match the
 * request or is not signed by the issuing CA.
 */
#include "oem-server/ca/ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/ca/backend.h"
#include "oem-server/ca/cert.h"
#include "oem-server/ca/names.h"
#include "oem-server/ca/ssl.h"

struct ca {
    struct ca_backend backend;
    struct ca_certificates der;
    X509 *issuing;
    char *organization;
    char *trust_domain;
};

static enum err copy_certificates(struct ca *ca, const struct ca_certificates *from)
{
    TRY(buf_copy(&ca->der.root, buf_span(&from->root)));
    TRY(buf_copy(&ca->der.issuing, buf_span(&from->issuing)));
    return buf_copy(&ca->der.web_server, buf_span(&from->web_server));
}

static enum err check_issued_by(X509 *certificate, X509 *issuer, const char *what)
{
    if (X509_check_issued(issuer, certificate) != X509_V_OK ||
        X509_verify(certificate, X509_get0_pubkey(issuer)) != 1)
        return ssl_fail(ERR_SIG, what);
    return ERR_OK;
}

/* The stored certificates must belong together before anything is issued from them. */
static enum err open_certificates(struct ca *ca)
{
    AUTO(ssl_certificate_drop) X509 *root = NULL, *web_server = NULL;
    TRY(ssl_certificate_open("root", ca_root(ca), &root));
    TRY(ssl_certificate_open("issuing", ca_issuing(ca), &ca->issuing));
    TRY(ssl_certificate_open("web server", ca_web_server(ca), &web_server));
    TRY(check_issued_by(root, root, "root certificate is not self-signed"));
    TRY(check_issued_by(ca->issuing, root, "issuing certificate is not the root's"));
    return check_issued_by(web_server, ca->issuing,
                           "web server certificate is not the issuing CA's");
}

static void ca_drop(struct ca **ca)
{
    ca_free(*ca);
}

/* All but its backend. */
static enum err ca_make(const struct ca_certificates *certificates, const char *organization,
                        const char *trust_domain, struct ca **ca_out)
{
    TRY(names_organization_check(organization));
    TRY(ca_name_check("trust domain", trust_domain));
    AUTO(ca_drop) struct ca *ca = calloc(1, sizeof(*ca));
    if (ca == NULL)
        return fail(ERR_MEMORY, "ca");
    ca->organization = strdup(organization);
    ca->trust_domain = strdup(trust_domain);
    if (ca->organization == NULL || ca->trust_domain == NULL)
        return fail(ERR_MEMORY, "ca");
    TRY(copy_certificates(ca, certificates));
    TRY(open_certificates(ca));
    *ca_out = TAKE(ca);
    return ERR_OK;
}

enum err ca_new(struct hsm *hsm, const struct ca_certificates *certificates,
                const char *organization, const char *trust_domain, struct ca **ca_out)
{
    AUTO(ca_drop) struct ca *ca = NULL;
    TRY(ca_make(certificates, organization, trust_domain, &ca));
    TRY(backend_hsm(hsm, ca->issuing, &ca->backend));
    *ca_out = TAKE(ca);
    return ERR_OK;
}

enum err ca_new_with(const struct ca_backend *backend,
                     const struct ca_certificates *certificates, const char *organization,
                     const char *trust_domain, struct ca **ca_out)
{
    struct ca *ca = NULL;
    TRY(ca_make(certificates, organization, trust_domain, &ca));
    ca->backend = *backend;
    *ca_out = ca;
    return ERR_OK;
}

void ca_free(struct ca *ca)
{
    if (ca == NULL)
        return;
    if (ca->backend.free != NULL)
        ca->backend.free(ca->backend.state);
    X509_free(ca->issuing);
    ca_certificates_free(&ca->der);
    free(ca->organization);
    free(ca->trust_domain);
    free(ca);
}

struct span ca_root(const struct ca *ca)
{
    return buf_span(&ca->der.root);
}

struct span ca_issuing(const struct ca *ca)
{
    return buf_span(&ca->der.issuing);
}

struct span ca_web_server(const struct ca *ca)
{
    return buf_span(&ca->der.web_server);
}

enum err ca_device_subject(const struct ca *ca, const char *order,
                           const uint8_t uid[static UID_SIZE], struct buf *name_out)
{
    TRY(ca_name_check("order", order));
    char serial_number[2 * UID_SIZE + 1];
    hex_of(span_of(uid, UID_SIZE), serial_number);
    const struct names_subject parts = { ca->organization, order, CA_DEVICE_MODEL,
                                         serial_number };
    AUTO(ssl_name_drop) X509_NAME *name = NULL;
    TRY(names_subject_make(&parts, &name));
    return ssl_name_der(name, name_out);
}

char *ca_spiffe(const struct ca *ca, enum ca_profile profile, const char *name)
{
    const struct profile *p = profile_of(profile);
    char *uri = NULL;
    if (p == NULL || !p->is_principal || ca_name_check(p->name, name) != ERR_OK ||
        asprintf(&uri, "spiffe://%s/%s/%s", ca->trust_domain, p->name, name) < 0)
        return NULL;
    return uri;
}

/* Whatever the backend: the certificate must have the requested key, subject and terms and the
 * profile's extensions, and be signed by the issuing CA. */
static enum err check_answer(const struct ca *ca, const struct backend_request *request,
                             X509 *certificate)
{
    AUTO(ssl_general_names_drop) GENERAL_NAMES *names = NULL;
    if (request->uri != NULL)
        TRY(names_uri(request->uri, &names));
    const struct cert_request want = {
        .profile = request->profile,
        .subject = request->subject,
        .subject_key = X509_REQ_get0_pubkey(request->csr),
        .alternative_names = names,
        .issuer = ca->issuing,
        .terms = request->terms,
    };
    TRY(cert_check(certificate, &want));
    return check_issued_by(certificate, ca->issuing,
                           "issued certificate: not the issuing CA's");
}

static enum err issue_checked(struct ca *ca, const struct backend_request *request,
                              struct buf *certificate_out)
{
    AUTO(ssl_certificate_drop) X509 *certificate = NULL;
    TRY(cert_terms_check(ca->issuing, request->terms));
    TRY(ca->backend.issue(ca->backend.state, request, &certificate));
    TRY(check_answer(ca, request, certificate));
    AUTO(buf_free) struct buf der = { 0 };
    TRY(ssl_certificate_der(certificate, &der));
    if (!request->profile->is_principal && der.len > CERTIFICATE_MAX)
        return fail(ERR_LIMIT, "ca: device certificate: %zu bytes, a board keeps %d", der.len,
                    CERTIFICATE_MAX);
    *certificate_out = buf_take(&der);
    return ERR_OK;
}

static enum err issue_principal(struct ca *ca, enum ca_profile profile, const char *name,
                                X509_REQ *csr, const struct ca_terms *terms,
                                struct buf *certificate_out)
{
    AUTO(free_drop) char *uri = ca_spiffe(ca, profile, name);
    if (uri == NULL)
        return fail(ERR_INVALID, "ca: %s: no SPIFFE URI from this name",
                    profile_of(profile)->name);
    AUTO(ssl_name_drop) X509_NAME *subject = NULL;
    const struct names_subject parts = { .organization = ca->organization,
                                         .unit = profile_of(profile)->name,
                                         .common_name = name };
    TRY(names_subject_make(&parts, &subject));
    const struct backend_request request = { profile_of(profile), subject, uri, csr, terms };
    return issue_checked(ca, &request, certificate_out);
}

enum err ca_terms_make(const struct ca *ca, enum ca_profile profile, struct ca_terms *terms_out)
{
    const struct profile *p = profile_of(profile);
    return p == NULL ? fail(ERR_INTERNAL, "ca: no profile %u", (unsigned)profile)
                     : cert_terms_make(p, ca->issuing, terms_out);
}

enum err ca_issue(struct ca *ca, enum ca_profile profile, const char *name, X509_REQ *csr,
                  const struct ca_terms *terms, struct buf *certificate_out)
{
    const struct profile *p = profile_of(profile);
    struct ca_terms fresh = { 0 };
    if (p == NULL || (name != NULL) != p->is_principal)
        return fail(ERR_INTERNAL, "ca: profile %u and name do not go together",
                    (unsigned)profile);
    if (terms == NULL) {
        TRY(cert_terms_make(p, ca->issuing, &fresh));
        terms = &fresh;
    }
    if (p->is_principal) {
        TRY(ca_name_check(p->name, name));
        return issue_principal(ca, profile, name, csr, terms, certificate_out);
    }
    const struct backend_request request = { p, X509_REQ_get_subject_name(csr), NULL, csr,
                                             terms };
    return issue_checked(ca, &request, certificate_out);
}

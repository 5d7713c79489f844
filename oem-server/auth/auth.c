/* SPDX-License-Identifier: MIT */
/*
 * auth: makes a principal of a verified certificate. Called by net on the I/O thread: it must
 * not wait. It must not accept anything but exactly one SPIFFE URI of the trust domain, with a
 * known role (test_auth).
 */
#include "oem-server/auth/auth.h"

#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"

static const struct {
    enum auth_role role;
    uint32_t number;
    const char *name;
} roles[] = {
    { AUTH_STATION, 1, "station" }, { AUTH_OPERATOR, 2, "operator" },
    { AUTH_AUDITOR, 3, "auditor" }, { AUTH_SERVER, 0, "server" },
    { AUTH_SERVICE, 4, "service" },
};

uint32_t auth_role_number(enum auth_role role)
{
    for (size_t i = 0; i < COUNT(roles); i++)
        if (roles[i].role == role)
            return roles[i].number;
    return 0;
}

const char *auth_role_name(enum auth_role role)
{
    for (size_t i = 0; i < COUNT(roles); i++)
        if (roles[i].role == role)
            return roles[i].name;
    return "nobody";
}

static void names_drop(GENERAL_NAMES **names)
{
    GENERAL_NAMES_free(*names);
}

/* The one URI of the SAN, NUL-terminated into uri; ERR_UNAUTHENTICATED if there is none or more
 * than one. */
static enum err find_uri(X509 *certificate, char *uri, size_t max)
{
    AUTO(names_drop)
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int found = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI)
            continue;
        const ASN1_IA5STRING *text = name->d.uniformResourceIdentifier;
        size_t len = (size_t)ASN1_STRING_length(text);
        const uint8_t *bytes = ASN1_STRING_get0_data(text);
        if (len >= max || memchr(bytes, 0, len) != NULL)
            return fail_quiet(ERR_UNAUTHENTICATED, "auth: the certificate's URI is malformed");
        memcpy(uri, bytes, len);
        uri[len] = '\0';
        found++;
    }
    return found == 1 ? ERR_OK
                      : fail_quiet(ERR_UNAUTHENTICATED,
                                   "auth: the certificate names no SPIFFE URI: it is not a "
                                   "station's, operator's, auditor's or service's");
}

static enum err parse_uri(struct auth_principal *p, const char *trust_domain)
{
    for (size_t i = 0; i < COUNT(roles); i++) {
        char prefix[160];
        int len =
            snprintf(prefix, sizeof(prefix), "spiffe://%s/%s/", trust_domain, roles[i].name);
        if (roles[i].number == 0 || len >= (int)sizeof(prefix) ||
            strncmp(p->uri, prefix, (size_t)len) != 0)
            continue;
        const char *name = p->uri + len;
        if (name[0] == '\0' || strlen(name) >= sizeof(p->name) || strchr(name, '/') != NULL)
            break;
        p->role = roles[i].role;
        snprintf(p->name, sizeof(p->name), "%s", name);
        return ERR_OK;
    }
    return fail_quiet(ERR_UNAUTHENTICATED, "auth: %s is no role of trust domain %s", p->uri,
                      trust_domain);
}

enum err auth_principal_of(X509 *certificate, const char *trust_domain,
                           struct auth_principal *principal_out)
{
    struct auth_principal p = { 0 };
    unsigned len = sizeof(p.certificate_sha256);
    if (X509_digest(certificate, EVP_sha256(), p.certificate_sha256, &len) != 1)
        return fail(ERR_INTERNAL, "auth: certificate cannot be hashed");
    TRY(find_uri(certificate, p.uri, sizeof(p.uri)));
    TRY(parse_uri(&p, trust_domain));
    *principal_out = p;
    return ERR_OK;
}

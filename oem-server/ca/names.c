/* SPDX-License-Identifier: MIT */
/*
 * names: makes X.509 names and subject alternative names. Called by ca.c and setup.c. A part
 * that breaks its rule must not get into a certificate (test_ca).
 */
#include "oem-server/ca/names.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/name.h"
#include "common/host/own.h"
#include "oem-server/ca/ca.h"
#include "oem-server/ca/ssl.h"

enum err ca_name_check(const char *what, const char *name)
{
    return name_is_good(name) ? ERR_OK : fail(ERR_INVALID, "ca: %s: want " NAME_RULE, what);
}

enum err names_organization_check(const char *organization)
{
    return name_is_organization(organization)
               ? ERR_OK
               : fail(ERR_INVALID, "ca: organization: want " NAME_ORGANIZATION_RULE);
}

static enum err add_part(X509_NAME *name, int nid, const char *text)
{
    if (text == NULL)
        return ERR_OK;
    const unsigned char *bytes = (const unsigned char *)text;
    if (X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, bytes, -1, -1, 0) != 1)
        return ssl_fail(ERR_INVALID, OBJ_nid2ln(nid));
    return ERR_OK;
}

enum err names_subject_make(const struct names_subject *parts, X509_NAME **name_out)
{
    AUTO(ssl_name_drop) X509_NAME *name = X509_NAME_new();
    if (name == NULL)
        return ssl_fail(ERR_MEMORY, "subject");
    TRY(add_part(name, NID_organizationName, parts->organization));
    TRY(add_part(name, NID_organizationalUnitName, parts->unit));
    TRY(add_part(name, NID_commonName, parts->common_name));
    TRY(add_part(name, NID_serialNumber, parts->serial_number));
    *name_out = TAKE(name);
    return ERR_OK;
}

static enum err add_general(GENERAL_NAMES *san, int type, const void *bytes, size_t len)
{
    bool is_address = type == GEN_IPADD;
    GENERAL_NAME *general = GENERAL_NAME_new();
    ASN1_STRING *value =
        ASN1_STRING_type_new(is_address ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    if (general == NULL || value == NULL || ASN1_STRING_set(value, bytes, (int)len) != 1) {
        GENERAL_NAME_free(general);
        ASN1_STRING_free(value);
        return ssl_fail(ERR_MEMORY, "alternative name");
    }
    GENERAL_NAME_set0_value(general, type, value);
    if (sk_GENERAL_NAME_push(san, general) == 0) {
        GENERAL_NAME_free(general);
        return ssl_fail(ERR_MEMORY, "alternative name");
    }
    return ERR_OK;
}

enum err names_uri(const char *uri, GENERAL_NAMES **san_out)
{
    AUTO(ssl_general_names_drop) GENERAL_NAMES *san = GENERAL_NAMES_new();
    if (san == NULL)
        return ssl_fail(ERR_MEMORY, "alternative name");
    TRY(add_general(san, GEN_URI, uri, strlen(uri)));
    *san_out = TAKE(san);
    return ERR_OK;
}

/* "10.1.2.999" is no address, and a resolver would not take it for a name either. */
static bool last_label_is_number(const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *label = dot == NULL ? name : dot + 1;
    return strspn(label, "0123456789") == strlen(label);
}

static enum err add_server(GENERAL_NAMES *san, const char *name)
{
    uint8_t address[16];
    if (inet_pton(AF_INET, name, address) == 1)
        return add_general(san, GEN_IPADD, address, 4);
    if (inet_pton(AF_INET6, name, address) == 1)
        return add_general(san, GEN_IPADD, address, 16);
    TRY(ca_name_check("server name", name));
    if (last_label_is_number(name))
        return fail(ERR_INVALID, "ca: server name %s: neither a DNS name nor an IP address",
                    name);
    return add_general(san, GEN_DNS, name, strlen(name));
}

enum err names_server(const char *const names[], GENERAL_NAMES **san_out)
{
    AUTO(ssl_general_names_drop) GENERAL_NAMES *san = GENERAL_NAMES_new();
    if (san == NULL)
        return ssl_fail(ERR_MEMORY, "alternative name");
    if (names[0] == NULL)
        return fail(ERR_INVALID, "ca: server names: none given");
    for (size_t i = 0; names[i] != NULL; i++) {
        if (i == NAMES_SERVER_MAX)
            return fail(ERR_LIMIT, "ca: server names: more than %d", NAMES_SERVER_MAX);
        TRY(add_server(san, names[i]));
    }
    *san_out = TAKE(san);
    return ERR_OK;
}

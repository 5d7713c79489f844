/* SPDX-License-Identifier: MIT */
/*
 * boot_key: see boot_key.h. The stored key is the claim: the CA is asked for its certificate
 * after it is durable, so a certificate is never made for a key that could be lost
 * (tests/interop/ejbca/board).
 */
#include "oem-server/api/boot_key.h"

#include <stdio.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/unit/certificate.h"

enum { ALIAS_SIZE = 65 };

void boot_key_drop(struct boot_key *key)
{
    buf_free(&key->wrapped);
    buf_free(&key->issued);
    buf_free(&key->certificate);
}

/* Replaces the run's key. */
static void use_key(struct run *run, struct hsm_unit_key *key,
                    const uint8_t rotpk[static ROTPK_SIZE], bool fresh)
{
    hsm_unit_key_free(run->boot_key);
    run->boot_key = key;
    run->boot_key_fresh = fresh;
    memcpy(run->rotpk, rotpk, ROTPK_SIZE);
}

enum err boot_key_open(struct boot_key *key)
{
    struct hsm_unit_key *opened = NULL;
    TRY(hsm_unit_key_open(key->run->server->hsm, buf_span(&key->wrapped), &opened));
    use_key(key->run, opened, key->rotpk, false);
    return ERR_OK;
}

/* "boot-unit-UID"; of a scope that is too long for a key's name, its digest. */
static void alias_of(const char *scope, char alias[static ALIAS_SIZE])
{
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    sha256_of(span_of(scope, strlen(scope)), digest);
    hex_of(SPAN(digest), hex);
    if (strlen(scope) + strlen("boot-") < ALIAS_SIZE)
        snprintf(alias, ALIAS_SIZE, "boot-%.59s", scope);
    else
        snprintf(alias, ALIAS_SIZE, "boot-%.40s", hex);
    for (char *at = alias; *at != '\0'; at++)
        if (*at == '/')
            *at = '-';
}

/* The alias follows from the scope: after an answer that was lost the key is found, not made
 * again. */
static enum err make_by_ejbca(struct boot_key *key, struct hsm_unit_key **made,
                              uint8_t point[static P256_POINT_SIZE])
{
    struct server *server = key->run->server;
    char alias[ALIAS_SIZE];
    alias_of(key->scope, alias);
    enum err found = hsm_unit_key_find(server->hsm, alias, made, point);
    if (found != ERR_NOT_FOUND)
        return found;
    TRY(ejbca_generate_key(server->ejbca, alias));
    found = hsm_unit_key_find(server->hsm, alias, made, point);
    return found != ERR_NOT_FOUND
               ? found
               : fail(
                     ERR_UNAVAILABLE,
                     "ca: EJBCA: the HSM has no key with ID %s after it was asked to make one; "
                     "next: see that [ejbca] crypto_token is the token [hsm] boot, then repeat "
                     "the run",
                     alias);
}

enum err boot_key_make(struct boot_key *key)
{
    struct server *server = key->run->server;
    struct hsm_unit_key *made = NULL;
    uint8_t point[P256_POINT_SIZE];
    TRY(server->config->boot_keys == CONFIG_BOOT_EJBCA
            ? make_by_ejbca(key, &made, point)
            : hsm_unit_key_make(server->hsm, &made, point));
    use_key(key->run, made, point + 1, true);
    return ERR_OK;
}

enum err boot_key_keep(struct store_tx *tx, struct boot_key *key)
{
    const struct run *run = key->run;
    buf_free(&key->wrapped);
    memcpy(key->rotpk, run->rotpk, ROTPK_SIZE);
    if (!run->boot_key_fresh)
        return ERR_OK;
    enum err e = unit_boot_key_put(tx, key->scope, hsm_unit_key_kek(run->boot_key),
                                   hsm_unit_key_wrapped(run->boot_key), run->rotpk);
    return e == ERR_EXISTS ? unit_boot_key_get(tx, key->scope, &key->wrapped, key->rotpk) : e;
}

static enum err claim(struct store_tx *tx, void *context)
{
    struct boot_key *key = context;
    buf_free(&key->certificate);
    TRY(boot_key_keep(tx, key));
    enum err found = unit_boot_certificate(tx, key->scope, &key->certificate);
    return found == ERR_NOT_FOUND ? ERR_OK : found;
}

static void csr_drop(X509_REQ **csr)
{
    X509_REQ_free(*csr);
}

/* The key is the scope's for good, so any certificate that the CA has made for it since 1970 is
 * the one. */
static enum err issue(struct boot_key *key)
{
    struct ca *ca = key->run->server->ca;
    AUTO(csr_drop) X509_REQ *csr = NULL;
    uint8_t point[P256_POINT_SIZE] = { 4 };
    struct ca_terms terms;
    memcpy(point + 1, key->run->rotpk, ROTPK_SIZE);
    TRY(ca_boot_csr(ca, key->scope, key->run->boot_key, point, &csr));
    TRY(ca_terms_make(ca, CA_BOOT, &terms));
    terms.not_before = 0;
    const struct ca_before before = { .asked = true };
    return ca_issue(ca, CA_BOOT, NULL, csr, &terms, &before, &key->issued);
}

enum err boot_key_certify(struct boot_key *key)
{
    if (!ca_is_outside(key->run->server->ca, CA_BOOT))
        return ERR_OK;
    TRY(call_claim(key->call, claim, key));
    if (key->call->replayed)
        return ERR_OK;
    if (key->wrapped.len != 0)
        TRY(boot_key_open(key));
    key->run->boot_key_fresh = false; /* it is in the store */
    return key->certificate.len != 0 ? ERR_OK : issue(key);
}

void boot_key_settle(const struct boot_key *key)
{
    if (key->issued.len != 0 && !span_eq(buf_span(&key->issued), buf_span(&key->certificate)) &&
        ca_unused(key->run->server->ca, CA_BOOT, buf_span(&key->issued),
                  buf_span(&key->certificate)) != ERR_OK)
        log_line(LOG_LEVEL_ERROR, "ca: a second certificate is not revoked: %s", fail_words());
}

enum err boot_key_certified(struct store_tx *tx, struct boot_key *key)
{
    return key->issued.len == 0
               ? ERR_OK
               : unit_boot_certify(tx, key->scope, buf_span(&key->issued), &key->certificate);
}

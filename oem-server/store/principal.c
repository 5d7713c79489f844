/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/query.h"

enum err store_principal_add(struct store_tx *tx, const struct store_principal *principal)
{
    return query_insert(tx, STATEMENT_PRINCIPAL_ADD,
                        VALUES(value_number(principal->role), value_name(principal->name),
                               value_bytes(principal->certificate_sha256, SHA256_SIZE),
                               value_number(principal->revoked)));
}

enum err store_principal_get(struct store_tx *tx, uint32_t role, const char *name,
                             struct store_principal *principal_out)
{
    AUTO(query_close) struct query query = { 0 };
    struct store_principal principal = { .role = role };
    TRY(query_open(tx, STATEMENT_PRINCIPAL_GET, VALUES(value_number(role), value_text(name)),
                   &query));
    TRY(query_one(&query));
    query_bytes(&query, principal.certificate_sha256, SHA256_SIZE);
    principal.revoked = query_bool(&query);
    TRY(query_end(&query));
    strncpy(principal.name, name, sizeof(principal.name) - 1); /* as it was put: it fits */
    *principal_out = principal;
    return ERR_OK;
}

enum err store_principal_revoke(struct store_tx *tx, uint32_t role, const char *name)
{
    uint64_t changed = 0;
    TRY(query_write(tx, STATEMENT_PRINCIPAL_REVOKE,
                    VALUES(value_number(role), value_text(name)), &changed));
    return changed == 0 ? fail_quiet(ERR_NOT_FOUND, "store: principal not found") : ERR_OK;
}

enum err store_registration_put(struct store_tx *tx, const struct store_principal *principal,
                                const struct store_registration *registration)
{
    return query_insert(tx, STATEMENT_REGISTRATION_PUT,
                        VALUES(value_number(principal->role), value_name(principal->name),
                               value_bytes(registration->csr_sha256, SHA256_SIZE),
                               value_span(buf_span(&registration->certificate))));
}

enum err store_registration_get(struct store_tx *tx, uint32_t role, const char *name,
                                struct store_registration *registration_out)
{
    AUTO(query_close) struct query query = { 0 };
    AUTO(store_registration_free) struct store_registration found = { 0 };
    TRY(query_open(tx, STATEMENT_REGISTRATION_GET, VALUES(value_number(role), value_text(name)),
                   &query));
    TRY(query_one(&query));
    query_bytes(&query, found.csr_sha256, SHA256_SIZE);
    query_buf(&query, &found.certificate);
    TRY(query_end(&query));
    *registration_out = found;
    found = (struct store_registration){ 0 };
    return ERR_OK;
}

void store_registration_free(struct store_registration *registration)
{
    buf_free(&registration->certificate);
}

/* SPDX-License-Identifier: MIT */
/*
 * Principals: stations, operators and auditors, each with its two newest certificates. Called
 * inside changes and reads; store_principal_check() inside every change that a principal asked
 * for (test_call_race). A revoked principal must stay revoked (test_store).
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/row.h"

static enum err certificate_add(struct store_tx *tx, uint32_t role, const char *name, int64_t n,
                                const uint8_t sha256[static SHA256_SIZE])
{
    return row_add(tx, ROW_PRINCIPAL_CERTIFICATE,
                   VALUES(value_number(role), value_text(name), value_number(n),
                          value_bytes(sha256, SHA256_SIZE)));
}

enum err store_principal_add(struct store_tx *tx, const struct store_principal *principal)
{
    TRY(row_add(tx, ROW_PRINCIPAL,
                VALUES(value_number(principal->role), value_name(principal->name),
                       value_number(0), value_text(""), value_number(store_now_us(tx)))));
    return certificate_add(tx, principal->role, principal->name, 1,
                           principal->certificate_sha256);
}

static void principal_read(struct query *query, struct store_principal *principal, int64_t *n)
{
    principal->role = query_u32(query);
    query_name(query, principal->name);
    query_bytes(query, principal->certificate_sha256, SHA256_SIZE);
    principal->revoked = query_bool(query);
    query_chars(query, principal->revoked_reason, sizeof(principal->revoked_reason));
    principal->added_us = query_i64(query);
    *n = query_i64(query);
}

static enum err principal_get(struct store_tx *tx, uint32_t role, const char *name,
                              struct store_principal *principal_out, int64_t *n_out)
{
    AUTO(query_close) struct query query = { 0 };
    struct store_principal principal = { 0 };
    TRY(query_open(tx, STATEMENT_PRINCIPAL_GET, VALUES(value_number(role), value_text(name)),
                   &query));
    TRY(query_one(&query));
    principal_read(&query, &principal, n_out);
    TRY(query_end(&query));
    *principal_out = principal;
    return ERR_OK;
}

enum err store_principal_get(struct store_tx *tx, uint32_t role, const char *name,
                             struct store_principal *principal_out)
{
    int64_t n = 0;
    return principal_get(tx, role, name, principal_out, &n);
}

enum err store_principal_renew(struct store_tx *tx, uint32_t role, const char *name,
                               const uint8_t certificate_sha256[static SHA256_SIZE])
{
    struct store_principal principal;
    int64_t n = 0;
    TRY(principal_get(tx, role, name, &principal, &n));
    if (principal.revoked)
        return fail_quiet(ERR_REVOKED, "%s is revoked: %s", name, principal.revoked_reason);
    return certificate_add(tx, role, name, n + 1, certificate_sha256);
}

enum err store_principal_revoke(struct store_tx *tx, uint32_t role, const char *name,
                                const char *reason)
{
    struct store_principal principal;
    TRY(store_principal_get(tx, role, name, &principal));
    if (principal.revoked)
        return fail_quiet(ERR_REVOKED, "%s is revoked already: %s", name,
                          principal.revoked_reason);
    return row_write(tx, ROW_PRINCIPAL, VALUES_ONLY(value_number(role), value_text(name)),
                     STATEMENT_PRINCIPAL_REVOKE,
                     VALUES(value_number(role), value_text(name), value_text(reason)), NULL);
}

/* Of a key that has a name already. */
static enum err key_owner(struct store_tx *tx, const uint8_t key_sha256[static SHA256_SIZE],
                          uint32_t *role_out, char name_out[static 65])
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_PRINCIPAL_KEY_GET,
                   VALUES(value_bytes(key_sha256, SHA256_SIZE)), &query));
    TRY(query_one(&query));
    *role_out = query_u32(&query);
    query_name(&query, name_out);
    return query_end(&query);
}

enum err store_principal_key_check(struct store_tx *tx, uint32_t role, const char *name,
                                   const uint8_t key_sha256[static SHA256_SIZE])
{
    uint32_t has_role = 0;
    char has[65];
    enum err found = key_owner(tx, key_sha256, &has_role, has);
    if (found != ERR_OK)
        return found == ERR_NOT_FOUND ? ERR_OK : found;
    return has_role == role && strcmp(has, name) == 0
               ? ERR_OK
               : fail_quiet(ERR_PRECONDITION,
                            "the key of this request is %s's already: a key has one name", has);
}

enum err store_principal_key_put(struct store_tx *tx, uint32_t role, const char *name,
                                 const uint8_t key_sha256[static SHA256_SIZE])
{
    enum err added = row_add(
        tx, ROW_PRINCIPAL_KEY,
        VALUES(value_bytes(key_sha256, SHA256_SIZE), value_number(role), value_text(name)));
    return added == ERR_EXISTS ? store_principal_key_check(tx, role, name, key_sha256) : added;
}

static enum err certificate_valid(struct store_tx *tx, uint32_t role, const char *name,
                                  const uint8_t sha256[static SHA256_SIZE], bool *valid_out)
{
    AUTO(query_close) struct query query = { 0 };
    uint8_t one[SHA256_SIZE];
    bool row = false;
    *valid_out = false;
    TRY(query_open(tx, STATEMENT_PRINCIPAL_CERTIFICATES,
                   VALUES(value_number(role), value_text(name)), &query));
    TRY(query_next(&query, &row));
    while (row) {
        query_bytes(&query, one, sizeof(one));
        TRY(query_end(&query));
        *valid_out |= memcmp(one, sha256, SHA256_SIZE) == 0;
        TRY(query_next(&query, &row));
    }
    return ERR_OK;
}

enum err store_principal_check(struct store_tx *tx, uint32_t role, const char *name,
                               const uint8_t certificate_sha256[static SHA256_SIZE])
{
    struct store_principal principal;
    bool valid = false;
    enum err found = store_principal_get(tx, role, name, &principal);
    if (found == ERR_NOT_FOUND)
        return fail_quiet(ERR_UNAUTHENTICATED, "%s is not registered", name);
    TRY(found);
    if (principal.revoked)
        return fail_quiet(ERR_REVOKED, "%s is revoked: %s", name, principal.revoked_reason);
    TRY(certificate_valid(tx, role, name, certificate_sha256, &valid));
    return valid ? ERR_OK
                 : fail_quiet(ERR_UNAUTHENTICATED,
                              "%s is registered with another certificate than this one", name);
}

static enum err list_read(struct query *query, struct store_principal *list, size_t cap,
                          size_t *count_out)
{
    int64_t n = 0;
    bool row = false;
    TRY(query_next(query, &row));
    for (*count_out = 0; row && *count_out < cap; ++*count_out) {
        principal_read(query, &list[*count_out], &n);
        TRY(query_end(query));
        TRY(query_next(query, &row));
    }
    return ERR_OK;
}

enum err store_principal_list(struct store_tx *tx, const struct store_principal_filter *filter,
                              struct store_principal **principals_out, size_t *count_out,
                              bool *more_out)
{
    AUTO(query_close) struct query query = { 0 };
    uint32_t from = filter->role == 0 ? filter->after_role : filter->role;
    uint32_t to = filter->role == 0 ? UINT32_MAX : filter->role;
    size_t cap = (size_t)filter->limit + 1, count = 0;
    AUTO(free_drop) struct store_principal *list = calloc(cap, sizeof(*list));
    if (list == NULL)
        return fail(ERR_MEMORY, "store: out of memory");
    TRY(query_open(
        tx, STATEMENT_PRINCIPAL_PAGE,
        VALUES(value_number(from), value_text(filter->after), value_number(to), value_u64(cap)),
        &query));
    TRY(list_read(&query, list, cap, &count));
    *more_out = count > filter->limit;
    *count_out = *more_out ? filter->limit : count;
    *principals_out = TAKE(list);
    return ERR_OK;
}

enum err store_registration_put(struct store_tx *tx, const struct store_principal *principal,
                                const struct store_registration *registration)
{
    return row_write(tx, ROW_REGISTRATION,
                     VALUES_ONLY(value_number(principal->role), value_name(principal->name)),
                     STATEMENT_REGISTRATION_PUT,
                     VALUES(value_number(principal->role), value_name(principal->name),
                            value_bytes(registration->csr_sha256, SHA256_SIZE),
                            value_span(buf_span(&registration->certificate))),
                     NULL);
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

/* SPDX-License-Identifier: MIT */
#include "oem-server/store/query.h"

enum err store_boot_key_put(struct store_tx *tx, const char *scope_key,
                            const struct store_boot_key *key)
{
    return query_insert(tx, STATEMENT_BOOT_KEY_PUT,
                        VALUES(value_text(scope_key), value_span(buf_span(&key->wrapped)),
                               value_bytes(key->rotpk, ROTPK_SIZE)));
}

enum err store_boot_key_get(struct store_tx *tx, const char *scope_key,
                            struct store_boot_key *key_out)
{
    AUTO(query_close) struct query query = { 0 };
    AUTO(store_boot_key_free) struct store_boot_key key = { 0 };
    TRY(query_open(tx, STATEMENT_BOOT_KEY_GET, VALUES(value_text(scope_key)), &query));
    TRY(query_one(&query));
    query_buf(&query, &key.wrapped);
    query_bytes(&query, key.rotpk, ROTPK_SIZE);
    TRY(query_end(&query));
    *key_out = key;
    key = (struct store_boot_key){ 0 };
    return ERR_OK;
}

void store_boot_key_free(struct store_boot_key *key)
{
    buf_free(&key->wrapped);
    *key = (struct store_boot_key){ 0 };
}

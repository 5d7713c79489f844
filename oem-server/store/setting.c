/* SPDX-License-Identifier: MIT */
/*
 * Settings of this installation, such as its names and the certificates of arrow 2. Written by
 * oemctl init and read at the server's start. No entry of the log tells them.
 */
#include "oem-server/store/query.h"

enum err store_setting_put(struct store_tx *tx, const char *name, struct span value)
{
    return query_write(tx, STATEMENT_SETTING_PUT, VALUES(value_text(name), value_span(value)),
                       NULL);
}

enum err store_setting_get(struct store_tx *tx, const char *name, struct buf *value_out)
{
    AUTO(query_close) struct query query = { 0 };
    AUTO(buf_free) struct buf value = { 0 };
    TRY(query_open(tx, STATEMENT_SETTING_GET, VALUES(value_text(name)), &query));
    TRY(query_one(&query));
    query_buf(&query, &value);
    TRY(query_end(&query));
    buf_free(value_out);
    *value_out = buf_take(&value);
    return ERR_OK;
}

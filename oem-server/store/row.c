/* SPDX-License-Identifier: MIT */
/*
 * Writes a row together with its notes. Called by all functions that change what row_kinds.h
 * lists; a row of those tables must not be written anywhere else.
 */
#include "oem-server/store/row.h"

#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/row_image.h"

static bool field_same(const struct row_image *was, const struct row_image *is, unsigned field)
{
    return was->there && strcmp(was->values[field], is->values[field]) == 0;
}

static enum err note_difference(struct store_tx *tx, const struct row_image *was,
                                const struct row_image *is)
{
    char field[ROW_COLUMN_SIZE];
    if (!is->there)
        return was->there ? store_note(tx, was->name, "", NULL) : ERR_OK;
    for (unsigned i = 0; i < is->fields; i++)
        if (!field_same(was, is, i))
            TRY(store_note(tx, is->name, row_field(is->kind, i, field), is->values[i]));
    return ERR_OK;
}

enum err row_add(struct store_tx *tx, enum row_kind kind, const struct store_value *values,
                 size_t count)
{
    AUTO(row_image_free) struct row_image was = { 0 };
    AUTO(row_image_free) struct row_image is = { 0 };
    TRY(query_insert(tx, row_infos[kind].add, values, count));
    TRY(row_image_get(tx, kind, values, &is));
    return note_difference(tx, &was, &is);
}

enum err row_write(struct store_tx *tx, enum row_kind kind, const struct store_value *key,
                   enum statement statement, const struct store_value *values, size_t count,
                   uint64_t *changed_out)
{
    AUTO(row_image_free) struct row_image was = { 0 };
    AUTO(row_image_free) struct row_image is = { 0 };
    TRY(row_image_get(tx, kind, key, &was));
    TRY(query_write(tx, statement, values, count, changed_out));
    TRY(row_image_get(tx, kind, key, &is));
    return note_difference(tx, &was, &is);
}

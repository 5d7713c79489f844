/* SPDX-License-Identifier: MIT */
/* A row as text: its name from its key, its values from its columns. Called when a row is
 * written (row.c) and when the store is dumped (state.c), so both say the same. It never
 * writes. */
#include "oem-server/store/row_image.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"

enum { HEX_MAX = 65 }; /* longer bytes are recorded by their digest */

const struct row_info row_infos[ROW_KIND_COUNT] = {
#define X(kind, name, key, keys, columns, count, table, how)                                   \
    [ROW_##kind] = { name,                                                                     \
                     key ", " columns,                                                         \
                     keys,                                                                     \
                     count,                                                                    \
                     ROW_##how,                                                                \
                     STATEMENT_ADD_##kind,                                                     \
                     STATEMENT_FIRST_##kind,                                                   \
                     STATEMENT_PAGE_##kind },
    ROW_LIST(X)
#undef X
};

void row_image_free(struct row_image *image)
{
    free(image->name);
    for (unsigned i = 0; i < image->fields; i++)
        free(image->values[i]);
    *image = (struct row_image){ 0 };
}

const char *row_column(enum row_kind kind, unsigned column,
                       char name_out[static ROW_COLUMN_SIZE])
{
    const char *at = row_infos[kind].columns;
    for (unsigned i = 0; i < column; i++)
        at = strstr(at, ", ") + 2;
    const char *end = strstr(at, ", ");
    size_t len = end == NULL ? strlen(at) : (size_t)(end - at);
    snprintf(name_out, ROW_COLUMN_SIZE, "%.*s", (int)len, at);
    return name_out;
}

const char *row_field(enum row_kind kind, unsigned field, char name_out[static ROW_COLUMN_SIZE])
{
    if (row_infos[kind].how == ROW_FIELDS)
        return row_column(kind, row_infos[kind].keys + field, name_out);
    snprintf(name_out, ROW_COLUMN_SIZE, "sha256");
    return name_out;
}

static char *bytes_text(const char *before, struct span bytes)
{
    size_t at = strlen(before);
    char *text = malloc(at + 2 * bytes.len + 1);
    if (text == NULL)
        return NULL;
    memcpy(text, before, at);
    hex_of(bytes, text + at);
    return text;
}

static char *digest_text(const char *before, struct span bytes)
{
    uint8_t digest[SHA256_SIZE];
    SHA256(bytes.ptr, bytes.len, digest);
    return bytes_text(before, SPAN(digest));
}

static char *number_text(int64_t number)
{
    char *text = NULL;
    return asprintf(&text, "%" PRId64, number) < 0 ? NULL : text;
}

static char *value_said(const struct store_value *value)
{
    switch (value->type) {
    case STORE_NUMBER:
        return number_text(value->number);
    case STORE_TEXT:
        return strndup(value->bytes.len == 0 ? "" : (const char *)value->bytes.ptr,
                       value->bytes.len);
    case STORE_BYTES:
        return value->bytes.len <= HEX_MAX ? bytes_text("", value->bytes)
                                           : digest_text("sha256:", value->bytes);
    case STORE_NULL:
    case STORE_OTHER:
        break;
    }
    return strdup("");
}

/* Type, length and bytes of each: so no two rows give the same bytes. */
static enum err digest_add(struct buf *all, const struct store_value *value)
{
    uint64_t head[2] = { (uint64_t)value->type, value->type == STORE_NUMBER
                                                    ? (uint64_t)value->number
                                                    : value->bytes.len };
    for (unsigned i = 0; i < 16; i++) {
        uint8_t byte = (uint8_t)(head[i / 8] >> (56 - 8 * (i % 8)));
        TRY(buf_append(all, span_of(&byte, 1)));
    }
    return value->type == STORE_NUMBER ? ERR_OK : buf_append(all, value->bytes);
}

static enum err name_add(struct row_image *image, const struct store_value *value)
{
    AUTO(free_drop) char *part = value_said(value);
    char *name = NULL;
    if (part == NULL || asprintf(&name, "%s/%s", image->name, part) < 0)
        return fail(ERR_MEMORY, "store: out of memory");
    free(image->name);
    image->name = name;
    return ERR_OK;
}

static enum err field_add(struct row_image *image, char *value)
{
    if (value == NULL)
        return fail(ERR_MEMORY, "store: out of memory");
    image->values[image->fields++] = value;
    return ERR_OK;
}

static enum err columns_read(struct query *query, struct row_image *image, struct buf *all)
{
    const struct row_info *info = &row_infos[image->kind];
    for (unsigned i = 0; i < info->count; i++) {
        struct store_value value = query_value(query);
        TRY(query_end(query));
        if (i < info->keys)
            TRY(name_add(image, &value));
        if (info->how == ROW_DIGEST)
            TRY(digest_add(all, &value));
        else if (i >= info->keys)
            TRY(field_add(image, value_said(&value)));
    }
    return info->how == ROW_DIGEST ? field_add(image, digest_text("", buf_span(all))) : ERR_OK;
}

enum err row_image_read(struct query *query, enum row_kind kind, struct row_image *image_out)
{
    AUTO(row_image_free) struct row_image image = { .kind = kind, .there = true };
    AUTO(buf_free) struct buf all = { 0 };
    image.name = strdup(row_infos[kind].name);
    if (image.name == NULL)
        return fail(ERR_MEMORY, "store: out of memory");
    TRY(columns_read(query, &image, &all));
    row_image_free(image_out);
    *image_out = image;
    image = (struct row_image){ 0 };
    return ERR_OK;
}

static bool value_same(struct store_value a, const struct store_value *b)
{
    return a.type == b->type && a.number == b->number && span_eq(a.bytes, b->bytes);
}

enum err row_image_get(struct store_tx *tx, enum row_kind kind, const struct store_value *key,
                       struct row_image *image_out)
{
    const struct row_info *info = &row_infos[kind];
    struct store_value values[ROW_KEYS_MAX + 1];
    AUTO(query_close) struct query query = { 0 };
    bool row = false;
    memcpy(values, key, info->keys * sizeof(*key));
    values[info->keys] = value_number(1);
    row_image_free(image_out);
    image_out->kind = kind;
    TRY(query_open(tx, info->page, values, info->keys + 1, &query));
    TRY(query_next(&query, &row));
    for (unsigned i = 0; row && i < info->keys; i++)
        row = value_same(query_value(&query), &key[i]);
    query.column = 0;
    return row ? row_image_read(&query, kind, image_out) : query_end(&query);
}

/* SPDX-License-Identifier: MIT */
/*
 * row: writes rows of row_kinds.h and notes the fields that changed, so that each change of
 * them is noted (test_unit_state). The note is the row's content after the write, read as the
 * dump reads it.
 *
 * For the functions of store/ and unit/. Keys and values are in the order of row_kinds.h.
 */
#pragma once

#include "oem-server/store/query.h"

/* Inserts a row. ERR_EXISTS: there is one of that key; it is left as it is, and nothing is
 * noted. */
enum err row_add(struct store_tx *tx, enum row_kind kind, const struct store_value *values,
                 size_t count);
/* Runs a statement that changes or deletes the row of key. changed_out may be NULL. */
enum err row_write(struct store_tx *tx, enum row_kind kind, const struct store_value *key,
                   enum statement statement, const struct store_value *values, size_t count,
                   uint64_t *changed_out);

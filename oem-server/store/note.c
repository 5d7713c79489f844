/* SPDX-License-Identifier: MIT */
/*
 * The notes of a change: a list that grows while a function of store_do() runs, and that tlog
 * takes into the entry of the same function. Called by row.c and tlog on the writer's thread.
 * It must not outlive the function.
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/tx.h"

static enum err notes_grow(struct store_tx *tx)
{
    if (tx->note_count < tx->note_cap)
        return ERR_OK;
    size_t cap = tx->note_cap == 0 ? 16 : 2 * tx->note_cap;
    struct store_note *notes = reallocarray(tx->notes, cap, sizeof(*notes));
    if (notes == NULL)
        return fail(ERR_MEMORY, "store: out of memory");
    tx->notes = notes;
    tx->note_cap = cap;
    return ERR_OK;
}

/* One allocation: row, field and value, each with its NUL. */
enum err store_note(struct store_tx *tx, const char *row, const char *field, const char *value)
{
    const char *said = value == NULL ? "" : value;
    size_t row_size = strlen(row) + 1, field_size = strlen(field) + 1;
    size_t value_size = strlen(said) + 1;
    enum err grown = notes_grow(tx);
    char *text = grown == ERR_OK ? malloc(row_size + field_size + value_size) : NULL;
    if (text == NULL) {
        store_tx_doom(tx);
        return fail(ERR_MEMORY, "store: out of memory");
    }
    memcpy(text, row, row_size);
    memcpy(text + row_size, field, field_size);
    memcpy(text + row_size + field_size, said, value_size);
    tx->notes[tx->note_count++] =
        (struct store_note){ text, text + row_size,
                             value == NULL ? NULL : text + row_size + field_size };
    return ERR_OK;
}

const struct store_note *store_notes(struct store_tx *tx, size_t *count_out)
{
    *count_out = tx->note_count;
    return tx->notes;
}

void store_notes_clear(struct store_tx *tx)
{
    for (size_t i = 0; i < tx->note_count; i++)
        free((void *)(uintptr_t)tx->notes[i].row);
    tx->note_count = 0;
}

void notes_free(struct store_tx *tx)
{
    store_notes_clear(tx);
    free(tx->notes);
    tx->notes = NULL;
    tx->note_cap = 0;
}

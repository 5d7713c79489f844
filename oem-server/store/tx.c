/* SPDX-License-Identifier: MIT */
/* A transaction as those see it who run inside: its time, which is the database's, and its
 * doom. Called by all files that know a table; the writer and the readers make and end it. */
#include "oem-server/store/tx.h"

#include "oem-server/store/hooks.h"

enum err store_schema_check(struct store_tx *tx)
{
    return tx->store->backend->schema_check(tx->link);
}

int64_t store_now_us(struct store_tx *tx)
{
    if (tx->now_us == 0)
        tx->now_us = tx->store->backend->now_us(tx->link) +
                     (int64_t)atomic_load(&tx->store->clock_offset_us);
    return tx->now_us;
}

void store_clock_offset(struct store *store, int64_t offset_us)
{
    atomic_store(&store->clock_offset_us, offset_us);
}

void store_fail(struct store *store, bool fails)
{
    atomic_store(&store->fails, fails);
}

void store_tx_doom(struct store_tx *tx)
{
    tx->doomed = true;
}

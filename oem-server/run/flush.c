/* SPDX-License-Identifier: MIT */
/*
 * flush: the staged entries of a run become durable: with a change of its station's, or by
 * themselves. What runs inside a change here reads the run's memory while its strand waits.
 */
#include "oem-server/run/run.h"

enum err run_station_check(struct store_tx *tx, const struct run *run)
{
    return principal_check(tx, &run->station);
}

enum err run_write_staged(struct store_tx *tx, const struct run *run)
{
    TRY(unit_hold_on(tx, &run->server->limits, run->uid, run->id));
    return staged_write(&run->staged, run->server, run->station.uri, false, tx);
}

static enum err flush(struct store_tx *tx, void *context)
{
    const struct run *run = context;
    TRY(run_station_check(tx, run));
    return run_write_staged(tx, run);
}

enum err run_flush(struct run *run)
{
    run_own(run);
    if (run->staged.count == 0)
        return ERR_OK;
    TRY(server_do(run->server, flush, run, 0));
    staged_free(&run->staged);
    return ERR_OK;
}

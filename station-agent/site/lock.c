/* SPDX-License-Identifier: MIT */
/*
 * The lock, the last step: boot test, Closing.Lock, Runs.Locked, and then shut.c's reset
 * and proof. Called by closing.c at the end of a run, and by engine.c for a unit that the
 * server knows as committed. Between the first lock write and the answer to Runs.Locked nothing
 * here may reset the board: it would be shut at a level that is not known.
 */
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "hallmark/v1/closing.pb-c.h"
#include "station-agent/site/engine.h"

/* The board's state differs from the statement: a repeat of the arrows can repair that. An
 * error that is not listed was a failure of the connection, or of the chip. It may have found
 * it between two lock writes, too: what is written is not in force before a reset, so the
 * arrows still reach flash; they erase nothing that is as it should be, and none of them resets
 * the board. */
static bool is_mended_by_arrows(enum err e)
{
    static const enum err findings[] = { ERR_MISMATCH,     ERR_VERIFY,    ERR_SIG,
                                         ERR_INVALID,      ERR_NOT_FOUND, ERR_POINT,
                                         ERR_PRECONDITION, ERR_DATA_LOSS };
    for (size_t i = 0; i < COUNT(findings); i++)
        if (findings[i] == e)
            return true;
    return false;
}

/* Passed on as the server answered it. */
static enum err ask_lock(struct site *site, Hallmark__V1__LockResponse **out)
{
    Hallmark__V1__LockRequest in = HALLMARK__V1__LOCK_REQUEST__INIT;
    struct rpc_stub closing =
        rpc_stub_of(&hallmark__v1__closing__descriptor, closing_board, site);
    site_now(site, "Closing.Lock");
    site->lock_asked = true;
    in.statement = site->committed->statement;
    in.receipt = site->committed->receipt;
    in.rotpk = site->committed->rotpk;
    in.lock_tag = site->committed->lock_tag;
    return RPC_CALL(&closing, hallmark__v1__closing__lock, &in, out);
}

static enum err lock(struct site *site, Hallmark__V1__LockResponse **out)
{
    enum err e = ask_lock(site, out);
    site->repeat_due = site->shortened && is_mended_by_arrows(e);
    TRY(e);
    return (*out)->statement != NULL
               ? ERR_OK
               : fail_quiet(ERR_PROTO, "the board's answer holds no lock statement");
}

/* The server is lost for good: the board is complete, but its lock is not in force yet. */
static enum err report_locked(struct site *site, Hallmark__V1__LockStatement *statement)
{
    char words[FAIL_WORDS_MAX];
    Hallmark__V1__UnitLockedRequest in = HALLMARK__V1__UNIT_LOCKED_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__UnitLockedResponse *out = NULL;
    struct rpc_stub runs = rpc_stub_of(&hallmark__v1__runs__descriptor, site_to_server, site);
    site_now(site, "Runs.Locked");
    in.uid = (ProtobufCBinaryData){ UID_SIZE, site->unit.uid };
    in.statement = statement;
    in.booted = site->booted;
    enum err e = RPC_CALL(&runs, hallmark__v1__runs__locked, &in, &out);
    if (e == ERR_OK)
        return ERR_OK;
    site->advice = "keep the board powered and start again; once it has lost its power it is "
                   "shut, and only oemctl unit accept passes it";
    if (e != ERR_CLOSED || !site->interrupted)
        return e;
    site->interrupted = false;
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail_quiet(ERR_UNAVAILABLE,
                      "the lock is written, but the server does not know; the board was not "
                      "reset: %.250s",
                      words);
}

static enum err level_of(const Hallmark__V1__LockStatement *statement, enum chip_level *out)
{
    switch (statement->lock_level) {
    case HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV:
        *out = CHIP_LEVEL_DEV;
        return ERR_OK;
    case HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION:
        *out = CHIP_LEVEL_PRODUCTION;
        return ERR_OK;
    default:
        return fail_quiet(ERR_PROTO, "the board states lock level %d",
                          (int)statement->lock_level);
    }
}

static enum err until_locked(struct site *site, enum chip_level *level_out)
{
    AUTO(rpc_drop) Hallmark__V1__LockResponse *locked = NULL;
    if (site->committed->boot_test && !site->unit.lock_begun)
        TRY(boot_test(site));
    TRY(lock(site, &locked));
    TRY(level_of(locked->statement, level_out));
    return report_locked(site, locked->statement);
}

enum err lock_board(struct site *site)
{
    enum chip_level level = CHIP_LEVEL_ANY;
    TRY(site_tell_failure(site, until_locked(site, &level)));
    return shut_board(site, level);
}

enum err lock_committed(struct site *site)
{
    TRY(site_tell_failure(site, devauth_without_run(site)));
    return lock_board(site);
}

/* SPDX-License-Identifier: MIT */
/*
 * The reset that puts the locks in force, the proof that the debug port is shut, and its
 * report to the server. Called by lock.c after Runs.Locked, and by seal.c for a board that is
 * shut already. Nothing here may reset a board that is open and has lock writes the server does
 * not know of.
 */
#include <stdio.h>

#include "common/host/clean.h"
#include "common/host/log.h"
#include "station-agent/site/engine.h"

static Hallmark__V1__DebugPort port_of(enum chip_debug port)
{
    return port == CHIP_DEBUG_SHUT   ? HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT
           : port == CHIP_DEBUG_OPEN ? HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_OPEN
                                     : HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_NOT_KNOWN;
}

/* UNSPECIFIED: below each level, as a board is whose lock writes were interrupted. */
static Hallmark__V1__LockLevel level_of(enum chip_level level)
{
    return level == CHIP_LEVEL_DEV          ? HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV
           : level == CHIP_LEVEL_PRODUCTION ? HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION
                                            : HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_UNSPECIFIED;
}

static enum err report_port(struct site *site, const struct chip_debug_result *result)
{
    char said[CHIP_DETAIL_MAX + 40];
    Hallmark__V1__UnitSealedRequest in = HALLMARK__V1__UNIT_SEALED_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__UnitSealedResponse *out = NULL;
    struct rpc_stub runs = rpc_stub_of(&hallmark__v1__runs__descriptor, site_to_server, site);
    site_now(site, "Runs.Sealed");
    snprintf(said, sizeof(said), "%s%s",
             site->named_uid != NULL ? "uid named by the operator: " : "", result->detail);
    in.uid = (ProtobufCBinaryData){ UID_SIZE, site->unit.uid };
    in.debug_port = port_of(result->port);
    in.lock_level = level_of(result->level);
    in.detail = said;
    return RPC_CALL(&runs, hallmark__v1__runs__sealed, &in, &out);
}

/* The board is finished, even if this call fails: another run would find it shut. */
static enum err report_shut(struct site *site, const struct chip_debug_result *result)
{
    char words[FAIL_WORDS_MAX];
    enum err e = report_port(site, result);
    if (e == ERR_OK)
        server_used(site->server);
    if (e != ERR_CLOSED || !site->interrupted)
        return e;
    site->interrupted = false;
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail_quiet(ERR_UNAVAILABLE,
                      "the board is finished and locked, but the server does "
                      "not know that it is: %.250s",
                      words);
}

enum err shut_refuse(struct site *site, const struct chip_debug_result *result,
                     const char *what)
{
    char words[CHIP_DETAIL_MAX];
    const char *where = site->where;
    clean_put(words, sizeof(words), result->detail);
    if (report_port(site, result) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "site: the server was not told: %s", fail_words());
    site->where = where;
    site->interrupted = false;
    return result->port == CHIP_DEBUG_OPEN
               ? fail_quiet(ERR_OPEN, "the debug port is %s: %.300s", what, words)
               : fail_quiet(ERR_NOT_KNOWN,
                            "it is not known whether the debug port is shut: %.300s", words);
}

/* After a failed reset there is nothing to prove. */
static void reset_and_look(struct site *site, enum chip_level level,
                           struct chip_debug_result *out)
{
    *out = (struct chip_debug_result){ .port = CHIP_DEBUG_NOT_KNOWN };
    site_now(site, "reset by nRESET");
    site_point(site, "reset", "before");
    if (chip_reset(site->chip) != ERR_OK) {
        snprintf(out->detail, sizeof(out->detail), "no reset: %.300s", fail_words());
        return;
    }
    site_point(site, "reset", "inside");
    site_now(site, "proving that the debug port is shut");
    chip_debug_look(site->chip, level, out);
    site_point(site, "reset", "after");
}

enum err shut_board(struct site *site, enum chip_level level)
{
    struct chip_debug_result result;
    reset_and_look(site, level, &result);
    return result.port == CHIP_DEBUG_SHUT ? report_shut(site, &result)
                                          : shut_refuse(site, &result, "still open");
}

/* SPDX-License-Identifier: MIT */
/*
 * clock_check: compares the clock with what was made by it before. Called at the server's
 * start, and by oemctl init. Which of two times is wrong cannot be found out here, so both are
 * in the message, and an administrator decides.
 */
#include "oem-server/server/clock_check.h"

#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/host/validity.h"

enum { US_OF_SECOND = 1000000 };

struct clocks {
    int64_t now_us, last_us;
};

static enum err read_clocks(struct store_tx *tx, void *context)
{
    struct clocks *clocks = context;
    clocks->now_us = store_now_us(tx);
    enum err e = store_log_last_time(tx, &clocks->last_us);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err read_now(struct server *server, struct clocks *clocks_out)
{
    *clocks_out = (struct clocks){ 0 };
    return store_read(server->store, read_clocks, clocks_out, rpc_now_ms() + SERVER_CHANGE_MS);
}

enum err clock_check(struct server *server, bool accepted, const char *option)
{
    struct clocks clocks;
    char now[CLOCK_TEXT_SIZE], last[CLOCK_TEXT_SIZE], amount[CLOCK_TEXT_SIZE];
    TRY(read_now(server, &clocks));
    int64_t behind_us = clocks.last_us - clocks.now_us;
    if (behind_us <= TLOG_CLOCK_STEP_US)
        return ERR_OK;
    clock_text(clocks.now_us / US_OF_SECOND, now);
    clock_text(clocks.last_us / US_OF_SECOND, last);
    clock_amount(((uint64_t)behind_us + US_OF_SECOND / 2) / US_OF_SECOND, amount);
    if (!accepted)
        return fail(
            ERR_UNAVAILABLE,
            "server: the clock says %s, but the event log's last entry was made at %s, %s "
            "later: set the clock right (timedatectl); if it is right now and was ahead "
            "then, give %s, once",
            now, last, amount, option);
    log_line(LOG_LEVEL_WARN,
             "server: the clock says %s, %s before the event log's last entry: accepted by "
             "%s",
             now, amount, option);
    return ERR_OK;
}

enum err clock_check_web_server(struct server *server)
{
    struct clocks clocks;
    struct validity validity;
    char words[VALIDITY_WORDS_MAX];
    TRY(read_now(server, &clocks));
    int64_t now_s = clocks.now_us / US_OF_SECOND;
    TRY(validity_of_der(ca_web_server(server->ca), &validity));
    return validity_covers(&validity, now_s)
               ? ERR_OK
               : fail(ERR_PRECONDITION,
                      "server: the WebServer certificate is %s; if that clock is right, start "
                      "once "
                      "with --renew",
                      validity_words(&validity, "this computer's clock", now_s, words));
}

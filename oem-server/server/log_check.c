/* SPDX-License-Identifier: MIT */
/*
 * log_check: at the server's start, the newest entries of the log against the rows that they
 * name. server.c calls it before anything is served.
 */
#include "oem-server/server/log_check.h"

#include <stdio.h>

#include "common/host/log.h"

struct check {
    unsigned differences;
    char first[FAIL_WORDS_MAX]; /* message of the first one */
};

static void differs(void *context, const char *row, const char *field, const char *want,
                    const char *got)
{
    struct check *check = context;
    if (check->differences++ == 0)
        snprintf(check->first, sizeof(check->first),
                 "row %.120s, field %.40s: %.60s in the log, %.60s in the store", row, field,
                 want == NULL ? "nothing" : want, got == NULL ? "nothing" : got);
}

static enum err schema(struct store_tx *tx, void *context)
{
    (void)context;
    return store_schema_check(tx);
}

/* Rows come first: their message says more. */
enum err log_check_state(struct server *server)
{
    struct check check = { 0 };
    TRY(tlog_verify_state(server->log, TLOG_NEWEST, differs, &check));
    return check.differences == 0
               ? store_read(server->store, schema, NULL, rpc_now_ms() + SERVER_CHANGE_MS)
               : fail(ERR_DATA_LOSS,
                      "store: it is not what the event log says (%u differences): %s",
                      check.differences, check.first);
}

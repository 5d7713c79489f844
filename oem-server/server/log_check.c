/* SPDX-License-Identifier: MIT */
/*
 * log_check: at the server's start, the newest entries of the log against the rows that they
 * name, in one read transaction. server.c calls it before anything is served.
 */
#include "oem-server/server/log_check.h"

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/replay.h"
#include "oem-server/store/state.h"

enum { CHECK_MS = 60000 };

struct check {
    struct replay *replay;
    struct store_tx *tx;
    unsigned differences;
    char first[FAIL_WORDS_MAX]; /* message of the first one */
};

static void event_drop(Hallmark__V1__Event **event)
{
    hallmark__v1__event__free_unpacked(*event, NULL);
}

static enum err fold(void *context, uint64_t index, struct span entry)
{
    struct check *check = context;
    AUTO(event_drop)
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    if (event == NULL)
        return fail(ERR_DATA_LOSS, "store: entry %llu of the event log is damaged",
                    (unsigned long long)index);
    for (size_t i = 0; i < event->n_changes; i++)
        TRY(replay_fold(check->replay, event->changes[i]->row, event->changes[i]->field,
                        event->changes[i]->value));
    return ERR_OK;
}

static void differs(void *context, const char *row, const char *field, const char *want,
                    const char *got)
{
    struct check *check = context;
    if (check->differences++ == 0)
        snprintf(check->first, sizeof(check->first),
                 "row %.120s, field %.40s: %.60s in the log, %.60s in the store", row, field,
                 want == NULL ? "nothing" : want, got == NULL ? "nothing" : got);
}

static enum err compare(void *context, const char *row, const char *field, const char *value)
{
    struct check *check = context;
    replay_compare(check->replay, false, row, field, value, differs, check);
    return ERR_OK;
}

static enum err look_up(void *context, const char *row)
{
    struct check *check = context;
    return state_dump_row(check->tx, row, compare, check);
}

static enum err check_state(struct store_tx *tx, void *context)
{
    struct check *check = context;
    uint64_t size = 0;
    check->tx = tx;
    TRY(store_log_size(tx, &size));
    uint64_t start = size > STATE_ENTRIES ? size - STATE_ENTRIES : 0;
    TRY(store_log_read(tx, start, size - start, fold, check));
    TRY(replay_rows(check->replay, look_up, check));
    replay_missing(check->replay, differs, check);
    return ERR_OK;
}

enum err log_check_state(struct server *server)
{
    struct check check = { 0 };
    TRY(replay_new(&check.replay));
    enum err e = store_read(server->store, check_state, &check, rpc_now_ms() + CHECK_MS);
    replay_free(check.replay);
    TRY(e);
    return check.differences == 0
               ? ERR_OK
               : fail(ERR_DATA_LOSS,
                      "store: it is not what the event log says (%u differences): %s",
                      check.differences, check.first);
}

/* SPDX-License-Identifier: MIT */
/*
 * Compares the store with its log: folds the changes of the entries, and compares the store's
 * rows with the result. Called at the server's start over the newest entries, and for "log
 * verify --state". It reads by pages, each in a read transaction of its own, and folds what was
 * appended meanwhile first: so each page is compared with the log of the same instant. It never
 * writes.
 */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/state.h"
#include "oem-server/tlog/state.h"

enum { ENTRIES = 512, ROWS = 500 }; /* of one read transaction */

struct check {
    struct replay *replay;
    struct store_tx *tx;
    uint64_t next; /* the first entry that is not folded yet */
    bool whole;
    struct state_cursor cursor;
    bool more;
    struct buf doubtful; /* names of rows, each with its NUL */
    enum err unnoted;    /* ERR_OK, or why a name is not in there */
    replay_differs *differs;
    void *context;
};

static void check_free(struct check *check)
{
    replay_free(check->replay);
    state_cursor_free(&check->cursor);
    buf_free(&check->doubtful);
}

static enum err changes_fold(struct replay *replay, const Hallmark__V1__Event *event)
{
    for (size_t i = 0; i < event->n_changes; i++)
        TRY(replay_fold(replay, event->changes[i]->row, event->changes[i]->field,
                        event->changes[i]->value));
    return ERR_OK;
}

static enum err entry_fold(void *context, uint64_t index, struct span entry)
{
    struct check *check = context;
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    if (event == NULL)
        return fail(ERR_DATA_LOSS, "tlog: entry %ju is no Event", (uintmax_t)index);
    enum err folded = changes_fold(check->replay, event);
    hallmark__v1__event__free_unpacked(event, NULL);
    check->next = index + 1;
    return folded;
}

/* *behind_out: this transaction sees more entries than were folded. */
static enum err entries_fold(struct check *check, bool *behind_out)
{
    uint64_t size = 0;
    TRY(store_log_size(check->tx, &size));
    TRY(store_log_read(check->tx, check->next, ENTRIES, entry_fold, check));
    *behind_out = check->next < size;
    return ERR_OK;
}

static enum err value_compare(void *context, const char *row, const char *field,
                              const char *value)
{
    const struct check *check = context;
    replay_compare(check->replay, check->whole, row, field, value, check->differs,
                   check->context);
    return ERR_OK;
}

/* --- All rows. --- */

static enum err page_check(struct store_tx *tx, void *context)
{
    struct check *check = context;
    bool behind = true;
    check->tx = tx;
    TRY(entries_fold(check, &behind));
    if (behind)
        return ERR_OK;
    TRY(state_dump_page(tx, &check->cursor, ROWS, value_compare, check));
    check->more = !check->cursor.ended;
    return ERR_OK;
}

static bool is_last(const struct buf *names, const char *name)
{
    size_t size = strlen(name) + 1;
    return names->len >= size && memcmp(names->ptr + names->len - size, name, size) == 0;
}

/* No page had it: it is missing, or was made after its page was read. */
static void row_doubt(void *context, const char *row, const char *field, const char *want,
                      const char *got)
{
    struct check *check = context;
    (void)field;
    (void)want;
    (void)got;
    if (check->unnoted == ERR_OK && !is_last(&check->doubtful, row))
        check->unnoted = buf_append(&check->doubtful, span_of(row, strlen(row) + 1));
}

static enum err row_check(void *context, const char *row)
{
    struct check *check = context;
    enum err dumped = state_dump_row(check->tx, row, value_compare, check);
    if (dumped !=
        ERR_INVALID) /* a name that this program does not know: the whole row is missing */
        TRY(dumped);
    replay_missing_of(check->replay, row, check->differs, check->context);
    return ERR_OK;
}

static enum err doubts_check(struct store_tx *tx, void *context)
{
    struct check *check = context;
    bool behind = true;
    check->tx = tx;
    while (behind)
        TRY(entries_fold(check, &behind));
    for (size_t at = 0; at < check->doubtful.len;) {
        const char *row = (const char *)check->doubtful.ptr + at;
        TRY(row_check(check, row));
        at += strlen(row) + 1;
    }
    return ERR_OK;
}

static enum err whole_check(struct tlog *log, struct check *check)
{
    while (check->more)
        TRY(store_read(log->store, page_check, check, tlog_deadline()));
    replay_missing(check->replay, row_doubt, check);
    if (check->unnoted != ERR_OK)
        return fail(check->unnoted, "tlog: rows were not compared: out of memory");
    return check->doubtful.len == 0
               ? ERR_OK
               : store_read(log->store, doubts_check, check, tlog_deadline());
}

/* --- The rows of the newest entries. --- */

static enum err newest_check(struct store_tx *tx, void *context)
{
    struct check *check = context;
    bool behind = true;
    check->tx = tx;
    while (behind)
        TRY(entries_fold(check, &behind));
    return replay_rows(check->replay, row_check, check);
}

enum err tlog_verify_state(struct tlog *log, uint64_t newest, replay_differs *differs,
                           void *context)
{
    AUTO(check_free) struct check check = { .more = true, .differs = differs };
    uint64_t size = tlog_size(log);
    check.context = context;
    check.whole = newest == 0 || newest >= size;
    check.next = check.whole ? 0 : size - newest;
    TRY(replay_new(&check.replay));
    return check.whole ? whole_check(log, &check)
                       : store_read(log->store, newest_check, &check, tlog_deadline());
}

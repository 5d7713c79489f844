/* SPDX-License-Identifier: MIT */
/* Appending: an Event and the notes of its change become one entry, or several if they do not
 * fit. All of it runs on the store's writer, inside a change. The tree in memory must not move
 * before the commit; it is restored when a function is rolled back. */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/tlog/state.h"

enum err tlog_stop(struct tlog *log, const char *why)
{
    atomic_store(&log->stopped, true);
    return fail(ERR_DATA_LOSS, "tlog: stopped: %s", why);
}

bool tlog_stopped(struct tlog *log)
{
    return atomic_load(&log->stopped);
}

static void follow_save(void *context)
{
    struct tlog *log = context;
    log->saved_loaded = log->loaded;
    if (log->loaded)
        log->saved = log->pending;
    memcpy(log->saved_leaf, log->leaf, SHA256_SIZE);
    log->saved_clock = log->clock;
    if (log->uses != NULL)
        uses_save(log->uses);
}

static void follow_restore(void *context)
{
    struct tlog *log = context;
    log->loaded = log->saved_loaded;
    if (log->loaded)
        log->pending = log->saved;
    memcpy(log->leaf, log->saved_leaf, SHA256_SIZE);
    log->clock = log->saved_clock;
    if (log->uses != NULL)
        uses_restore(log->uses);
}

static enum err follow_finish(void *context, struct store_tx *tx)
{
    struct tlog *log = context;
    if (!log->loaded)
        return ERR_OK;
    TRY(tlog_head_put(tx, &log->pending));
    if (log->uses != NULL)
        uses_commit(log->uses, log->pending.size, log->leaf);
    return ERR_OK;
}

/* On the writer's thread: nothing is appended between the commit and this. */
static void follow_ended(void *context, bool committed)
{
    struct tlog *log = context;
    bool grown = committed && log->loaded;
    log->loaded = false;
    tlog_clock_ended(log, committed);
    if (log->uses != NULL)
        uses_ended(log->uses, grown);
    if (!grown)
        return;
    pthread_mutex_lock(&log->mutex);
    log->committed = log->pending;
    pthread_cond_broadcast(&log->grown);
    pthread_mutex_unlock(&log->mutex);
}

void tlog_follow(struct tlog *log)
{
    const struct store_follower follower = { log, follow_save, follow_restore, follow_finish,
                                             follow_ended };
    store_follow(log->store, &follower);
    log->following = true;
}

/* For the first entry of a group: the store, in this transaction, says where the log ends. */
static enum err edge_load(struct tlog *log, struct store_tx *tx)
{
    struct tree_edge committed;
    if (log->loaded)
        return ERR_OK;
    TRY(tlog_head_get(tx, &log->pending));
    tlog_committed(log, &committed);
    if (!tlog_edge_same(&committed, &log->pending))
        return tlog_stop(log, "the store's head is not what this server committed");
    log->loaded = true;
    return ERR_OK;
}

/* --- What an entry is found by. --- */

/* "spiffe://domain/station/name" gives "name". */
static const char *actor_of(const char *actor, const char *role)
{
    static const char scheme[] = "spiffe://";
    if (strncmp(actor, scheme, sizeof(scheme) - 1) != 0)
        return NULL;
    const char *path = strchr(actor + sizeof(scheme) - 1, '/');
    size_t len = strlen(role);
    return path != NULL && strncmp(path, role, len) == 0 ? path + len : NULL;
}

static const uint8_t *firmware_of(const Hallmark__V1__Event *event)
{
    for (size_t i = 0; i < event->n_digests; i++) {
        const Hallmark__V1__Digest *digest = event->digests[i];
        if (digest->sha256.len == SHA256_SIZE &&
            (strcmp(digest->name, "firmware") == 0 || strcmp(digest->name, "image") == 0))
            return digest->sha256.data;
    }
    return NULL;
}

void tlog_search_of(const Hallmark__V1__Event *event, struct store_log_search *search_out)
{
    *search_out = (struct store_log_search){
        .unit = event->uid.len == UID_SIZE ? event->uid.data : NULL,
        .firmware = firmware_of(event),
        .order = event->order,
        .station = actor_of(event->actor, "/station/"),
        .operator_name = actor_of(event->actor, "/operator/"),
        .kind = event->kind,
        .method = event->method,
        .arrow = event->arrow,
        .outcome = event->code,
        .time_us = (int64_t)event->time_us,
    };
}

/* --- Entries. --- */

static enum err node_put(void *tx, unsigned level, uint64_t n,
                         const uint8_t hash[static SHA256_SIZE])
{
    return store_log_node_put(tx, level, n, hash);
}

static enum err entry_put(struct tlog *log, struct store_tx *tx,
                          const Hallmark__V1__Event *event)
{
    AUTO(buf_free) struct buf entry = { 0 };
    struct store_log_search search;
    uint8_t leaf[SHA256_SIZE];
    TRY(buf_resize(&entry, hallmark__v1__event__get_packed_size(event)));
    if (entry.len != 0)
        hallmark__v1__event__pack(event, entry.ptr);
    tlog_search_of(event, &search);
    TRY(edge_load(log, tx));
    TRY(store_log_append(tx, log->pending.size, buf_span(&entry), &search));
    TRY(tree_leaf(buf_span(&entry), leaf));
    memcpy(log->leaf, leaf, SHA256_SIZE);
    return tree_add(&log->pending, leaf, node_put, tx);
}

/* The notes of a change as the messages of its entries. */
struct changes {
    Hallmark__V1__Change *all;
    Hallmark__V1__Change **pointers;
    size_t count, done;
};

static void changes_free(struct changes *changes)
{
    free(changes->all);
    free(changes->pointers);
}

/* protobuf-c has no const strings; an event borrows them until it is packed. */
static char *lend(const char *text)
{
    return (char *)(uintptr_t)(text == NULL ? "" : text);
}

static enum err changes_of(struct store_tx *tx, struct changes *changes)
{
    const struct store_note *notes = store_notes(tx, &changes->count);
    changes->all = calloc(changes->count + 1, sizeof(*changes->all));
    changes->pointers = calloc(changes->count + 1, sizeof(Hallmark__V1__Change *));
    if (changes->all == NULL || changes->pointers == NULL)
        return fail(ERR_MEMORY, "tlog: out of memory");
    for (size_t i = 0; i < changes->count; i++) {
        hallmark__v1__change__init(&changes->all[i]);
        changes->all[i].row = lend(notes[i].row);
        changes->all[i].field = lend(notes[i].field);
        changes->all[i].value = lend(notes[i].value);
        changes->pointers[i] = &changes->all[i];
    }
    return ERR_OK;
}

/* Of one change within an entry: tag, length, message. */
static size_t change_size(const Hallmark__V1__Change *change)
{
    enum { TAG_AND_LENGTH_MAX = 2 + 3 };
    return TAG_AND_LENGTH_MAX + hallmark__v1__change__get_packed_size(change);
}

/* As many of the changes that are left as fit. */
static void changes_take(struct changes *changes, Hallmark__V1__Event *event)
{
    size_t size = hallmark__v1__event__get_packed_size(event), first = changes->done;
    while (changes->done < changes->count) {
        size += change_size(changes->pointers[changes->done]);
        if (size > TLOG_ENTRY_MAX)
            break;
        changes->done++;
    }
    event->n_changes = changes->done - first;
    event->changes = changes->pointers + first;
}

/* The entry that continues one that was full: actor and object, and more changes. */
static void continued(const Hallmark__V1__Event *event, Hallmark__V1__Event *next)
{
    hallmark__v1__event__init(next);
    next->time_us = event->time_us;
    next->kind = lend("changes");
    next->actor = event->actor;
    next->order = event->order;
    next->uid = event->uid;
    next->run_id = event->run_id;
    next->method = event->method;
    next->arrow = event->arrow;
    next->software = event->software;
    next->server = event->server;
}

static enum err entries_put(struct tlog *log, struct store_tx *tx, Hallmark__V1__Event *event,
                            struct changes *changes, uint64_t *index_out)
{
    changes_take(changes, event);
    TRY(entry_put(log, tx, event));
    *index_out = log->pending.size - 1;
    while (changes->done < changes->count) {
        size_t before = changes->done;
        Hallmark__V1__Event next;
        continued(event, &next);
        changes_take(changes, &next);
        if (changes->done == before)
            return fail(ERR_LIMIT, "tlog: a change of %s does not fit an entry",
                        changes->all[before].row);
        TRY(entry_put(log, tx, &next));
    }
    return ERR_OK;
}

/* Before the first entry that has a time by the clock as it was set. */
static enum err clock_entry_put(struct tlog *log, struct store_tx *tx,
                                const Hallmark__V1__Event *cause)
{
    Hallmark__V1__Event event;
    int64_t now_us = store_now_us(tx);
    if (!tlog_clock_take(log, now_us, log->clock_words))
        return ERR_OK;
    hallmark__v1__event__init(&event);
    event.time_us = (uint64_t)now_us;
    event.kind = lend("clock");
    event.actor = lend("oem-server");
    event.message = lend(log->clock_words);
    event.software = cause->software;
    event.server = lend(log->server);
    return entry_put(log, tx, &event);
}

enum err tlog_clock_enter(struct tlog *log, struct store_tx *tx, const char *software)
{
    Hallmark__V1__Event cause;
    hallmark__v1__event__init(&cause);
    cause.software = lend(software);
    if (tlog_stopped(log))
        return fail(ERR_DATA_LOSS, "tlog: stopped");
    enum err put = clock_entry_put(log, tx, &cause);
    if (put != ERR_OK)
        store_tx_doom(tx);
    return put;
}

enum err tlog_append(struct tlog *log, struct store_tx *tx, const Hallmark__V1__Event *event,
                     uint64_t *index_out)
{
    AUTO(changes_free) struct changes changes = { 0 };
    Hallmark__V1__Event own = *event;
    struct account account;
    uint64_t index = 0;
    if (tlog_stopped(log))
        return fail(ERR_DATA_LOSS, "tlog: stopped");
    own.n_changes = 0;
    size_t len = hallmark__v1__event__get_packed_size(&own);
    if (len > TLOG_ENTRY_MAX)
        return fail(ERR_LIMIT, "tlog: event of %zu bytes, limit %d", len, TLOG_ENTRY_MAX);
    if (len + TLOG_ACCOUNT_MAX <=
        TLOG_ENTRY_MAX) /* else the next entry accounts for the keys */
        tlog_account_put(log, &account, &own);
    TRY(changes_of(tx, &changes));
    enum err put = clock_entry_put(log, tx, &own);
    own.time_us = tlog_clock_stamp(log, store_now_us(tx), own.time_us);
    if (put == ERR_OK)
        put = entries_put(log, tx, &own, &changes, &index);
    if (put != ERR_OK) {
        store_tx_doom(tx); /* rows and tree may differ now: must not be committed */
        return put;
    }
    store_notes_clear(tx);
    if (index_out != NULL)
        *index_out = index;
    return ERR_OK;
}

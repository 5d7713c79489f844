/* SPDX-License-Identifier: MIT */
/*
 * staged: the list of entries that wait. Called by settle.c, report.c and engine.c to add
 * entries, and by settle.c and end.c to write them. An entry must not be written twice: after
 * the change that wrote them is durable, its caller calls staged_free().
 */
#include "oem-server/run/staged.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"

struct staged_entry {
    struct staged_entry *next;
    struct buf event; /* packed: a deep copy */
    bool by_station;
    bool keyed;
    uint8_t key[STORE_CALL_KEY_SIZE];
    struct store_answer answer;
};

void staged_init(struct staged *staged)
{
    staged->first = NULL;
    staged->last = &staged->first;
    staged->count = 0;
    atomic_store(&staged->since_ms, 0);
}

static void entry_free(struct staged_entry *entry)
{
    buf_free(&entry->event);
    store_answer_free(&entry->answer);
    free(entry);
}

static void entry_drop(struct staged_entry **entry)
{
    if (*entry != NULL)
        entry_free(*entry);
}

void staged_free(struct staged *staged)
{
    while (staged->first != NULL) {
        struct staged_entry *entry = staged->first;
        staged->first = entry->next;
        entry_free(entry);
    }
    staged_init(staged);
}

enum err staged_add(struct staged *staged, const Hallmark__V1__Event *event, bool by_station,
                    const struct staged_answer *answer)
{
    if (staged->count == STAGED_MAX)
        return fail_quiet(ERR_LIMIT, "run: %d entries wait for its next change", STAGED_MAX);
    AUTO(entry_drop) struct staged_entry *entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return fail(ERR_MEMORY, "run: no memory for an entry");
    entry->by_station = by_station;
    TRY(rpc_pack(&event->base, &entry->event));
    if (answer != NULL && answer->key.len == STORE_CALL_KEY_SIZE) {
        entry->keyed = true;
        memcpy(entry->key, answer->key.ptr, STORE_CALL_KEY_SIZE);
        memcpy(entry->answer.request_sha256, answer->request_sha256, SHA256_SIZE);
        TRY(buf_copy(&entry->answer.response, answer->response));
    }
    if (staged->count == 0)
        atomic_store(&staged->since_ms, rpc_now_ms());
    *staged->last = entry;
    staged->last = &entry->next;
    staged->count++;
    entry = NULL;
    return ERR_OK;
}

void staged_undo(struct staged *staged, unsigned count)
{
    struct staged_entry **at = &staged->first;
    for (unsigned i = 0; i + count < staged->count; i++)
        at = &(*at)->next;
    struct staged_entry *gone = TAKE(*at);
    staged->last = at;
    staged->count -= count;
    if (staged->count == 0)
        atomic_store(&staged->since_ms, 0);
    while (gone != NULL) {
        struct staged_entry *next = gone->next;
        entry_free(gone);
        gone = next;
    }
}

static void event_drop(Hallmark__V1__Event **event)
{
    hallmark__v1__event__free_unpacked(*event, NULL);
}

static enum err write_one(const struct staged_entry *entry, struct server *server,
                          const char *station, bool refused, struct store_tx *tx)
{
    static char words[] = "the station was revoked before this was durable";
    AUTO(event_drop)
    Hallmark__V1__Event *event =
        hallmark__v1__event__unpack(NULL, entry->event.len, entry->event.ptr);
    if (event == NULL)
        return fail(ERR_MEMORY, "run: no memory for an entry");
    char *said = event->message;
    if (refused) {
        event->status = err_status(ERR_REVOKED);
        event->code = ERR_REVOKED;
        event->message = words;
    }
    enum err e = tlog_append(server->log, tx, event, NULL);
    event->message = said; /* restored, to be freed */
    if (e != ERR_OK || !entry->keyed || refused)
        return e;
    /* A station that meanwhile used the key for another call keeps that call's answer: this
     * must not prevent the entries. */
    e = store_answer_put(tx, station, entry->key, &entry->answer);
    return e == ERR_EXISTS ? ERR_OK : e;
}

enum err staged_write(const struct staged *staged, struct server *server, const char *station,
                      bool revoked, struct store_tx *tx)
{
    for (const struct staged_entry *entry = staged->first; entry != NULL; entry = entry->next)
        TRY(write_one(entry, server, station, revoked && entry->by_station, tx));
    return ERR_OK;
}

enum err staged_find(const struct staged *staged, struct span key,
                     const uint8_t request_sha256[static SHA256_SIZE], struct buf *response_out)
{
    for (const struct staged_entry *entry = staged->first; entry != NULL; entry = entry->next) {
        if (!entry->keyed || !span_eq(key, SPAN(entry->key)))
            continue;
        if (memcmp(entry->answer.request_sha256, request_sha256, SHA256_SIZE) != 0)
            return fail_quiet(ERR_INVALID, "this idempotency key was used for another request");
        return buf_copy(response_out, buf_span(&entry->answer.response));
    }
    return ERR_NOT_FOUND;
}

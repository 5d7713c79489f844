/* SPDX-License-Identifier: MIT */
/*
 * account: each entry says which server wrote it, and how often that server used each key of
 * the HSM since its entry before. append.c calls it on the store's writer. What an entry that
 * is not committed says must not count: uses is restored together with the edge.
 */
#include <string.h>

#include "common/host/clean.h"
#include "common/host/log.h"
#include "oem-server/tlog/state.h"

struct lookup {
    uint64_t size;
    const uint8_t *leaf;
    bool found;
};

static enum err compare(void *context, uint64_t index, struct span entry)
{
    struct lookup *l = context;
    uint8_t leaf[SHA256_SIZE];
    (void)index;
    TRY(tree_leaf(entry, leaf));
    l->found = memcmp(leaf, l->leaf, SHA256_SIZE) == 0;
    return ERR_OK;
}

static enum err look(struct store_tx *tx, void *context)
{
    struct lookup *l = context;
    struct tree_edge edge;
    TRY(tlog_head_get(tx, &edge));
    return l->size == 0 || l->size > edge.size ? ERR_OK
                                               : store_log_read(tx, l->size - 1, 1, compare, l);
}

enum err tlog_account(struct tlog *log, const char *server, struct uses *uses)
{
    uint8_t leaf[SHA256_SIZE];
    struct lookup l = { 0, leaf, false };
    if (uses_in_doubt(uses, &l.size, leaf)) {
        TRY(store_read(log->store, look, &l, tlog_deadline()));
        uses_resolve(uses, l.found);
    }
    (void)clean_put(log->server, sizeof(log->server), server);
    log->uses = uses;
    return ERR_OK;
}

static size_t put(Hallmark__V1__KeyUse *all, Hallmark__V1__KeyUse **pointers, size_t count,
                  const char *key, uint64_t uses)
{
    if (uses == 0)
        return count;
    hallmark__v1__key_use__init(&all[count]);
    all[count].key = (char *)(uintptr_t)key;
    all[count].count = uses;
    pointers[count] = &all[count];
    return count + 1;
}

void tlog_account_put(struct tlog *log, struct account *account, Hallmark__V1__Event *event)
{
    struct uses_row rows[USES_MAX];
    event->server = log->server;
    if (log->uses == NULL)
        return;
    size_t count = uses_take(log->uses, strcmp(event->kind, "start") == 0, rows);
    event->key_uses = account->made_pointers;
    event->unaccounted = account->left_pointers;
    for (size_t i = 0; i < count; i++) {
        event->n_key_uses = put(account->made, account->made_pointers, event->n_key_uses,
                                rows[i].key, rows[i].count);
        event->n_unaccounted = put(account->left, account->left_pointers, event->n_unaccounted,
                                   rows[i].key, rows[i].unaccounted);
    }
}

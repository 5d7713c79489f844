/* SPDX-License-Identifier: MIT */
/*
 * How the changes of a store go. The writer notes the beginning and the end of each
 * transaction; any thread asks. A store that takes no changes must not look as one that nobody
 * uses (tests/e2e/disk).
 */
#include "common/host/clock.h"
#include "common/host/log.h"
#include "oem-server/store/tx.h"

void health_begun(struct store *store)
{
    pthread_mutex_lock(&store->mutex);
    store->health.begun_ms = clock_ms();
    pthread_mutex_unlock(&store->mutex);
}

static void say(const struct store *store, bool done, const char *words, uint64_t for_ms)
{
    if (done)
        log_line(LOG_LEVEL_WARN, "store: %s: changes are committed again, after %llu s",
                 store->path, (unsigned long long)(for_ms / 1000));
    else
        log_line(LOG_LEVEL_ERROR,
                 "store: %s: changes fail: %s; it is tried again each second until it works",
                 store->path, words);
}

void health_ended(struct store *store, bool done)
{
    enum err err = ERR_OK;
    const char *words = done ? NULL : store->backend->trouble(store->link, &err);
    pthread_mutex_lock(&store->mutex);
    struct health *health = &store->health;
    uint64_t now_ms = clock_ms(), since_ms = health->fails_ms;
    bool turned = done == (since_ms != 0);
    health->took_ms = now_ms - health->begun_ms;
    health->begun_ms = 0;
    health->fails_ms = done ? 0 : since_ms != 0 ? since_ms : now_ms;
    health->err = err;
    health->words = words;
    pthread_mutex_unlock(&store->mutex);
    if (turned)
        say(store, done, words, now_ms - since_ms);
}

void store_health(struct store *store, struct store_health *health_out)
{
    pthread_mutex_lock(&store->mutex);
    const struct health *health = &store->health;
    uint64_t now_ms = clock_ms();
    *health_out = (struct store_health){
        .err = health->err,
        .words = health->words,
        .fails = health->fails_ms != 0,
        .fails_ms = health->fails_ms == 0 ? 0 : now_ms - health->fails_ms,
        .waits_ms = health->begun_ms == 0 ? 0 : now_ms - health->begun_ms,
        .took_ms = health->took_ms,
    };
    pthread_mutex_unlock(&store->mutex);
}

/* SPDX-License-Identifier: MIT */
/*
 * What keeps the server from work, in words for people. Called by Health for each check, and by
 * server_watch() once a second. It must wait for neither the HSM nor the disk.
 */
#include <stdio.h>

#include "oem-server/base/base.h"

/* words: of the store. */
static enum ailment store_ails(struct store *store, char words[static SERVER_AILMENT_SIZE])
{
    struct store_health health;
    store_health(store, &health);
    if (health.fails)
        snprintf(words, SERVER_AILMENT_SIZE, "the store takes no changes for %llu s: %s",
                 (unsigned long long)(health.fails_ms / 1000), health.words);
    else if (health.waits_ms > SERVER_UNRESPONSIVE_MS)
        snprintf(words, SERVER_AILMENT_SIZE, "the store waits for its disk for %llu s",
                 (unsigned long long)(health.waits_ms / 1000));
    else
        return AILMENT_NONE;
    return AILMENT_STORE;
}

enum ailment server_ails(struct server *server, char words[static SERVER_AILMENT_SIZE])
{
    char calls[HSM_UNRESPONSIVE_SIZE];
    words[0] = '\0';
    if (hsm_unresponsive(SERVER_UNRESPONSIVE_MS, calls) == 0)
        return store_ails(server->store, words);
    snprintf(words, SERVER_AILMENT_SIZE, "the HSM is unresponsive: %s", calls);
    return AILMENT_HSM;
}

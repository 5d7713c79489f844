/* SPDX-License-Identifier: MIT */
/* doubt: see doubt.h. Used by issue.c. It must not forget a user before its time, unless the
 * list is full (test_ejbca_parts). */
#include "oem-server/ca/ejbca/doubt.h"

#include <stdio.h>
#include <string.h>

void doubts_init(struct doubts *doubts)
{
    *doubts = (struct doubts){ 0 };
    pthread_mutex_init(&doubts->lock, NULL);
}

void doubts_fini(struct doubts *doubts)
{
    for (size_t i = 0; i < DOUBTS_MAX; i++)
        buf_free(&doubts->rows[i].stands);
    pthread_mutex_destroy(&doubts->lock);
}

static struct doubt *find(struct doubts *doubts, const char *user)
{
    for (size_t i = 0; i < DOUBTS_MAX; i++)
        if (strcmp(doubts->rows[i].user, user) == 0)
            return &doubts->rows[i];
    return NULL;
}

static struct doubt *oldest(struct doubts *doubts)
{
    struct doubt *row = &doubts->rows[0];
    for (size_t i = 1; i < DOUBTS_MAX; i++)
        if (doubts->rows[i].until_ms < row->until_ms)
            row = &doubts->rows[i];
    return row;
}

static void put(struct doubts *doubts, const char *user, uint64_t until_ms, struct span stands)
{
    struct doubt *row = find(doubts, user);
    if (row == NULL)
        row = oldest(doubts); /* a free one has the time 0 */
    if (strcmp(row->user, user) != 0) {
        snprintf(row->user, sizeof(row->user), "%s", user);
        row->until_ms = 0;
        buf_free(&row->stands);
    }
    row->until_ms = row->until_ms > until_ms ? row->until_ms : until_ms;
    if (stands.len != 0 && buf_copy(&row->stands, stands) != ERR_OK)
        buf_free(&row->stands); /* nothing is revoked for it then */
}

void doubt_put(struct doubts *doubts, const char *user, uint64_t until_ms, struct span stands)
{
    pthread_mutex_lock(&doubts->lock);
    put(doubts, user, until_ms, stands);
    pthread_mutex_unlock(&doubts->lock);
}

uint64_t doubt_left_ms(struct doubts *doubts, const char *user, uint64_t now_ms)
{
    pthread_mutex_lock(&doubts->lock);
    const struct doubt *row = find(doubts, user);
    uint64_t left = row != NULL && row->until_ms > now_ms ? row->until_ms - now_ms : 0;
    pthread_mutex_unlock(&doubts->lock);
    return left;
}

static struct doubt *due(struct doubts *doubts, uint64_t now_ms)
{
    for (size_t i = 0; i < DOUBTS_MAX; i++)
        if (doubts->rows[i].user[0] != '\0' && doubts->rows[i].until_ms <= now_ms)
            return &doubts->rows[i];
    return NULL;
}

bool doubts_any(struct doubts *doubts, uint64_t now_ms)
{
    pthread_mutex_lock(&doubts->lock);
    bool any = due(doubts, now_ms) != NULL;
    pthread_mutex_unlock(&doubts->lock);
    return any;
}

bool doubt_take(struct doubts *doubts, uint64_t now_ms, struct doubt *out)
{
    pthread_mutex_lock(&doubts->lock);
    struct doubt *row = due(doubts, now_ms);
    if (row != NULL) {
        *out = *row;
        *row = (struct doubt){ 0 };
    }
    pthread_mutex_unlock(&doubts->lock);
    return row != NULL;
}

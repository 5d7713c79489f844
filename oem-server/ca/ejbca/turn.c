/* SPDX-License-Identifier: MIT */
/* turn: see turn.h. Used by issue.c. Two requests for one user must not be under way at once
 * (test_ejbca_parts). */
#include "oem-server/ca/ejbca/turn.h"

#include <string.h>

#include "common/host/clock.h"

void turns_init(struct turns *turns)
{
    *turns = (struct turns){ 0 };
    pthread_mutex_init(&turns->lock, NULL);
    pthread_cond_init(&turns->changed, NULL);
}

void turns_fini(struct turns *turns)
{
    pthread_cond_destroy(&turns->changed);
    pthread_mutex_destroy(&turns->lock);
}

/* A free place, unless the user has one; NULL: to be waited for. */
static const char **place_of(struct turns *turns, const char *user)
{
    const char **place = NULL;
    for (size_t i = 0; i < COUNT(turns->users); i++) {
        if (turns->users[i] == NULL)
            place = &turns->users[i];
        else if (strcmp(turns->users[i], user) == 0)
            return NULL;
    }
    return place;
}

bool turn_take(struct turns *turns, const char *user, unsigned timeout_ms)
{
    struct timespec until = clock_after_ms(timeout_ms);
    const char **place;
    pthread_mutex_lock(&turns->lock);
    while ((place = place_of(turns, user)) == NULL &&
           pthread_cond_clockwait(&turns->changed, &turns->lock, CLOCK_MONOTONIC, &until) == 0)
        ;
    if (place != NULL)
        *place = user;
    pthread_mutex_unlock(&turns->lock);
    return place != NULL;
}

void turn_leave(struct turns *turns, const char *user)
{
    pthread_mutex_lock(&turns->lock);
    for (size_t i = 0; i < COUNT(turns->users); i++)
        if (turns->users[i] == user)
            turns->users[i] = NULL;
    pthread_cond_broadcast(&turns->changed);
    pthread_mutex_unlock(&turns->lock);
}

/* SPDX-License-Identifier: MIT */
/*
 * trouble: a record per token and kind of trouble. Called by token.c and try.c to note, and by
 * hsm_health() to tell. It must not be forgotten before its kind has been seen to be over.
 */
#include "oem-server/hsm/trouble.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/host/clock.h"
#include "common/host/log.h"

enum { REFUSAL_MS = 60000 };

static const char *const advice[TROUBLES] = {
    [TROUBLE_GONE] = "check the HSM, its cable and network, and that no program has taken the "
                     "token away; the server looks for it each second",
    [TROUBLE_PIN] = "put the right PIN into the file, then restart the server",
    [TROUBLE_KEY] = "check the HSM, and that nobody has removed the key; the server tries it "
                    "again by itself",
    [TROUBLE_SESSIONS] = "end other programs' sessions, or lower [hsm] sessions",
};

void trouble_init(struct trouble *t)
{
    memset(t, 0, sizeof(*t));
    pthread_mutex_init(&t->lock, NULL);
}

void trouble_fini(struct trouble *t)
{
    pthread_mutex_destroy(&t->lock);
}

static void strip(const char *words, char *text, size_t size)
{
    static const char prefix[] = "hsm: ";
    size_t skip = strncmp(words, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;
    snprintf(text, size, "%s", words + skip);
}

void trouble_note(struct trouble *t, enum trouble_kind kind, const char *words)
{
    uint64_t now_ms = clock_ms();
    pthread_mutex_lock(&t->lock);
    t->of[kind].latest_ms = now_ms;
    if (t->of[kind].since_ms == 0) {
        t->of[kind].since_ms = now_ms;
        t->of[kind].since_real_us = clock_real_us();
    }
    strip(words, t->of[kind].words, sizeof(t->of[kind].words));
    pthread_mutex_unlock(&t->lock);
}

void trouble_end(struct trouble *t, enum trouble_kind kind)
{
    pthread_mutex_lock(&t->lock);
    bool was = t->of[kind].since_ms != 0;
    t->of[kind].since_ms = 0;
    if (was)
        log_line(LOG_LEVEL_INFO, "hsm: over: %s", t->of[kind].words);
    pthread_mutex_unlock(&t->lock);
}

uint64_t trouble_since(struct trouble *t, enum trouble_kind kind)
{
    pthread_mutex_lock(&t->lock);
    if (kind == TROUBLE_SESSIONS && clock_ms() - t->of[kind].latest_ms > REFUSAL_MS)
        t->of[kind].since_ms = 0;
    uint64_t since = t->of[kind].since_ms;
    pthread_mutex_unlock(&t->lock);
    return since;
}

void trouble_tell(struct trouble *t, enum trouble_kind kind, char *text, size_t size)
{
    struct tm when = { 0 };
    char date[32] = "";
    text[0] = '\0';
    pthread_mutex_lock(&t->lock);
    time_t seconds = (time_t)(t->of[kind].since_real_us / 1000000);
    if (t->of[kind].since_ms != 0 && gmtime_r(&seconds, &when) != NULL &&
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &when) != 0)
        snprintf(text, size, "%s; since %s; %s", t->of[kind].words, date, advice[kind]);
    pthread_mutex_unlock(&t->lock);
}

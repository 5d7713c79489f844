/* SPDX-License-Identifier: MIT */
/* breaker: see breaker.h. Used by ask.c around each call. It must never let more than one call
 * through while it probes (test_ejbca_parts). */
#include "oem-server/ca/ejbca/breaker.h"

void breaker_init(struct breaker *breaker)
{
    *breaker = (struct breaker){ .wait_ms = BREAKER_FIRST_MS, .last = "" };
    pthread_mutex_init(&breaker->lock, NULL);
}

void breaker_fini(struct breaker *breaker)
{
    pthread_mutex_destroy(&breaker->lock);
}

static enum breaker_answer enter(struct breaker *b, uint64_t now_ms, uint64_t *left_ms_out)
{
    bool open = b->open_until_ms != 0;
    if (open && (now_ms < b->open_until_ms || b->probing)) {
        *left_ms_out = now_ms < b->open_until_ms ? b->open_until_ms - now_ms : b->wait_ms;
        return BREAKER_REFUSED;
    }
    if (b->under_way >= BREAKER_CALLS_MAX)
        return BREAKER_CROWDED;
    b->probing = open;
    b->under_way++;
    return open ? BREAKER_PROBE : BREAKER_PASS;
}

enum breaker_answer breaker_enter(struct breaker *breaker, uint64_t now_ms,
                                  uint64_t *left_ms_out)
{
    pthread_mutex_lock(&breaker->lock);
    enum breaker_answer answer = enter(breaker, now_ms, left_ms_out);
    pthread_mutex_unlock(&breaker->lock);
    return answer;
}

static void shut(struct breaker *b)
{
    b->failures = 0;
    b->open_until_ms = 0;
    b->wait_ms = BREAKER_FIRST_MS;
}

/* Calls that were under way when it opened do not prolong it. */
static void count(struct breaker *b, uint64_t now_ms, bool was_probe)
{
    b->failures++;
    if (b->open_until_ms != 0 && !was_probe)
        return;
    if (was_probe)
        b->wait_ms = b->wait_ms * 2 > BREAKER_LONGEST_MS ? BREAKER_LONGEST_MS : b->wait_ms * 2;
    if (was_probe || b->failures >= BREAKER_FAILURES)
        b->open_until_ms = now_ms + b->wait_ms;
}

const char *breaker_last(struct breaker *breaker)
{
    pthread_mutex_lock(&breaker->lock);
    const char *last = breaker->last;
    pthread_mutex_unlock(&breaker->lock);
    return last;
}

void breaker_leave(struct breaker *breaker, uint64_t now_ms, bool was_probe, const char *outage)
{
    pthread_mutex_lock(&breaker->lock);
    breaker->under_way--;
    if (was_probe)
        breaker->probing = false;
    if (outage == NULL) {
        shut(breaker);
    } else {
        breaker->last = outage;
        count(breaker, now_ms, was_probe);
    }
    pthread_mutex_unlock(&breaker->lock);
}

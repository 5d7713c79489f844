/* SPDX-License-Identifier: MIT */
/*
 * time: what the clock says when entries are made. append.c asks it on the store's writer; the
 * sweep and Health ask what is committed. A clock can be set, and nothing here can know which
 * time is right: so no entry has an earlier time than the one before it, or jumps ahead of it,
 * without an entry that says so (test_tlog_time).
 */
#include <stdio.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "oem-server/tlog/state.h"

enum { US_OF_SECOND = 1000000 };

static int64_t boot_us(void)
{
    return (int64_t)clock_boot_us();
}

enum err tlog_clock_open(struct tlog *log, struct store_tx *tx)
{
    int64_t last_us = 0;
    enum err e = store_log_last_time(tx, &last_us);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    log->clock = (struct tlog_clock){ .latest_us = last_us,
                                      .distance_us = store_now_us(tx) - boot_us() };
    log->known = log->clock;
    return ERR_OK;
}

/* By how much, in microseconds; below zero: back; 0: not set, or by less than a step. */
static int64_t set_by(const struct tlog_clock *clock, int64_t now_us)
{
    int64_t by_us = now_us - boot_us() - clock->distance_us;
    int64_t behind_us = clock->latest_us - now_us;
    if (behind_us > TLOG_CLOCK_STEP_US && -behind_us < by_us)
        return -behind_us;
    return by_us > TLOG_CLOCK_STEP_US || by_us < -TLOG_CLOCK_STEP_US ? by_us : 0;
}

bool tlog_clock_take(struct tlog *log, int64_t now_us, char words[static TLOG_CLOCK_WORDS_MAX])
{
    struct tlog_clock *clock = &log->clock;
    int64_t by_us = set_by(clock, now_us), amount_us = by_us < 0 ? -by_us : by_us;
    char amount[CLOCK_TEXT_SIZE], now[CLOCK_TEXT_SIZE], before[CLOCK_TEXT_SIZE];
    if (by_us == 0)
        return false;
    clock_amount(((uint64_t)amount_us + US_OF_SECOND / 2) / US_OF_SECOND, amount);
    clock_text(now_us / US_OF_SECOND, now);
    clock_text((now_us - by_us) / US_OF_SECOND, before);
    snprintf(words, TLOG_CLOCK_WORDS_MAX,
             "the server's clock was set %s by %s: it says %s, and would have said %s",
             by_us < 0 ? "back" : "forward", amount, now, before);
    if (by_us < 0 && clock->latest_us > clock->ahead_us)
        clock->ahead_us = clock->latest_us;
    clock->latest_us = clock->floor_us = now_us;
    clock->distance_us = now_us - boot_us();
    clock->set_us = boot_us();
    return true;
}

/* What was made before the clock was set, and is entered after it, has the time of its entry.
 */
uint64_t tlog_clock_stamp(struct tlog *log, int64_t now_us, uint64_t time_us)
{
    struct tlog_clock *clock = &log->clock;
    int64_t stamp_us = time_us <= INT64_MAX ? (int64_t)time_us : now_us;
    if (stamp_us > now_us + TLOG_CLOCK_STEP_US || stamp_us < clock->floor_us)
        stamp_us = now_us;
    if (stamp_us > clock->latest_us)
        clock->latest_us = stamp_us;
    return (uint64_t)stamp_us;
}

/* On the writer's thread. */
void tlog_clock_ended(struct tlog *log, bool committed)
{
    if (!committed) {
        log->clock = log->known;
        return;
    }
    bool set = log->clock.set_us != log->known.set_us;
    pthread_mutex_lock(&log->mutex);
    log->known = log->clock;
    pthread_mutex_unlock(&log->mutex);
    if (set)
        log_line(LOG_LEVEL_ERROR,
                 "tlog: %s: leases, order windows and certificates go by it: is it right "
                 "(timedatectl)?",
                 log->clock_words);
}

static struct tlog_clock known(struct tlog *log)
{
    pthread_mutex_lock(&log->mutex);
    struct tlog_clock clock = log->known;
    pthread_mutex_unlock(&log->mutex);
    return clock;
}

bool tlog_clock_is_set(struct tlog *log, struct store_tx *tx)
{
    struct tlog_clock clock = known(log);
    return set_by(&clock, store_now_us(tx)) != 0;
}

int64_t tlog_clock_ahead_us(struct tlog *log)
{
    return known(log).ahead_us;
}

bool tlog_clock_settled(struct tlog *log, int64_t for_us)
{
    int64_t set_us = known(log).set_us;
    return set_us == 0 || boot_us() - set_us > for_us;
}

enum err tlog_clock_accept(struct store_tx *tx, void *log_context)
{
    struct tlog *log = log_context;
    (void)tx;
    log->clock.ahead_us = 0;
    return ERR_OK;
}

/* SPDX-License-Identifier: MIT */
/*
 * work: a pool of threads for everything slow (HSM, CA, store), so that the I/O thread never
 * waits.
 *
 * Jobs are put on strands: a strand's jobs run in order, one at a time; strands run side by
 * side. A run of a board is a strand, and so is a connection. The queue is bounded: a full one
 * is ERR_EXHAUSTED at once, never growth.
 *
 * A strand belongs to a share, and a share to one caller, whatever his strands. Shares take
 * turns, so he who has a thousand jobs waiting delays another's one by one job; and a share
 * may hold no more places (jobs that wait or run) than are free, so the pool is never full for
 * one who holds few: alone a caller gets half of it, beside another one a third, and so on.
 */
#pragma once

#include "common/core/err.h"

struct work;
struct share;
struct strand;

typedef void work_job(void *context);

/* Places: threads + queue_max. */
enum err work_start(unsigned threads, unsigned queue_max, struct work **work_out);
void work_stop(struct work *work); /* runs what is queued, then joins; NULL is fine */
unsigned work_queued(struct work *work);

/* To be called now and then: a thread that has been at one job for over_ms does not count (an
 * HSM may never come back), another takes its place until it does. How many those are. */
unsigned work_patrol(struct work *work, unsigned over_ms);

/* A caller's part of the pool; counted, its strands keep it. */
struct share *share_new(struct work *work); /* NULL: out of memory */
struct share *share_keep(struct share *share);
void share_drop(struct share **share);

/* A strand is counted; jobs that are queued keep it. */
struct strand *strand_new(struct work *work); /* the pool's own: only its bound counts; NULL:
                                                 out of memory */
struct strand *strand_of(struct share *share);
struct strand *strand_keep(struct strand *strand);
void strand_drop(struct strand **strand);

/* Any thread. run is called once, with context, on a worker, unless it is withdrawn. */
enum err strand_submit(struct strand *strand, work_job *run, void *context);

/* The same, for who has more to submit: it wakes nobody until work_rouse(), or many wait. */
enum err strand_post(struct strand *strand, work_job *run, void *context);
void work_rouse(struct work *work);

/* For what must not be lost (an answer that has come, a connection that has gone): not bounded;
 * its callers' number is. */
enum err strand_submit_due(struct strand *strand, work_job *run, void *context);

/* Take back what waits with that context: it will not run, and its place is free. false: it has
 * begun, or is not there. */
bool strand_withdraw(struct strand *strand, const void *context);

/* Does the calling thread run one of that strand's jobs now? */
bool strand_is_current(const struct strand *strand);

/* SPDX-License-Identifier: MIT */
/*
 * work: a pool of threads for slow operations (HSM, CA, store), so that the I/O thread does not
 * wait for them.
 *
 * Jobs are put on strands: the jobs of a strand run in order, one at a time; strands run in
 * parallel. A run of a board is a strand, and so is a connection. The queue is bounded: if it
 * is full, a job is refused with ERR_EXHAUSTED and the queue does not grow (test_work).
 *
 * The queue is a fair-share queue. A strand belongs to a share, and a share to one principal.
 * Shares take turns, so a principal with a thousand waiting jobs delays the one job of another
 * by one job. A share may hold no more slots (jobs that wait or run) than are free, so the pool
 * has a free slot for a principal that holds few: a principal alone gets half of the slots,
 * beside another one a third, and so on (test_work). All functions may be called by any thread.
 */
#pragma once

#include "common/core/err.h"

struct work;
struct share;
struct strand;

typedef void work_job(void *context);

/* Slots: threads + queue_max. *work_out is the caller's, for work_stop(). ERR_INVALID: too many
 * threads; ERR_IO: no thread. */
enum err work_start(unsigned threads, unsigned queue_max, struct work **work_out);
void work_stop(
    struct work *work); /* runs the queued jobs, then joins the threads; NULL is fine */
unsigned work_queued(struct work *work);

/* Called regularly: a thread that has run one job for over_ms (an unresponsive HSM) is replaced
 * by another until it returns (test_work). Returns how many threads are replaced. */
unsigned work_patrol(struct work *work, unsigned over_ms);

/* A principal's share of the pool. Reference-counted; its strands keep it. */
struct share *share_new(struct work *work); /* NULL: out of memory */
struct share *share_keep(struct share *share);
void share_drop(struct share **share);

/* A strand is reference-counted; its queued jobs keep it. */
struct strand *strand_new(struct work *work); /* of the pool's own share, limited by the queue
                                                 alone; NULL: out of memory */
struct strand *strand_of(struct share *share);
struct strand *strand_keep(struct strand *strand);
void strand_drop(struct strand **strand);

/* run is called once, with context, on a worker, unless it is withdrawn. ERR_EXHAUSTED: the
 * queue is full, or the share has its slots; ERR_MEMORY. */
enum err strand_submit(struct strand *strand, work_job *run, void *context);

/* The same for a caller with more to submit: no worker is woken before work_rouse(), or before
 * many jobs wait (test_work). */
enum err strand_post(struct strand *strand, work_job *run, void *context);
void work_rouse(struct work *work);

/* For a job that must not be lost (an answer that has arrived, a connection that was closed):
 * the queue's bound does not apply. The number of such jobs is bounded by the number of their
 * callers. */
enum err strand_submit_due(struct strand *strand, work_job *run, void *context);

/* Withdraws the waiting job with that context: it will not run, and its slot is free. false: it
 * has begun, or is not there. */
bool strand_withdraw(struct strand *strand, const void *context);

/* true if the calling thread is running one of that strand's jobs. */
bool strand_is_current(const struct strand *strand);

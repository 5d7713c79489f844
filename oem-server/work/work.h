/*
 * work: a pool of threads for everything slow (HSM, CA, store), so that the I/O thread never
 * waits.
 *
 * Jobs are put on strands: a strand's jobs run in order, one at a time; strands run side by
 * side. A run of a board is a strand, and so is a connection. The queue is bounded: a full one
 * is ERR_EXHAUSTED at once, never growth.
 */
#pragma once

#include "common/core/err.h"

struct work;
struct strand;

typedef void work_job(void *context);

enum err work_start(unsigned threads, unsigned queue_max, struct work **work_out);
void work_stop(struct work *work); /* runs what is queued, then joins; NULL is fine */
unsigned work_queued(struct work *work);

/* A strand is counted; jobs that are queued keep it. */
struct strand *strand_new(struct work *work); /* NULL: out of memory */
struct strand *strand_keep(struct strand *strand);
void strand_drop(struct strand **strand);

/* Any thread. run is called once, with context, on a worker. */
enum err strand_submit(struct strand *strand, work_job *run, void *context);

/* For what must not be lost (an answer that has come, a connection that has gone): not bounded
 * by queue_max; its callers' number is. */
enum err strand_submit_due(struct strand *strand, work_job *run, void *context);

/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "common/host/own.h"
#include "oem-server/work/work.h"

enum { JOBS = 500, STRANDS = 4 };

struct lane {
    struct strand *strand;
    unsigned seen[JOBS];
    unsigned count;
    atomic_bool busy;
    atomic_uint overlaps;
};

struct step {
    struct lane *lane;
    unsigned number;
};

static void run_step(void *context)
{
    struct step *step = context;
    struct lane *lane = step->lane;
    if (atomic_exchange(&lane->busy, true))
        atomic_fetch_add(&lane->overlaps, 1);
    lane->seen[lane->count++] = step->number;
    atomic_store(&lane->busy, false);
}

static void strands_keep_their_order(void **state)
{
    (void)state;
    static struct lane lanes[STRANDS];
    static struct step steps[STRANDS][JOBS];
    struct work *work = NULL;
    assert_int_equal(work_start(3, STRANDS * JOBS, &work), ERR_OK);
    for (size_t s = 0; s < STRANDS; s++)
        assert_non_null(lanes[s].strand = strand_new(work));
    for (unsigned i = 0; i < JOBS; i++) {
        for (size_t s = 0; s < STRANDS; s++) {
            steps[s][i] = (struct step){ &lanes[s], i };
            assert_int_equal(strand_submit(lanes[s].strand, run_step, &steps[s][i]), ERR_OK);
        }
    }
    for (size_t s = 0; s < STRANDS; s++)
        strand_drop(&lanes[s].strand); /* what is queued keeps it */
    work_stop(work);
    for (size_t s = 0; s < STRANDS; s++) {
        assert_int_equal(lanes[s].count, JOBS);
        assert_int_equal(lanes[s].overlaps, 0);
        for (unsigned i = 0; i < JOBS; i++)
            assert_int_equal(lanes[s].seen[i], i);
    }
}

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool entered, open;
    atomic_uint ran;
};

static void wait_at(void *context)
{
    struct gate *gate = context;
    pthread_mutex_lock(&gate->lock);
    gate->entered = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void count(void *context)
{
    struct gate *gate = context;
    atomic_fetch_add(&gate->ran, 1);
}

static void full_queue_refuses(void **state)
{
    (void)state;
    struct gate gate = { .lock = PTHREAD_MUTEX_INITIALIZER,
                         .changed = PTHREAD_COND_INITIALIZER };
    struct work *work = NULL;
    assert_int_equal(work_start(1, 2, &work), ERR_OK);
    struct strand *strand = strand_new(work);
    assert_int_equal(strand_submit(strand, wait_at, &gate), ERR_OK);
    pthread_mutex_lock(&gate.lock);
    while (!gate.entered)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    assert_int_equal(strand_submit(strand, count, &gate), ERR_OK);
    assert_int_equal(strand_submit(strand, count, &gate), ERR_OK);
    assert_int_equal(work_queued(work), 2);
    assert_int_equal(strand_submit(strand, count, &gate), ERR_EXHAUSTED);
    assert_int_equal(strand_submit_due(strand, count, &gate),
                     ERR_OK); /* an answer is not lost */
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
    work_stop(work);
    assert_int_equal(gate.ran, 3);
    strand_drop(&strand);
}

/* A pool of one thread, which waits at the gate. */
static struct work *held_up(struct gate *gate, unsigned queue_max)
{
    struct work *work = NULL;
    *gate =
        (struct gate){ .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    assert_int_equal(work_start(1, queue_max, &work), ERR_OK);
    struct strand *strand = strand_new(work);
    assert_int_equal(strand_submit(strand, wait_at, gate), ERR_OK);
    strand_drop(&strand);
    pthread_mutex_lock(&gate->lock);
    while (!gate->entered)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return work;
}

static void let_go(struct gate *gate, struct work *work)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
    work_stop(work);
}

/* As many jobs on as many strands as the caller gets in. */
static unsigned fill(struct share *share, struct gate *gate)
{
    unsigned taken = 0;
    enum err e = ERR_OK;
    while (e == ERR_OK) {
        struct strand *strand = strand_of(share);
        e = strand_submit(strand, count, gate);
        taken += e == ERR_OK ? 1u : 0u;
        strand_drop(&strand);
    }
    assert_int_equal(e, ERR_EXHAUSTED);
    return taken;
}

static void a_caller_gets_no_more_than_is_left(void **state)
{
    (void)state;
    struct gate gate;
    struct work *work = held_up(&gate, 100);
    struct share *first = share_new(work), *second = share_new(work), *third = share_new(work);
    assert_int_equal(fill(first, &gate), 50);
    assert_int_equal(fill(second, &gate), 25); /* the first came before: half of what it left */
    assert_int_equal(fill(third, &gate), 13);
    assert_int_equal(work_queued(work), 88); /* and there is room still */
    let_go(&gate, work);
    assert_int_equal(gate.ran, 88);
    share_drop(&first);
    share_drop(&second);
    share_drop(&third);
}

struct tour {
    unsigned seen[8], count;
};

struct stop {
    struct tour *tour;
    unsigned whose;
};

static void visit(void *context)
{
    const struct stop *stop = context;
    stop->tour->seen[stop->tour->count++] = stop->whose;
}

/* Six strands of one caller are no reason for another to wait for six jobs. */
static void callers_take_turns(void **state)
{
    (void)state;
    struct gate gate;
    struct tour tour = { 0 };
    struct stop many = { &tour, 1 }, one = { &tour, 2 };
    struct work *work = held_up(&gate, 100);
    struct share *first = share_new(work), *second = share_new(work);
    for (unsigned i = 0; i < 6; i++) {
        struct strand *strand = strand_of(first);
        assert_int_equal(strand_submit(strand, visit, &many), ERR_OK);
        strand_drop(&strand);
    }
    struct strand *strand = strand_of(second);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(strand_submit(strand, visit, &one), ERR_OK);
    strand_drop(&strand);
    let_go(&gate, work);
    static const unsigned want[] = { 1, 2, 1, 2, 1, 1, 1, 1 };
    assert_int_equal(tour.count, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++)
        assert_int_equal(tour.seen[i], want[i]);
    share_drop(&first);
    share_drop(&second);
}

static void withdrawn_jobs_do_not_run(void **state)
{
    (void)state;
    struct gate gate, other = { .ran = 0 };
    struct work *work = held_up(&gate, 2);
    struct strand *strand = strand_new(work);
    assert_int_equal(strand_submit(strand, count, &other), ERR_OK);
    assert_int_equal(strand_submit(strand, count, &gate), ERR_OK);
    assert_int_equal(strand_submit(strand, count, &gate), ERR_EXHAUSTED);
    assert_true(strand_withdraw(strand, &other));
    assert_false(strand_withdraw(strand, &other));
    assert_int_equal(strand_submit(strand, count, &gate), ERR_OK); /* its place was free */
    assert_true(strand_withdraw(strand, &gate));
    assert_true(strand_withdraw(strand, &gate));
    assert_int_equal(work_queued(work), 0); /* the empty strand is still in the list */
    assert_int_equal(strand_submit(strand, count, &gate), ERR_OK);
    let_go(&gate, work);
    assert_int_equal(gate.ran, 1);
    assert_int_equal(other.ran, 0);
    strand_drop(&strand);
}

static void meet(void *context)
{
    pthread_barrier_wait(context);
}

static void announce(void *context)
{
    struct gate *gate = context;
    pthread_mutex_lock(&gate->lock);
    atomic_fetch_add(&gate->ran, 1);
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

/* One call rouses as many workers as there is work for: the jobs wait for each other. */
static void what_is_posted_runs_when_roused(void **state)
{
    (void)state;
    enum { THREADS = 3 };
    pthread_barrier_t together;
    struct work *work = NULL;
    pthread_barrier_init(&together, NULL, THREADS + 1);
    assert_int_equal(work_start(THREADS, 10, &work), ERR_OK);
    for (unsigned i = 0; i < THREADS; i++) {
        struct strand *strand = strand_new(work);
        assert_int_equal(strand_post(strand, meet, &together), ERR_OK);
        strand_drop(&strand);
    }
    work_rouse(work);
    meet(&together);
    assert_int_equal(work_queued(work), 0);
    work_rouse(work); /* with nothing to do */
    work_stop(work);
    pthread_barrier_destroy(&together);
}

/* The only thread does not come back: another does the work, and leaves when it does. */
static void a_stuck_thread_is_replaced(void **state)
{
    (void)state;
    struct gate gate;
    struct work *work = held_up(&gate, 10);
    struct strand *strand = strand_new(work);
    assert_int_equal(strand_submit(strand, announce, &gate), ERR_OK);
    assert_int_equal(work_patrol(work, 60000), 0);
    assert_int_equal(gate.ran, 0);
    struct timespec tick = { 0, 2000000 };
    nanosleep(&tick, NULL); /* so that its time has passed 0 ms */
    assert_int_equal(work_patrol(work, 0), 1);
    pthread_mutex_lock(&gate.lock);
    while (gate.ran == 0)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    strand_drop(&strand);
    let_go(&gate, work);
}

static void thread_count_is_checked(void **state)
{
    (void)state;
    struct work *work = NULL;
    assert_int_equal(work_start(0, 1, &work), ERR_INVALID);
    assert_int_equal(work_start(65, 1, &work), ERR_INVALID);
    assert_null(work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strands_keep_their_order),
        cmocka_unit_test(full_queue_refuses),
        cmocka_unit_test(a_caller_gets_no_more_than_is_left),
        cmocka_unit_test(callers_take_turns),
        cmocka_unit_test(withdrawn_jobs_do_not_run),
        cmocka_unit_test(what_is_posted_runs_when_roused),
        cmocka_unit_test(a_stuck_thread_is_replaced),
        cmocka_unit_test(thread_count_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

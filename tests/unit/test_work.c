#include "tests/unit/check.h"

#include <pthread.h>
#include <stdatomic.h>

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
        cmocka_unit_test(thread_count_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

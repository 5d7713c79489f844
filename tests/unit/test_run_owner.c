/* SPDX-License-Identifier: MIT */
/* A run has one owner: its strand. Work from elsewhere is posted; any other use stops. */
#include "tests/unit/check.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/host/log.h"
#include "tests/unit/server_board.h"

static struct party operator_, station, other;
static struct board board;

static int set_up(void **state)
{
    bench_setup(state);
    party_add(&operator_, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    party_add(&station, HALLMARK__V1__ROLE__ROLE_STATION, "line-1");
    party_add(&other, HALLMARK__V1__ROLE__ROLE_STATION, "line-2"); /* bench_order() names it */
    bench_order(&operator_, "owned", "line-1", 10, 1);
    board_init(&board, &station, "owned", 1);
    return 0;
}

static int tear_down(void **state)
{
    board_fini(&board);
    party_drop(&other);
    party_drop(&station);
    party_drop(&operator_);
    return bench_teardown(state);
}

struct seen {
    sem_t done;
    bool own;
};

static void look(struct run *run, void *context)
{
    struct seen *seen = context;
    run_own(run); /* stops, were this elsewhere */
    seen->own = strand_is_current(run_strand(run));
    sem_post(&seen->done);
}

static void what_is_posted_is_on_the_strand(void **state)
{
    (void)state;
    struct seen seen = { .own = false };
    assert_int_equal(sem_init(&seen.done, 0, 0), 0);
    assert_int_equal(board_open(&board, false, NULL), ERR_OK);
    AUTO(run_drop) struct run *run = run_find(bench.server, board.run_id);
    assert_non_null(run);
    assert_false(strand_is_current(run_strand(run)));
    assert_int_equal(run_post(run, look, &seen), ERR_OK);
    sem_wait(&seen.done);
    sem_destroy(&seen.done);
    assert_true(seen.own);
}

/* Each in a process of its own, which must end with SIGABRT. */
static void advance(struct run *run)
{
    run_advance(run);
}
static void advance_own(struct run *run)
{
    run_advance_own(run);
}
static void end(struct run *run)
{
    run_end(run, ERR_ABORTED, "from elsewhere");
}
static void charge(struct run *run)
{
    (void)!run_charge(run, 1);
}

static void elsewhere_it_stops(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*use)(struct run *run);
    } uses[] = { { "advance", advance },
                 { "advance own", advance_own },
                 { "end", end },
                 { "charge", charge } };
    AUTO(run_drop) struct run *run = run_find(bench.server, board.run_id);
    assert_non_null(run);
    for (size_t i = 0; i < COUNT(uses); i++) {
        pid_t child = fork();
        int status = 0;
        assert_true(child >= 0);
        if (child == 0) {
            signal(SIGABRT, SIG_DFL);
            uses[i].use(run);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
            fail_msg("%s: was let through", uses[i].name);
    }
}

/* A report is repeated by several threads while others end the run: for ThreadSanitizer. */
enum { THREADS = 4, ROUNDS = 20 };

static void *report(void *context)
{
    (void)context;
    Hallmark__V1__ReportRequest in = HALLMARK__V1__REPORT_REQUEST__INIT;
    const struct asking asking = { SPAN(board.run_id), NULL, NULL };
    for (unsigned i = 0; i < ROUNDS; i++)
        (void)!party_call(&station, "hallmark.v1.Runs/Report", &in.base, &asking, NULL, NULL);
    return NULL;
}

static void calls_and_ends_at_once(void **state)
{
    (void)state;
    pthread_t thread[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, report, NULL), 0);
    bench_sweep();
    run_end_of_id(bench.server, board.run_id, ERR_ABORTED, "ended by the test", false);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    bench_settle();
    struct run *run = run_find(bench.server, board.run_id);
    assert_null(run);
    bench_check();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_posted_is_on_the_strand),
        cmocka_unit_test(elsewhere_it_stops),
        cmocka_unit_test(calls_and_ends_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

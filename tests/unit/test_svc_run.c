/* SPDX-License-Identifier: MIT */
/* A unit from Runs.Open to Runs.Sealed through the server's whole pipeline, and what may go
 * wrong. */
#include "tests/unit/check.h"

#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/clock.h"
#include "tests/unit/svc_board.h"

static struct party alice, line_1, line_2;

static int set_up(void **state)
{
    if (bench_setup(state) != 0)
        return -1;
    party_add(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    party_add(&line_1, HALLMARK__V1__ROLE__ROLE_STATION, "line-1");
    party_add(&line_2, HALLMARK__V1__ROLE__ROLE_STATION, "line-2");
    bench_order(&alice, "po-1", "line-1", 100, 1);
    bench_order(&alice, "po-3", "line-1", 100, 3);
    return 0;
}

static int tear_down(void **state)
{
    party_drop(&alice);
    party_drop(&line_1);
    party_drop(&line_2);
    return bench_teardown(state);
}

static void assert_state(const struct board *b, const char *want)
{
    char state[16];
    bench_state(b->uid, state);
    assert_string_equal(state, want);
}

#define OK(call)                                                                               \
    do {                                                                                       \
        enum err ok_ = (call);                                                                 \
        if (ok_ != ERR_OK)                                                                     \
            fail_msg("%s: %s", #call, fail_words());                                           \
    } while (0)

/* At production, with a boot test: the most that a unit costs. */
static void unit_costs_11_commits_and_15_operations(void **state)
{
    (void)state;
    struct board b;
    board_init(&b, &line_1, "po-3", 1);
    b.level = 3;
    uint64_t changes = atomic_load(&bench.server->changes), operations = hsm_operations_total();
    OK(board_arrows(&b, 33));
    OK(board_finish(&b));
    assert_state(&b, "finished");
    assert_int_equal(b.decision, HALLMARK__V1__KEY_DECISION__KEY_DECISION_WRITE);
    OK(board_commit(&b));
    assert_state(&b, "committed");
    OK(board_booted(&b, true));
    OK(board_locked(&b));
    OK(board_sealed(&b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT));
    assert_state(&b, "sealed");
    print_message("  a unit: %llu commits, %llu operations of the HSM\n",
                  (unsigned long long)(atomic_load(&bench.server->changes) - changes),
                  (unsigned long long)(hsm_operations_total() - operations));
    assert_int_equal(atomic_load(&bench.server->changes) - changes, 11);
    assert_int_equal(hsm_operations_total() - operations, 15);
    bench_check();
    board_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unit_costs_11_commits_and_15_operations),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

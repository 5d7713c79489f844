/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <ctype.h>
#include <google/protobuf-c/protobuf-c.h>
#include <stdio.h>
#include <string.h>

#include "common/flow/flow.h"
#include "common/host/own.h"
#include "hallmark/v1/diagram.pb-c.h"

static const ProtobufCServiceDescriptor *const services[] = {
    &hallmark__v1__pki__descriptor,         &hallmark__v1__station__descriptor,
    &hallmark__v1__board__descriptor,       &hallmark__v1__host__descriptor,
    &hallmark__v1__target__descriptor,      &hallmark__v1__ca__descriptor,
    &hallmark__v1__secure_boot__descriptor, &hallmark__v1__key_agreement__descriptor,
};

/* The party that serves a service: the head of all its arrows. */
static const struct {
    const char *service;
    char head;
} heads[] = {
    { "Pki", 'o' },    { "Station", 'n' }, { "Board", 'p' },      { "Host", 'n' },
    { "Target", 'p' }, { "Ca", 'o' },      { "SecureBoot", 'o' }, { "KeyAgreement", 'o' },
};

/* "    o ->> n: Send" gives tail and head; a participant line or a note gives nothing. */
static bool is_arrow(const char *line, char *tail, char *head)
{
    return sscanf(line, " %c ->> %c:", tail, head) == 2;
}

static void rows_are_the_diagram(void **state)
{
    (void)state;
    FILE *file = fopen(SOURCE_DIR "/proto/prepare-programmer.mmd", "r");
    assert_non_null(file);
    char line[256], tail, head;
    unsigned arrow = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (!is_arrow(line, &tail, &head))
            continue;
        arrow++;
        assert_in_range(arrow, 1, FLOW_ARROWS);
        const struct flow_row *row = flow_row((uint8_t)arrow);
        assert_int_equal(row->arrow, arrow);
        assert_int_equal(flow_letter(row->tail), tail);
        assert_int_equal(flow_letter(row->head), head);
    }
    fclose(file);
    assert_int_equal(arrow, FLOW_ARROWS);
}

static void heads_serve_their_arrows(void **state)
{
    (void)state;
    for (size_t i = 0; i < FLOW_ARROWS; i++) {
        bool found = false;
        for (size_t k = 0; k < COUNT(heads); k++)
            if (strcmp(heads[k].service, flow_rows[i].service) == 0)
                found = heads[k].head == flow_letter(flow_rows[i].head);
        assert_true(found);
    }
}

static void every_row_has_its_method(void **state)
{
    (void)state;
    for (size_t i = 0; i < FLOW_ARROWS; i++) {
        unsigned found = 0;
        for (size_t k = 0; k < COUNT(services); k++)
            if (strcmp(services[k]->short_name, flow_rows[i].service) == 0 &&
                protobuf_c_service_descriptor_get_method_by_name(services[k],
                                                                 flow_rows[i].method) != NULL)
                found++;
        assert_int_equal(found, 1);
    }
}

static void every_method_is_one_row(void **state)
{
    (void)state;
    unsigned methods = 0;
    for (size_t k = 0; k < COUNT(services); k++) {
        for (unsigned m = 0; m < services[k]->n_methods; m++, methods++) {
            char full[160];
            snprintf(full, sizeof(full), "%s/%s", services[k]->name,
                     services[k]->methods[m].name);
            const struct flow_row *row = flow_row_of_method(full);
            assert_non_null(row);
            assert_string_equal(row->method, services[k]->methods[m].name);
        }
    }
    assert_int_equal(methods, FLOW_ARROWS);
}

/* Counts what a side calls when the other side answers everything. */
static enum err count_call(void *context, const struct flow_row *row,
                           enum flow_progress *progress)
{
    uint64_t *called = context;
    *called |= UINT64_C(1) << row->arrow;
    *progress = FLOW_DONE_NOW;
    return ERR_OK;
}

static uint64_t play(enum flow_side side)
{
    struct flow f = flow_start(side);
    uint64_t called = 0;
    while (!flow_finished(&f)) {
        assert_int_equal(flow_advance(&f, count_call, &called), ERR_OK);
        if (flow_finished(&f))
            break;
        assert_int_equal(flow_accept(&f, f.next), ERR_OK);
        flow_done(&f);
    }
    return called;
}

static void each_arrow_has_one_caller(void **state)
{
    (void)state;
    uint64_t server = play(FLOW_SERVER), agent = play(FLOW_AGENT);
    assert_int_equal(server & agent, 0);
    uint64_t board = UINT64_C(1) << 7 | UINT64_C(1) << 12 | UINT64_C(1) << 31;
    uint64_t all = ((UINT64_C(1) << 34) - 1) & ~UINT64_C(7);
    assert_true((server | agent | board) == all);
    assert_int_equal(server & board, 0);
    assert_int_equal(agent & board, 0);
}

static void out_of_order_names_the_expected(void **state)
{
    (void)state;
    const struct {
        uint8_t at, got;
        enum err want;
    } cases[] = {
        { 14, 14, ERR_OK },    { 14, 13, ERR_ORDER }, { 14, 17, ERR_ORDER },
        { 34, 33, ERR_ORDER }, { 17, 0, ERR_ORDER },  { 17, 255, ERR_ORDER },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct flow f = { .side = FLOW_SERVER, .next = cases[i].at };
        assert_int_equal(flow_accept(&f, cases[i].got), cases[i].want);
        assert_int_equal(f.next, cases[i].at);
    }
}

static void agent_passes_the_servers_own(void **state)
{
    (void)state;
    static const struct {
        uint8_t done, next;
        bool report_due;
    } cases[] = {
        { 12, 13, false }, { 13, 14, false }, { 17, 19, false }, { 20, 21, false },
        { 21, 23, false }, { 27, 30, true },  { 31, 32, false }, { 32, FLOW_ARROWS + 1, true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct flow f = { .side = FLOW_AGENT, .next = cases[i].done };
        flow_done(&f);
        assert_int_equal(f.next, cases[i].next);
        assert_int_equal(flow_report_due(&f), cases[i].report_due);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_diagram),
        cmocka_unit_test(heads_serve_their_arrows),
        cmocka_unit_test(every_row_has_its_method),
        cmocka_unit_test(every_method_is_one_row),
        cmocka_unit_test(each_arrow_has_one_caller),
        cmocka_unit_test(out_of_order_names_the_expected),
        cmocka_unit_test(agent_passes_the_servers_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

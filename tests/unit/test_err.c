/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include "common/core/err.h"
#include "common/host/own.h"

static const uint32_t numbers[] = {
#define X(name, number, status, text) (number),
    ERR_LIST(X)
#undef X
};

static void numbers_are_unique_and_rise(void **state)
{
    (void)state;
    for (size_t i = 1; i < COUNT(numbers); i++)
        assert_true(numbers[i] > numbers[i - 1]);
}

static void statuses_are_grpc(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        enum err e = (enum err)numbers[i];
        assert_true(err_status(e) <= 16);
        if (numbers[i] <= 16)
            assert_int_equal(err_status(e), numbers[i]);
        else
            assert_true(err_status(e) != 0);
    }
}

static void wire_numbers_are_checked(void **state)
{
    (void)state;
    assert_int_equal(err_from_wire(37, 9), ERR_ORDER);
    assert_int_equal(err_from_wire(37, 5),
                     ERR_NOT_FOUND); /* a code that lies about its status */
    assert_int_equal(err_from_wire(99999, 14), ERR_UNAVAILABLE);
    assert_int_equal(err_from_wire(99999, 99999), ERR_UNKNOWN);
    assert_int_equal(err_from_wire(0, 0), ERR_OK);
    assert_int_equal(err_from_wire(0, 7), ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_unique_and_rise),
        cmocka_unit_test(statuses_are_grpc),
        cmocka_unit_test(wire_numbers_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

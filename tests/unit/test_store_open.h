/* SPDX-License-Identifier: MIT */
/* An open store in a folder of the test's own, and the short ways to use it. */
#pragma once

#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/store.h"
#include "tests/unit/test_store_dir.h"

enum { WAIT_MS = 1000 };

static struct test_dir dir;
static struct store *store;

static inline int open_store(void **state)
{
    (void)state;
    test_dir_make(&dir);
    return store_open(dir.store, &store) == ERR_OK ? 0 : -1;
}

static inline int close_store(void **state)
{
    (void)state;
    store_close(store);
    test_dir_remove(&dir);
    return 0;
}

static inline struct store_tx *begin(void)
{
    struct store_tx *tx = NULL;
    assert_int_equal(store_begin(store, WAIT_MS, &tx), ERR_OK);
    return tx;
}

static inline void commit(struct store_tx *tx)
{
    assert_int_equal(store_commit(&tx), ERR_OK);
    assert_null(tx);
}

static inline void setting_is(const char *name, const char *want)
{
    AUTO(store_rollback) struct store_tx *tx = begin();
    AUTO(buf_free) struct buf value = { 0 };
    assert_int_equal(store_setting_get(tx, name, &value),
                     want != NULL ? ERR_OK : ERR_NOT_FOUND);
    if (want != NULL)
        assert_true(span_eq(buf_span(&value), span_of(want, strlen(want))));
}

static inline void setting_put(struct store_tx *tx, const char *name, const char *value)
{
    assert_int_equal(store_setting_put(tx, name, span_of(value, strlen(value))), ERR_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

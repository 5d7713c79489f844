/* SPDX-License-Identifier: MIT */
/* An open store in a folder of the test's own, and the short ways to use it. */
#pragma once

#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/store.h"
#include "tests/unit/test_store_dir.h"

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

static inline enum err change(store_fn *fn, void *context)
{
    return store_do(store, fn, context, UINT64_MAX);
}

static inline enum err look(store_fn *fn, void *context)
{
    return store_read(store, fn, context, UINT64_MAX);
}

struct setting {
    const char *name, *value;
};

static inline enum err setting_put(struct store_tx *tx, void *context)
{
    const struct setting *s = context;
    return store_setting_put(tx, s->name, span_of(s->value, strlen(s->value)));
}

static inline enum err setting_compare(struct store_tx *tx, void *context)
{
    const struct setting *s = context;
    AUTO(buf_free) struct buf value = { 0 };
    enum err got = store_setting_get(tx, s->name, &value);
    if (s->value == NULL || got != ERR_OK)
        return got;
    return span_eq(buf_span(&value), span_of(s->value, strlen(s->value))) ? ERR_OK
                                                                          : ERR_MISMATCH;
}

static inline void setting_is(const char *name, const char *want)
{
    struct setting s = { name, want };
    assert_int_equal(look(setting_compare, &s), want != NULL ? ERR_OK : ERR_NOT_FOUND);
}

static inline void setting_set(const char *name, const char *value)
{
    struct setting s = { name, value };
    assert_int_equal(change(setting_put, &s), ERR_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

/* SPDX-License-Identifier: MIT */
/* An open event log in a folder of the test's own, and the short ways to use it. */
#pragma once

#include <string.h>

#include "common/host/log.h"
#include "oem-server/tlog/proof.h"
#include "oem-server/tlog/tlog.h"
#include "tests/unit/test_store_dir.h"
#include "tests/unit/test_tlog_key.h"

#define ORIGIN "log.example/factory"

static struct test_dir dir;
static struct test_key key;
static struct note_key note_key;
static struct store *store;
static struct tlog *event_log;

static inline enum err open_log(void)
{
    TRY(store_open(dir.store, &store));
    return tlog_open(store, ORIGIN, key.public_key, test_key_sign, &key, &event_log);
}

static inline void close_log(void)
{
    tlog_free(event_log);
    store_close(store);
    event_log = NULL;
    store = NULL;
}

static inline int set_up(void **state)
{
    (void)state;
    test_dir_make(&dir);
    test_key_make(&key, 7);
    return note_key_make(ORIGIN, key.public_key, &note_key) == ERR_OK && open_log() == ERR_OK
               ? 0
               : -1;
}

static inline int tear_down(void **state)
{
    (void)state;
    close_log();
    test_key_free(&key);
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

static inline enum err append_in(struct store_tx *tx, uint64_t time_us, uint64_t *index_out)
{
    Hallmark__V1__Event event = HALLMARK__V1__EVENT__INIT;
    char kind[] = "call";
    event.time_us = time_us;
    event.kind = kind;
    return tlog_append(event_log, tx, &event, index_out);
}

static inline enum err append_one(struct store_tx *tx, void *context)
{
    return append_in(tx, *(uint64_t *)context, NULL);
}

static inline void append(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(change(append_one, &i), ERR_OK);
}

static inline void checkpoint_is(uint64_t want_size)
{
    AUTO(buf_free) struct buf note = { 0 };
    struct checkpoint checkpoint;
    uint64_t size = 0;
    assert_int_equal(tlog_checkpoint(event_log, &note, &size), ERR_OK);
    assert_int_equal(size, want_size);
    assert_int_equal(checkpoint_open(buf_span(&note), &note_key, &checkpoint), ERR_OK);
    assert_int_equal(checkpoint.size, want_size);
    assert_int_equal(checkpoint.extensions.len, 0);
}

/* What an auditor does: entry after entry, in the memory of one edge. */
struct auditor {
    struct tree_edge edge;
    uint8_t (*roots)[SHA256_SIZE]; /* by size */
    struct buf *entries;           /* by index; NULL: not kept */
};

static inline enum err audit(void *context, uint64_t index, struct span entry)
{
    struct auditor *auditor = context;
    uint8_t leaf[SHA256_SIZE];
    TRY(tree_leaf(entry, leaf));
    TRY(tree_add(&auditor->edge, leaf, NULL, NULL));
    if (auditor->entries != NULL)
        TRY(buf_copy(&auditor->entries[index], entry));
    return tree_root(&auditor->edge, auditor->roots[auditor->edge.size]);
}

static inline enum err audit_read(struct store_tx *tx, void *context)
{
    return store_log_read(tx, 0, INT64_MAX, audit, context);
}

static inline void audit_all(struct auditor *auditor)
{
    assert_int_equal(tree_root(&auditor->edge, auditor->roots[0]), ERR_OK);
    assert_int_equal(look(audit_read, auditor), ERR_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

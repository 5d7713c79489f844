/* SPDX-License-Identifier: MIT */
/* A folder of a test's own, and the names of a store in it. For the tests of store and tlog. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/check.h"

struct test_dir {
    char folder[64];
    char store[80];
};

static inline void test_dir_make_in(struct test_dir *dir, const char *parent)
{
    snprintf(dir->folder, sizeof(dir->folder), "%s/hallmark-test-XXXXXX", parent);
    assert_non_null(mkdtemp(dir->folder));
    snprintf(dir->store, sizeof(dir->store), "%s/store.db", dir->folder);
}

static inline void test_dir_make(struct test_dir *dir)
{
    const char *parent = getenv("TMPDIR"); /* tests/run names one in memory */
    test_dir_make_in(dir, parent != NULL && strlen(parent) < 32 ? parent : "/tmp");
}

/* For tests of many changes that ask nothing of the disk. */
static inline void test_dir_make_fast(struct test_dir *dir)
{
    test_dir_make_in(dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

static inline void test_dir_remove(const struct test_dir *dir)
{
    static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char path[96];
        snprintf(path, sizeof(path), "%s%s", dir->store, suffixes[i]);
        unlink(path);
    }
    rmdir(dir->folder);
}

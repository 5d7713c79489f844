/* SPDX-License-Identifier: MIT */
/*
 * memory: see memory.h. Called by the server's main, and by all that decode a peer's bytes with
 * OpenSSL or protobuf-c. It must not allocate for itself.
 */
#include "common/host/memory.h"

#include <openssl/crypto.h>
#include <stdlib.h>

static _Thread_local bool missed;
static _Thread_local unsigned fails_in; /* 0: no allocation is to fail */

static bool fails_now(void)
{
    return fails_in != 0 && --fails_in == 0;
}

static void *told(void *memory)
{
    missed = missed || memory == NULL;
    return memory;
}

static void *take(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return told(fails_now() ? NULL : malloc(size));
}

static void *change(void *memory, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return told(fails_now() ? NULL : realloc(memory, size));
}

static void give(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    free(memory);
}

bool memory_watch(void)
{
    return CRYPTO_set_mem_functions(take, change, give) == 1;
}

void *memory_take(size_t size)
{
    return take(size, NULL, 0);
}

void memory_clear(void)
{
    missed = false;
}

bool memory_missed(void)
{
    return missed;
}

void memory_fail_after(unsigned count)
{
    fails_in = count + 1;
}

/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/host/log.h"

/* The names are libFuzzer's. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void fuzz_setup(void)
{
    log_set_level(LOG_LEVEL_NONE);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    fuzz_setup();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(span_of(data, size));
    return 0;
}

_Noreturn void fuzz_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

void fuzz_put_with(fuzz_put *put, void *context, const char *name, uint8_t choice,
                   struct span rest)
{
    AUTO(buf_free) struct buf input = { 0 };
    FUZZ_CHECK(buf_append(&input, span_of(&choice, 1)) == ERR_OK);
    FUZZ_CHECK(buf_append(&input, rest) == ERR_OK);
    put(context, name, buf_span(&input));
}

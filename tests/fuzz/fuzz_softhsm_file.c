/* SPDX-License-Identifier: MIT */
/* A file of SoftHSM's, which a kill or a disk may have left as any bytes: what it borrows is
 * inside it, and one byte less of a whole file is no whole file. */
#include "oem-server/hsm/softhsm_file.h"
#include "tests/fuzz/fuzz.h"

void fuzz_one(struct span input)
{
    struct softhsm_file file, shorter;
    if (!softhsm_file_parse(input, &file))
        return;
    if (file.label.len != 0)
        FUZZ_CHECK(file.label.ptr >= input.ptr &&
                   file.label.ptr + file.label.len <= input.ptr + input.len);
    FUZZ_CHECK(softhsm_file_same(input, input));
    FUZZ_CHECK(!softhsm_file_parse(span_of(input.ptr, input.len - 1), &shorter));
}

/* Generation 1; CKA_CLASS, a number; CKA_ID, bytes; mechanisms; a map. */
void fuzz_seeds(fuzz_put *put, void *context)
{
    static const uint8_t key[] = { 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,   0,  0, 0,
                                   0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0,   0,  0, 0,
                                   0, 3, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0,   0,  0, 0,
                                   0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 'i', 'd' };
    static const uint8_t others[] = { 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 6, 0,
                                      0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0,
                                      0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0,
                                      0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 7 };
    put(context, "key", SPAN(key));
    put(context, "mechanisms-and-map", SPAN(others));
}

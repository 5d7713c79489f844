/* SPDX-License-Identifier: MIT */
/*
 * fuzz: what every target of this folder is made of.
 *
 * A target is one file, fuzz_NAME.c, with fuzz_one() and fuzz_seeds(). The same file is built
 * for libFuzzer, for AFL++ (persistent, by way of its libFuzzer driver) and, with replay.c in
 * place of a fuzzer, for ctest. An input must not be able to make it leak, hang or read what is
 * not its own: sanitizers tell; FUZZ_CHECK tells of everything else.
 */
#pragma once

#include "common/host/own.h"

void fuzz_one(struct span input); /* bounded time, no state kept but what it would make anew */

/* The inputs to start from: small, meaningful, the same in every run. */
typedef void fuzz_put(void *context, const char *name, struct span input);
void fuzz_seeds(fuzz_put *put, void *context);

/* The first byte of many inputs chooses what is done with the others. */
void fuzz_put_with(fuzz_put *put, void *context, const char *name, uint8_t choice,
                   struct span rest);

void fuzz_setup(void); /* quiet logs; called once */

_Noreturn void fuzz_fail(const char *file, int line, const char *what);
#define FUZZ_CHECK(condition)                                                                  \
    do {                                                                                       \
        if (!(condition))                                                                      \
            fuzz_fail(__FILE__, __LINE__, #condition);                                         \
    } while (0)

/* SPDX-License-Identifier: MIT */
/*
 * vectors: reads a file of tests/vectors, a JSON object a line, for tests that put each line to
 * code of ours and hold its answer to the file's.
 *
 * vectors_open() opens the file, vectors_next() goes to a line, vectors_hold() notes whether
 * ours agrees; vectors_close() fails the test unless all lines agree and there were as many as
 * the test says, so that a file that shrinks is noticed. What a getter returns is valid until
 * the next vectors_next(). A member that is missing fails the test.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "common/host/own.h"

enum { VECTOR_FIELDS = 80 };

struct vectors {
    const char *name;
    FILE *file;
    json_t *row;
    unsigned line, failed;
    struct buf bytes[VECTOR_FIELDS]; /* decoded members of this line */
    size_t used;
};

void vectors_open(struct vectors *v, const char *name); /* of tests/vectors */
bool vectors_next(struct vectors *v);
void vectors_hold(struct vectors *v, bool agrees, const char *what);
void vectors_close(struct vectors *v, unsigned lines);

struct span vector_hex(struct vectors *v, const char *member);
const char *vector_text(const struct vectors *v, const char *member);
bool vector_is(const struct vectors *v, const char *result); /* "valid", "invalid", ... */
bool vector_flag(const struct vectors *v, const char *flag);

/* SPDX-License-Identifier: MIT */
/*
 * program: run one conformance program, phase after phase, and print its rows.
 */
#pragma once

#include "tests/conformance/bench.h"
#include "tests/conformance/image.h"
#include "tests/conformance/rows.h"

/* An error is one of the bench; a failed check is a row. */
enum err program_run(struct bench *bench, const struct image *image, struct rows *rows);

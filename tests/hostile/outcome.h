/* SPDX-License-Identifier: MIT */
/* outcome: what came of a lie, compared with its row. */
#pragma once

#include "common/host/log.h"
#include "tests/hostile/lie.h"

struct outcome {
    int64_t start; /* of the log's entries about it */
    bool told;     /* the lie was told at all */
    enum err err;
    char words[FAIL_WORDS_MAX];
    char state[16];
    struct counts counts;
    bool shut;
};

/* Fails the test, saying all that differs. HOSTILE_SHOW: says what came, and fails nothing. */
void outcome_check(const struct lie *lie, const struct outcome *out);

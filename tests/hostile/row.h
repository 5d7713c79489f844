/* SPDX-License-Identifier: MIT */
/* row: the words of which the tables of lies are made. */
#pragma once

#include "tests/hostile/lie.h"

/* Who changes what, how. ALL: the payload, not a field of it. */
#define ALL NULL
#define SAYS(liar_, method_, field_, how_)                                                     \
    .who = liar_, .method = method_, .field = field_, .how = how_
#define AT(part_) .part = part_
/* What comes of it: the error, with words, and a refusal in the log. */
#define REFUSED(error_, words_) .want = ERR_##error_, .words = words_, .kind = "refusal"
/* The error, which the log has otherwise. */
#define ENDS(error_, words_)           .want = ERR_##error_, .words = words_
#define ENTERED(kind_, error_, words_) .kind = kind_, .entered = ERR_##error_, .entry = words_
/* The agent's failure at an arrow that the server does not see: the agent reports it. */
#define AT_ARROW(arrow_, error_)                                                               \
    ENDS(error_, "arrow " #arrow_ ","),                                                        \
        ENTERED("run", error_, "arrow " #arrow_ " failed at the station")
/* At an arrow that the server calls: it hears the answer. */
#define IN_CALL(error_, words_) ENDS(error_, words_), ENTERED("run", error_, words_)
/* In the closing: the agent tells of it by Bench.TurnAway. */
#define AT_STEP(step_, error_)                                                                 \
    ENDS(error_, step_ ": board: "), ENTERED("refusal", error_, step_ ": board: ")
#define LOST ENTERED("run", CLOSED, "the station's connection was lost")
/* The unit's state and its order's counters afterwards. */
#define LEAVES(state_, good_, under_way_, issued_)                                             \
    .state = state_, .counts = { good_, under_way_, issued_ }

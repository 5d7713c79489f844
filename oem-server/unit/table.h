/* SPDX-License-Identifier: MIT */
/*
 * table: every event of a unit, with the states that it leads from and to.
 *
 * unit_transition() (inside.h) lets nothing through that has no row here; the schema's triggers
 * are checked against it (tests/unit/test_unit_table.c), and the reference model of
 * tests/unit/test_unit_model.c is driven by it. What else an event asks (quota, window,
 * receipt) stands in its function.
 */
#pragma once

/* Numbers are stored: append, never renumber. FREE is the state of a UID without a row. */
#define UNIT_STATE_LIST(X)                                                                     \
    X(FREE, 0, "free")                                                                         \
    X(STARTED, 1, "started")                                                                   \
    X(FINISHED, 2, "finished")   /* the receipt was accepted */                                \
    X(COMMITTED, 3, "committed") /* the board said which key it keeps */                       \
    X(SEALED, 4, "sealed")                                                                     \
    X(FAILED, 5, "failed")                                                                     \
    X(SCRAPPED, 6, "scrapped")

/* Why a unit is held. Numbers are stored: append, never renumber. */
#define UNIT_CAUSE_LIST(X)                                                                     \
    X(OPERATOR, 1, "operator")                                                                 \
    X(FIRMWARE, 2, "firmware withdrawn")                                                       \
    X(STATION, 3, "station seized")

/* Sets of states. */
enum {
    UNIT_IN_FREE = 1 << 0,
    UNIT_IN_STARTED = 1 << 1,
    UNIT_IN_FINISHED = 1 << 2,
    UNIT_IN_COMMITTED = 1 << 3,
    UNIT_IN_SEALED = 1 << 4,
    UNIT_IN_FAILED = 1 << 5,
    UNIT_IN_SCRAPPED = 1 << 6,
    UNIT_IN_PLACE = UNIT_IN_FINISHED | UNIT_IN_COMMITTED, /* its place in the order is spent */
    UNIT_IN_WORK = UNIT_IN_STARTED | UNIT_IN_PLACE,       /* where there can be a holder */
};

/* What an event asks of the holder, or does to it. */
enum unit_holding {
    UNIT_HOLDER_ANY,    /* not asked, stays */
    UNIT_HOLDER_NEEDED, /* the run that acts is the holder, and in its time; stays */
    UNIT_HOLDER_TAKEN,  /* the run that acts becomes it */
    UNIT_HOLDER_LOST,   /* there is none afterwards */
};
enum unit_actor { UNIT_BY_STATION, UNIT_BY_SERVER, UNIT_BY_OPERATOR };

enum { UNIT_SAME = -1 }; /* the state stays */

/* event, from, to, holder, actor */
#define UNIT_TABLE(X)                                                                          \
    X(OPEN, UNIT_IN_FREE, UNIT_STARTED, UNIT_HOLDER_TAKEN, UNIT_BY_STATION)                    \
    X(OPEN, UNIT_IN_WORK, UNIT_SAME, UNIT_HOLDER_TAKEN, UNIT_BY_STATION)                       \
    X(ANSWER, UNIT_IN_COMMITTED, UNIT_SAME, UNIT_HOLDER_LOST, UNIT_BY_STATION)                 \
    X(CLAIM, UNIT_IN_STARTED, UNIT_SAME, UNIT_HOLDER_NEEDED, UNIT_BY_STATION)                  \
    X(CERTIFY, UNIT_IN_WORK, UNIT_SAME, UNIT_HOLDER_NEEDED, UNIT_BY_STATION)                   \
    X(ROTPK, UNIT_IN_WORK, UNIT_SAME, UNIT_HOLDER_NEEDED, UNIT_BY_STATION)                     \
    X(FWINFO, UNIT_IN_WORK, UNIT_SAME, UNIT_HOLDER_NEEDED, UNIT_BY_STATION)                    \
    X(AGREE, UNIT_IN_WORK, UNIT_SAME, UNIT_HOLDER_NEEDED, UNIT_BY_STATION)                     \
    X(FINISH, UNIT_IN_STARTED, UNIT_FINISHED, UNIT_HOLDER_NEEDED, UNIT_BY_STATION)             \
    X(FINISH, UNIT_IN_PLACE, UNIT_SAME, UNIT_HOLDER_NEEDED, UNIT_BY_STATION)                   \
    X(COMMIT, UNIT_IN_PLACE, UNIT_COMMITTED, UNIT_HOLDER_ANY, UNIT_BY_STATION)                 \
    X(BOOTED, UNIT_IN_COMMITTED, UNIT_SAME, UNIT_HOLDER_ANY, UNIT_BY_STATION)                  \
    X(LOCKED, UNIT_IN_COMMITTED, UNIT_SAME, UNIT_HOLDER_ANY, UNIT_BY_STATION)                  \
    X(SEAL, UNIT_IN_COMMITTED, UNIT_SEALED, UNIT_HOLDER_LOST, UNIT_BY_STATION)                 \
    X(END, UNIT_IN_WORK, UNIT_SAME, UNIT_HOLDER_LOST, UNIT_BY_SERVER)                          \
    X(VANISH, UNIT_IN_STARTED, UNIT_FREE, UNIT_HOLDER_LOST, UNIT_BY_SERVER) /* no claim */     \
    X(FAIL, UNIT_IN_STARTED, UNIT_FAILED, UNIT_HOLDER_LOST, UNIT_BY_SERVER)                    \
    X(RELEASE, UNIT_IN_STARTED | UNIT_IN_FAILED | UNIT_IN_SEALED, UNIT_FREE, UNIT_HOLDER_LOST, \
      UNIT_BY_OPERATOR) /* sealed at dev only */                                               \
    X(SCRAP, UNIT_IN_WORK | UNIT_IN_SEALED | UNIT_IN_FAILED, UNIT_SCRAPPED, UNIT_HOLDER_LOST,  \
      UNIT_BY_OPERATOR)                                                                        \
    X(ACCEPT, UNIT_IN_COMMITTED, UNIT_SEALED, UNIT_HOLDER_LOST, UNIT_BY_OPERATOR)              \
    X(HOLD, UNIT_IN_PLACE, UNIT_SAME, UNIT_HOLDER_ANY, UNIT_BY_OPERATOR)                       \
    X(ALLOW, UNIT_IN_PLACE, UNIT_SAME, UNIT_HOLDER_ANY, UNIT_BY_OPERATOR)                      \
    X(REASSIGN, UNIT_IN_PLACE, UNIT_SAME, UNIT_HOLDER_ANY, UNIT_BY_OPERATOR)

/* The events, each once, as they are named in a refusal. */
#define UNIT_EVENT_LIST(X)                                                                     \
    X(OPEN, "opened")                                                                          \
    X(ANSWER, "answered")                                                                      \
    X(CLAIM, "claimed")                                                                        \
    X(CERTIFY, "certified")                                                                    \
    X(ROTPK, "given a ROTPK")                                                                  \
    X(FWINFO, "given a FwInfo")                                                                \
    X(AGREE, "given a key")                                                                    \
    X(FINISH, "finished")                                                                      \
    X(COMMIT, "committed")                                                                     \
    X(BOOTED, "boot tested")                                                                   \
    X(LOCKED, "locked")                                                                        \
    X(SEAL, "sealed")                                                                          \
    X(END, "ended")                                                                            \
    X(VANISH, "forgotten")                                                                     \
    X(FAIL, "failed")                                                                          \
    X(RELEASE, "released")                                                                     \
    X(SCRAP, "scrapped")                                                                       \
    X(ACCEPT, "accepted")                                                                      \
    X(HOLD, "held")                                                                            \
    X(ALLOW, "allowed")                                                                        \
    X(REASSIGN, "reassigned")

enum unit_event {
#define X(name, text) UNIT_EVENT_##name,
    UNIT_EVENT_LIST(X)
#undef X
        UNIT_EVENT_COUNT
};

/* SPDX-License-Identifier: MIT */
/*
 * table: the events of a unit, with the states that they lead from and to.
 *
 * unit_transition() (inside.h) refuses an event that has no row here. test_unit_table compares
 * the schema's triggers with it, and the reference model of test_unit_model is driven by it.
 * Further conditions of an event (quota, window, receipt) are checked by its function.
 */
#pragma once

/* Numbers are stored: append, do not renumber. FREE is the state of a UID without a row. */
#define UNIT_STATE_LIST(X)                                                                     \
    X(FREE, 0, "free")                                                                         \
    X(STARTED, 1, "started")                                                                   \
    X(FINISHED, 2, "finished")   /* the receipt was accepted */                                \
    X(COMMITTED, 3, "committed") /* the board stated which key it keeps */                     \
    X(SEALED, 4, "sealed")                                                                     \
    X(FAILED, 5, "failed")                                                                     \
    X(SCRAPPED, 6, "scrapped")

/* Why a unit is held. Numbers are stored: append only. */
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
    UNIT_IN_PLACE =
        UNIT_IN_FINISHED | UNIT_IN_COMMITTED,       /* it counts against the order's quantity */
    UNIT_IN_WORK = UNIT_IN_STARTED | UNIT_IN_PLACE, /* where there can be a holder */
};

/* What an event requires of the holder, or does to it. */
enum unit_holding {
    UNIT_HOLDER_ANY,    /* not checked, stays */
    UNIT_HOLDER_NEEDED, /* the acting run is the holder, and its lease is valid; stays */
    UNIT_HOLDER_TAKEN,  /* the acting run becomes the holder */
    UNIT_HOLDER_LOST,   /* there is no holder afterwards */
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
    X(FAIL, UNIT_IN_STARTED, UNIT_FAILED, UNIT_HOLDER_LOST,                                    \
      UNIT_BY_OPERATOR) /* of the unit, or by closing its order */                             \
    X(RELEASE, UNIT_IN_STARTED | UNIT_IN_FAILED | UNIT_IN_SEALED, UNIT_FREE, UNIT_HOLDER_LOST, \
      UNIT_BY_OPERATOR) /* sealed at dev only */                                               \
    X(SCRAP, UNIT_IN_WORK | UNIT_IN_SEALED | UNIT_IN_FAILED, UNIT_SCRAPPED, UNIT_HOLDER_LOST,  \
      UNIT_BY_OPERATOR)                                                                        \
    X(ACCEPT, UNIT_IN_COMMITTED, UNIT_SEALED, UNIT_HOLDER_LOST, UNIT_BY_OPERATOR)              \
    X(HOLD, UNIT_IN_PLACE, UNIT_SAME, UNIT_HOLDER_ANY, UNIT_BY_OPERATOR)                       \
    X(ALLOW, UNIT_IN_PLACE, UNIT_SAME, UNIT_HOLDER_ANY, UNIT_BY_OPERATOR)                      \
    X(REASSIGN, UNIT_IN_PLACE, UNIT_SAME, UNIT_HOLDER_ANY, UNIT_BY_OPERATOR)

/* The events, each once, with the word for refusals. */
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

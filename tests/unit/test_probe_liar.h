/* SPDX-License-Identifier: MIT */
/*
 * liar: a probe between agent and board that fails in one of 19 ways at one of 17 commands.
 *
 * It stands in front of test_probe_fake's honest probe and board. What is expected of the agent
 * is the table of test_probe_liar_rows.c, written by hand. Used by test_probe_liars.c.
 */
#pragma once

#include "tests/unit/test_probe_fake.h"

enum liar_command {
    INFO_TEXT,
    INFO_CAPABILITIES,
    INFO_COUNT,
    INFO_SIZE,
    HOST_STATUS,
    CONNECT,
    DISCONNECT,
    TRANSFER_CONFIGURE,
    TRANSFER_DP, /* of the debug port's registers only */
    TRANSFER_AP,
    TRANSFER_BLOCK,
    WRITE_ABORT,
    SWJ_PINS,
    SWJ_CLOCK,
    SWJ_SEQUENCE,
    SWD_CONFIGURE,
    EXECUTE,
    LIAR_COMMANDS
};

enum liar_fault {
    SILENT,   /* done, and not answered */
    UNHEARD,  /* not done, and not answered */
    LATE,     /* answered after the agent has stopped waiting */
    TWICE,    /* answered twice */
    OLDER,    /* before the answer comes one to something else */
    EMPTY,    /* answered by nothing: a packet of no bytes */
    BARE,     /* answered by the command's number alone */
    SHORT,    /* the answer's last byte is missing */
    LONGER,   /* the answer has one byte more */
    PADDED,   /* the answer is followed by zeros up to the packet's size */
    OTHER,    /* the answer names another command */
    UNKNOWN,  /* 0xFF: the probe does not know the command */
    REFUSED,  /* status 0xFF, port 0, no information, "05 00 00" */
    NOT_DONE, /* answered as if all had been done; what was to be read is 0 */
    ONES,     /* the answer's bytes behind the command are 0xFF */
    FAULTED,  /* status 4; transfers: FAULT */
    WAITED,   /* status 2; transfers: WAIT */
    NO_ACK,   /* status 7; transfers: no answer on the wire */
    CLOSED,   /* the link to the probe ends */
    LIAR_FAULTS
};

enum liar_position { FIRST, TWENTY_FIFTH, EVERY, LIAR_POSITIONS };
enum liar_phase { START, CLOSING, SEAL, LIAR_PHASES };
enum liar_board { BOARD_OPEN, BOARD_SHUT, BOARD_ABSENT, LIAR_BOARDS };

/* What may come of it. "Shut" or "locked" for a board that is not, and "open" for one that is
 * shut, are in no row. */
enum liar_want {
    TRUE_ONE = 1 << 0, /* what an honest probe gives */
    DOUBT = 1 << 1,    /* an error of probe or wire, or "not known", with the row's detail */
};

struct liar_row {
    unsigned want;      /* any of liar_want */
    const char *detail; /* part of what the log says in doubt */
};
extern const struct liar_row liar_rows[LIAR_COMMANDS][LIAR_FAULTS];
extern const char *const liar_command_names[LIAR_COMMANDS];
extern const char *const liar_fault_names[LIAR_FAULTS];

/*
 * What a probe may do to all its replies, whatever was asked; a table of its own, and no fault
 * of the 19. Data words are those that transfers read.
 */
enum liar_habit {
    HABIT_NONE,
    CONSTANT,       /* each data word is `word` */
    CONSTANT_OK,    /* the same, and each transfer is told as done */
    CONSTANT_FAULT, /* the same, but each access to an access port ends in FAULT */
    ORS_DATA,       /* each data word has the bits of `word` set */
    ORS_RESPONSE,   /* each response byte has the bits of `word` set */
    REPEATS,        /* the replies of an earlier session, one after the other */
    SWAPS,          /* from packet `word` on there is another board at the wires */
    LIAR_HABITS
};

enum { LIAR_REPLIES = 40, LIAR_TAPE_MAX = 400 };

struct liar_tape {
    struct fake_reply replies[LIAR_TAPE_MAX];
    size_t count, played;
};

struct liar {
    struct probe probe; /* first: a struct probe * is a struct liar * */
    struct fake fake;
    enum liar_command command;
    enum liar_fault fault;
    enum liar_position position;
    bool armed, closed;
    unsigned seen, lies, late;
    enum liar_habit habit;
    uint32_t word;
    unsigned packets;                  /* since it was armed */
    void (*swap)(struct liar *liar);   /* of SWAPS */
    struct liar_tape *records, *plays; /* of REPEATS; NULL: not */
    struct fake_reply replies[LIAR_REPLIES];
    size_t sent, received;
};

void liar_init(struct liar *liar);

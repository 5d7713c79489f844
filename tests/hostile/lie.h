/* SPDX-License-Identifier: MIT */
/*
 * lie: the table of lies, and how one is told.
 *
 * A row names one lie: who tells it, in which message, what is changed there, and by hand what
 * must come of it. A message passes hop() where it leaves who may lie in it, and comes out as
 * that party sends it. In the world AGENT it is the real agent between the real server and
 * DevAuth on a virtual board (interpose.c); in the world SOFTWARE a client of ours with a board
 * in software, which holds its own AUTHKEY (wire.c).
 */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "common/host/own.h"

enum world { SOFTWARE, AGENT };
enum liar { STATION, SERVER, BOARD };
/* Where in a message. FRAME: the Frame of the mailbox; BYTES: not a message of the protocol. */
enum part { REQUEST, RESPONSE, REPORTS, RUN, KEY, METHOD, FRAME, BYTES };
/* What is done to the field, or to all of the payload if the row names none. */
enum how {
    HONEST,
    FLIP,  /* the last bit of the last byte */
    SHORT, /* one byte less */
    LONG,  /* one byte more */
    EMPTY,
    ZERO,   /* each byte */
    SET,    /* to number; of text or a method: to text */
    OTHER,  /* what another unit's message had there */
    COPY,   /* what this message has in the field that text names */
    OWN,    /* a public key that the liar has made: a point, or its X and Y */
    GROW,   /* to number bytes */
    NOISE,  /* bytes that are no protobuf, or no DER */
    REFUSE, /* a response: a refusal in its place */
    AFFIRM, /* a response: an empty one, and the request is not passed on */
    SILENT, /* the message is not sent; the sender goes on as if it had been */
    CUSTOM, /* tell() */
};

struct lie;
struct scene;
typedef enum err lie_tell(const struct lie *lie, struct buf *payload);
typedef enum err lie_act(struct scene *scene);

struct counts {
    uint32_t good, under_way, issued; /* of the row's own order */
};

struct lie {
    const char *name;
    enum world world;
    enum liar who;
    const char *method; /* "Runs/Open" */
    enum part part;
    const char *field; /* "statement.signature", "reports.1.arrow" */
    enum how how;
    uint32_t number;
    const char *text;
    bool signed_again; /* with the AUTHKEY of the board in software */
    lie_tell *tell;
    lie_act *act;      /* SOFTWARE: in place of the honest way from Runs.Open to Runs.Sealed */
    uint32_t quantity; /* of the row's order; 0: 2 */
    bool slow;         /* only in the whole table */

    enum err want; /* what the liar, or the agent that heard it, ends with; ERR_OK: sealed */
    const char *words; /* in its message; NULL: none */
    const char *state; /* of the unit; "free": none */
    struct counts counts;
    bool shut;         /* the virtual board's debug port */
    const char *kind;  /* of the log's entry; NULL: nobody was told */
    const char *entry; /* words in it; NULL: those of the message */
    enum err entered;  /* its code; ERR_OK: want */
};

extern const struct lie software_lies[], server_lies[], station_lies[], board_lies[];
extern const size_t software_lie_count, server_lie_count, station_lie_count, board_lie_count;

const struct lie *lie_find(const char *name); /* NULL: none */

/* One field, by the row. The payload is of that type. ERR_INVALID: it has no such field. */
enum err lie_change(const struct lie *lie, const ProtobufCMessageDescriptor *type,
                    struct span other, struct buf *payload);

/* The type of a message; NULL: no such method. */
const ProtobufCMessageDescriptor *type_of(const char *method, enum part part);

/* What another unit's messages were: written by an honest run into a folder, then read. */
struct tongue {
    const struct lie *lie; /* NULL: honest */
    const char *kept;      /* the folder; NULL: none */
    bool keeps;            /* this run writes it */
    unsigned told;         /* how often the lie was told */
};
extern struct tongue tongue;

/* method: with or without "hallmark.v1.". Aborts if the row does not fit its message. */
void hop(enum liar who, const char *method, enum part part, struct buf *payload);
void hop_told(void); /* the lie was told, other than by hop() */
/* Is the lie told here, whatever the payload? */
bool hop_is(enum liar who, const char *method, enum part part);
void kept_read(const char *method, enum part part, struct buf *out);

/* SPDX-License-Identifier: MIT */
/*
 * test_site_fake: a scripted server in place of common/wss, and scripted boards in place of
 * probe, chip and link, to be linked under the real site engine.
 *
 * One scene at a time: scene_begin() clears it and says what goes wrong; then the engine is
 * run, and the scene tells what both saw. The server runs on its own thread; a scene is read
 * when the connection is closed.
 */
#pragma once

#include <stdatomic.h>

#include "common/core/layout.h"
#include "common/host/own.h"
#include "common/rpc/limits.h"

enum fault {
    FAULT_NONE,
    FAULT_LOCKED, /* the board's debug port */
    FAULT_UID,    /* Hello reports another */
    FAULT_PDID,
    FAULT_BOARD_ORDER,      /* the board calls arrow 12 before 7 */
    FAULT_BOARD_STRANGER,   /* and a method that is not its to call */
    FAULT_BOARD_REFUSES,    /* arrow 20, with ERR_SIG */
    FAULT_BOARD_SIGNATURE,  /* of arrow 12 is another's */
    FAULT_BOARD_POINT,      /* AUTHKEY_PUB is not on the curve */
    FAULT_BOARD_HALF,       /* of ROTPK is burnt */
    FAULT_BOARD_DIGEST,     /* arrow 24 reads back something else */
    FAULT_BOARD_SILENT,     /* no answer to arrow 9 */
    FAULT_PROBE,            /* is unplugged at arrow 16 */
    FAULT_PASSWORD,         /* a debug password was set on the board */
    FAULT_COMMIT,           /* the board refuses the server's tag */
    FAULT_COMMIT_EMPTY,     /* its answer holds no statement */
    FAULT_LOCK_FINDS,       /* Closing.Lock: ERR_MISMATCH, each time */
    FAULT_LOCK_FINDS_ONCE,  /* the first time */
    FAULT_LOCK_VERIFY_ONCE, /* ERR_VERIFY, the first time */
    FAULT_LOCK_CHIP,        /* ERR_CHIP, each time */
    FAULT_LOCK_EMPTY,       /* its answer holds no statement */
    FAULT_LOCK_LEVEL,       /* it states a level that is none */
    FAULT_BOOT_FAILED,      /* the firmware does not start, the first time */
    FAULT_BOOT_NOT_KNOWN,   /* it is not known whether it does */
    FAULT_BOOT_ATTACH,      /* it starts, and the board cannot be taken back */
    FAULT_BOOT_HELLO,       /* DevAuth calls something else than Hello after it */
    FAULT_DEBUG_OPEN,       /* after the reset */
    FAULT_DEBUG_MUTE,       /* not known: no answer that would tell */
    FAULT_RESET,            /* nRESET cannot be pulled */
    FAULT_SEALED_REFUSED,   /* the unit is sealed already */
    FAULT_COMMIT_HELD,      /* Runs.Commit: an operator holds the unit */
    FAULT_COMMIT_TAG,       /* its lock tag is short */
    FAULT_COMMIT_BARE,      /* it lacks the receipt */
    FAULT_LOCKED_REFUSED,   /* Runs.Locked */
    FAULT_OPEN_ZERO,        /* Runs.Open gives run id 0 */
    FAULT_OPEN_BARE,        /* neither a run nor a committed unit */
    FAULT_FINISH_TAG,       /* Runs.Finish: no tag */
    FAULT_OPEN_DENIED,      /* Runs.Open */
    FAULT_OPEN_NONCE,       /* is short */
    FAULT_OPEN_SUBJECT,     /* is no Name */
    FAULT_IMAGE_DIGEST,     /* DevAuth's bytes are others */
    FAULT_IMAGE_CHUNK,      /* over the limit */
    FAULT_IMAGE_EMPTY,      /* chunk */
    FAULT_IMAGE_PAST,       /* the end: chunk longer than what is left */
    FAULT_IMAGE_SIZE,       /* changes between chunks */
    FAULT_IMAGE_HUGE,
    FAULT_SERVER_ORDER,      /* arrow 15 is called before 3 */
    FAULT_SERVER_STRANGER,   /* Station.GenerateCsr is called, the agent's own */
    FAULT_SERVER_RUN,        /* arrow 3 is called for a run nobody has */
    FAULT_CA_REFUSES,        /* arrow 14 */
    FAULT_CERTIFICATE_LONG,  /* arrow 15 brings more than a board keeps */
    FAULT_ROTPK_SHORT,       /* arrow 19 */
    FAULT_FIRMWARE_COMES,    /* no fault: with arrow 23, since FetchImage has none */
    FAULT_FIRMWARE_OTHER,    /* the same, but other bytes */
    FAULT_FIRMWARE_MISSING,  /* the same, but no bytes */
    FAULT_AGREEMENT_REFUSED, /* arrow 31, by the server */
    FAULT_CONNECTION,        /* is lost when arrow 17 is called */
    FAULT_FINISH_REFUSED,
    FAULT_SERVER_ENDS, /* the run, where arrow 19 is due */
};

enum { SCENE_CALLS_MAX = 400, SCENE_REPORTS_MAX = 160, SCENE_PROBES_MAX = 4 };
enum { SCENE_CUTS_MAX = 4, SCENE_RUNS_MAX = 16, SCENE_UNITS = 8 };

/* Bytes that tell whose a statement is: the agent passes on the server's, which are older. */
enum { MARK_BOARD = 0xB0, MARK_SERVER = 0xA0, MARK_LOCK = 0xC0, MARK_ROTPK = 0xD0 };

/* One unit, and its board: what outlives an agent, but not scene_begin(). */
struct fake_unit {
    bool finished, committed, locked, boot_failed, sealed; /* on the server */
    bool lock_written, shut;                               /* on the board */
};

/* Where the probe is unplugged, as seen from a call to the board. */
enum unplug_when { UNPLUG_NEVER, UNPLUG_BEFORE, UNPLUG_AFTER };

/* Where the connection is lost, as seen from a call of the station's. */
enum cut_when {
    CUT_UNSENT,     /* before the server has looked at it, and the station knows that */
    CUT_UNSERVED,   /* the same, but it does not know */
    CUT_UNANSWERED, /* it was served, and the answer is lost */
    CUT_ANSWERED,   /* the answer was the last that came through */
    CUT_DRAIN,      /* GOAWAY before it, then refused */
    CUT_DRAINED,    /* GOAWAY while it is served; the answer still comes */
};

struct cut {
    const char *method; /* "Runs/Finish"; NULL: no more cuts */
    enum cut_when when;
};

struct seen_call {
    char method[RPC_METHOD_MAX + 1];
    bool has_run;
    bool has_key;
    uint8_t run;
    unsigned conn; /* counted from 1 */
    uint8_t key[RPC_IDEMPOTENCY_KEY_SIZE];
};

struct seen_report {
    uint8_t run;
    uint32_t arrow, status, code;
    bool has_request, has_words;
};

/* The boards' threads count at the same time: what they write is atomic. */
struct scene {
    enum fault fault;
    const char *faulty_probe;        /* only the board there has the fault; NULL: all */
    struct cut cuts[SCENE_CUTS_MAX]; /* each once, in this order */
    unsigned away;  /* so many attempts to connect fail before the first good one */
    enum err first; /* not ERR_OK: that one is refused so, and */
    enum err then;  /* each one after it */
    bool flaky;     /* every connection is lost at its first Runs.Open */

    struct seen_call calls[SCENE_CALLS_MAX]; /* of the station on the server */
    size_t call_count;
    struct seen_report reports[SCENE_REPORTS_MAX];
    size_t report_count;
    uint32_t answers[64]; /* by count: status the station answered to the server's calls */
    size_t answer_count;
    char answer_words[RPC_MESSAGE_TEXT_MAX]; /* of the last refusal */
    atomic_uint board_refusals;              /* the board's calls that were refused */
    bool sealed;                             /* Runs.Sealed came */
    char sealed_detail[400];
    uint8_t sealed_uid[UID_SIZE];
    atomic_bool firmware_ok; /* the bulk was the firmware */
    atomic_uint boards_opened, boards_closed;
    unsigned attempts, connections;
    size_t cuts_done;
    bool finished[SCENE_RUNS_MAX];     /* by run: the server has its receipt */
    unsigned run_conn[SCENE_RUNS_MAX]; /* by run: where it was opened, and ends with */
    unsigned runs;                     /* opened so far */

    bool boot_test;     /* the server wants it */
    const char *unplug; /* "Closing/Lock", "chip_reset": once, at */
    enum unplug_when unplug_when;
    struct fake_unit units[SCENE_UNITS]; /* by scene_unit() */
    atomic_uint resets;                  /* by nRESET, those of boot tests apart */
    atomic_uint early_resets;   /* of them: lock writes made, and the server does not know */
    atomic_uint boots;          /* tests */
    unsigned booted[2];         /* Runs.Booted: failed, started */
    atomic_uint hellos;         /* answered without a run */
    atomic_uint commits, locks; /* of the board */
    uint32_t level;             /* that the board states; 0: dev */
    atomic_int looked_for;      /* level of the latest proof */
    int uart;                   /* where the firmware says */
    const char *uart_text;      /* this after a boot reset; NULL: nothing */
    bool shut_below;            /* it is found shut below the level that it stated */
    unsigned told;              /* Bench.TurnAway */
    uint32_t told_code;         /* of the latest */
    uint8_t told_uid[UID_SIZE];
    char told_words[400];
    atomic_uint opened_under_reset; /* boards */
    uint32_t debug_port;            /* of the latest Runs.Sealed */
    uint32_t sealed_level;          /* the same */
};

extern struct scene scene;

void scene_begin(enum fault fault);
struct fake_unit *scene_unit(const uint8_t *uid);
bool scene_called(const char *method);                  /* "Runs/Finish" */
const struct seen_report *scene_report(uint32_t arrow); /* or NULL */

/* The server's I/O thread calls the station, for run (0 on: the first opened). */
void fake_server_call(uint8_t run, const char *method, struct span payload, uint32_t stream);
void fake_server_cancel(uint32_t stream);
void fake_server_lose(const char *reason);
void fake_server_go_away(void);
void fake_server_settle(void); /* until the server's thread has nothing more to do */

/* SPDX-License-Identifier: MIT */
/*
 * oneway: the chip's one-way writes: their trace since power-on, and power cuts at any of them.
 *
 * A block brackets each such write: oneway_begin() before its effect, oneway_end() after it.
 * What survives a power loss changes between the two and nowhere else, so a power cut before,
 * during or after the N-th write of a kind is deterministic (`test_board_oneway`). Flash counts
 * here too, a word or an erase each: it can be written again, but the order of a lock begins
 * with it. Armed by the control socket's `cut-at`, read by `one-way`. Used by fmc, ks, dpm and
 * life; belongs to the board's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/err.h"

enum oneway_kind {
    ONEWAY_CONFIG_ERASE,
    ONEWAY_CONFIG_WRITE, /* a word */
    ONEWAY_PLM,
    ONEWAY_DPM_SECURE,
    ONEWAY_DPM_NONSECURE,
    ONEWAY_OTP, /* a KeyStore slot */
    ONEWAY_OTP_REVOKE,
    ONEWAY_FVC,
    ONEWAY_FLASH_ERASE, /* a page, a bank, or a region of a mass erase */
    ONEWAY_FLASH_WRITE, /* a word, of anything but CONFIG */
    ONEWAY_KINDS
};

/* What a block does with its write. */
enum oneway_go {
    ONEWAY_WHOLE,
    ONEWAY_HALF, /* of an erase each second word, of a word the low half: power goes then */
    ONEWAY_NOT   /* the power is gone: no effect, and no status flag */
};

enum oneway_moment { ONEWAY_BEFORE, ONEWAY_DURING, ONEWAY_AFTER };

/* What happens there. */
enum oneway_act {
    ONEWAY_POWER, /* the power goes */
    ONEWAY_LINK,  /* SWD goes silent, as with the fault switch link-down; the core runs on */
    ONEWAY_HOLD   /* the board stands still until the test lets it go on: common/host/stop.h */
};

enum { ONEWAY_KEPT = 256, ONEWAY_TEXT_ENTRIES = 128 };

struct oneway_write {
    enum oneway_kind kind;
    uint32_t where; /* address, slot, counter; 0 where there is one only */
    uint32_t value; /* word, bits set, stage */
    uint32_t count; /* of words in a row of one flash page; else 1 */
    bool torn;
};

struct oneway {
    uint32_t cut_kinds; /* bit n: kind n counts; 0: nothing is armed */
    uint32_t cut_left;
    enum oneway_moment cut_moment;
    enum oneway_act cut_act;
    bool cut_due;  /* at the end of the write that has begun */
    uint32_t made; /* entries since power-on; the newest ONEWAY_KEPT are kept */
    struct oneway_write writes[ONEWAY_KEPT];
};

struct chip;

/* Around a write's effect. After ONEWAY_NOT there is no end; _torn: after ONEWAY_HALF, or where
 * a fault switch tears the write. */
enum oneway_go oneway_begin(struct chip *chip, enum oneway_kind kind);
void oneway_end(struct chip *chip, enum oneway_kind kind, uint32_t where, uint32_t value);
void oneway_end_torn(struct chip *chip, enum oneway_kind kind, uint32_t where, uint32_t value);
void oneway_restart(struct chip *chip); /* at power-on: the trace is empty, a cut stays armed */

/*
 * `KIND COUNT [before|during|after [power|link|hold]]`, or `off`. KIND is one of the kinds'
 * names, `lock` (CONFIG, PLM, DPM) or `any`; `during` is for flash and CONFIG, and for `power`,
 * only. One cut is armed at a time. The command's arguments are borrowed. ERR_INVALID says
 * which one is wrong; ERR_PRECONDITION: nothing is announced, so `hold` would not hold.
 */
enum err oneway_arm(struct chip *chip, int argc, char *const *argv);

/*
 * The trace from entry `from` on as one JSON object, at most ONEWAY_TEXT_ENTRIES of it: "next"
 * is where to go on, "count" how many there are, "first" the oldest one kept. The caller's
 * buffer must hold BOARD_ANSWER_MAX bytes.
 */
void oneway_text(const struct chip *chip, uint32_t from, char *out, size_t cap);

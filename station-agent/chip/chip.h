/* SPDX-License-Identifier: MIT */
/*
 * chip: a microcontroller at the end of a probe: find it, make it ready, write its flash, start
 * a program in its SRAM, and prove that it has shut its debug port.
 *
 * The parts it knows are a table (m2354.c), keyed by SYS_PDID; another part is refused by name.
 * A board is ERR_LOCKED only if its debug port is proven shut (chip_debug_look;
 * `test_probe_liars`); if it does not answer for another reason, the error is the probe's or
 * the wire's. One struct chip lives as long as its probe is used for one board; the probe is
 * borrowed. A chip is used by one thread, its site's. All failures have a message in
 * fail_words().
 */
#pragma once

#include "common/core/layout.h"
#include "common/core/mailbox.h"
#include "common/core/rd.h"

struct chip;
struct mem;
struct probe;

enum { CHIP_DETAIL_MAX = 400 };

/* Connects and identifies the part. clock_hz: of SWD, at most; 0: PROBE_CLOCK_DEFAULT_HZ. Does
 * not disturb the core, and does not move nRESET unless it is low already. *chip_out is the
 * caller's. ERR_LOCKED: proven shut. ERR_UNAVAILABLE: no answer, or held in reset. */
enum err chip_open(struct probe *probe, uint32_t clock_hz, struct chip **chip_out);
/* The same, but if a board does not answer on SWD at all, it connects again with nRESET held
 * low, and releases it with the core halted at the first instruction, so that firmware which
 * shuts the pins does not run. A board that answers, a locked one included, is not reset
 * (test_chip_boot, a_start_under_reset). It is assumed of one that does not answer that no lock
 * has begun on it that the server does not know of. DevAuth, which writes the lock, answers as
 * long as it has power. */
enum err chip_open_under_reset(struct probe *probe, uint32_t clock_hz, struct chip **chip_out);
/* The same for a board that should be locked: it is opened even if it refuses accesses. For
 * such a chip only chip_reset, chip_debug_look and chip_close may be called. ERR_UNAVAILABLE:
 * no answer. */
enum err chip_open_shut(struct probe *probe, uint32_t clock_hz, struct chip **chip_out);
void chip_close(struct chip *chip);             /* NULL is fine; the probe releases the wires */
void chip_drop(struct chip **chip);             /* AUTO(chip_drop) */
struct mem *chip_mem(struct chip *chip);        /* for link_open; lives as long as the chip */
const char *chip_name(const struct chip *chip); /* "M2354KJFAE" */
uint32_t chip_pdid(const struct chip *chip);

/* System reset (AIRCR, not by nRESET: test_chip_m2354, no_start_pulls_nreset), halt at the
 * reset vector, clocks and access rights that the calls below need; SWD is slowed down until
 * SRAM reads as written. ERR_VERIFY: it does not at the least clock. */
enum err chip_prepare(struct chip *chip);

/* After chip_prepare: flash size, CONFIG, DPM, PLM, passwords set and key slots in use, each
 * against what a board may be at the start of a run, a repeated or interrupted one included
 * (test_chip_fit). What a lock writes is found only with the record that DevAuth makes before
 * it; stage OEM never. Reads only. ERR_MISMATCH: the message says what was found and wanted. */
enum err chip_check(struct chip *chip);
/* The UID, after chip_prepare. ERR_CHIP: a UID of zeros or of ones. */
enum err chip_uid(struct chip *chip, uint8_t uid_out[static UID_SIZE]);

/* Writes whole pages at a page's address: unchanged ones are skipped, the others erased (blank
 * ones, too: `test_chip_m2354`: `a_blank_page_is_erased`), programmed and read back.
 * *written_out: how many were. After an interruption the area's first word is still erased
 * (`test_chip_m2354`). ERR_VERIFY: flash reads otherwise; ERR_CHIP: it reports an error. */
enum err chip_flash_write(struct chip *chip, uint32_t address, struct span pages,
                          unsigned *written_out);

/* The same for arrow 4: the WebServer certificate and its issuer's, DER, to their area
 * (layout.h). */
enum err chip_certificate_write(struct chip *chip, struct span certificate, struct span issuer,
                                unsigned *written_out);

/* Arrows 5 and 6, after chip_prepare: a self-describing image (mailbox.h) to SRAM, checked
 * by the chip's own SHA-256 of it or read back (hash.c); then started. ERR_TRUNC, ERR_INVALID:
 * its header is not valid (the image must lie in SRAM banks 0 and 1). ERR_VERIFY: SRAM reads
 * otherwise. */
/* Names the image of the next chip_image_load(), borrowed until then: chip_flash_write() loads
 * and checks it while the flash controller erases a page, if it has to, and chip_image_load()
 * then has the result of that (`test_chip_m2354`: `an_image_is_loaded_while_flash_is_erased`).
 */
void chip_image_ahead(struct chip *chip, struct span image);
enum err chip_image_load(struct chip *chip, struct span image,
                         struct devauth_image *header_out);
enum err chip_image_start(struct chip *chip, const struct devauth_image *header);

/* By nRESET: CONFIG, locks and life cycle come into force. Not to be called while lock writes
 * are made that the server does not know of (`test_site_lock` counts such resets). */
enum err chip_reset(struct chip *chip);

/* The lock levels of diagram.proto, by its numbers. */
enum chip_level { CHIP_LEVEL_ANY = 0, CHIP_LEVEL_DEV = 1, CHIP_LEVEL_PRODUCTION = 3 };

enum chip_debug { CHIP_DEBUG_NOT_KNOWN, CHIP_DEBUG_SHUT, CHIP_DEBUG_OPEN };

struct chip_debug_result {
    enum chip_debug port;
    enum chip_level level; /* that was measured, if shut; CHIP_LEVEL_ANY: below all of them */
    char detail[CHIP_DETAIL_MAX]; /* what was asked, and what came of it */
};

/*
 * Is the debug port shut, at this level (CHIP_LEVEL_ANY: at one of them, or half)? Shut only
 * if, on a connection made here, DPIDR was read, debug power came up, and each address of the
 * table for part and level (doors.c) did what its row says; how a refusal is told from a
 * failure: look.h. Whatever is unclear is CHIP_DEBUG_NOT_KNOWN: a probe that refuses commands,
 * no answer, WAIT without end, answers that contradict each other. There is no error beside
 * that.
 */
void chip_debug_look(struct chip *chip, enum chip_level level, struct chip_debug_result *out);

/*
 * The boot test. For a board on which no lock write was made.
 *
 * chip_boot_reset clears the pin's bit of SYS_RSTSTS and resets by nRESET. chip_boot_look then
 * watches over SWD for at most timeout_ms, the core running: CHIP_BOOT_STARTED if the reset was
 * seen and the boot ROM let the firmware run (BTF); CHIP_BOOT_FAILED if the reset was seen and
 * it did not; CHIP_BOOT_NOT_KNOWN if no reset was seen, or nothing answers. chip_attach takes
 * the board from its firmware: it halts the core, if need be by connecting while nRESET is held
 * low. chip_prepare is due after it.
 */
enum chip_boot { CHIP_BOOT_NOT_KNOWN, CHIP_BOOT_STARTED, CHIP_BOOT_FAILED };

struct chip_boot_result {
    enum chip_boot boot;
    bool answered;   /* on SWD */
    bool reset_seen; /* in SYS_RSTSTS */
    char detail[CHIP_DETAIL_MAX];
};
enum err chip_boot_reset(struct chip *chip);
void chip_boot_look(struct chip *chip, unsigned timeout_ms, struct chip_boot_result *out);
enum err chip_attach(struct chip *chip);

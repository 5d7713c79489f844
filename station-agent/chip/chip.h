/* SPDX-License-Identifier: MIT */
/*
 * chip: a microcontroller at the end of a probe: find it, make it ready, write its flash, start
 * a program in its SRAM, and prove that it has shut its debug port.
 *
 * The parts it knows are a table (m2354.c), keyed by SYS_PDID; another part is refused by name.
 * A board whose debug port is closed is ERR_LOCKED, with words saying what that means. One
 * struct chip lives as long as its probe is used for one board; the probe is borrowed.
 * Used by the site, one thread each.
 */
#pragma once

#include "common/core/layout.h"
#include "common/core/mailbox.h"
#include "common/core/rd.h"

struct chip;
struct mem;
struct probe;

enum { CHIP_DETAIL_MAX = 320 };

/* Connect, and find out what is there. clock_hz: of SWD, at most; 0: PROBE_CLOCK_DEFAULT_HZ.
 * Does not disturb the core. */
enum err chip_open(struct probe *probe, uint32_t clock_hz, struct chip **chip_out);
/* The same for a board that should be locked: whatever it refuses, it is opened. Of such a chip
 * only chip_reset, chip_debug_refused and chip_close may be asked. */
enum err chip_open_shut(struct probe *probe, uint32_t clock_hz, struct chip **chip_out);
void chip_close(struct chip *chip);      /* NULL is fine; lets the probe go of the wires */
void chip_drop(struct chip **chip);      /* AUTO(chip_drop) */
struct mem *chip_mem(struct chip *chip); /* for link_open; lives as long as the chip */
const char *chip_name(const struct chip *chip); /* "M2354KJFAE" */
uint32_t chip_pdid(const struct chip *chip);

/* System reset, halt, clocks and access rights that all below needs; SWD is slowed down until
 * SRAM reads as written. */
enum err chip_prepare(struct chip *chip);

/* After chip_prepare. */
enum err chip_uid(struct chip *chip, uint8_t uid_out[static UID_SIZE]);

/* Whole pages at a page's address: unchanged ones are left alone, the others erased, programmed
 * and read back. *written_out: how many were. A cut leaves the area's first word erased. */
enum err chip_flash_write(struct chip *chip, uint32_t address, struct span pages,
                          unsigned *written_out);

/* Arrow 4: the WebServer certificate and its issuer's, DER, to their area (layout.h). */
enum err chip_certificate_write(struct chip *chip, struct span certificate, struct span issuer,
                                unsigned *written_out);

/* Arrows 5 and 6: a self-describing image (mailbox.h) to SRAM, read back; then started. */
enum err chip_image_load(struct chip *chip, struct span image,
                         struct devauth_image *header_out);
enum err chip_image_start(struct chip *chip, const struct devauth_image *header);

enum err chip_reset(struct chip *chip); /* by nRESET: the locks come into force */

/*
 * Is debug refused? Connects afresh and reads SRAM, flash and the KeyStore; refused only if the
 * debug port answers and every read is refused. (SYS and FMC are not asked: under CONFIG0.LOCK
 * alone they stay reachable for the mass erase that undoes it.) A wire without any answer
 * proves nothing: it is ERR_UNAVAILABLE. detail: what was tried and what came of it.
 */
enum err chip_debug_refused(struct chip *chip, bool *refused_out,
                            char detail[static CHIP_DETAIL_MAX]);

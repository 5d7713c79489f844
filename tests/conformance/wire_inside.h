/* SPDX-License-Identifier: MIT */
/* wire_inside: what the files that check over the wire share. */
#pragma once

#include "tests/conformance/wire.h"

enum err wire_swdp(struct bench *bench, struct rows *rows);
enum err wire_memap(struct bench *bench, struct rows *rows);
enum err wire_dap(struct bench *bench, struct rows *rows);
enum err wire_core(struct bench *bench, struct rows *rows);
enum err wire_breaks(struct bench *bench, struct rows *rows);
enum err wire_catch(struct bench *bench, struct rows *rows);
enum err wire_attach(struct bench *bench, struct rows *rows);
enum err wire_vecmap(struct bench *bench, struct rows *rows);
enum err wire_link(struct bench *bench, struct rows *rows);
enum err wire_sent(struct bench *bench, struct rows *rows);
enum err wire_cuts(struct bench *bench, struct rows *rows);
enum err wire_boot(struct bench *bench, struct rows *rows);
enum err wire_source(struct bench *bench, struct rows *rows);
enum err wire_banks(struct bench *bench, struct rows *rows);
enum err wire_half(struct bench *bench, struct rows *rows);
enum err wire_lock_config(struct bench *bench, struct rows *rows);
enum err wire_lock_dpm(struct bench *bench, struct rows *rows);
enum err wire_lock_full(struct bench *bench, struct rows *rows);
enum err wire_lock_ice(struct bench *bench, struct rows *rows);
enum err wire_dpm_window(struct bench *bench, struct rows *rows);

/* A word of the target, masked, as a row. */
enum err wire_look(struct bench *bench, struct rows *rows, enum row_mark mark, const char *name,
                   uint32_t address, uint32_t mask, uint32_t want);
enum err wire_poke(struct bench *bench, uint32_t address, uint32_t value);
enum err wire_peek(struct bench *bench, uint32_t address, uint32_t *value_out);

/* Is a read refused, by FAULT and not by the wire? */
bool wire_refused(struct bench *bench, uint32_t address);

/* Register lock open, ISP and KeyStore clocked, APROM's and CONFIG's updates enabled. */
enum err wire_prepare(struct bench *bench);
enum err wire_isp(struct bench *bench, uint32_t command, uint32_t address, uint32_t data,
                  bool *good_out); /* without ISPFF */
enum err wire_otp(struct bench *bench, uint32_t slot, uint32_t metadata,
                  const uint32_t words[8], bool *good_out);

enum {
    ISP_READ = 0x00,
    ISP_UID = 0x04,
    ISP_PROGRAM = 0x21,
    ISP_ERASE = 0x22,
    ISP_MASS_ERASE = 0x26,
    ISP_VECMAP = 0x2e,
};
#define WIRE_SRAM  0x20000000u
#define WIRE_MARK  0x20007a00u /* where code in flash tells that it ran */
#define WIRE_DHCSR 0xe000edf0u
#define WIRE_DEMCR 0xe000edfcu
#define WIRE_DFSR  0xe000ed30u
#define FMC_ISPDAT 0x4000c008u
#define FMC_ICPCTL 0x4000c01cu

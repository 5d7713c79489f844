/* SPDX-License-Identifier: MIT */
/*
 * doors: the addresses that show whether a debug port is shut, and the answer of each at each
 * level.
 *
 * A table belongs to a part (by DPIDR, which a shut part still answers) and a lock level. A row
 * must have been observed on a part or on the model; what was not observed is DOOR_UNKNOWN and
 * decides nothing. Pure data and one judgement: no I/O. Used by debug.c.
 */
#pragma once

#include "station-agent/chip/chip.h"
#include "station-agent/probe/look.h"

enum door_name {
    DOOR_SRAM,
    DOOR_FLASH,
    DOOR_KEYSTORE,
    DOOR_FMC,
    DOOR_CORE,
    DOOR_PDID,
    DOOR_DPM, /* the debugger's own window: what must answer, whatever is locked */
    DOORS
};

struct door {
    uint32_t address;
    const char *name;
};
extern const struct door doors[DOORS];

enum door_want { DOOR_UNKNOWN, DOOR_FAULT, DOOR_VALUE };

struct door_row {
    enum door_want want;
    uint32_t mask, value; /* of DOOR_VALUE: (read & mask) == value */
};

struct door_table {
    uint32_t dpidr;
    enum chip_level level; /* CHIP_LEVEL_ANY: shut, but at no level that is ever asked for */
    bool model;            /* its rows were seen on the model only, not on silicon */
    const char *name;
    struct door_row rows[DOORS];
};
extern const struct door_table door_tables[];
extern const size_t door_table_count;

/*
 * The conclusion from the looks (`test_chip_debug`). CHIP_DEBUG_SHUT: each row of a table of
 * that part and level (of any level, if level is CHIP_LEVEL_ANY) that is not DOOR_UNKNOWN did
 * what it says, and there is one such row at least; *table_out is that table. CHIP_DEBUG_OPEN:
 * memory was read that all levels refuse, or a door that the level asked for refuses. Else
 * CHIP_DEBUG_NOT_KNOWN.
 */
enum chip_debug doors_judge(const struct door_table *tables, size_t count, uint32_t dpidr,
                            enum chip_level level, const struct look seen[static DOORS],
                            const struct door_table **table_out);

/* SPDX-License-Identifier: MIT */
/*
 * The table of doors, and the judgement over it. Called by debug.c with what was seen on one
 * connection. It must never call a port shut that no row describes.
 */
#include "station-agent/chip/doors.h"

#include "common/host/own.h"
#include "station-agent/chip/m2354.h"
#include "station-agent/probe/core.h"

#define DPIDR_M2354 0x0BF11477u
#define DHCSR       0xE000EDF0u
#define FMC         0x4000C000u
#define DPM_ID      0xF00016FCu
#define DPM_ID_IS   0x44504D00u /* "DPM" */
#define PDID_SERIES 0x0FFFFF00u
#define PDID_M2354  0x01735400u

const struct door doors[DOORS] = {
    [DOOR_SRAM] = { SRAM_BASE, "SRAM" },
    [DOOR_FLASH] = { 0, "flash" },
    [DOOR_KEYSTORE] = { M2354_KEYSTORE, "KeyStore" },
    [DOOR_FMC] = { FMC, "FMC" },
    [DOOR_CORE] = { DHCSR, "DHCSR" },
    [DOOR_PDID] = { M2354_PDID, "PDID" },
    [DOOR_DPM] = { DPM_ID, "DPM" },
};

/* What silicon does at each level is not public: these rows are the model's
 * (target-fw/board/README.md, "Doors"). A row that a part contradicts makes the proof "not
 * known", never "shut" (test_chip_debug). Each table has a register that must answer. */
const struct door_table door_tables[] = {
    /* CONFIG0.LOCK: the way to the mass erase stays open, and PDID with it. */
    { .dpidr = DPIDR_M2354,
      .level = CHIP_LEVEL_DEV,
      .model = true,
      .name = "dev",
      .rows = { [DOOR_SRAM] = { .want = DOOR_FAULT },
                [DOOR_FLASH] = { .want = DOOR_FAULT },
                [DOOR_KEYSTORE] = { .want = DOOR_FAULT },
                [DOOR_CORE] = { .want = DOOR_FAULT },
                [DOOR_PDID] = { DOOR_VALUE, PDID_SERIES, PDID_M2354 },
                [DOOR_DPM] = { DOOR_VALUE, UINT32_MAX, DPM_ID_IS } } },
    /* Both sides of DPM. */
    { .dpidr = DPIDR_M2354,
      .level = CHIP_LEVEL_PRODUCTION,
      .model = true,
      .name = "production",
      .rows = { [DOOR_SRAM] = { .want = DOOR_FAULT },
                [DOOR_FLASH] = { .want = DOOR_FAULT },
                [DOOR_KEYSTORE] = { .want = DOOR_FAULT },
                [DOOR_FMC] = { .want = DOOR_FAULT },
                [DOOR_CORE] = { .want = DOOR_FAULT },
                [DOOR_PDID] = { .want = DOOR_FAULT },
                [DOOR_DPM] = { DOOR_VALUE, UINT32_MAX, DPM_ID_IS } } },
    /* Power was lost between the two writes to DPM: the secure side alone is closed. Shut, but
     * below production. */
    { .dpidr = DPIDR_M2354,
      .level = CHIP_LEVEL_ANY,
      .model = true,
      .name = "half",
      .rows = { [DOOR_SRAM] = { .want = DOOR_FAULT },
                [DOOR_FLASH] = { .want = DOOR_FAULT },
                [DOOR_KEYSTORE] = { .want = DOOR_FAULT },
                [DOOR_FMC] = { .want = DOOR_FAULT },
                [DOOR_CORE] = { DOOR_VALUE, CORE_S_SDE, 0 },
                [DOOR_PDID] = { .want = DOOR_FAULT },
                [DOOR_DPM] = { DOOR_VALUE, UINT32_MAX, DPM_ID_IS } } },
};
const size_t door_table_count = COUNT(door_tables);

static bool row_holds(const struct door_row *row, const struct look *seen)
{
    if (row->want == DOOR_FAULT)
        return seen->refused;
    return !seen->refused && (seen->value & row->mask) == row->value;
}

static bool table_holds(const struct door_table *table, const struct look seen[static DOORS])
{
    size_t known = 0;
    for (size_t i = 0; i < DOORS; i++) {
        if (table->rows[i].want == DOOR_UNKNOWN)
            continue;
        if (!row_holds(&table->rows[i], &seen[i]))
            return false;
        known++;
    }
    return known != 0;
}

/* Of that level: a door that it refuses could be read. */
static bool is_open_at(const struct door_table *table, const struct look seen[static DOORS])
{
    for (size_t i = 0; i < DOORS; i++)
        if (table->rows[i].want == DOOR_FAULT && !seen[i].refused)
            return true;
    return false;
}

enum chip_debug doors_judge(const struct door_table *tables, size_t count, uint32_t dpidr,
                            enum chip_level level, const struct look seen[static DOORS],
                            const struct door_table **table_out)
{
    bool open =
        !seen[DOOR_SRAM].refused || !seen[DOOR_FLASH].refused || !seen[DOOR_KEYSTORE].refused;
    for (size_t i = 0; i < count; i++) {
        const struct door_table *table = &tables[i];
        if (table->dpidr != dpidr || (level != CHIP_LEVEL_ANY && table->level != level))
            continue;
        if (table_holds(table, seen)) {
            *table_out = table;
            return CHIP_DEBUG_SHUT;
        }
        open = open || (level != CHIP_LEVEL_ANY && is_open_at(table, seen));
    }
    return open ? CHIP_DEBUG_OPEN : CHIP_DEBUG_NOT_KNOWN;
}

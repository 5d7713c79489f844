/* SPDX-License-Identifier: MIT */
/* unit_row: a unit's row, as unit list, unit show and the commands that change a unit print it.
 */
#pragma once

#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/list.h"

extern const struct option_choice unit_row_causes[]; /* of a hold */

/* ERR_PROTO unless there is a row and its UID has 12 bytes. */
enum err unit_row_check(const Hallmark__V1__UnitRow *row);

/* Adds its fields; those that do not apply are left out. The lock is one of its level, "no lock
 * statement", and, of a unit that an operator accepted, UNIT_ROW_NOT_STATED. */
#define UNIT_ROW_NOT_STATED "level not stated by the board"
void unit_row_report(struct report *report, const Hallmark__V1__UnitRow *row);

/* Accepted by an operator, without a lock statement. */
bool unit_row_not_stated(const Hallmark__V1__UnitRow *row);

/* A line of a table, and its header. */
void unit_row_header(const struct ctl *ctl);
enum err unit_row_print(const struct ctl *ctl, const Hallmark__V1__UnitRow *row);

/* The answer to a change of one unit: checks that it is about uid, and prints the row. */
enum err unit_row_answer(const struct ctl *ctl, const Hallmark__V1__UnitRow *row,
                         struct span uid);

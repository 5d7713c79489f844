/* SPDX-License-Identifier: MIT */
/*
 * office: the OEM's side of a row: the operator alice over a connection of her own, and the
 * store as a file, read only: the log's entries, and the invariants of
 * tests/unit/test_unit_invariants.h.
 */
#pragma once

#include <sqlite3.h>

#include "hallmark/v1/operator.pb-c.h"
#include "tests/hostile/wire.h"

struct office {
    struct wire alice;
    const char *verify; /* a program that checks log and store, and says what is wrong */
    sqlite3 *store;
};
extern struct office office;

void office_open(const char *store);
void office_close(void);
void office_connect(void); /* again: a connection that says nothing for long is closed */

/* Their names are the files' in server_place.folder. */
void office_station(const char *name);
struct office_terms {
    const char *name, *stations[2];
    uint32_t quantity, spares;
    uint32_t boot_test; /* enum BootTest */
    uint32_t pdid;      /* 0: any */
};
void office_order(const struct office_terms *terms);
/* As they are wanted, or, after a while, as they are. */
void office_counts(const char *order, const struct counts *wanted, struct counts *counts_out);
/* When nobody works on the unit any more: its state, or "free". */
void office_state(const uint8_t uid[static UID_SIZE], char state_out[static 16]);
/* One operator's act that must succeed: on a unit, or on a principal or an order by name. */
enum err office_do(const char *method, const ProtobufCMessage *in);

int64_t office_log_size(void);
/* Is there an entry from start on of that kind and code, with such words? Waits for it. */
bool office_has_entry(int64_t start, const char *kind, enum err code, const char *words);
void office_show_entries(int64_t start); /* on standard output */
void office_check(void);                 /* invariants, and the program */
int64_t office_count(const char *sql);

/* SPDX-License-Identifier: MIT */
/* schema_log: the tables of the event log. For schema.c. */
#pragma once

#include "oem-server/store/schema_words.h"

/* log_head is the only row of the log that is written again: with each group. */
// clang-format off
#define SCHEMA_LOG                                                                            \
    "CREATE TABLE log_entries (position BIGINT NOT NULL PRIMARY KEY,"                         \
    " entry BYTEA NOT NULL, unit BYTEA, order_name TEXT, station TEXT, operator TEXT,"        \
    " kind TEXT, method TEXT, arrow BIGINT NOT NULL, outcome BIGINT NOT NULL,"                \
    " firmware BYTEA, time_us BIGINT NOT NULL);"                                              \
    "CREATE INDEX log_by_unit ON log_entries (unit, position) WHERE unit IS NOT NULL;"        \
    "CREATE INDEX log_by_order ON log_entries (order_name,"                                   \
    " position) WHERE order_name IS NOT NULL;"                                                \
    "CREATE INDEX log_by_station ON log_entries (station,"                                    \
    " position) WHERE station IS NOT NULL;"                                                   \
    "CREATE INDEX log_by_operator ON log_entries (operator,"                                  \
    " position) WHERE operator IS NOT NULL;"                                                  \
    "CREATE INDEX log_by_kind ON log_entries (kind, position);"                               \
    "CREATE INDEX log_by_method ON log_entries (method, position) WHERE method IS NOT NULL;"  \
    "CREATE INDEX log_by_arrow ON log_entries (arrow, position) WHERE arrow <> 0;"            \
    "CREATE INDEX log_by_outcome ON log_entries (outcome, position) WHERE outcome <> 0;"      \
    "CREATE INDEX log_by_firmware ON log_entries (firmware,"                                  \
    " position) WHERE firmware IS NOT NULL;"                                                  \
    "CREATE INDEX log_by_time ON log_entries (time_us);"                                      \
    INSERT_ONLY("log_entries")                                                                \
    "CREATE TABLE log_nodes (level BIGINT NOT NULL, n BIGINT NOT NULL, " SIZED("hash", "32")  \
    ", PRIMARY KEY (level, n));"                                                              \
    INSERT_ONLY("log_nodes")                                                                  \
    "CREATE TABLE log_head (id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),"                   \
    " size BIGINT NOT NULL, edge BYTEA NOT NULL);"                                            \
    "CREATE TABLE checkpoints (size BIGINT NOT NULL PRIMARY KEY, note BYTEA NOT NULL);"       \
    INSERT_ONLY("checkpoints")
// clang-format on

/* SPDX-License-Identifier: MIT */
/* schema_words: what the definitions of tables have in common. For the headers of schema.c. */
#pragma once

/* Rows that are inserted once and stay as they are. */
#define INSERT_ONLY(table)                                                                     \
    "CREATE TRIGGER " table "_unchanged BEFORE UPDATE ON " table                               \
    " BEGIN SELECT RAISE(ABORT, '" table ": a fact is not changed'); END;"                     \
    "CREATE TRIGGER " table "_undeleted BEFORE DELETE ON " table                               \
    " BEGIN SELECT RAISE(ABORT, '" table ": a fact is not deleted'); END;"

#define SIZED(column, size) column " BYTEA NOT NULL CHECK (length(" column ") = " size ")"
#define FLAG(column)        column " BIGINT NOT NULL CHECK (" column " IN (0, 1))"
#define UID_GEN             SIZED("uid", "12") ", gen BIGINT NOT NULL CHECK (gen >= 1)"
#define RUN                 SIZED("run_id", "16")

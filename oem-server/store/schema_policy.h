/* SPDX-License-Identifier: MIT */
/* schema_policy: the tables of whose key is whose, of acts that wait for a second operator, and
 * of seized stations. For schema.c. */
#pragma once

#include "oem-server/store/schema_words.h"

/* Of operators: a key has one name, for good (test_store: a_key_has_one_name). */
#define SCHEMA_PRINCIPAL_KEYS                                                                  \
    "CREATE TABLE principal_keys (key_sha256 BYTEA NOT NULL PRIMARY KEY"                       \
    " CHECK (length(key_sha256) = 32), role BIGINT NOT NULL, name TEXT NOT NULL,"              \
    " FOREIGN KEY (role, name) REFERENCES principals);" INSERT_ONLY("principal_keys")

/* What was asked for is never changed; the state leaves "pending" (0) once (test_approval:
 * the_database_keeps_what_was_asked). */
#define SCHEMA_APPROVALS                                                                       \
    "CREATE TABLE approvals (number BIGINT NOT NULL PRIMARY KEY CHECK (number >= 1),"          \
    " method TEXT NOT NULL, request BYTEA NOT NULL CHECK (length(request) <= 16384),"          \
    " requester TEXT NOT NULL,"                                                                \
    " certificate_sha256 BYTEA NOT NULL CHECK (length(certificate_sha256) = 32),"              \
    " call_key BYTEA NOT NULL CHECK (length(call_key) = 16), reason TEXT NOT NULL,"            \
    " subject TEXT NOT NULL, asked_us BIGINT NOT NULL, expires_us BIGINT NOT NULL,"            \
    " state BIGINT NOT NULL CHECK (state BETWEEN 0 AND 3), decided_by TEXT NOT NULL,"          \
    " decided_reason TEXT NOT NULL, decided_us BIGINT NOT NULL, UNIQUE (requester, call_key)," \
    " CHECK (state <> 1 OR decided_by <> requester));"                                         \
    "CREATE INDEX approvals_pending ON approvals (requester, expires_us) WHERE state = 0;"     \
    "CREATE TRIGGER approvals_terms BEFORE UPDATE OF number, method, request, requester,"      \
    " certificate_sha256, call_key, reason, subject, asked_us, expires_us ON approvals"        \
    " BEGIN SELECT RAISE(ABORT, 'approvals: what was asked for is not changed'); END;"         \
    "CREATE TRIGGER approvals_once BEFORE UPDATE ON approvals WHEN OLD.state <> 0"             \
    " BEGIN SELECT RAISE(ABORT, 'approvals: decided once'); END;"                              \
    "CREATE TRIGGER approvals_undeleted BEFORE DELETE ON approvals"                            \
    " BEGIN SELECT RAISE(ABORT, 'approvals: not deleted'); END;"                               \
    "CREATE TABLE approval_answers (number BIGINT NOT NULL PRIMARY KEY REFERENCES approvals,"  \
    " response BYTEA NOT NULL);" INSERT_ONLY("approval_answers")

/* step: unit/seizure.c. cursor: the last UID of the page before. */
#define SCHEMA_SEIZURES                                                                        \
    "CREATE TABLE seizures (station TEXT NOT NULL PRIMARY KEY, reason TEXT NOT NULL,"          \
    " scrap_reason TEXT NOT NULL, seized_us BIGINT NOT NULL,"                                  \
    " step BIGINT NOT NULL CHECK (step BETWEEN 0 AND 3),"                                      \
    " cursor BYTEA NOT NULL CHECK (length(cursor) IN (0, 12)));"                               \
    "CREATE TRIGGER seizures_step BEFORE UPDATE ON seizures WHEN NEW.step < OLD.step"          \
    " OR NEW.reason <> OLD.reason OR NEW.station <> OLD.station"                               \
    " BEGIN SELECT RAISE(ABORT, 'seizures: they do not go back'); END;"                        \
    "CREATE TRIGGER seizures_undeleted BEFORE DELETE ON seizures"                              \
    " BEGIN SELECT RAISE(ABORT, 'seizures: not deleted'); END;"

/* SPDX-License-Identifier: MIT */
/* schema_people: the tables of principals and of the answers that they were given. For
 * schema.c.
 */
#pragma once

#include "oem-server/store/schema_words.h"

// clang-format off
#define SCHEMA_PEOPLE                                                                         \
    "CREATE TABLE settings (name TEXT NOT NULL PRIMARY KEY, value BYTEA NOT NULL);"           \
    "CREATE TABLE principals (role BIGINT NOT NULL, name TEXT NOT NULL, " FLAG("revoked")     \
    ", revoked_reason TEXT NOT NULL, added_us BIGINT NOT NULL, PRIMARY KEY (role, name));"    \
    "CREATE TRIGGER principals_revoked BEFORE UPDATE OF revoked ON principals WHEN"           \
    " OLD.revoked = 1 AND NEW.revoked = 0 BEGIN SELECT RAISE(ABORT,"                          \
    " 'principals: revoked stays revoked'); END;"                                             \
    "CREATE TABLE principal_certificates (role BIGINT NOT NULL, name TEXT NOT NULL,"          \
    " n BIGINT NOT NULL, " SIZED("certificate_sha256", "32") ", PRIMARY KEY (role,"           \
    " name, n), FOREIGN KEY (role, name) REFERENCES principals);"                             \
    INSERT_ONLY("principal_certificates")                                                     \
    "CREATE TABLE registrations (role BIGINT NOT NULL, name TEXT NOT NULL, "                  \
    SIZED("csr_sha256", "32") ", certificate BYTEA NOT NULL, PRIMARY KEY (role,"              \
    " name), FOREIGN KEY (role, name) REFERENCES principals);"                                \
    "CREATE TABLE answers (caller TEXT NOT NULL, " SIZED("call_key", "16") ", "               \
    SIZED("request_sha256", "32") ", response BYTEA NOT NULL,"                                \
    " created_us BIGINT NOT NULL, PRIMARY KEY (caller, call_key));"                           \
    "CREATE INDEX answers_by_age ON answers (created_us);"
// clang-format on

/* SPDX-License-Identifier: MIT */
/*
 * statement: a statement that a board signed with AUTHKEY, as the bytes of common/core/sign.h
 * and their digest.
 *
 * It is made from the message that the server gave, so a valid signature covers what the
 * message says. The digest also chains: a commit statement names the receipt's, a lock
 * statement the commit's. Used by the server and by oemctl (test_statement). No state; any
 * thread.
 */
#pragma once

#include "common/core/layout.h"
#include "common/core/sign.h"
#include "common/host/own.h"
#include "hallmark/v1/closing.pb-c.h"

struct statement {
    bool made; /* false: a field does not fit a statement; the rest is zero */
    uint8_t bytes[SIGN_STATEMENT_MAX];
    size_t len;
    uint8_t sha256[SHA256_SIZE];
};

/* The statement that a message makes; needs no release. */
struct statement statement_of_receipt(const Hallmark__V1__Receipt *receipt);
struct statement statement_of_commit(const Hallmark__V1__CommitStatement *commit);
struct statement statement_of_lock(const Hallmark__V1__LockStatement *lock);

/* true if signature is one of the statement by the key of point. */
bool statement_is_signed(const struct statement *statement, struct span point,
                         const ProtobufCBinaryData *signature);

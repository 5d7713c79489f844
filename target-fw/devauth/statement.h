/* SPDX-License-Identifier: MIT */
/*
 * statement: the signed form of a message of closing.proto (common/core/sign.h).
 *
 * The one place where a field of a message becomes a field of a statement, so signing and
 * verifying use the same fields. Used by closing.c and lock.c.
 */
#pragma once

#include "common/core/wr.h"
#include "hallmark/v1/closing.pb.h"

/* Append to w, which sticks if it is too small: p256_sign_statement() and its twin report that.
 */
void statement_receipt(struct wr *w, const Receipt *receipt);
void statement_commit(struct wr *w, const CommitStatement *commit);
void statement_lock(struct wr *w, const LockStatement *lock);

/* SPDX-License-Identifier: MIT */
/*
 * statement: what is signed of a message of closing.proto (common/core/sign.h), and its digest.
 *
 * The one place where a field of a message becomes a field of a statement: signing and
 * verifying cannot differ. Used by closing.c and lock.c.
 */
#pragma once

#include "common/core/wr.h"
#include "hallmark/v1/closing.pb.h"

void statement_receipt(struct wr *w, const Receipt *receipt);
void statement_commit(struct wr *w, const CommitStatement *commit);
void statement_lock(struct wr *w, const LockStatement *lock);

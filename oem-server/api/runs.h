/* SPDX-License-Identifier: MIT */
/*
 * runs: the handlers of service Runs that have files of their own, and functions that they
 * share. Each is called by runs.c's glue on the strand of its run or connection. For api/ only.
 */
#pragma once

#include "common/rpc/statement.h"
#include "oem-server/api/services.h"

/* runs_finish.c */
enum err runs_finish(struct rpc_call *rpc, const Hallmark__V1__FinishRequest *in,
                     Hallmark__V1__FinishResponse *out);
/* runs_closing.c: by UID, for a unit of this station, with or without a run in memory. */
enum err runs_commit(struct rpc_call *rpc, const Hallmark__V1__UnitCommitRequest *in,
                     Hallmark__V1__UnitCommitResponse *out);
enum err runs_booted(struct rpc_call *rpc, const Hallmark__V1__UnitBootedRequest *in,
                     Hallmark__V1__UnitBootedResponse *out);
enum err runs_locked(struct rpc_call *rpc, const Hallmark__V1__UnitLockedRequest *in,
                     Hallmark__V1__UnitLockedResponse *out);
enum err runs_sealed(struct rpc_call *rpc, const Hallmark__V1__UnitSealedRequest *in,
                     Hallmark__V1__UnitSealedResponse *out);

/* Fills what Closing.Lock needs, from the call's arena. */
enum err runs_fill_committed(struct rpc_call *rpc, const struct unit_committed *committed,
                             Hallmark__V1__UnitCommitResponse *out);

/* Verifies that the statement is signed with AUTHKEY: else ERR_SIG. ERR_INVALID: it is none. */
enum err runs_verify(const struct statement *statement,
                     const uint8_t point[static P256_POINT_SIZE],
                     const ProtobufCBinaryData *signature, const char *what);

/* SPDX-License-Identifier: MIT */
/*
 * engine: what drives a run: the server's own arrows (o -> o) and its calls to the station
 * (o -> n, o -> p). net and the engine itself call it, on the run's strand.
 *
 * A run stays at an arrow whose entry was not written.
 */
#pragma once

#include "oem-server/call/call.h"

/* A call of a connection's, from its admission to its answer, as call_serve(); the server's own
 * arrows that its reports made the next ones go before it. */
void engine_serve(struct call *call, Hallmark__V1__FrameResponse *response);

/* Performs the server's own arrows (o -> o) that are next. Called before the answer to the call
 * that led to them is sent, so that it leaves when they are durable. */
void run_advance_own(struct run *run);
void run_advance(
    struct run *run); /* all of the server's arrows, until it is another side's turn */
void run_start(struct run *run); /* the same for a new run, from any thread: on its strand */

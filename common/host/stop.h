/* SPDX-License-Identifier: MIT */
/*
 * stop: points of a program at which a test can stop or kill it, by the option
 * --announce-points of oem-server, oemctl init, station-agent and virtual-board.
 *
 * A program that was started with it announces each place that it comes to, in a connection of
 * its own to the test's UNIX socket: one line, "PROGRAM PID PLACE MOMENT UID". It goes on when
 * the test has closed that connection, and at once if no process listens any more. Without the
 * option nothing is announced, and no place costs more than a comparison. It is for tests of
 * interruptions (tests/cut) only: the process that holds the socket can delay every call.
 */
#pragma once

#include <stdbool.h>

#include "common/core/err.h"
#include "common/core/rd.h"

/* From now on points are announced at the socket `path`, which the caller keeps. To be called
 * before other threads run. ERR_CONFIG: nothing listens there, or the path is too long. */
enum err stop_open(const char *path);

/* Is stop_open() in force? Any thread. */
bool stop_announces(void);

/*
 * The calling thread has come to this moment of this place ("arrow-14", "Runs/Open"; "before",
 * "inside"); uid: the unit that it works for, or empty. Waits until the test lets it go on. Any
 * thread that may wait: no lock may be held that the test's other programs need.
 */
void stop_at(const char *place, const char *moment, struct span uid);

/* The same for a method of a service, "hallmark.v1.Runs/Open", whose place is "Runs/Open", or
 * "arrow-N" if it is an arrow's; arrow 0: it is none. */
void stop_at_call(const char *method, unsigned arrow, const char *moment, struct span uid);

/* SPDX-License-Identifier: MIT */
/*
 * expiry: what ends soon, told before it stops anybody: the certificates of the CA, of the
 * WebServer and of principals that are not revoked.
 *
 * From EXPIRY_DAYS before its end, and after it, a certificate is in Health's list, and in an
 * entry of kind "expiry" and a line of the server's log, one a day for all of them together
 * (test_run: what_expires_is_told_once_a_day). Times are the database's clock's. An order's
 * window is not among them: its end was chosen by an operator, and order list shows it.
 */
#pragma once

#include "oem-server/base/base.h"

enum { EXPIRY_DAYS = 60 };

/* Reads what ends, and keeps it in server->expiring. At the start, and by the sweep once a
 * minute (CLOCK_MONOTONIC). */
enum err expiry_look(struct server *server);

/* The sweep's part: looks, and enters what is due. */
enum err expiry_sweep(struct server *server);

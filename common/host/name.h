/* SPDX-License-Identifier: MIT */
/*
 * name: the rule for the names of orders, stations, operators, auditors and trust domains.
 *
 * One rule for all, so that a name that one program takes is valid for the others too: it is
 * used in a certificate's subject (RFC 5280, upper bounds of CN and OU: 64), as a part of a
 * SPIFFE id, and on command lines. Also the rule for an organization, which is for people. Used
 * by the server, oemctl and the station agent. No state; any thread (test_name).
 */
#pragma once

#include <stdbool.h>

enum { NAME_LENGTH_MAX = 64, NAME_ORGANIZATION_MAX = 64 };

#define NAME_RULE "1 to 64 of a-z 0-9 . -, a letter or digit at both ends, no .."

/* true if name follows NAME_RULE. */
bool name_is_good(const char *name);

#define NAME_ORGANIZATION_RULE "1 to 64 bytes of UTF-8, all printable"

/* true if text follows NAME_ORGANIZATION_RULE. */
bool name_is_organization(const char *text);

/* SPDX-License-Identifier: MIT */
/*
 * fault: what can be wrong with a call of EJBCA, each with its message and advice. For the
 * folder and its tests. The table is fault.c; no state, any thread.
 */
#pragma once

#include "common/host/own.h"

enum ejbca_fault {
    FAULT_NONE,
    /* The call did not leave, or was refused before it was looked at. */
    FAULT_UNREACHABLE,
    FAULT_TLS_SERVER,
    FAULT_OPEN,
    FAULT_CROWDED,
    /* It may have been done. */
    FAULT_TLS_CLIENT,
    FAULT_SLOW,
    FAULT_LOST,
    FAULT_TOO_LONG,
    FAULT_MALFORMED,
    FAULT_REDIRECTED,
    FAULT_SERVER,
    /* By status or text. */
    FAULT_CA_OFFLINE,
    FAULT_TOKEN_OFFLINE,
    FAULT_APPROVAL,
    FAULT_NO_PROFILE,
    FAULT_NO_CA,
    FAULT_SAME_KEY,
    FAULT_SAME_DN,
    FAULT_REQUEST,
    FAULT_REFUSED,
    FAULT_NO_CERTIFICATE,
    FAULT_FORBIDDEN,
    FAULT_ENTERPRISE,
    FAULT_DISABLED,
    FAULT_CONFLICT,
    FAULTS
};

/* Which fault an HTTP answer tells; text: what EJBCA says, may be "". */
enum ejbca_fault fault_of(long status, const char *text);

/* The call may have been done all the same: only a search tells. */
bool fault_is_doubtful(enum ejbca_fault fault);
/* It counts for the circuit breaker. status: of the answer, 0 if there was none. */
bool fault_is_outage(enum ejbca_fault fault, long status);

/* fail() with "ca: EJBCA: MESSAGE (STATUS: "TEXT"); next: ADVICE". Texts of HTTP 400 and 422
 * choose the message only: the code is ERR_PRECONDITION for all of them. */
enum err fault_fail(enum ejbca_fault fault, long status, const char *text);

const char *fault_message(enum ejbca_fault fault);
const char *fault_advice(enum ejbca_fault fault);

/* SPDX-License-Identifier: MIT */
/*
 * err: the error type of all programs here, on both CPUs and on the wire.
 *
 * Numbers 0-16 are gRPC's status codes. A larger number is a finer cause; its row names the
 * status that a peer sees. The type is nodiscard: a result that is not used fails the build.
 * Freestanding. Rows are appended and not renumbered (test_err). All functions: no state, any
 * thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* name, number, status, text */
#define ERR_LIST(X)                                                                            \
    X(OK, 0, 0, "ok")                                                                          \
    X(CANCELLED, 1, 1, "cancelled by the caller")                                              \
    X(UNKNOWN, 2, 2, "unknown error")                                                          \
    X(INVALID, 3, 3, "invalid argument")                                                       \
    X(DEADLINE, 4, 4, "deadline exceeded")                                                     \
    X(NOT_FOUND, 5, 5, "not found")                                                            \
    X(EXISTS, 6, 6, "already exists")                                                          \
    X(DENIED, 7, 7, "permission denied")                                                       \
    X(EXHAUSTED, 8, 8, "resource exhausted")                                                   \
    X(PRECONDITION, 9, 9, "failed precondition")                                               \
    X(ABORTED, 10, 10, "aborted")                                                              \
    X(RANGE, 11, 11, "out of range")                                                           \
    X(UNIMPLEMENTED, 12, 12, "unimplemented")                                                  \
    X(INTERNAL, 13, 13, "internal error")                                                      \
    X(UNAVAILABLE, 14, 14, "unavailable")                                                      \
    X(DATA_LOSS, 15, 15, "data loss")                                                          \
    X(UNAUTHENTICATED, 16, 16, "unauthenticated")                                              \
    X(TRUNC, 32, 3, "input ends early")                                                        \
    X(EXCESS, 33, 3, "bytes after the end")                                                    \
    X(PROTO, 34, 13, "peer broke the protocol")                                                \
    X(LIMIT, 35, 8, "over a limit")                                                            \
    X(SIG, 36, 7, "signature does not verify")                                                 \
    X(ORDER, 37, 9, "out of order")                                                            \
    X(POINT, 38, 3, "point is not on the curve")                                               \
    X(MISMATCH, 39, 9, "not what was agreed")                                                  \
    X(LOCKED, 40, 9, "debug port is locked")                                                   \
    X(RESERVED_41, 41, 9, "reserved") /* was: locked before it was complete */                 \
    X(BUSY, 42, 14, "busy")                                                                    \
    X(FAULT, 43, 14, "target or probe fault")                                                  \
    X(VERIFY, 44, 15, "read back differs from what was written")                               \
    X(CHIP, 45, 13, "chip block reports an error")                                             \
    X(HSM, 46, 14, "HSM operation failed")                                                     \
    X(PIN, 47, 9, "PIN refused")                                                               \
    X(STORE, 48, 14, "store operation failed")                                                 \
    X(MEMORY, 49, 8, "out of memory")                                                          \
    X(IO, 50, 14, "input or output failed")                                                    \
    X(CONFIG, 51, 3, "bad configuration")                                                      \
    X(USAGE, 52, 3, "bad usage")                                                               \
    X(CLOSED, 53, 14, "connection closed")                                                     \
    X(TLS, 54, 16, "TLS failed")                                                               \
    X(UNSEEN, 55, 14, "the call was not looked at")                                            \
    X(QUOTA, 56, 8, "the order is exhausted")                                                  \
    X(NOT_KNOWN, 57, 14, "could not be found out")                                             \
    X(OPEN, 58, 9, "debug port is open")                                                       \
    X(SPOILT, 59, 15, "a key slot is spoilt")                                                  \
    X(NO_SLOT, 60, 9, "no AES slot left")                                                      \
    X(HELD, 61, 9, "the unit is held")                                                         \
    X(NOT_LOCKED, 62, 9, "no lock statement")                                                  \
    X(BOOT, 63, 9, "the firmware did not start")                                               \
    X(REVOKED, 64, 16, "certificate revoked")

// clang-format off
enum [[nodiscard]] err {
#define X(name, number, status, text) ERR_##name = (number),
    ERR_LIST(X)
#undef X
};
// clang-format on

/* Returns from the function with the error of call, if it has one. Resources of AUTO are
 * released. */
#define TRY(call)                                                                              \
    do {                                                                                       \
        enum err try_ = (call);                                                                \
        if (try_ != ERR_OK)                                                                    \
            return try_;                                                                       \
    } while (0)

uint32_t err_status(enum err e);  /* gRPC status, 0-16; unlisted numbers give 2 */
const char *err_text(enum err e); /* fixed text of the row, not NULL */
enum err err_from_wire(uint32_t number,
                       uint32_t status); /* a peer's numbers; unlisted fall back to status */

/* SPDX-License-Identifier: MIT */
/*
 * Lies of a station that holds a board in software, or of that board: in what they send to the
 * server. Where a statement is "signed again", AUTHKEY has signed what it says now.
 */
#include "tests/hostile/row.h"

const struct lie software_lies[] = {
    /* Runs.Open */
    { "the honest one", SAYS(STATION, "Runs/Open", NULL, HONEST), LEAVES("sealed", 1, 0, 1) },
    { "another station's order", SAYS(STATION, "Runs/Open", "order", SET), .text = "others",
      REFUSED(DENIED, "not station"), LEAVES("free", 0, 0, 0) },
    { "an order that is not there", SAYS(STATION, "Runs/Open", "order", SET), .text = "none",
      REFUSED(NOT_FOUND, "no order"), LEAVES("free", 0, 0, 0) },
    { "a sealed unit's UID", SAYS(STATION, "Runs/Open", "uid", OTHER),
      REFUSED(PRECONDITION, "belongs to order others"), LEAVES("free", 0, 0, 0) },
    { "a UID of 11 bytes", SAYS(STATION, "Runs/Open", "uid", SHORT), REFUSED(INVALID, "UID"),
      LEAVES("free", 0, 0, 0) },
    { "a UID of 13 bytes", SAYS(STATION, "Runs/Open", "uid", LONG), REFUSED(INVALID, "UID"),
      LEAVES("free", 0, 0, 0) },
    { "Open that is no protobuf", SAYS(STATION, "Runs/Open", NULL, NOISE),
      REFUSED(INVALID, ""), LEAVES("free", 0, 0, 0) },
    { "Open of nothing", SAYS(STATION, "Runs/Open", NULL, EMPTY), REFUSED(INVALID, "order"),
      LEAVES("free", 0, 0, 0) },

    /* Arrows 4-14 */
    { "another unit's CSR", SAYS(STATION, "Ca/RequestCertificate", "csr", OTHER),
      REFUSED(INVALID, "subject"), LEAVES("free", 0, 0, 0) },
    { "a CSR with a bit changed", SAYS(STATION, "Ca/RequestCertificate", "csr", FLIP),
      REFUSED(SIG, ""), LEAVES("free", 0, 0, 0) },
    { "a CSR that ends early", SAYS(STATION, "Ca/RequestCertificate", "csr", SHORT),
      REFUSED(INVALID, ""), LEAVES("free", 0, 0, 0) },
    { "a CSR with a byte after it", SAYS(STATION, "Ca/RequestCertificate", "csr", LONG),
      REFUSED(INVALID, ""), LEAVES("free", 0, 0, 0) },
    { "a CSR that is no DER", SAYS(STATION, "Ca/RequestCertificate", "csr", NOISE),
      REFUSED(INVALID, ""), LEAVES("free", 0, 0, 0) },
    { "no CSR", SAYS(STATION, "Ca/RequestCertificate", "csr", EMPTY), REFUSED(INVALID, ""),
      LEAVES("free", 0, 0, 0) },
};
const size_t software_lie_count = COUNT(software_lies);

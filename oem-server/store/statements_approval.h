/* SPDX-License-Identifier: MIT */
/* statements_approval: the statements of acts that wait for a second operator. For
 * statements.h. */
#pragma once

#define APPROVAL_COLUMNS                                                                       \
    "number, method, request, requester, certificate_sha256, call_key, reason, subject,"       \
    " asked_us, expires_us, state, decided_by, decided_reason, decided_us"

/* OPERATOR_COUNT: registered ones; with $1 = 1 revoked ones too. */
#define STATEMENT_LIST_APPROVAL(X)                                                             \
    X(OPERATOR_COUNT, "SELECT COUNT(*) FROM principals WHERE role = 2"                         \
                      " AND ($1 = 1 OR revoked = 0)")                                          \
    X(APPROVAL_NEXT, "SELECT COALESCE(MAX(number), 0) + 1 FROM approvals")                     \
    X(APPROVAL_GET, "SELECT " APPROVAL_COLUMNS " FROM approvals WHERE number = $1")            \
    X(APPROVAL_BY_KEY, "SELECT " APPROVAL_COLUMNS " FROM approvals"                            \
                       " WHERE requester = $1 AND call_key = $2")                              \
    X(APPROVAL_SAME, "SELECT " APPROVAL_COLUMNS " FROM approvals WHERE requester = $1"         \
                     " AND method = $2 AND request = $3 AND state = 0 AND expires_us > $4"     \
                     " AND asked_us <= $5 AND subject = $6 ORDER BY number LIMIT 1")           \
    X(APPROVAL_COUNT, "SELECT COUNT(*) FROM approvals WHERE state = 0 AND expires_us > $1"     \
                      " AND ($2 = '' OR requester = $2) AND asked_us <= $3")                   \
    X(APPROVAL_PAGE, "SELECT " APPROVAL_COLUMNS " FROM approvals WHERE number > $1"            \
                     " AND ($2 = 1 OR (state = 0 AND expires_us > $3 AND asked_us <= $5))"     \
                     " ORDER BY number LIMIT $4")                                              \
    X(APPROVAL_DECIDE, "UPDATE approvals SET state = $2, decided_by = $3,"                     \
                       " decided_reason = $4, decided_us = $5 WHERE number = $1")              \
    X(APPROVAL_ANSWER_PUT, "INSERT INTO approval_answers (number, response)"                   \
                           " VALUES ($1, $2) ON CONFLICT DO NOTHING")                          \
    X(APPROVAL_ANSWER_GET, "SELECT response FROM approval_answers WHERE number = $1")

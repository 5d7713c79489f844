/* SPDX-License-Identifier: MIT */
/*
 * approval: acts that wait for a second operator.
 *
 * A row holds what one operator asked for, to the byte, and what became of it. It is performed
 * by the change in which another operator approves it, or never: approved, rejected and
 * withdrawn are final, and after expires_us (the database's clock) a pending one counts as
 * expired, without a change of the row; so does one that was asked more than a minute in the
 * future, before the clock was set back. The database refuses an update of what was asked for
 * and a second decision (tests/unit/test_approval.c).
 *
 * All functions are called inside store_do() or store_read(), and ask for both principals
 * there. An operator is a name, whose new certificate does not make it a second person. Used by
 * call/ and api/approvals.c.
 */
#pragma once

#include "oem-server/store/store.h"

enum approval_state {
    APPROVAL_PENDING = 0,
    APPROVAL_APPROVED = 1,
    APPROVAL_REJECTED = 2,
    APPROVAL_WITHDRAWN = 3,
    APPROVAL_EXPIRED = 4, /* in the store it is pending, and its time is over */
};

enum {
    APPROVAL_REQUEST_MAX = 16384, /* bytes of a request that may wait */
    APPROVAL_METHOD_SIZE = 81,
    APPROVAL_SUBJECT_SIZE = 129,
    APPROVAL_PAGE_MAX = 100,
};

struct store_approval {
    uint64_t number; /* from 1 */
    char method[APPROVAL_METHOD_SIZE];
    struct buf request;                      /* the message, as it came */
    char requester[65];                      /* an operator's name */
    uint8_t certificate_sha256[SHA256_SIZE]; /* with which it asked */
    uint8_t call_key[STORE_CALL_KEY_SIZE];
    char reason[STORE_REASON_MAX + 1];
    char subject[APPROVAL_SUBJECT_SIZE]; /* in words: an order, a principal, or a unit with its
                                          * generation and state when it was asked for */
    int64_t asked_us, expires_us;
    enum approval_state state;
    char decided_by[65]; /* an operator's name; "" while it is pending */
    char decided_reason[STORE_REASON_MAX + 1];
    int64_t decided_us;
};
void store_approval_free(struct store_approval *approval);

struct store_approval_limits {
    unsigned of_operator, of_all; /* pending ones */
    int64_t expire_us;
};

/* How many operators are registered and not revoked; ever_out: revoked ones too. */
enum err store_operator_count(struct store_tx *tx, uint64_t *now_out, uint64_t *ever_out);

/*
 * Enters what asked says (method, request, requester, certificate, call key, reason, subject)
 * and fills in its number, times and state. fresh_out: it is a new row. The same call key
 * again, or the same request and subject of the same operator while it is pending, is that row:
 * nothing is written. ERR_PRECONDITION: there is no second operator; ERR_EXHAUSTED: too many
 * are pending; ERR_LIMIT: the request is too long; ERR_INVALID: the call key was another
 * request's.
 */
enum err store_approval_ask(struct store_tx *tx, const struct store_approval_limits *limits,
                            struct store_approval *asked, bool *fresh_out);

/* ERR_NOT_FOUND with a message. state says APPROVAL_EXPIRED where that is so. */
enum err store_approval_get(struct store_tx *tx, uint64_t number,
                            struct store_approval *approval_out);

/*
 * Decides: approver is the name of the operator that does, checked here. Approving and
 * rejecting is another operator's than the requester's (ERR_DENIED), withdrawing the
 * requester's; ERR_PRECONDITION: decided already (the message says by whom), expired, or the
 * requester is not registered any more or revoked. again_out: the same operator has approved it
 * before; nothing is written. approval_out: as it was.
 */
enum err store_approval_decide(struct store_tx *tx, uint64_t number, enum approval_state state,
                               const char *by, const char *reason,
                               struct store_approval *approval_out, bool *again_out);

/* What the approved act answered, for the approver that asks again. */
enum err store_approval_answer_put(struct store_tx *tx, uint64_t number, struct span response);
enum err store_approval_answer_get(struct store_tx *tx, uint64_t number,
                                   struct buf *response_out);

/* Those after that number, the pending ones or all, APPROVAL_PAGE_MAX at most. The caller frees
 * each and the list. */
enum err store_approval_list(struct store_tx *tx, uint64_t after, bool all,
                             struct store_approval **list_out, size_t *count_out,
                             bool *more_out);
void store_approval_list_free(struct store_approval *list, size_t count);

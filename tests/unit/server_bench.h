/* SPDX-License-Identifier: MIT */
/*
 * server_bench: a whole server but its sockets, in one process: SoftHSM, a store, runs and
 * strands. Calls are made as net makes them; the server's own calls to a station come to a
 * board in software (server_board.h). wss_call() and its kin are doubles that are linked in the
 * place of common/wss.
 */
#pragma once

#include "oem-server/api/services.h"
#include "oem-server/engine/engine.h"
#include "oem-server/server/log_check.h"
#include "oem-server/server/server.h"
#include "tests/unit/softhsm.h"

struct bench {
    struct softhsm soft;
    struct config config;
    struct server *server;
    uint8_t firmware[SHA256_SIZE], devauth[SHA256_SIZE];
};
extern struct bench bench;
extern const char
    *bench_module; /* to be set before the setup: goes in front of SoftHSM; or NULL */

int bench_setup(void **state); /* arrows 1 and 2 are done, two images are released */
int bench_teardown(void **state);
void bench_restart(void); /* the process ends without a stop, and another one starts */

/* A principal with its connection. */
struct party {
    struct auth_principal who;
    X509 *certificate;
    struct session *session;
    void *board; /* struct board: the server's calls go there */
};
void party_add(struct party *p, Hallmark__V1__Role role, const char *name);
void party_connect(struct party *p);
void party_hang_up(struct party *p); /* returns when its runs have ended */
void party_lose(struct party *p);    /* before bench_restart(): its runs do not end */
void party_drop(struct party *p);

struct asking {
    struct span run_id; /* empty: no run */
    const Hallmark__V1__ArrowReports *reports;
    const uint8_t *key; /* NULL: a fresh one */
};
/* One call. out (may be NULL) is the caller's, AUTO(rpc_drop); answer's type is told. */
enum err party_call(struct party *p, const char *method, const ProtobufCMessage *in,
                    const struct asking *asking, const ProtobufCMessageDescriptor *type,
                    ProtobufCMessage **out);
/* The same with bytes as they are: of the request, and of metadata "reports-bin". A stream's
 * first message is the request. */
enum err party_send(struct party *p, const char *method, struct span payload,
                    struct span run_id, struct span reports);

/* What was submitted to the strands of runs before is done. */
void bench_settle(void);
void bench_settle_run(const uint8_t id[static RUN_ID_SIZE]); /* of that run alone */
void bench_sweep(void);                                      /* as each second */
/* The state that "unit show" gives, "" if there is no such unit. */
void bench_state(const uint8_t uid[static UID_SIZE], char state_out[static 16]);
/* The log is sound, and the store is what it says. */
void bench_check(void);
unsigned bench_entries(const char *kind); /* of the log, of that kind */
/* An order of that name for that station, level dev. */
void bench_order(struct party *operator_, const char *name, const char *station,
                 uint32_t quantity, uint32_t level);

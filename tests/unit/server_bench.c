/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <openssl/ec.h>
#include <openssl/rand.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/mailbox.h"
#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/store/replay.h"
#include "oem-server/store/state.h"
#include "tests/unit/csr_make.h"
#include "tests/unit/server_board.h"

struct bench bench;
const char *bench_module;

static const struct auth_principal init = { .role = AUTH_SERVER,
                                            .name = "init",
                                            .uri = "init" };

/* --- Doubles of common/wss. A struct wss_conn is a struct party here. ----------------------
 */

struct wss_conn {
    struct party party;
};

struct wss_conn *wss_conn_keep(struct wss_conn *conn)
{
    return conn;
}

void wss_conn_drop(struct wss_conn **conn)
{
    *conn = NULL;
}

const char *wss_conn_address(const struct wss_conn *conn)
{
    (void)conn;
    return "192.0.2.1";
}

void wss_conn_close(struct wss_conn *conn, unsigned code, const char *reason)
{
    (void)conn, (void)code, (void)reason;
}

enum err wss_call(struct wss_conn *conn, const Hallmark__V1__FrameRequest *request,
                  wss_done *done, void *context)
{
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    if (conn->party.board != NULL)
        board_pushed(conn->party.board, request->method,
                     span_of(request->payload.data, request->payload.len));
    done(context, &response);
    return ERR_OK;
}

/* --- Calls. ------------------------------------------------------------------------------- */

struct job {
    struct party *party; /* NULL: init */
    struct call call;
    struct buf response;
    enum err err;
    char words[FAIL_WORDS_MAX];
    sem_t done;
};

/* As net does it: the server's own arrows, the answer, the server's other arrows. */
static void serve(void *context)
{
    struct job *job = context;
    struct call *call = &job->call;
    Hallmark__V1__FrameResponse response;
    engine_serve(call, &response);
    bool goes_on = call->rpc.err == ERR_OK && call->run != NULL;
    job->err = call->rpc.err;
    snprintf(job->words, sizeof(job->words), "%s", fail_words());
    job->response = buf_take(&call->rpc.response);
    if (goes_on)
        run_advance_own(call->run);
    if (goes_on)
        run_advance(call->run);
    if (job->err == ERR_OK && call->opened != NULL)
        run_start(call->opened);
    call_end(call);
    sem_post(&job->done);
}

static enum err run_job(struct job *job, struct strand *strand,
                        const ProtobufCMessageDescriptor *type, ProtobufCMessage **out)
{
    assert_int_equal(sem_init(&job->done, 0, 0), 0);
    assert_int_equal(strand_submit_due(strand, serve, job), ERR_OK);
    sem_wait(&job->done);
    sem_destroy(&job->done);
    fail_set(job->words);
    if (job->err == ERR_OK && out != NULL)
        assert_int_equal(rpc_unpack(type, buf_span(&job->response), out), ERR_OK);
    buf_free(&job->response);
    return job->err;
}

/* A stream of one message. */
struct stream {
    struct span first;
    bool taken;
};

static enum err stream_send(void *stream, struct span message)
{
    (void)stream, (void)message;
    return ERR_OK;
}

static enum err stream_receive(void *stream, struct buf *message_out, bool *end_out)
{
    struct stream *s = stream;
    *end_out = s->taken;
    s->taken = true;
    return *end_out ? ERR_OK : buf_copy(message_out, s->first);
}

static enum err stream_room(void *stream, size_t *bytes_out)
{
    (void)stream;
    *bytes_out = 1 << 20;
    return ERR_OK;
}

static enum err stream_check(void *stream)
{
    (void)stream;
    return ERR_OK;
}

static const struct rpc_streaming streaming = { stream_send, stream_receive, stream_room,
                                                stream_check };

static enum err ask_bytes(struct party *p, const char *method, struct span payload,
                          const struct asking *asking, struct span report_bytes,
                          const ProtobufCMessageDescriptor *type, ProtobufCMessage **out)
{
    static const struct asking none;
    uint8_t fresh[16];
    struct rpc_metadata metadata[2];
    AUTO(buf_free) struct buf reports = { 0 };
    asking = asking == NULL ? &none : asking;
    RAND_bytes(fresh, sizeof(fresh));
    if (asking->reports != NULL)
        assert_int_equal(rpc_pack(&asking->reports->base, &reports), ERR_OK);
    metadata[0] = (struct rpc_metadata){ "run-bin", asking->run_id };
    metadata[1] =
        (struct rpc_metadata){ "reports-bin",
                               report_bytes.len != 0 ? report_bytes : buf_span(&reports) };
    struct run *run =
        asking->run_id.len != 0 ? run_find(bench.server, asking->run_id.ptr) : NULL;
    struct job job = { .party = p,
                       .call = { .rpc = { .method = method,
                                          .payload = payload,
                                          .idempotency_key = asking->key != NULL
                                                                 ? span_of(asking->key, 16)
                                                                 : SPAN(fresh),
                                          .metadata = metadata,
                                          .metadata_count = 2,
                                          .deadline_ms = rpc_now_ms() + RPC_TIMEOUT_MAX_MS },
                                 .server = bench.server,
                                 .principal = p != NULL ? &p->who : &init,
                                 .session = p != NULL ? p->session : NULL,
                                 .routed = run,
                                 .peer = "192.0.2.1" } };
    const struct auth_method *row = auth_method_of(method);
    struct stream stream = { payload, false };
    if (row != NULL && row->shape == AUTH_STREAM) {
        job.call.rpc.streaming = &streaming;
        job.call.rpc.stream = &stream;
    }
    struct strand *own = strand_new(bench.server->work);
    enum err e = run_job(&job, run != NULL ? run_strand(run) : own, type, out);
    strand_drop(&own);
    run_drop(&run);
    return e;
}

static enum err ask(struct party *p, const char *method, const ProtobufCMessage *in,
                    const struct asking *asking, const ProtobufCMessageDescriptor *type,
                    ProtobufCMessage **out)
{
    AUTO(buf_free) struct buf payload = { 0 };
    assert_int_equal(rpc_pack(in, &payload), ERR_OK);
    return ask_bytes(p, method, buf_span(&payload), asking, span_of(NULL, 0), type, out);
}

enum err party_send(struct party *p, const char *method, struct span payload,
                    struct span run_id, struct span reports)
{
    const struct asking asking = { .run_id = run_id };
    return ask_bytes(p, method, payload, &asking, reports, NULL, NULL);
}

enum err party_call(struct party *p, const char *method, const ProtobufCMessage *in,
                    const struct asking *asking, const ProtobufCMessageDescriptor *type,
                    ProtobufCMessage **out)
{
    return ask(p, method, in, asking, type, out);
}

/* --- Parties. ----------------------------------------------------------------------------- */

void party_connect(struct party *p)
{
    struct wss_conn *conn = (struct wss_conn *)p;
    assert_int_equal(session_open(bench.server, conn, p->certificate, &p->session), ERR_OK);
    assert_int_equal(session_admit(p->session), ERR_OK);
    p->who = p->session->principal;
}

void party_add(struct party *p, Hallmark__V1__Role role, const char *name)
{
    Hallmark__V1__AddPrincipalRequest in = HALLMARK__V1__ADD_PRINCIPAL_REQUEST__INIT;
    AUTO(buf_free) struct buf csr = make_csr(&(struct csr_spec){ .curve = "P-256" });
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    in.role = role;
    in.name = (char *)(uintptr_t)name;
    in.csr = (ProtobufCBinaryData){ csr.len, csr.ptr };
    assert_int_equal(ask(NULL, "hallmark.v1.Registry/Add", &in.base, NULL,
                         &hallmark__v1__add_principal_response__descriptor, &out),
                     ERR_OK);
    if (out == NULL) {
        fail_msg("Registry/Add of %s has no answer", name);
        return; /* fail_msg() does not come back */
    }
    const ProtobufCBinaryData *der = &((Hallmark__V1__AddPrincipalResponse *)out)->certificate;
    const uint8_t *at = der->data;
    p->certificate = d2i_X509(NULL, &at, (long)der->len);
    assert_non_null(p->certificate);
    party_connect(p);
}

static void post(void *context)
{
    sem_post(context);
}

enum { RUNS = 2 * BUDGET_RUNS };
struct all_runs {
    struct run *run[RUNS];
    size_t count;
};

static void list_runs(struct all_runs *all)
{
    all->count = 0;
    pthread_mutex_lock(&bench.server->lock);
    for (unsigned i = 0; i < RUN_BUCKETS; i++)
        for (struct run *run = bench.server->runs.by_id[i]; run != NULL; run = run->next_id)
            if (all->count < RUNS)
                all->run[all->count++] = run_keep(run);
    pthread_mutex_unlock(&bench.server->lock);
}

/* What was submitted to their strands before is done when this returns. */
static void wait_runs(struct all_runs *all)
{
    for (size_t i = 0; i < all->count; i++) {
        sem_t done;
        assert_int_equal(sem_init(&done, 0, 0), 0);
        assert_int_equal(strand_submit_due(run_strand(all->run[i]), post, &done), ERR_OK);
        sem_wait(&done);
        sem_destroy(&done);
        run_drop(&all->run[i]);
    }
}

void bench_settle(void)
{
    struct all_runs all;
    list_runs(&all);
    wait_runs(&all);
}

void bench_settle_run(const uint8_t id[static RUN_ID_SIZE])
{
    struct all_runs one = { .run = { run_find(bench.server, id) } };
    one.count = one.run[0] != NULL ? 1 : 0;
    wait_runs(&one);
}

void bench_sweep(void)
{
    char words[SERVER_AILMENT_SIZE];
    struct all_runs all;
    list_runs(&all);
    (void)server_watch(bench.server, words);
    while (atomic_load(&bench.server->sweeping))
        sched_yield();
    wait_runs(&all);
}

void party_hang_up(struct party *p)
{
    struct session *session = TAKE(p->session);
    struct all_runs all;
    if (session == NULL)
        return;
    list_runs(&all);
    run_session_closed(session);
    wait_runs(&all);
}

void party_lose(struct party *p)
{
    struct run *run;
    while ((run = run_take_of(p->session)) != NULL)
        run_drop(&run);
    run_session_closed(TAKE(p->session));
}

void party_drop(struct party *p)
{
    party_hang_up(p);
    X509_free(TAKE(p->certificate));
}

/* --- The server. -------------------------------------------------------------------------- */

static void call_init(const char *method, const ProtobufCMessage *in)
{
    assert_int_equal(ask(NULL, method, in, NULL, NULL, NULL), ERR_OK);
}

static void begin(void)
{
    static char organization[] = "Example AG", domain[] = "example.test", name[] = "oem.test";
    char *names[] = { name };
    Hallmark__V1__GenerateCaKeysRequest keys = HALLMARK__V1__GENERATE_CA_KEYS_REQUEST__INIT;
    Hallmark__V1__IssueCaCertificatesRequest certificates =
        HALLMARK__V1__ISSUE_CA_CERTIFICATES_REQUEST__INIT;
    certificates.organization = organization;
    certificates.trust_domain = domain;
    certificates.server_names = names;
    certificates.n_server_names = 1;
    call_init("hallmark.v1.Pki/GenerateCaKeys", &keys.base);
    call_init("hallmark.v1.Pki/IssueCaCertificates", &certificates.base);
}

struct releasing {
    struct image image;
};

static enum err release(struct store_tx *tx, void *context)
{
    struct event event;
    event_init(&event, "call", "test", ERR_OK, "");
    TRY(image_release(tx, context));
    return tlog_append(bench.server->log, tx, &event.pb, NULL);
}

static void release_image(uint32_t kind, const uint32_t words[8],
                          uint8_t sha256[static SHA256_SIZE])
{
    struct image image = { .kind = kind, .version = "1" };
    assert_int_equal(buf_resize(&image.bytes, 0x400), ERR_OK);
    struct wr w = wr_of(image.bytes.ptr, image.bytes.len);
    for (size_t i = 0; i < 8; i++)
        wr_u32le(&w, words[i]);
    image.size = (uint32_t)image.bytes.len;
    sha256_of(buf_span(&image.bytes), image.sha256);
    memcpy(sha256, image.sha256, SHA256_SIZE);
    assert_int_equal(server_do(bench.server, release, &image, 0), ERR_OK);
    buf_free(&image.bytes);
}

static void configure(void)
{
    static char name[] = "test", organization[] = "Example AG", domain[] = "example.test";
    static char origin[] = "example.test/log", server_name[] = "oem.test";
    static char path[SOFTHSM_PATH_MAX + 16], uses[SOFTHSM_PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/store.db", bench.soft.folder);
    snprintf(uses, sizeof(uses), "%s/signatures", bench.soft.folder);
    bench.config = (struct config){ .name = name,
                                    .store_path = path,
                                    .uses_path = uses,
                                    .workers = 3,
                                    .queue = 100,
                                    .policy = { 900, 3600, 3600, 86400, false },
                                    .hsm = bench.soft.config,
                                    .organization = organization,
                                    .trust_domain = domain,
                                    .server_names = { server_name },
                                    .origin = origin };
}

int bench_setup(void **state)
{
    static const uint32_t firmware[8] = { 0x20008000, 0x41,    0, 0,
                                          0x4C42754E, 0x18000, 0, 0x18000u - 0x4C42754Eu };
    static const uint32_t devauth[8] = { 0x20008000, 0x20000401, 0,          0,
                                         0x41444D48, 0x20000400, 0x20004000, 0x400 };
    (void)state;
    log_set_level(getenv("BENCH_LOG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_NONE);
    if (softhsm_setup(&bench.soft) != ERR_OK)
        return -1;
    if (bench_module != NULL) {
        setenv("P11SHIM_MODULE", bench.soft.config.module, 1);
        bench.soft.config.module = bench_module;
    }
    configure();
    if (server_open(&bench.config, &bench.server) != ERR_OK)
        return -1;
    begin();
    release_image(HALLMARK__V1__IMAGE_KIND__IMAGE_KIND_FIRMWARE, firmware, bench.firmware);
    release_image(HALLMARK__V1__IMAGE_KIND__IMAGE_KIND_DEVAUTH, devauth, bench.devauth);
    return server_resume(bench.server, &(struct server_accepts){ 0 }) == ERR_OK ? 0 : -1;
}

int bench_teardown(void **state)
{
    (void)state;
    server_close(TAKE(bench.server));
    softhsm_teardown(&bench.soft);
    return 0;
}

void bench_restart(void)
{
    server_close(TAKE(bench.server));
    assert_int_equal(server_open(&bench.config, &bench.server), ERR_OK);
    assert_int_equal(server_resume(bench.server, &(struct server_accepts){ 0 }), ERR_OK);
}

/* --- What is true. ------------------------------------------------------------------------ */

struct state_of {
    const uint8_t *uid;
    char *state;
};

static enum err read_state(struct store_tx *tx, void *context)
{
    struct state_of *of = context;
    struct unit unit;
    enum err e = unit_get(tx, of->uid, &unit);
    snprintf(of->state, 16, "%s", e == ERR_OK ? unit_state_name(unit.state) : "");
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

void bench_state(const uint8_t uid[static UID_SIZE], char state_out[static 16])
{
    struct state_of of = { uid, state_out };
    assert_int_equal(store_read(bench.server->store, read_state, &of, rpc_now_ms() + 5000),
                     ERR_OK);
}

struct counting {
    const char *kind;
    unsigned count;
};

static enum err count_one(void *context, uint64_t index, struct span entry)
{
    (void)index, (void)entry;
    ((struct counting *)context)->count++;
    return ERR_OK;
}

static enum err count_entries(struct store_tx *tx, void *context)
{
    struct counting *c = context;
    const struct store_log_search search = { .kind = c->kind };
    return store_log_find(tx, &search, 0, 1000, count_one, c);
}

unsigned bench_entries(const char *kind)
{
    struct counting c = { kind, 0 };
    assert_int_equal(store_read(bench.server->store, count_entries, &c, rpc_now_ms() + 5000),
                     ERR_OK);
    return c.count;
}

void bench_check(void)
{
    assert_int_equal(tlog_verify_all(bench.server->log), ERR_OK);
    enum err e = log_check_state(bench.server);
    if (e != ERR_OK)
        fail_msg("%s", fail_words());
}

void bench_order(struct party *operator_, const char *name, const char *station,
                 uint32_t quantity, uint32_t level)
{
    Hallmark__V1__CreateOrderRequest in = HALLMARK__V1__CREATE_ORDER_REQUEST__INIT;
    Hallmark__V1__Order order = HALLMARK__V1__ORDER__INIT;
    char *stations[] = { (char *)(uintptr_t)station, (char *)(uintptr_t) "line-2" };
    in.order = &order;
    order.name = (char *)(uintptr_t)name;
    order.quantity = quantity;
    order.firmware_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, bench.firmware };
    order.devauth_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, bench.devauth };
    order.lock_level = (Hallmark__V1__LockLevel)level;
    order.boot_key_scope = HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_UNIT;
    order.n_stations = 2;
    order.stations = stations;
    order.not_after = 253402300799;
    enum err e = party_call(operator_, "hallmark.v1.Orders/Create", &in.base, NULL, NULL, NULL);
    if (e != ERR_OK)
        fail_msg("%s", fail_words());
}

/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_site_fake.h"

#include <openssl/sha.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/layout.h"
#include "common/flow/flow.h"
#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "common/wss/wss.h"
#include "hallmark/v1/runs.pb-c.h"

enum {
    TASKS_MAX = 64,
    DEVAUTH_SIZE = 20000,
    FIRMWARE_SIZE = 300000, /* more than one chunk, and no whole number of pages */
    CHUNK_SIZE = 256 << 10,
};

struct scene scene;

enum { CONNECTIONS_MAX = 64 };

enum task_kind {
    TASK_CONNECT,
    TASK_CALL,
    TASK_SERVER_CALL,
    TASK_CANCEL,
    TASK_LOSE,
    TASK_GO_AWAY
};

struct task {
    enum task_kind kind;
    char method[RPC_METHOD_MAX + 1];
    uint8_t run; /* first byte of its id */
    bool has_run, has_key;
    uint8_t key[RPC_IDEMPOTENCY_KEY_SIZE];
    struct wss_conn *conn;
    struct buf payload, reports;
    uint32_t stream;
    wss_done *done;
    void *context;
    char reason[64];
};

struct wss_conn {
    struct wss *wss;
    void *user;
    unsigned number;
    bool lost, leaving;
};

struct wss {
    struct wss_handler handler;
    struct wss_conn conns[CONNECTIONS_MAX];
    struct wss_conn *conn; /* the newest */
    enum err why;          /* the latest attempt failed */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct task tasks[TASKS_MAX];
    size_t count;
    bool busy, stopping;
    uint32_t stream;
    uint8_t devauth[DEVAUTH_SIZE], firmware[FIRMWARE_SIZE];
};

static struct wss *current;

static void must(bool ok)
{
    if (!ok)
        abort();
}

void scene_begin(enum fault fault)
{
    memset(&scene, 0, sizeof(scene));
    scene.fault = fault;
}

struct fake_unit *scene_unit(const uint8_t *uid)
{
    return &scene.units[uid[0] % SCENE_UNITS];
}

bool scene_called(const char *method)
{
    for (size_t i = 0; i < scene.call_count; i++)
        if (strcmp(scene.calls[i].method + strlen("hallmark.v1."), method) == 0)
            return true;
    return false;
}

const struct seen_report *scene_report(uint32_t arrow)
{
    for (size_t i = 0; i < scene.report_count; i++)
        if (scene.reports[i].arrow == arrow)
            return &scene.reports[i];
    return NULL;
}

static void push(struct wss *wss, struct task *task)
{
    pthread_mutex_lock(&wss->lock);
    must(wss->count < TASKS_MAX);
    wss->tasks[wss->count++] = *task;
    pthread_cond_broadcast(&wss->changed);
    pthread_mutex_unlock(&wss->lock);
}

void fake_server_call(uint8_t run, const char *method, struct span payload, uint32_t stream)
{
    struct task task = { .kind = TASK_SERVER_CALL, .run = run, .stream = stream };
    snprintf(task.method, sizeof(task.method), "hallmark.v1.%s", method);
    must(buf_copy(&task.payload, payload) == ERR_OK);
    push(current, &task);
}

void fake_server_cancel(uint32_t stream)
{
    push(current, &(struct task){ .kind = TASK_CANCEL, .stream = stream });
}

void fake_server_lose(const char *reason)
{
    struct task task = { .kind = TASK_LOSE };
    snprintf(task.reason, sizeof(task.reason), "%s", reason);
    push(current, &task);
}

void fake_server_go_away(void)
{
    push(current, &(struct task){ .kind = TASK_GO_AWAY });
}

void fake_server_settle(void)
{
    pthread_mutex_lock(&current->lock);
    while (current->count != 0 || current->busy)
        pthread_cond_wait(&current->changed, &current->lock);
    pthread_mutex_unlock(&current->lock);
}

static void call_station(uint8_t run, const char *method, const ProtobufCMessage *in)
{
    AUTO(buf_free) struct buf payload = { 0 };
    must(rpc_pack(in, &payload) == ERR_OK);
    fake_server_call(run, method, buf_span(&payload), 0);
}

static void call_put_web_server(uint8_t run)
{
    uint8_t certificate[300] = { 1 }, issuer[200] = { 2 };
    Hallmark__V1__PutWebServerCertificateRequest in =
        HALLMARK__V1__PUT_WEB_SERVER_CERTIFICATE_REQUEST__INIT;
    in.certificate = (ProtobufCBinaryData){ sizeof(certificate), certificate };
    in.issuer = (ProtobufCBinaryData){ sizeof(issuer), issuer };
    call_station(run, "Station/PutWebServerCertificate", &in.base);
}

static void call_put_device(uint8_t run)
{
    uint8_t certificate[CERTIFICATE_MAX + 1] = { 3 }, issuer[200] = { 2 };
    Hallmark__V1__PutDeviceCertificateRequest in =
        HALLMARK__V1__PUT_DEVICE_CERTIFICATE_REQUEST__INIT;
    size_t len = scene.fault == FAULT_CERTIFICATE_LONG ? CERTIFICATE_MAX + 1 : 400;
    in.certificate = (ProtobufCBinaryData){ len, certificate };
    in.issuer = (ProtobufCBinaryData){ sizeof(issuer), issuer };
    call_station(run, "Station/PutDeviceCertificate", &in.base);
}

static void call_put_rotpk(uint8_t run)
{
    uint8_t rotpk[ROTPK_SIZE] = { 4 }, signature[P256_SIGNATURE_SIZE] = { 5 };
    Hallmark__V1__PutRotpkRequest in = HALLMARK__V1__PUT_ROTPK_REQUEST__INIT;
    size_t len = scene.fault == FAULT_ROTPK_SHORT ? ROTPK_SIZE - 1 : ROTPK_SIZE;
    in.rotpk = (ProtobufCBinaryData){ len, rotpk };
    in.server_signature = (ProtobufCBinaryData){ sizeof(signature), signature };
    in.boot_key_signature = (ProtobufCBinaryData){ sizeof(signature), signature };
    in.recreate = true;
    call_station(run, "Station/PutRotpk", &in.base);
}

static void call_put_signed(struct wss *wss, uint8_t run)
{
    uint8_t digest[SHA256_SIZE], fwinfo[FWINFO_SIZE] = { 6 };
    Hallmark__V1__PutSignedFirmwareRequest in = HALLMARK__V1__PUT_SIGNED_FIRMWARE_REQUEST__INIT;
    SHA256(wss->firmware, FIRMWARE_SIZE, digest);
    in.sha256 = (ProtobufCBinaryData){ SHA256_SIZE, digest };
    in.firmware_information = (ProtobufCBinaryData){ sizeof(fwinfo), fwinfo };
    if (scene.fault == FAULT_FIRMWARE_COMES)
        in.image = (ProtobufCBinaryData){ FIRMWARE_SIZE, wss->firmware };
    if (scene.fault == FAULT_FIRMWARE_OTHER)
        in.image = (ProtobufCBinaryData){ DEVAUTH_SIZE, wss->devauth };
    call_station(run, "Station/PutSignedFirmware", &in.base);
}

static void call_put_server_key(uint8_t run)
{
    uint8_t point[P256_POINT_SIZE] = { 4 }, signature[P256_SIGNATURE_SIZE] = { 5 };
    Hallmark__V1__PutServerPublicKeyRequest in =
        HALLMARK__V1__PUT_SERVER_PUBLIC_KEY_REQUEST__INIT;
    in.public_key = (ProtobufCBinaryData){ sizeof(point), point };
    in.signature = (ProtobufCBinaryData){ sizeof(signature), signature };
    call_station(run, "Target/PutServerPublicKey", &in.base);
}

static void call_end(uint8_t run)
{
    char words[] = "token lost";
    Hallmark__V1__EndRunRequest in = HALLMARK__V1__END_RUN_REQUEST__INIT;
    in.status = err_status(ERR_HSM);
    in.code = ERR_HSM;
    in.message = words;
    call_station(run, "RunControl/End", &in.base);
}

static void answer(const struct task *task, enum err e, const ProtobufCMessage *out)
{
    char words[] = "no\x1b[31m\nway";
    AUTO(buf_free) struct buf payload = { 0 };
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    if (e == ERR_OK && out != NULL)
        must(rpc_pack(out, &payload) == ERR_OK);
    response.status = err_status(e);
    response.code = (uint32_t)e;
    response.message = e == ERR_OK ? response.message : words;
    response.payload = (ProtobufCBinaryData){ payload.len, payload.ptr };
    task->done(task->context, &response);
}

static bool is(const struct task *task, const char *method)
{
    return strcmp(task->method + strlen("hallmark.v1."), method) == 0;
}

static void start_run(uint8_t run)
{
    Hallmark__V1__GenerateCsrRequest own = HALLMARK__V1__GENERATE_CSR_REQUEST__INIT;
    if (scene.fault == FAULT_SERVER_ORDER)
        call_put_device(run);
    if (scene.fault == FAULT_SERVER_STRANGER)
        call_station(run, "Station/GenerateCsr", &own.base);
    if (scene.fault == FAULT_SERVER_RUN)
        call_put_web_server(200);
    call_put_web_server(run);
}

static uint8_t server_mark[] = { MARK_SERVER };
static uint8_t server_rotpk[ROTPK_SIZE] = { MARK_ROTPK };
static uint8_t server_tag[CONFIRMATION_TAG_SIZE] = { MARK_SERVER };

/* What Closing.Lock needs: of an older statement than the board's latest. */
struct committed {
    Hallmark__V1__UnitCommitResponse out;
    Hallmark__V1__CommitStatement statement;
    Hallmark__V1__Receipt receipt;
};

static void fill_committed(struct committed *c)
{
    hallmark__v1__unit_commit_response__init(&c->out);
    hallmark__v1__commit_statement__init(&c->statement);
    hallmark__v1__receipt__init(&c->receipt);
    c->statement.signature = (ProtobufCBinaryData){ sizeof(server_mark), server_mark };
    c->receipt.signature = (ProtobufCBinaryData){ sizeof(server_mark), server_mark };
    c->out.statement = &c->statement;
    c->out.receipt = scene.fault == FAULT_COMMIT_BARE ? NULL : &c->receipt;
    c->out.rotpk = (ProtobufCBinaryData){ sizeof(server_rotpk), server_rotpk };
    c->out.lock_tag =
        (ProtobufCBinaryData){ sizeof(server_tag) - (scene.fault == FAULT_COMMIT_TAG),
                               server_tag };
    c->out.boot_test = scene.boot_test;
}

static void name_images(struct wss *wss, Hallmark__V1__OpenResponse *out)
{
    static uint8_t devauth[SHA256_SIZE], firmware[SHA256_SIZE];
    static Hallmark__V1__Image images[2];
    SHA256(wss->devauth, DEVAUTH_SIZE, devauth);
    SHA256(wss->firmware, FIRMWARE_SIZE, firmware);
    for (size_t i = 0; i < COUNT(images); i++)
        hallmark__v1__image__init(&images[i]);
    images[0].sha256 = (ProtobufCBinaryData){ SHA256_SIZE, devauth };
    images[1].sha256 = (ProtobufCBinaryData){ SHA256_SIZE, firmware };
    out->devauth = &images[0];
    out->firmware = &images[1];
}

static void open_run(struct wss *wss, const struct task *task)
{
    /* SEQUENCE { SET { SEQUENCE { serialNumber, PrintableString "ab" } } } */
    uint8_t subject[] = { 0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03,
                          0x55, 0x04, 0x05, 0x13, 0x02, 0x61, 0x62 };
    must(scene.runs + 1 < SCENE_RUNS_MAX);
    scene.run_conn[++scene.runs] = task->conn->number;
    uint8_t run_id[RUN_ID_SIZE] = { (uint8_t)scene.runs }, nonce[NONCE_SIZE] = { 0xab };
    Hallmark__V1__OpenResponse out = HALLMARK__V1__OPEN_RESPONSE__INIT;
    name_images(wss, &out);
    run_id[0] = scene.fault == FAULT_OPEN_ZERO ? 0 : run_id[0];
    out.run_id =
        (ProtobufCBinaryData){ scene.fault == FAULT_OPEN_BARE ? 0 : RUN_ID_SIZE, run_id };
    out.server_nonce =
        (ProtobufCBinaryData){ scene.fault == FAULT_OPEN_NONCE ? NONCE_SIZE - 1 : NONCE_SIZE,
                               nonce };
    out.subject = (ProtobufCBinaryData){ scene.fault == FAULT_OPEN_SUBJECT ? sizeof(subject) - 1
                                                                           : sizeof(subject),
                                         subject };
    out.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
    answer(task, scene.fault == FAULT_OPEN_DENIED ? ERR_DENIED : ERR_OK, &out.base);
    if (scene.fault != FAULT_OPEN_DENIED)
        start_run((uint8_t)scene.runs);
}

/* No run: what is there to lock with, or that the arrows are to be repeated. */
static void open_committed(struct wss *wss, const struct task *task,
                           const struct fake_unit *unit)
{
    struct committed c;
    Hallmark__V1__OpenResponse out = HALLMARK__V1__OPEN_RESPONSE__INIT;
    fill_committed(&c);
    name_images(wss, &out);
    out.firmware = NULL;
    out.repeat = unit->boot_failed;
    out.committed = unit->boot_failed ? NULL : &c.out;
    answer(task, ERR_OK, &out.base);
}

static void serve_open(struct wss *wss, const struct task *task)
{
    Hallmark__V1__OpenRequest *in =
        hallmark__v1__open_request__unpack(NULL, task->payload.len, task->payload.ptr);
    if (in == NULL)
        abort();
    const struct fake_unit *unit = in->uid.len == UID_SIZE ? scene_unit(in->uid.data) : NULL;
    if (unit != NULL && unit->committed && !in->repeat)
        open_committed(wss, task, unit);
    else
        open_run(wss, task);
    hallmark__v1__open_request__free_unpacked(in, NULL);
}

/* What the scene wants to be wrong with a chunk. */
static void spoil(Hallmark__V1__FetchImageResponse *out, uint32_t offset)
{
    static uint8_t big[CHUNK_SIZE + 1];
    switch (scene.fault) {
    case FAULT_IMAGE_DIGEST:
        out->chunk.data[0] ^= 1;
        break;
    case FAULT_IMAGE_CHUNK:
        out->size = sizeof(big);
        out->chunk = (ProtobufCBinaryData){ sizeof(big), big };
        break;
    case FAULT_IMAGE_EMPTY:
        out->chunk.len = 0;
        break;
    case FAULT_IMAGE_PAST:
        out->size = (uint32_t)out->chunk.len - 1;
        break;
    case FAULT_IMAGE_SIZE:
        out->size += offset;
        out->chunk.len /= 2;
        break;
    case FAULT_IMAGE_HUGE:
        out->size = FLASH_FIRMWARE_MAX + 1;
        break;
    default:
        break;
    }
}

static void serve_fetch(struct wss *wss, const struct task *task)
{
    Hallmark__V1__FetchImageResponse out = HALLMARK__V1__FETCH_IMAGE_RESPONSE__INIT;
    Hallmark__V1__FetchImageRequest *in =
        hallmark__v1__fetch_image_request__unpack(NULL, task->payload.len, task->payload.ptr);
    uint8_t digest[SHA256_SIZE];
    SHA256(wss->devauth, DEVAUTH_SIZE, digest);
    must(task->has_run ? in->uid.len == 0 : in->uid.len == UID_SIZE);
    bool is_devauth = memcmp(in->sha256.data, digest, SHA256_SIZE) == 0;
    bool none = scene.fault == FAULT_FIRMWARE_COMES || scene.fault == FAULT_FIRMWARE_OTHER ||
                scene.fault == FAULT_FIRMWARE_MISSING;
    uint32_t size = is_devauth ? DEVAUTH_SIZE : FIRMWARE_SIZE;
    uint32_t left = size - in->offset;
    AUTO(buf_free) struct buf chunk = { 0 };
    must(buf_copy(&chunk, span_of((is_devauth ? wss->devauth : wss->firmware) + in->offset,
                                  left < CHUNK_SIZE ? left : CHUNK_SIZE)) == ERR_OK);
    out.size = size;
    out.chunk = (ProtobufCBinaryData){ chunk.len, chunk.ptr };
    spoil(&out, in->offset);
    answer(task, none && !is_devauth ? ERR_NOT_FOUND : ERR_OK, &out.base);
    hallmark__v1__fetch_image_request__free_unpacked(in, NULL);
}

static void serve_certificate(const struct task *task)
{
    uint8_t digest[SHA256_SIZE] = { 8 };
    Hallmark__V1__RequestCertificateResponse out =
        HALLMARK__V1__REQUEST_CERTIFICATE_RESPONSE__INIT;
    Hallmark__V1__RequestCertificateRequest *in =
        hallmark__v1__request_certificate_request__unpack(NULL, task->payload.len,
                                                          task->payload.ptr);
    must(in != NULL);
    const uint8_t *p = in->csr.data;
    X509_REQ *csr = d2i_X509_REQ(NULL, &p, (long)in->csr.len);
    must(csr != NULL && X509_REQ_verify(csr, X509_REQ_get0_pubkey(csr)) == 1);
    X509_REQ_free(csr);
    hallmark__v1__request_certificate_request__free_unpacked(in, NULL);
    out.certificate_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, digest };
    bool refuse = scene.fault == FAULT_CA_REFUSES;
    answer(task, refuse ? ERR_INVALID : ERR_OK, &out.base);
    if (!refuse)
        call_put_device(task->run);
}

static void forget(void *context, const Hallmark__V1__FrameResponse *response)
{
    (void)context, (void)response;
}

static void serve_finish(const struct task *task)
{
    must(task->run < SCENE_RUNS_MAX);
    scene.finished[task->run] = scene.fault != FAULT_FINISH_REFUSED;
    uint8_t tag[CONFIRMATION_TAG_SIZE] = { HALLMARK__V1__KEY_DECISION__KEY_DECISION_WRITE };
    Hallmark__V1__FinishResponse out = HALLMARK__V1__FINISH_RESPONSE__INIT;
    out.decision = HALLMARK__V1__KEY_DECISION__KEY_DECISION_WRITE;
    out.confirmation_tag =
        (ProtobufCBinaryData){ scene.fault == FAULT_FINISH_TAG ? 0 : sizeof(tag), tag };
    answer(task, scene.fault == FAULT_FINISH_REFUSED ? ERR_SIG : ERR_OK, &out.base);
}

static void serve_commit(const struct task *task)
{
    struct committed c;
    Hallmark__V1__UnitCommitRequest *in =
        hallmark__v1__unit_commit_request__unpack(NULL, task->payload.len, task->payload.ptr);
    if (in == NULL)
        abort();
    must(in->uid.len == UID_SIZE && in->statement != NULL &&
         in->statement->signature.len == 1 && in->statement->signature.data[0] == MARK_BOARD);
    bool held = scene.fault == FAULT_COMMIT_HELD;
    scene_unit(in->uid.data)->committed = !held;
    hallmark__v1__unit_commit_request__free_unpacked(in, NULL);
    fill_committed(&c);
    answer(task, held ? ERR_HELD : ERR_OK, &c.out.base);
}

static void serve_booted(const struct task *task)
{
    Hallmark__V1__UnitBootedRequest *in =
        hallmark__v1__unit_booted_request__unpack(NULL, task->payload.len, task->payload.ptr);
    if (in == NULL)
        abort();
    must(in->uid.len == UID_SIZE && in->detail[0] != '\0');
    scene.booted[in->booted]++;
    scene_unit(in->uid.data)->boot_failed = !in->booted;
    hallmark__v1__unit_booted_request__free_unpacked(in, NULL);
    answer(task, ERR_OK, NULL);
}

static void serve_locked(const struct task *task)
{
    Hallmark__V1__UnitLockedRequest *in =
        hallmark__v1__unit_locked_request__unpack(NULL, task->payload.len, task->payload.ptr);
    if (in == NULL)
        abort();
    must(in->uid.len == UID_SIZE && in->statement != NULL &&
         in->statement->signature.len == 1 && in->statement->signature.data[0] == MARK_LOCK);
    bool refuse = scene.fault == FAULT_LOCKED_REFUSED;
    struct fake_unit *unit = scene_unit(in->uid.data);
    unit->locked = unit->locked || !refuse;
    scene.booted[true] += in->booted[0] != '\0';
    hallmark__v1__unit_locked_request__free_unpacked(in, NULL);
    answer(task, refuse ? ERR_SIG : ERR_OK, NULL);
}

static void serve_turn_away(const struct task *task)
{
    Hallmark__V1__TurnAwayRequest *in =
        hallmark__v1__turn_away_request__unpack(NULL, task->payload.len, task->payload.ptr);
    if (in == NULL)
        abort();
    scene.told++;
    scene.told_code = in->code;
    snprintf(scene.told_words, sizeof(scene.told_words), "%s", in->message);
    must(in->status != 0 && (in->uid.len == 0 || in->uid.len == UID_SIZE));
    memset(scene.told_uid, 0, UID_SIZE);
    if (in->uid.len != 0)
        memcpy(scene.told_uid, in->uid.data, in->uid.len);
    hallmark__v1__turn_away_request__free_unpacked(in, NULL);
    answer(task, ERR_OK, NULL);
}

static void serve_sealed(const struct task *task)
{
    Hallmark__V1__UnitSealedRequest *in =
        hallmark__v1__unit_sealed_request__unpack(NULL, task->payload.len, task->payload.ptr);
    if (in == NULL)
        abort();
    scene.sealed = true;
    scene.debug_port = in->debug_port;
    scene.sealed_level = (uint32_t)in->lock_level;
    snprintf(scene.sealed_detail, sizeof(scene.sealed_detail), "%s", in->detail);
    must(in->uid.len == UID_SIZE);
    memcpy(scene.sealed_uid, in->uid.data, UID_SIZE);
    struct fake_unit *unit = scene_unit(in->uid.data);
    bool shut = in->debug_port == HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT;
    uint32_t stated = scene.level ? scene.level : 1;
    enum err e = scene.fault == FAULT_SEALED_REFUSED          ? ERR_EXISTS
                 : shut && !unit->locked                      ? ERR_NOT_LOCKED
                 : shut && (uint32_t)in->lock_level != stated ? ERR_MISMATCH
                                                              : ERR_OK;
    unit->sealed = unit->sealed || (shut && e == ERR_OK);
    hallmark__v1__unit_sealed_request__free_unpacked(in, NULL);
    answer(task, e, NULL);
}

static void note_reports(const struct task *task, struct span encoded)
{
    Hallmark__V1__ArrowReports *all =
        hallmark__v1__arrow_reports__unpack(NULL, encoded.len, encoded.ptr);
    if (all == NULL)
        abort();
    for (size_t i = 0; i < all->n_reports; i++) {
        const Hallmark__V1__ArrowReport *r = all->reports[i];
        must(scene.report_count < SCENE_REPORTS_MAX && r->request_sha256.len == SHA256_SIZE &&
             r->response_sha256.len == SHA256_SIZE && r->started_us != 0);
        scene.reports[scene.report_count++] = (struct seen_report){
            task->run, r->arrow, r->status, r->code, r->request.len != 0, r->message[0] != '\0',
        };
        if (r->arrow == 27 && r->status == 0)
            call_put_server_key(task->run);
    }
    hallmark__v1__arrow_reports__free_unpacked(all, NULL);
}

static void note_call(const struct task *task)
{
    must(scene.call_count < SCENE_CALLS_MAX);
    struct seen_call *seen = &scene.calls[scene.call_count++];
    snprintf(seen->method, sizeof(seen->method), "%s", task->method);
    seen->has_run = task->has_run;
    seen->has_key = task->has_key;
    seen->run = task->run;
    seen->conn = task->conn->number;
    memcpy(seen->key, task->key, sizeof(seen->key));
}

static void note_all_reports(const struct task *task)
{
    if (task->reports.len != 0)
        note_reports(task, buf_span(&task->reports));
    if (is(task, "Runs/Report"))
        note_reports(task, buf_span(&task->payload));
}

static void lose(struct wss_conn *conn, const char *reason)
{
    if (conn == NULL)
        abort();
    conn->lost = true;
    conn->wss->why = ERR_UNAVAILABLE;
    conn->wss->handler.closed(conn->wss->handler.context, conn, reason);
}

static void go_away(struct wss_conn *conn)
{
    conn->leaving = true;
    conn->wss->handler.going_away(conn->wss->handler.context, conn, "stopping");
}

/* As peer.c answers for a connection that is gone. */
static void fail_call(const struct task *task, enum err e)
{
    char words[] = "gone";
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    response.status = err_status(e);
    response.code = (uint32_t)e;
    response.message = words;
    task->done(task->context, &response);
}

static void serve(struct wss *wss, struct task *task)
{
    note_all_reports(task);
    if (is(task, "Runs/Open")) {
        serve_open(wss, task);
    } else if (is(task, "Runs/FetchImage")) {
        serve_fetch(wss, task);
    } else if (is(task, "Ca/RequestCertificate")) {
        serve_certificate(task);
    } else if (is(task, "SecureBoot/RequestKey") && scene.fault == FAULT_CONNECTION) {
        fail_call(task, ERR_CLOSED);
        lose(wss->conn, "gone");
    } else if (is(task, "SecureBoot/RequestKey")) {
        answer(task, ERR_OK, NULL);
        if (scene.fault == FAULT_SERVER_ENDS)
            call_end(task->run);
        else
            call_put_rotpk(task->run);
    } else if (is(task, "SecureBoot/PutFirmware")) {
        answer(task, ERR_OK, NULL);
        call_put_signed(wss, task->run);
    } else if (is(task, "KeyAgreement/PutTargetPublicKey")) {
        answer(task, scene.fault == FAULT_AGREEMENT_REFUSED ? ERR_SIG : ERR_OK, NULL);
    } else if (is(task, "Runs/Finish")) {
        serve_finish(task);
    } else if (is(task, "Runs/Commit")) {
        serve_commit(task);
    } else if (is(task, "Runs/Booted")) {
        serve_booted(task);
    } else if (is(task, "Runs/Locked")) {
        serve_locked(task);
    } else if (is(task, "Runs/Sealed")) {
        serve_sealed(task);
    } else if (is(task, "Bench/TurnAway")) {
        serve_turn_away(task);
    } else {
        answer(task, ERR_OK, NULL);
    }
}

/* A frame as the connection would have decoded it. */
static void deliver(struct wss *wss, const struct task *task)
{
    uint8_t run_id[RUN_ID_SIZE] = { task->run };
    char key[] = "run-bin", method[RPC_METHOD_MAX + 1];
    Hallmark__V1__Metadata run = HALLMARK__V1__METADATA__INIT, *entries[] = { &run };
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    Hallmark__V1__Frame frame = HALLMARK__V1__FRAME__INIT;
    AUTO(buf_free) struct buf bytes = { 0 };
    snprintf(method, sizeof(method), "%s", task->method);
    run.key = key;
    run.value = (ProtobufCBinaryData){ sizeof(run_id), run_id };
    request.stream = task->stream != 0 ? task->stream : (wss->stream += 2);
    request.method = method;
    request.metadata = entries;
    request.n_metadata = 1;
    request.payload = (ProtobufCBinaryData){ task->payload.len, task->payload.ptr };
    frame.kind_case = HALLMARK__V1__FRAME__KIND_REQUEST;
    frame.request = &request;
    must(rpc_pack(&frame.base, &bytes) == ERR_OK);
    struct peer_event event = { .kind = PEER_REQUEST, .stream = request.stream };
    event.frame = hallmark__v1__frame__unpack(NULL, bytes.len, bytes.ptr);
    wss->handler.request(wss->handler.context, wss->conn, &event);
}

static void connect(struct wss *wss)
{
    enum err e = scene.connections != 0 ? scene.then : scene.first;
    if (scene.attempts++ < scene.away)
        e = ERR_UNAVAILABLE;
    if (e != ERR_OK) {
        wss->why = e;
        wss->handler.closed(wss->handler.context, NULL, "not today");
        return;
    }
    must(scene.connections < CONNECTIONS_MAX);
    wss->conn = &wss->conns[scene.connections++];
    wss->conn->wss = wss;
    wss->conn->number = scene.connections;
    wss->handler.open(wss->handler.context, wss->conn);
}

static bool cut_is_due(const struct task *task)
{
    return scene.cuts_done < SCENE_CUTS_MAX && scene.cuts[scene.cuts_done].method != NULL &&
           is(task, scene.cuts[scene.cuts_done].method);
}

/* What the run's end means for a call that belongs to it, and what outlives it. */
static void serve_or_not(struct wss *wss, struct task *task)
{
    bool over = task->has_run && scene.run_conn[task->run] != task->conn->number;
    bool known = task->has_run && scene.finished[task->run];
    if (over && !(known && is(task, "Runs/Finish")))
        answer(task, ERR_NOT_FOUND, NULL);
    else
        serve(wss, task);
}

static void serve_cut(struct wss *wss, struct task *task)
{
    struct wss_conn *conn = task->conn;
    wss_done *done = task->done;
    enum cut_when when = scene.cuts[scene.cuts_done++].when;
    if (when == CUT_DRAIN || when == CUT_DRAINED)
        go_away(conn);
    if (when == CUT_UNSENT || when == CUT_DRAIN) {
        fail_call(task, ERR_UNSEEN);
    } else if (when == CUT_UNSERVED) {
        fail_call(task, ERR_CLOSED);
    } else if (when == CUT_UNANSWERED) {
        task->done = forget;
        serve_or_not(wss, task);
        task->done = done;
        fail_call(task, ERR_CLOSED);
    } else {
        serve_or_not(wss, task);
    }
    lose(conn, "cut");
}

static void serve_call(struct wss *wss, struct task *task)
{
    note_call(task);
    if (task->conn->lost)
        fail_call(task, ERR_CLOSED);
    else if (task->conn->leaving)
        fail_call(task, ERR_UNSEEN);
    else if (cut_is_due(task))
        serve_cut(wss, task);
    else
        serve_or_not(wss, task);
    if (scene.flaky && !task->conn->lost && is(task, "Runs/Open"))
        lose(task->conn, "flaky");
}

static void run_task(struct wss *wss, struct task *task)
{
    bool stands = wss->conn != NULL && !wss->conn->lost;
    if (task->kind == TASK_CONNECT)
        connect(wss);
    else if (task->kind == TASK_CALL)
        serve_call(wss, task);
    else if (task->kind == TASK_SERVER_CALL && stands)
        deliver(wss, task);
    else if (task->kind == TASK_CANCEL)
        wss->handler.cancelled(wss->handler.context, wss->conn, task->stream);
    else if (task->kind == TASK_LOSE && stands)
        lose(wss->conn, task->reason);
    else if (task->kind == TASK_GO_AWAY && stands)
        go_away(wss->conn);
    buf_free(&task->payload);
    buf_free(&task->reports);
}

static void *run(void *context)
{
    struct wss *wss = context;
    pthread_mutex_lock(&wss->lock);
    while (!wss->stopping || wss->count != 0) {
        if (wss->count == 0) {
            pthread_cond_wait(&wss->changed, &wss->lock);
            continue;
        }
        struct task task = wss->tasks[0];
        memmove(&wss->tasks[0], &wss->tasks[1], --wss->count * sizeof(wss->tasks[0]));
        wss->busy = true;
        pthread_mutex_unlock(&wss->lock);
        run_task(wss, &task);
        pthread_mutex_lock(&wss->lock);
        wss->busy = false;
        pthread_cond_broadcast(&wss->changed);
    }
    pthread_mutex_unlock(&wss->lock);
    return NULL;
}

enum err wss_start(const struct wss_config *config, struct wss **wss_out)
{
    struct wss *wss = calloc(1, sizeof(*wss));
    must(wss != NULL);
    wss->handler = config->handler;
    for (size_t i = 0; i < DEVAUTH_SIZE; i++)
        wss->devauth[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t i = 0; i < FIRMWARE_SIZE; i++)
        wss->firmware[i] = (uint8_t)(i * 5 + i / 256);
    pthread_mutex_init(&wss->lock, NULL);
    pthread_cond_init(&wss->changed, NULL);
    current = wss;
    *wss_out = wss;
    must(pthread_create(&wss->thread, NULL, run, wss) == 0);
    return ERR_OK;
}

enum err wss_connect(struct wss *wss)
{
    push(wss, &(struct task){ .kind = TASK_CONNECT });
    return ERR_OK;
}

enum err wss_why(struct wss *wss, struct wss_conn *conn)
{
    (void)conn;
    return wss->why;
}

void wss_stop(struct wss *wss)
{
    pthread_mutex_lock(&wss->lock);
    wss->stopping = true;
    pthread_cond_broadcast(&wss->changed);
    pthread_mutex_unlock(&wss->lock);
    pthread_join(wss->thread, NULL);
    pthread_cond_destroy(&wss->changed);
    pthread_mutex_destroy(&wss->lock);
    free(wss);
}

struct wss_conn *wss_conn_keep(struct wss_conn *conn)
{
    return conn;
}

void wss_conn_drop(struct wss_conn **conn)
{
    *conn = NULL;
}

void wss_conn_set_user(struct wss_conn *conn, void *user)
{
    conn->user = user;
}

int64_t wss_conn_time_us(struct wss_conn *conn)
{
    (void)conn;
    return 0; /* it says none */
}

void *wss_conn_user(const struct wss_conn *conn)
{
    return conn->user;
}

void wss_conn_close(struct wss_conn *conn, unsigned code, const char *reason)
{
    (void)code;
    (void)conn;
    fake_server_lose(reason);
}

enum err wss_call(struct wss_conn *conn, const Hallmark__V1__FrameRequest *request,
                  wss_done *done, void *context)
{
    struct task task = { .kind = TASK_CALL, .done = done, .context = context, .conn = conn };
    snprintf(task.method, sizeof(task.method), "%s", request->method);
    task.has_key = request->idempotency_key.len == RPC_IDEMPOTENCY_KEY_SIZE;
    if (task.has_key)
        memcpy(task.key, request->idempotency_key.data, sizeof(task.key));
    must(request->timeout_ms != 0 && request->end_stream);
    must(buf_copy(&task.payload, span_of(request->payload.data, request->payload.len)) ==
         ERR_OK);
    for (size_t i = 0; i < request->n_metadata; i++) {
        ProtobufCBinaryData value = request->metadata[i]->value;
        if (strcmp(request->metadata[i]->key, "run-bin") == 0) {
            must(value.len == RUN_ID_SIZE);
            task.has_run = true;
            task.run = value.data[0];
        } else {
            must(strcmp(request->metadata[i]->key, "reports-bin") == 0);
            must(buf_copy(&task.reports, span_of(value.data, value.len)) == ERR_OK);
        }
    }
    push(conn->wss, &task);
    return ERR_OK;
}

enum err wss_respond(struct wss_conn *conn, const Hallmark__V1__FrameResponse *response)
{
    pthread_mutex_lock(&conn->wss->lock);
    must(scene.answer_count < COUNT(scene.answers));
    scene.answers[scene.answer_count++] = response->status;
    if (response->status != 0)
        snprintf(scene.answer_words, sizeof(scene.answer_words), "%s", response->message);
    pthread_mutex_unlock(&conn->wss->lock);
    return ERR_OK;
}

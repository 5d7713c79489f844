/* SPDX-License-Identifier: MIT */
/* rpc_dispatch: a method's name and a payload from outside, to a service that answers with what
 * it was sent. The first byte says how long the name is. */
#include <string.h>

#include "common/rpc/rpc.h"
#include "hallmark/v1/runs.pb-c.h"
#include "tests/fuzz/fuzz.h"

static bool served;

static enum err runs_open(struct rpc_call *call, const Hallmark__V1__OpenRequest *in,
                          Hallmark__V1__OpenResponse *out)
{
    served = true;
    return rpc_bytes(call, &out->run_id, span_of(in->uid.data, in->uid.len));
}

static enum err runs_report(struct rpc_call *call, const Hallmark__V1__ReportRequest *in,
                            Hallmark__V1__ReportResponse *out)
{
    (void)call, (void)out;
    served = true;
    for (size_t i = 0; i < in->n_reports; i++)
        FUZZ_CHECK(in->reports[i] != NULL && in->reports[i]->message != NULL);
    return ERR_OK;
}

static enum err runs_finish(struct rpc_call *call, const Hallmark__V1__FinishRequest *in,
                            Hallmark__V1__FinishResponse *out)
{
    served = true;
    if (in->receipt == NULL)
        return ERR_INVALID;
    return rpc_bytes(call, &out->confirmation_tag,
                     span_of(in->receipt->signature.data, in->receipt->signature.len));
}

static enum err runs_fetch_image(struct rpc_call *call,
                                 const Hallmark__V1__FetchImageRequest *in,
                                 Hallmark__V1__FetchImageResponse *out)
{
    (void)call;
    served = true;
    out->size = in->offset;
    return ERR_OK;
}

static enum err runs_commit(struct rpc_call *call, const Hallmark__V1__UnitCommitRequest *in,
                            Hallmark__V1__UnitCommitResponse *out)
{
    served = true;
    if (in->statement == NULL)
        return ERR_INVALID;
    return rpc_bytes(call, &out->lock_tag,
                     span_of(in->statement->kcv.data, in->statement->kcv.len));
}

static enum err runs_booted(struct rpc_call *call, const Hallmark__V1__UnitBootedRequest *in,
                            Hallmark__V1__UnitBootedResponse *out)
{
    (void)call, (void)out;
    served = true;
    return strlen(in->detail) > 100 ? ERR_INVALID : ERR_OK;
}

static enum err runs_locked(struct rpc_call *call, const Hallmark__V1__UnitLockedRequest *in,
                            Hallmark__V1__UnitLockedResponse *out)
{
    (void)call, (void)out;
    served = true;
    return in->statement == NULL || in->statement->signature.len > 64 ? ERR_INVALID : ERR_OK;
}

static enum err runs_sealed(struct rpc_call *call, const Hallmark__V1__UnitSealedRequest *in,
                            Hallmark__V1__UnitSealedResponse *out)
{
    (void)call, (void)out;
    served = true;
    return strlen(in->detail) > 100 ? ERR_INVALID : ERR_OK;
}

RPC_HANDLER(runs, Runs, open, Open, Open)
RPC_HANDLER(runs, Runs, fetch_image, FetchImage, FetchImage)
RPC_HANDLER(runs, Runs, report, Report, Report)
RPC_HANDLER(runs, Runs, finish, Finish, Finish)
RPC_HANDLER(runs, Runs, commit, Commit, UnitCommit)
RPC_HANDLER(runs, Runs, booted, Booted, UnitBooted)
RPC_HANDLER(runs, Runs, locked, Locked, UnitLocked)
RPC_HANDLER(runs, Runs, sealed, Sealed, UnitSealed)

static Hallmark__V1__Runs_Service service = HALLMARK__V1__RUNS__INIT(runs__);
static ProtobufCService *const services[] = { &service.base, NULL };

void fuzz_one(struct span input)
{
    char name[256];
    struct rd r = rd_of(input);
    struct span text = rd_take(&r, rd_u8(&r));
    if (r.err != ERR_OK)
        return;
    memcpy(name, text.ptr, text.len);
    name[text.len] = '\0';
    struct rpc_call call = { .method = name, .payload = r.rest };
    served = false;
    rpc_dispatch(services, &call);
    FUZZ_CHECK(!served || rpc_serves(services, name));
    FUZZ_CHECK(served || call.err != ERR_OK);
    FUZZ_CHECK(call.err == ERR_OK || call.response.len == 0);
    rpc_call_fini(&call);
}

static void seed(fuzz_put *put, void *context, const char *name, const char *method,
                 const ProtobufCMessage *message)
{
    AUTO(buf_free) struct buf payload = { 0 };
    AUTO(buf_free) struct buf both = { 0 };
    FUZZ_CHECK(rpc_pack(message, &payload) == ERR_OK);
    FUZZ_CHECK(buf_append(&both, span_of(method, strlen(method))) == ERR_OK);
    FUZZ_CHECK(buf_append(&both, buf_span(&payload)) == ERR_OK);
    fuzz_put_with(put, context, name, (uint8_t)strlen(method), buf_span(&both));
}

/* What follows the receipt: statements within requests that name a unit. */
static void seed_closing(fuzz_put *put, void *context)
{
    static char words[] = "banner seen";
    static uint8_t bytes[64] = { 4, 5, 6 };
    const ProtobufCBinaryData uid = { 12, bytes };
    Hallmark__V1__CommitStatement commit = HALLMARK__V1__COMMIT_STATEMENT__INIT;
    commit.run_id = commit.kcv = (ProtobufCBinaryData){ 16, bytes };
    commit.receipt_sha256 = (ProtobufCBinaryData){ 32, bytes };
    commit.signature = (ProtobufCBinaryData){ 64, bytes };
    Hallmark__V1__UnitCommitRequest committed = HALLMARK__V1__UNIT_COMMIT_REQUEST__INIT;
    committed.uid = uid;
    committed.statement = &commit;
    seed(put, context, "commit", "hallmark.v1.Runs/Commit", &committed.base);
    Hallmark__V1__UnitBootedRequest booted = HALLMARK__V1__UNIT_BOOTED_REQUEST__INIT;
    booted.uid = uid;
    booted.detail = words;
    seed(put, context, "booted", "hallmark.v1.Runs/Booted", &booted.base);
    Hallmark__V1__LockStatement lock = HALLMARK__V1__LOCK_STATEMENT__INIT;
    lock.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION;
    lock.signature = (ProtobufCBinaryData){ 64, bytes };
    Hallmark__V1__UnitLockedRequest locked = HALLMARK__V1__UNIT_LOCKED_REQUEST__INIT;
    locked.uid = uid;
    locked.statement = &lock;
    seed(put, context, "locked", "hallmark.v1.Runs/Locked", &locked.base);
    Hallmark__V1__UnitSealedRequest sealed = HALLMARK__V1__UNIT_SEALED_REQUEST__INIT;
    sealed.uid = uid;
    sealed.debug_port = HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT;
    sealed.detail = words;
    seed(put, context, "sealed", "hallmark.v1.Runs/Sealed", &sealed.base);
}

void fuzz_seeds(fuzz_put *put, void *context)
{
    static char order[] = "order-7", words[] = "refused";
    static uint8_t bytes[64] = { 1, 2, 3 };
    Hallmark__V1__OpenRequest open = HALLMARK__V1__OPEN_REQUEST__INIT;
    open.order = order;
    open.uid = (ProtobufCBinaryData){ 12, bytes };
    open.pdid = 0x235400;
    seed(put, context, "open", "hallmark.v1.Runs/Open", &open.base);
    Hallmark__V1__ArrowReport arrow = HALLMARK__V1__ARROW_REPORT__INIT;
    Hallmark__V1__ArrowReport *reports[] = { &arrow, &arrow };
    arrow.arrow = 4;
    arrow.message = words;
    arrow.request_sha256 = (ProtobufCBinaryData){ 32, bytes };
    Hallmark__V1__ReportRequest report = HALLMARK__V1__REPORT_REQUEST__INIT;
    report.n_reports = COUNT(reports);
    report.reports = reports;
    seed(put, context, "report", "hallmark.v1.Runs/Report", &report.base);
    Hallmark__V1__Receipt receipt = HALLMARK__V1__RECEIPT__INIT;
    receipt.signature = (ProtobufCBinaryData){ 64, bytes };
    Hallmark__V1__FinishRequest finish = HALLMARK__V1__FINISH_REQUEST__INIT;
    finish.receipt = &receipt;
    seed(put, context, "finish", "hallmark.v1.Runs/Finish", &finish.base);
    seed_closing(put, context);
    seed(put, context, "unknown-method", "hallmark.v1.Runs/Invent", &open.base);
    seed(put, context, "no-slash", "hallmark.v1.Runs", &open.base);
}

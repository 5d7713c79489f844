/* SPDX-License-Identifier: MIT */
/*
 * station: calls to a run's station, each with the run's id, and the word that its run has
 * ended. Called by the engine and by end.c, on the run's strand. No call that commits the
 * server to something may leave before the entries of all that led to it are durable
 * (run_flush()).
 */
#include "common/host/log.h"
#include "oem-server/run/run.h"

enum err run_ask_station(struct run *run, const char *method, uint32_t timeout_ms,
                         struct span payload, wss_done *answer, void *context)
{
    static char key[] = "run-bin";
    Hallmark__V1__Metadata id = HALLMARK__V1__METADATA__INIT;
    Hallmark__V1__Metadata *metadata[] = { &id };
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    id.key = key;
    id.value = (ProtobufCBinaryData){ RUN_ID_SIZE, run->id };
    request.method = (char *)(uintptr_t)method;
    request.timeout_ms = timeout_ms;
    request.n_metadata = 1;
    request.metadata = metadata;
    request.payload = (ProtobufCBinaryData){ payload.len, (uint8_t *)(uintptr_t)payload.ptr };
    return wss_call(run->conn, &request, answer, context);
}

static void told(void *context, const Hallmark__V1__FrameResponse *response)
{
    (void)context, (void)response; /* its result is not used */
}

void run_tell_end(struct run *run, enum err e, const char *words)
{
    Hallmark__V1__EndRunRequest in = HALLMARK__V1__END_RUN_REQUEST__INIT;
    in.status = err_status(e);
    in.code = (uint32_t)e;
    in.message = (char *)(uintptr_t)words;
    AUTO(buf_free) struct buf payload = { 0 };
    if (run->conn == NULL || rpc_pack(&in.base, &payload) != ERR_OK)
        return;
    if (run_ask_station(run, "hallmark.v1.RunControl/End", 0, buf_span(&payload), told, NULL) !=
        ERR_OK)
        log_line(LOG_LEVEL_INFO, "run: the station has disconnected and was not told: %s",
                 words);
}

/* SPDX-License-Identifier: MIT */
/*
 * interpose: the real station-agent, with a liar at each of its ends. The linker sends the
 * agent's calls of common/wss, station-agent/link and station-agent/chip through here
 * (--wrap, CMakeLists.txt): what comes from the server or from the board is changed before the
 * agent sees it, what the agent sends after it has made it. HOSTILE_LIE names the row,
 * HOSTILE_KEPT the folder with another unit's messages, HOSTILE_KEEPS=1 has it written.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "common/wss/wss.h"
#include "station-agent/chip/chip.h"
#include "station-agent/link/link.h"
#include "tests/hostile/lie.h"

enum { METHOD_SIZE = 96 };

static void must(bool ok)
{
    if (!ok)
        abort();
}

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("HOSTILE_LIE");
    tongue.kept = getenv("HOSTILE_KEPT");
    tongue.keeps = getenv("HOSTILE_KEEPS") != NULL;
    if (name == NULL)
        return;
    tongue.lie = lie_find(name);
    must(tongue.lie != NULL);
}

/* The payload as it goes on; data is malloc's, as protobuf-c has it. */
static void pass(enum liar who, const char *method, enum part part, ProtobufCBinaryData *data)
{
    AUTO(buf_free) struct buf b = { 0 };
    must(buf_copy(&b, span_of(data->data, data->len)) == ERR_OK);
    hop(who, method, part, &b);
    free(data->data);
    data->data = b.len == 0 ? NULL : malloc(b.len);
    data->len = b.len;
    if (b.len != 0)
        memcpy(data->data, b.ptr, b.len);
}

/* --- To and from the server. -------------------------------------------------------------- */

enum err __real_wss_call(struct wss_conn *conn, const Hallmark__V1__FrameRequest *request,
                         wss_done *done, void *context);
enum err __wrap_wss_call(struct wss_conn *conn, const Hallmark__V1__FrameRequest *request,
                         wss_done *done, void *context);
enum err __real_wss_start(const struct wss_config *config, struct wss **wss_out);
enum err __wrap_wss_start(const struct wss_config *config, struct wss **wss_out);

struct asked {
    wss_done *done;
    void *context;
    char method[METHOD_SIZE];
};

static void refuse(struct asked *asked)
{
    static char words[] = "no";
    hop_told();
    Hallmark__V1__FrameResponse no = HALLMARK__V1__FRAME_RESPONSE__INIT;
    no.status = err_status(ERR_DENIED);
    no.code = ERR_DENIED;
    no.message = words;
    asked->done(asked->context, &no);
}

static void answer(void *context, const Hallmark__V1__FrameResponse *response)
{
    struct asked *asked = context;
    AUTO(buf_free) struct buf b = { 0 };
    Hallmark__V1__FrameResponse out = *response;
    must(buf_copy(&b, span_of(response->payload.data, response->payload.len)) == ERR_OK);
    if (response->status == 0)
        hop(SERVER, asked->method, RESPONSE, &b);
    out.payload = (ProtobufCBinaryData){ b.len, b.ptr };
    if (hop_is(SERVER, asked->method, RESPONSE) && tongue.lie->how == REFUSE)
        refuse(asked);
    else
        asked->done(asked->context, &out);
    free(asked);
}

/* The answer to a call that the server never saw. */
static void *affirm(void *context)
{
    struct asked *asked = context;
    const Hallmark__V1__FrameResponse yes = HALLMARK__V1__FRAME_RESPONSE__INIT;
    asked->done(asked->context, &yes);
    free(asked);
    return NULL;
}

static bool is_affirmed(const char *method)
{
    return (hop_is(SERVER, method, RESPONSE) && tongue.lie->how == AFFIRM) ||
           (hop_is(STATION, method, REQUEST) && tongue.lie->how == SILENT);
}

/* What a call carries besides its payload: the run's id, and the reports. */
static void pass_metadata(const char *method, Hallmark__V1__FrameRequest *out,
                          Hallmark__V1__Metadata *copies, struct buf *values)
{
    for (size_t i = 0; i < out->n_metadata; i++) {
        bool run = strcmp(out->metadata[i]->key, "run-bin") == 0;
        copies[i] = *out->metadata[i];
        must(buf_copy(&values[i], span_of(copies[i].value.data, copies[i].value.len)) ==
             ERR_OK);
        hop(STATION, method, run ? RUN : REPORTS, &values[i]);
        copies[i].value = (ProtobufCBinaryData){ values[i].len, values[i].ptr };
    }
}

enum err __wrap_wss_call(struct wss_conn *conn, const Hallmark__V1__FrameRequest *request,
                         wss_done *done, void *context)
{
    struct asked *asked = calloc(1, sizeof(*asked));
    Hallmark__V1__FrameRequest out = *request;
    Hallmark__V1__Metadata copies[4],
        *pointers[4] = { &copies[0], &copies[1], &copies[2], &copies[3] };
    struct buf values[4] = { 0 }, payload = { 0 };
    pthread_t thread;
    must(asked != NULL && request->n_metadata <= 4);
    *asked = (struct asked){ .done = done, .context = context };
    snprintf(asked->method, sizeof(asked->method), "%s", request->method);
    if (is_affirmed(request->method)) {
        hop_told();
        must(pthread_create(&thread, NULL, affirm, asked) == 0);
        must(pthread_detach(thread) == 0);
        return ERR_OK;
    }
    must(buf_copy(&payload, span_of(request->payload.data, request->payload.len)) == ERR_OK);
    hop(STATION, request->method, REQUEST, &payload);
    out.payload = (ProtobufCBinaryData){ payload.len, payload.ptr };
    pass_metadata(request->method, &out, copies, values);
    out.metadata = pointers;
    enum err e = __real_wss_call(conn, &out, answer, asked);
    for (size_t i = 0; i < 4; i++)
        buf_free(&values[i]);
    buf_free(&payload);
    if (e != ERR_OK)
        free(asked);
    return e;
}

static struct wss_handler agents;

/* The server's call. */
static void on_request(void *context, struct wss_conn *conn, struct peer_event *event)
{
    Hallmark__V1__FrameRequest *q = event->frame->request;
    char method[METHOD_SIZE];
    AUTO(buf_free) struct buf name = { 0 };
    snprintf(method, sizeof(method), "%s", q->method);
    pass(SERVER, method, REQUEST, &q->payload);
    if (hop_is(SERVER, method, METHOD)) {
        hop(SERVER, method, METHOD, &name);
        must(buf_append(&name, span_of("", 1)) == ERR_OK);
        free(q->method);
        q->method = strdup((const char *)name.ptr);
    }
    agents.request(context, conn, event);
}

enum err __wrap_wss_start(const struct wss_config *config, struct wss **wss_out)
{
    struct wss_config ours = *config;
    agents = config->handler;
    ours.handler.request = on_request;
    return __real_wss_start(&ours, wss_out);
}

/* --- To and from the board, through its mailbox. ------------------------------------------ */

enum err __real_link_send(struct link *link, struct span frame, unsigned timeout_ms);
enum err __wrap_link_send(struct link *link, struct span frame, unsigned timeout_ms);
enum err __real_link_receive(struct link *link, struct buf *frame, unsigned timeout_ms);
enum err __wrap_link_receive(struct link *link, struct buf *frame, unsigned timeout_ms);
enum err __real_link_exchange(struct link *link, struct span frame, struct buf *reply,
                              unsigned timeout_ms);
enum err __wrap_link_exchange(struct link *link, struct span frame, struct buf *reply,
                              unsigned timeout_ms);
enum err __real_link_bulk(struct link *link, uint32_t offset, struct span chunk,
                          unsigned timeout_ms);
enum err __wrap_link_bulk(struct link *link, uint32_t offset, struct span chunk,
                          unsigned timeout_ms);

/* The latest call each way: an answer does not name its method. */
static char ours[METHOD_SIZE], boards[METHOD_SIZE];

static void frame_drop(Hallmark__V1__Frame **frame)
{
    if (*frame != NULL)
        hallmark__v1__frame__free_unpacked(*frame, NULL);
}

static void pass_frame(enum liar who, struct buf *bytes)
{
    char *calls = who == STATION ? ours : boards, *answers = who == STATION ? boards : ours;
    AUTO(frame_drop)
    Hallmark__V1__Frame *f = hallmark__v1__frame__unpack(NULL, bytes->len, bytes->ptr);
    if (f == NULL)
        return;
    bool call = f->kind_case == HALLMARK__V1__FRAME__KIND_REQUEST;
    if (call)
        snprintf(calls, METHOD_SIZE, "%s", f->request->method);
    const char *method = call ? calls : answers;
    pass(who, method, call ? REQUEST : RESPONSE,
         call ? &f->request->payload : &f->response->payload);
    buf_free(bytes);
    must(rpc_pack(&f->base, bytes) == ERR_OK);
    if (tongue.lie != NULL && tongue.lie->part == FRAME)
        hop(who, method, FRAME, bytes);
}

enum err __wrap_link_send(struct link *link, struct span frame, unsigned timeout_ms)
{
    AUTO(buf_free) struct buf b = { 0 };
    must(buf_copy(&b, frame) == ERR_OK);
    pass_frame(STATION, &b);
    return __real_link_send(link, buf_span(&b), timeout_ms);
}

enum err __wrap_link_receive(struct link *link, struct buf *frame, unsigned timeout_ms)
{
    TRY(__real_link_receive(link, frame, timeout_ms));
    pass_frame(BOARD, frame);
    return ERR_OK;
}

enum err __wrap_link_exchange(struct link *link, struct span frame, struct buf *reply,
                              unsigned timeout_ms)
{
    AUTO(buf_free) struct buf b = { 0 };
    must(buf_copy(&b, frame) == ERR_OK);
    pass_frame(STATION, &b);
    TRY(__real_link_exchange(link, buf_span(&b), reply, timeout_ms));
    pass_frame(BOARD, reply);
    return ERR_OK;
}

enum err __wrap_link_bulk(struct link *link, uint32_t offset, struct span chunk,
                          unsigned timeout_ms)
{
    AUTO(buf_free) struct buf b = { 0 };
    must(buf_copy(&b, chunk) == ERR_OK);
    hop(STATION, "Swd/Bulk", BYTES, &b);
    return __real_link_bulk(link, offset, buf_span(&b), timeout_ms);
}

/* --- Over SWD. ---------------------------------------------------------------------------- */

enum err __real_chip_uid(struct chip *chip, uint8_t uid_out[static UID_SIZE]);
enum err __wrap_chip_uid(struct chip *chip, uint8_t uid_out[static UID_SIZE]);
enum err __real_chip_image_load(struct chip *chip, struct span image,
                                struct devauth_image *header_out);
enum err __wrap_chip_image_load(struct chip *chip, struct span image,
                                struct devauth_image *header_out);

enum err __wrap_chip_uid(struct chip *chip, uint8_t uid_out[static UID_SIZE])
{
    AUTO(buf_free) struct buf b = { 0 };
    TRY(__real_chip_uid(chip, uid_out));
    must(buf_copy(&b, span_of(uid_out, UID_SIZE)) == ERR_OK);
    hop(BOARD, "Swd/Uid", BYTES, &b);
    must(b.len == UID_SIZE);
    memcpy(uid_out, b.ptr, UID_SIZE);
    return ERR_OK;
}

enum err __wrap_chip_image_load(struct chip *chip, struct span image,
                                struct devauth_image *header_out)
{
    AUTO(buf_free) struct buf b = { 0 };
    must(buf_copy(&b, image) == ERR_OK);
    hop(STATION, "Swd/DevAuth", BYTES, &b);
    return __real_chip_image_load(chip, buf_span(&b), header_out);
}

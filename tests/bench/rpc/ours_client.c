/* SPDX-License-Identifier: MIT */
/* ours-client: the load for ours-server; arguments in load.h. Calls are made and answered on
 * the I/O thread of common/wss, packed and unpacked by protobuf-c. */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/rpc/rpc.h"
#include "common/wss/wss.h"
#include "echo.pb-c.h"
#include "tests/bench/rpc/files.h"
#include "tests/bench/rpc/load.h"

struct client {
    struct wss *wss;
    struct load load;
    sem_t *done;
    unsigned open;
    uint64_t started_ns; /* the connection being made */
    bool over;
    struct line *lines;
};

/* One connection and its call in flight. */
struct line {
    struct client *client;
    struct wss_conn *conn;
    uint64_t started_ns;
};

static char method[] = "hallmark.v1.Bench/Echo";
static uint8_t payload[LOAD_PAYLOAD];

static void on_answer(void *context, const Hallmark__V1__FrameResponse *response);

static void call(struct line *line)
{
    Hallmark__V1__EchoRequest in = HALLMARK__V1__ECHO_REQUEST__INIT;
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    AUTO(buf_free) struct buf packed = { 0 };
    line->started_ns = load_now_ns();
    in.data = (ProtobufCBinaryData){ sizeof(payload), payload };
    if (rpc_pack(&in.base, &packed) != ERR_OK)
        load_die("cannot pack");
    request.method = method;
    request.payload = (ProtobufCBinaryData){ packed.len, packed.ptr };
    if (wss_call(line->conn, &request, on_answer, line) != ERR_OK)
        load_die("cannot call");
}

static void finish(struct client *client)
{
    if (!client->over)
        sem_post(client->done);
    client->over = true;
}

static void on_answer(void *context, const Hallmark__V1__FrameResponse *response)
{
    struct line *line = context;
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    if (line->client->over)
        return;
    if (response->status != 0 ||
        rpc_unpack(&hallmark__v1__echo_response__descriptor,
                   span_of(response->payload.data, response->payload.len), &out) != ERR_OK ||
        ((Hallmark__V1__EchoResponse *)out)->data.len != LOAD_PAYLOAD)
        load_die("a call failed");
    if (load_done(line->started_ns))
        call(line);
    else
        finish(line->client);
}

static void connect_next(struct client *client)
{
    client->started_ns = load_now_ns();
    if (wss_connect(client->wss) != ERR_OK)
        load_die("cannot connect");
}

static void on_open(void *context, struct wss_conn *conn)
{
    struct client *client = context;
    if (client->load.kind == LOAD_HANDSHAKES) {
        if (!load_done(client->started_ns))
            finish(client);
        wss_conn_close(conn, 1000, "");
        return;
    }
    client->lines[client->open++] = (struct line){ client, wss_conn_keep(conn), 0 };
    if (client->open < client->load.connections)
        connect_next(client);
    else if (client->load.kind == LOAD_IDLE)
        finish(client);
    else
        for (unsigned i = 0; i < client->open; i++)
            call(&client->lines[i]);
}

static void on_closed(void *context, struct wss_conn *conn, const char *reason)
{
    struct client *client = context;
    if (client->over)
        return;
    if (client->load.kind != LOAD_HANDSHAKES || conn == NULL)
        load_die(reason);
    connect_next(client);
}

static void start(struct client *client, const struct load *load, sem_t *done)
{
    static struct files files;
    files = (struct files){ load->certificates, "client" };
    *client = (struct client){ .load = *load, .done = done };
    client->lines = calloc(load->connections, sizeof(*client->lines));
    const struct wss_config config = {
        .address = "localhost",
        .port = load->port,
        .tls_setup = files_tls,
        .tls_context = &files,
        .software = "bench",
        .handler = { client, NULL, on_open, NULL, NULL, on_closed, NULL },
    };
    if (client->lines == NULL || wss_start(&config, &client->wss) != ERR_OK)
        load_die("cannot start");
}

static void stop(struct client *client)
{
    wss_shutdown(client->wss);
    for (unsigned i = 0; i < client->open; i++)
        wss_conn_drop(&client->lines[i].conn);
    wss_stop(client->wss);
    free(client->lines);
}

int main(int argc, char **argv)
{
    struct load load = load_of(argc, argv);
    /* A struct wss makes one connection at a time: handshakes at once need several. */
    unsigned count = load.kind == LOAD_HANDSHAKES ? load.connections : 1;
    struct client *clients = calloc(count, sizeof(*clients));
    sem_t done;
    sem_init(&done, 0, 0);
    if (clients == NULL)
        load_die("no memory");
    load_idle_before();
    for (unsigned i = 0; i < count; i++)
        start(&clients[i], &load, &done);
    for (unsigned i = 0; i < count; i++) /* only now: starting a context disturbs handshakes */
        connect_next(&clients[i]);
    for (unsigned i = 0; i < count; i++)
        while (sem_wait(&done) != 0)
            ;
    if (load.kind == LOAD_IDLE)
        load_idle_after(&load);
    else
        load_report();
    for (unsigned i = 0; i < count; i++)
        stop(&clients[i]);
    free(clients);
    return 0;
}

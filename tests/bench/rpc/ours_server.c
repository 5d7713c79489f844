/* SPDX-License-Identifier: MIT */
/*
 * ours-server io|work FOLDER: Hallmark's RPC as the product serves it, without HSM and store.
 *
 * "work" is the way of oem-server: a job on the connection's strand, run by a worker, answered
 * from there. "io" runs the handler where the request was received, as gRPC's servers do with
 * theirs. Says "ready PORT"; ends on SIGTERM.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "common/wss/wss.h"
#include "echo.pb-c.h"
#include "oem-server/work/work.h"
#include "tests/bench/rpc/files.h"
#include "tests/bench/rpc/load.h"

enum { WORKERS = 2, QUEUE_MAX = 4096 };

struct server {
    struct work *work; /* NULL: on the I/O thread */
};

struct job {
    struct wss_conn *conn;
    struct peer_event event;
};

static enum err bench_echo(struct rpc_call *call, const Hallmark__V1__EchoRequest *in,
                           Hallmark__V1__EchoResponse *out)
{
    return rpc_bytes(call, &out->data, span_of(in->data.data, in->data.len));
}
RPC_HANDLER(bench, Bench, echo, Echo, Echo)

static Hallmark__V1__Bench_Service service = HALLMARK__V1__BENCH__INIT(bench__);
static ProtobufCService *const services[] = { &service.base, NULL };

static void serve(struct wss_conn *conn, struct peer_event *event)
{
    const Hallmark__V1__FrameRequest *request = event->frame->request;
    struct rpc_call call = {
        .method = request->method,
        .payload = span_of(request->payload.data, request->payload.len),
        .deadline_ms = event->deadline_ms,
    };
    rpc_dispatch(services, &call);
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    response.stream = event->stream;
    response.status = err_status(call.err);
    response.code = (uint32_t)call.err;
    response.payload = (ProtobufCBinaryData){ call.response.len, call.response.ptr };
    if (wss_respond(conn, &response) != ERR_OK)
        log_line(LOG_LEVEL_DEBUG, "bench: the caller is gone");
    rpc_call_fini(&call);
    peer_event_free(event);
}

static void run(void *context)
{
    struct job *job = context;
    serve(job->conn, &job->event);
    wss_conn_drop(&job->conn);
    free(job);
}

static void on_request(void *context, struct wss_conn *conn, struct peer_event *event)
{
    const struct server *server = context;
    if (server->work == NULL) {
        serve(conn, event);
        return;
    }
    struct job *job = malloc(sizeof(*job));
    if (job == NULL)
        load_die("no memory");
    *job = (struct job){ wss_conn_keep(conn), *event };
    if (strand_post(wss_conn_user(conn), run, job) != ERR_OK)
        load_die("the queue is full");
}

static void on_idle(void *context)
{
    const struct server *server = context;
    if (server->work != NULL)
        work_rouse(server->work);
}

static enum err on_accept(void *context, struct wss_conn *conn, const struct wss_peer *peer)
{
    (void)peer;
    const struct server *server = context;
    if (server->work != NULL)
        wss_conn_set_user(conn, strand_new(server->work));
    return ERR_OK;
}

static void on_closed(void *context, struct wss_conn *conn, const char *reason)
{
    (void)context, (void)reason;
    struct strand *strand = wss_conn_user(conn);
    strand_drop(&strand);
}

static void wait_for_stop(const sigset_t *stop)
{
    int signal;
    while (sigwait(stop, &signal) != 0)
        ;
}

int main(int argc, char **argv)
{
    if (argc != 3 || (strcmp(argv[1], "io") != 0 && strcmp(argv[1], "work") != 0))
        load_die("usage: ours-server io|work FOLDER");
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    struct server server = { NULL };
    if (strcmp(argv[1], "work") == 0 && work_start(WORKERS, QUEUE_MAX, &server.work) != ERR_OK)
        return 1;
    struct files files = { argv[2], "server" };
    const struct wss_config config = {
        .server = true,
        .address = "127.0.0.1",
        .tls_setup = files_tls,
        .tls_context = &files,
        .software = "bench",
        .handler = { &server, on_accept, NULL, on_request, NULL, on_closed, NULL, NULL, NULL,
                     on_idle },
    };
    struct wss *wss;
    if (wss_start(&config, &wss) != ERR_OK)
        return 1;
    printf("ready %u\n", wss_port(wss));
    fflush(stdout);
    wait_for_stop(&stop);
    wss_shutdown(wss);
    work_stop(server.work);
    wss_stop(wss);
    return 0;
}

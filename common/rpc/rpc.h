/* SPDX-License-Identifier: MIT */
/*
 * rpc: protobuf-c services over any carrier.
 *
 * Serving: rpc_dispatch() finds the ProtobufCService by the method's name, unpacks, invokes and
 * packs. A handler is a generated service function; its closure_data is the struct rpc_call of
 * the call, which has the principal and the deadline, and allocates what the response borrows.
 * RPC_HANDLER writes the glue, so a service file holds plain functions: static enum err
 * release(struct rpc_call *call, const ...Request *in, ...Response *out);
 *
 * Calling: a struct rpc_stub is a ProtobufCService whose invoke sends through a transport and
 * waits; RPC_CALL runs a generated client function on it and yields its error.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdatomic.h>

#include "common/host/own.h"
#include "common/rpc/limits.h"

struct rpc_metadata {
    const char *key;
    struct span value;
};

/* How messages of a streaming call are sent and received; the functions wait, until the call
 * ends. */
struct rpc_streaming {
    enum err (*send)(void *stream, struct span message);
    enum err (*receive)(void *stream, struct buf *message_out, bool *end_out);
    enum err (*room)(void *stream,
                     size_t *bytes_out); /* also waits until a message may be sent */
    enum err (*check)(void *stream);     /* ERR_OK while the call is open; does not wait */
};

/* A call being served, on the server's worker or the agent's site thread. Its maker owns it. */
struct rpc_call {
    const char *method; /* full name */
    struct span payload;
    struct span idempotency_key; /* empty: none */
    const struct rpc_metadata *metadata;
    size_t metadata_count;
    size_t answer_max;    /* bytes of a response that the caller takes; 0: any */
    uint64_t deadline_ms; /* CLOCK_MONOTONIC */
    void *user; /* the program's own: struct call of oem-server, struct site of the agent */

    const ProtobufCMessage *request; /* the unpacked payload, while its handler runs */

    const atomic_int
        *over; /* an enum err once the answer is no longer wanted; NULL: it is wanted */

    const struct rpc_streaming *streaming; /* NULL: the call is unary */
    void *stream;

    enum err err;        /* out: of the handler */
    struct buf response; /* out: the packed response, if err is ERR_OK */
    struct rpc_arena *arena;
};
void rpc_call_fini(struct rpc_call *call);
void rpc_arena_clear(struct rpc_call *call); /* of rpc_alloc: between messages of a stream */
struct span rpc_call_metadata(const struct rpc_call *call,
                              const char *key); /* empty if absent */

/* Zeroed memory that lives until rpc_call_fini; wiped then. NULL: out of memory. */
void *rpc_alloc(struct rpc_call *call, size_t len);
enum err rpc_bytes(struct rpc_call *call, ProtobufCBinaryData *out,
                   struct span bytes);                                  /* copy */
enum err rpc_text(struct rpc_call *call, char **out, const char *text); /* copy */

struct span span_in(const ProtobufCBinaryData *data); /* borrows */

uint64_t rpc_now_ms(void); /* CLOCK_MONOTONIC: the clock of deadlines */

/* NULL-terminated. Runs the method's handler; call->err and call->response are set. */
void rpc_dispatch(ProtobufCService *const services[], struct rpc_call *call);
bool rpc_serves(ProtobufCService *const services[], const char *method);

/* How long a client that gets this error should wait before it retries; 0: a retry does not
 * help. */
uint32_t rpc_retry_after_ms(enum err e);

/* Ends a service function with its result. */
void rpc_finish(struct rpc_call *call, enum err e);

#define RPC_HANDLER(service, Service, method, Method, Message)                                 \
    static void service##__##method(                                                           \
        Hallmark__V1__##Service##_Service *self, const Hallmark__V1__##Message##Request *in,   \
        Hallmark__V1__##Message##Response_Closure done, void *data)                            \
    {                                                                                          \
        Hallmark__V1__##Message##Response out;                                                 \
        protobuf_c_message_init(rpc_output_type(&self->base, #Method), &out);                  \
        rpc_finish(data, service##_##method(data, in, &out));                                  \
        done(&out, data);                                                                      \
    }
/* The same for a method that answers with a stream: the handler sends each message with
 * rpc_send() and yields the status, static enum err follow(struct rpc_call *call, const
 * ...Request *in). A method that takes a stream is an RPC_HANDLER that reads it with
 * rpc_receive(). */
#define RPC_STREAM_HANDLER(service, Service, method, Method, Message)                          \
    static void service##__##method(                                                           \
        Hallmark__V1__##Service##_Service *self, const Hallmark__V1__##Message##Request *in,   \
        Hallmark__V1__##Message##Response_Closure done, void *data)                            \
    {                                                                                          \
        (void)self;                                                                            \
        rpc_finish(data, service##_##method(data, in));                                        \
        done(NULL, data);                                                                      \
    }
enum err rpc_send(struct rpc_call *call, const ProtobufCMessage *message);
/* Waits until the client grants credit, and gives how many bytes a message may have. */
enum err rpc_room(struct rpc_call *call, size_t *bytes_out);
/* *out is NULL after the last one; else the caller's, AUTO(rpc_drop). */
enum err rpc_receive(struct rpc_call *call, const ProtobufCMessageDescriptor *type,
                     ProtobufCMessage **out);

/* ERR_OK while the answer is wanted; else why not: cancelled, deadline passed, connection lost.
 * Called before each step that is expensive or irreversible. Does not wait. */
enum err rpc_check(const struct rpc_call *call);

/* The type of a method's response; the method must exist. */
const ProtobufCMessageDescriptor *rpc_output_type(const ProtobufCService *service,
                                                  const char *method);

/* Sends one request and waits for its answer. response_out is set on ERR_OK only. */
typedef enum err rpc_transport(void *context, const char *method, struct span payload,
                               struct buf *response_out);

struct rpc_stub {
    ProtobufCService base; /* first: generated client functions take its address */
    rpc_transport *transport;
    void *context;
    enum err err; /* of the latest call */
};
/* A stub that borrows context; needs no release. One thread at a time. */
struct rpc_stub rpc_stub_of(const ProtobufCServiceDescriptor *service, rpc_transport *transport,
                            void *context);
void rpc_keep(const ProtobufCMessage *message, void *out); /* closure: *out owns the response */

/* RPC_CALL(&stub, hallmark__v1__ca__request_certificate, &in, &out): out is the caller's, to be
 * freed with protobuf_c_message_free_unpacked (RPC_DROP as AUTO); NULL on failure. */
#define RPC_CALL(stub, function, in, out)                                                      \
    ({                                                                                         \
        struct rpc_stub *stub_ = (stub);                                                       \
        function(&stub_->base, (in), (void *)rpc_keep, (out));                                 \
        stub_->err;                                                                            \
    })
void rpc_drop(void *message_pointer); /* AUTO(rpc_drop) for what RPC_CALL gave */

/* Packs into a new buf; unpacks with a limit (RPC_PAYLOAD_FIELDS_MAX). What is given out is the
 * caller's. ERR_LIMIT, ERR_INVALID, ERR_MEMORY. */
enum err rpc_pack(const ProtobufCMessage *message, struct buf *out);
enum err rpc_unpack(const ProtobufCMessageDescriptor *type, struct span bytes,
                    ProtobufCMessage **out);

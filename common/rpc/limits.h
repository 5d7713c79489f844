/* SPDX-License-Identifier: MIT */
/* limits: the limits of the wire, in one place. Both ends enforce them (test_peer,
 * test_peer_stream); README.md documents them. */
#pragma once

enum {
    RPC_VERSION = 1,
    RPC_MESSAGE_MAX = 4 << 20,      /* bytes of one encoded Frame */
    RPC_FRAME_FIELDS_MAX = 128,     /* of a Frame, its metadata included */
    RPC_PAYLOAD_FIELDS_MAX = 16384, /* of a request or response message */
    RPC_STREAMS_MAX = 64,           /* open calls a connection, each way */
    RPC_METHOD_MAX = 80,            /* bytes of "package.Service/Method" */
    RPC_METADATA_MAX = 16,          /* entries a frame */
    RPC_METADATA_BYTES_MAX = 16384, /* keys and values a frame */
    RPC_MESSAGE_TEXT_MAX = 512,     /* bytes of a response's message */
    RPC_IDEMPOTENCY_KEY_SIZE = 16,
    RPC_TIMEOUT_DEFAULT_MS = 30000, /* of a request that names none */
    RPC_TIMEOUT_MAX_MS = 600000,
    RPC_RETRY_AFTER_MS = 1000,   /* what RESOURCE_EXHAUSTED and UNAVAILABLE ask for */
    RPC_HELLO_TIMEOUT_MS = 5000, /* from connection to the peer's HELLO */
    RPC_CREDIT_MESSAGES = 16,    /* DATA frames in flight on a stream */
    RPC_CREDIT_BYTES = 1 << 20,  /* and bytes of their payloads */
    RPC_CONNECTION_CREDIT_BYTES = 8 << 20,
    RPC_CREDIT_MAX = 1 << 30,     /* the most credit that may be granted and unspent */
    RPC_FRAME_OVERHEAD = 64,      /* bytes of a DATA frame besides its payload, at most */
    RPC_OUT_BYTES_MAX = 16 << 20, /* unsent bytes; a peer that does not read is dropped */
    RPC_PING_MS = 30000,          /* idle time before a WebSocket ping */
    RPC_HANGUP_MS = 10000,        /* and to its pong */
};

enum { RPC_FEATURE_STREAMING = 1 }; /* bits of HELLO.features */

#define RPC_SUBPROTOCOL "v1.rpc.hallmark"

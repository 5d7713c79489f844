/* SPDX-License-Identifier: MIT */
/*
 * http: one HTTPS call of EJBCA with the client's certificate, by libcurl. For the folder only.
 *
 * Each call has a connection of its own: libcurl sends a request again by itself if a
 * connection that it has kept turns out to be closed, and then EJBCA could issue twice. TLS 1.2
 * or later, the configured trust only, no redirection, no proxy; at most ANSWER_MAX bytes of
 * body, and HEADERS_MAX of headers, within the time-outs. Any thread, several in parallel.
 */
#pragma once

#include <stdint.h>

#include "oem-server/ca/ejbca/ejbca.h"
#include "oem-server/ca/ejbca/fault.h"

struct http_call {
    const char *method; /* "GET", "POST", "PUT" */
    const char *path;   /* behind the configured URL, "/v1/..."; escaped */
    const char *body;   /* JSON, or NULL */
};

struct http_answer {
    long status; /* 0: there was none, and detail says why */
    struct buf body;
    int64_t date; /* EJBCA's clock, seconds since 1970; 0: not told */
    char detail[160];
};
void http_answer_free(struct http_answer *answer);

/* FAULT_NONE: there is an answer, whatever its status. */
enum ejbca_fault http_do(const struct ejbca_config *config, const struct http_call *call,
                         struct http_answer *answer_out);

/* Escapes a part of a path. The caller frees with free(); NULL: no memory. */
char *http_escape(const char *text);

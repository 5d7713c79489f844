/* SPDX-License-Identifier: MIT */
/*
 * raw: a client that says to oem-server whatever a test wants, a command a line on stdin, and
 * prints what came of it, a JSON object a line on stdout:
 *
 *   call METHOD HEX [KEY=HEX]...  a call with that payload ("-": none) and metadata; the keys
 *                                 "idempotency" and "timeout" (ms, decimal) are the call's own
 *   send METHOD HEX [KEY=HEX]...  the same, but nothing is read and nothing printed
 *   expect                        the server's next call, answered with an empty message
 *   text WORDS                    a text frame, then what the server closes with
 *   bytes N                       a binary message of N zero bytes, then the same
 *
 * The first line of output says whether the connection stands. Between two commands it answers
 * the server's pings, as an honest station does. For tests/e2e.
 */
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/rpc/peer.h"
#include "common/rpc/rpc.h"
#include "tests/e2e/raw/ws.h"

enum { LINE_SIZE = 1 << 20, METADATA_MAX = 8 };

struct raw {
    struct ws ws;
    struct peer *peer;
    struct peer_event kept; /* a call of the server that came while an answer was awaited */
};

static void say(json_t *object)
{
    AUTO(free_drop) char *text = json_dumps(object, JSON_COMPACT);
    puts(text != NULL ? text : "{\"error\":\"no JSON\"}");
    fflush(stdout);
    json_decref(object);
}

static json_t *hex_json(const ProtobufCBinaryData *data)
{
    AUTO(free_drop) char *text = calloc(2, data->len + 1);
    return json_string(text == NULL ? "" : hex_of(span_of(data->data, data->len), text));
}

static void say_failure(const struct raw *raw, enum err e)
{
    say(json_pack("{s:b, s:i, s:s, s:s}", "open", 0, "close", (int)raw->ws.close_code, "reason",
                  raw->ws.reason, "error", e == ERR_OK ? "" : fail_words()));
}

static enum err flush_out(struct raw *raw)
{
    AUTO(buf_free) struct buf message = { 0 };
    while (peer_pull(raw->peer, &message))
        TRY(ws_send(&raw->ws, WS_BINARY, buf_span(&message)));
    return ERR_OK;
}

/* The next event of the peer, reading as long as there is none. */
static enum err next_event(struct raw *raw, struct peer_event *event)
{
    while (!peer_next_event(raw->peer, event)) {
        AUTO(buf_free) struct buf message = { 0 };
        TRY(flush_out(raw));
        TRY(ws_receive(&raw->ws, &message));
        TRY(peer_receive(raw->peer, buf_span(&message), rpc_now_ms()));
    }
    return ERR_OK;
}

/* Wait for an event of that kind; keep a call, drop what else comes. */
static enum err await(struct raw *raw, enum peer_event_kind kind, struct peer_event *event_out)
{
    for (;;) {
        struct peer_event event = { 0 };
        TRY(next_event(raw, &event));
        if (event.kind == kind) {
            *event_out = event;
            return ERR_OK;
        }
        if (event.kind == PEER_REQUEST) {
            peer_event_free(&raw->kept);
            raw->kept = event;
        } else {
            peer_event_free(&event);
        }
    }
}

static enum err bytes_of(const char *hex, struct buf *out)
{
    if (strcmp(hex, "-") == 0)
        return ERR_OK;
    TRY(buf_resize(out, strlen(hex) / 2));
    return hex_read(hex, out->ptr, out->len);
}

/* Words of one command and what they hold, until the call is sent. */
struct asked {
    Hallmark__V1__FrameRequest request;
    Hallmark__V1__Metadata metadata[METADATA_MAX];
    Hallmark__V1__Metadata *pointers[METADATA_MAX];
    struct buf payload;
    struct buf values[METADATA_MAX];
};

static void asked_free(struct asked *asked)
{
    buf_free(&asked->payload);
    for (size_t i = 0; i < METADATA_MAX; i++)
        buf_free(&asked->values[i]);
}

static enum err take_pair(struct asked *asked, size_t i, char *pair)
{
    char *value = strchr(pair, '=');
    if (value == NULL || i == METADATA_MAX)
        return fail(ERR_USAGE, "raw: not KEY=HEX, or too many: %s", pair);
    *value++ = '\0';
    Hallmark__V1__FrameRequest *request = &asked->request;
    if (strcmp(pair, "timeout") == 0) {
        request->timeout_ms = (uint32_t)strtoul(value, NULL, 10);
        return ERR_OK;
    }
    TRY(bytes_of(value, &asked->values[i]));
    ProtobufCBinaryData bytes = { asked->values[i].len, asked->values[i].ptr };
    if (strcmp(pair, "idempotency") == 0) {
        request->idempotency_key = bytes;
        return ERR_OK;
    }
    Hallmark__V1__Metadata *m = &asked->metadata[request->n_metadata];
    hallmark__v1__metadata__init(m);
    m->key = pair;
    m->value = bytes;
    asked->pointers[request->n_metadata++] = m;
    return ERR_OK;
}

static enum err take_words(struct asked *asked, char *words)
{
    char *rest = NULL;
    char *method = strtok_r(words, " ", &rest), *payload = strtok_r(NULL, " ", &rest);
    if (method == NULL || payload == NULL)
        return fail(ERR_USAGE, "raw: call METHOD HEX");
    hallmark__v1__frame_request__init(&asked->request);
    asked->request.metadata = asked->pointers;
    asked->request.method = method;
    asked->request.end_stream = true;
    TRY(bytes_of(payload, &asked->payload));
    asked->request.payload = (ProtobufCBinaryData){ asked->payload.len, asked->payload.ptr };
    size_t i = 0;
    for (char *pair = strtok_r(NULL, " ", &rest); pair != NULL;
         pair = strtok_r(NULL, " ", &rest))
        TRY(take_pair(asked, i++, pair));
    return ERR_OK;
}

static enum err run_call(struct raw *raw, char *words)
{
    AUTO(asked_free) struct asked asked = { 0 };
    AUTO(peer_event_free) struct peer_event event = { 0 };
    TRY(take_words(&asked, words));
    TRY(peer_call(raw->peer, &asked.request, raw, rpc_now_ms()));
    TRY(await(raw, PEER_RESPONSE, &event));
    const Hallmark__V1__FrameResponse *r = event.frame->response;
    say(json_pack("{s:i, s:i, s:s, s:o}", "status", (int)r->status, "code", (int)r->code,
                  "message", r->message, "payload", hex_json(&r->payload)));
    return ERR_OK;
}

/* Its answer is dropped when another command reads. */
static enum err run_send(struct raw *raw, char *words)
{
    AUTO(asked_free) struct asked asked = { 0 };
    TRY(take_words(&asked, words));
    TRY(peer_call(raw->peer, &asked.request, NULL, rpc_now_ms()));
    return flush_out(raw);
}

static enum err run_expect(struct raw *raw, char *words)
{
    (void)words;
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    AUTO(peer_event_free) struct peer_event event = raw->kept;
    raw->kept = (struct peer_event){ 0 };
    if (event.frame == NULL)
        TRY(await(raw, PEER_REQUEST, &event));
    response.stream = event.stream;
    TRY(peer_respond(raw->peer, &response));
    TRY(flush_out(raw));
    const Hallmark__V1__FrameRequest *q = event.frame->request;
    say(json_pack("{s:s, s:o}", "called", q->method, "payload", hex_json(&q->payload)));
    return ERR_OK;
}

/* What the server closes with, having got something it must refuse. */
static enum err until_closed(struct raw *raw)
{
    for (;;) {
        AUTO(buf_free) struct buf message = { 0 };
        TRY(ws_receive(&raw->ws, &message));
    }
}

static enum err run_text(struct raw *raw, char *words)
{
    TRY(ws_send(&raw->ws, WS_TEXT, span_of(words, strlen(words))));
    return until_closed(raw);
}

static enum err run_bytes(struct raw *raw, char *words)
{
    AUTO(buf_free) struct buf zeros = { 0 };
    TRY(buf_resize(&zeros, strtoul(words, NULL, 10)));
    enum err sent = ws_send(&raw->ws, WS_BINARY, buf_span(&zeros));
    enum err e = until_closed(raw);
    return raw->ws.close_code != 0 || sent == ERR_OK ? e : sent;
}

static const struct {
    const char *name;
    enum err (*run)(struct raw *raw, char *words);
} commands[] = {
    { "call", run_call }, { "send", run_send },   { "expect", run_expect },
    { "text", run_text }, { "bytes", run_bytes },
};

static enum err run_line(struct raw *raw, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *words = line + strcspn(line, " ");
    if (*words != '\0')
        *words++ = '\0';
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(commands[i].name, line) == 0)
            return commands[i].run(raw, words);
    return fail(ERR_USAGE, "raw: no command %s", line);
}

/* What comes while the test says nothing. An end of the connection is for the next command. */
static void wait_for_command(struct raw *raw)
{
    struct pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 }, { raw->ws.fd, POLLIN, 0 } };
    for (;;) {
        AUTO(buf_free) struct buf message = { 0 };
        bool whole = false;
        if (!ws_has_bytes(&raw->ws) && (poll(fds, COUNT(fds), -1) < 0 || fds[0].revents != 0))
            return;
        if (ws_take(&raw->ws, &message, &whole) != ERR_OK ||
            (whole && peer_receive(raw->peer, buf_span(&message), rpc_now_ms()) != ERR_OK))
            return;
    }
}

static enum err run_all(struct raw *raw, const struct ws_target *target)
{
    AUTO(peer_event_free) struct peer_event event = { 0 };
    AUTO(free_drop) char *line = malloc(LINE_SIZE);
    if (line == NULL || (raw->peer = peer_new(PEER_CLIENT, "raw", rpc_now_ms())) == NULL)
        return fail(ERR_MEMORY, "raw: no memory");
    TRY(ws_open(&raw->ws, target));
    TRY(await(raw, PEER_OPEN, &event));
    say(json_pack("{s:b}", "open", 1));
    for (;;) {
        wait_for_command(raw);
        if (fgets(line, LINE_SIZE, stdin) == NULL)
            return ERR_OK;
        TRY(run_line(raw, line));
    }
}

static int usage(void)
{
    fputs("usage: raw --server HOST:PORT --ca FILE [--cert FILE --key FILE] "
          "[--subprotocol NAME]\n",
          stderr);
    return EX_USAGE;
}

static bool read_options(int argc, char **argv, struct ws_target *target)
{
    static const struct option options[] = {
        { "server", required_argument, NULL, 's' },
        { "ca", required_argument, NULL, 'a' },
        { "cert", required_argument, NULL, 'c' },
        { "key", required_argument, NULL, 'k' },
        { "subprotocol", required_argument, NULL, 'p' },
        { 0 },
    };
    const char **const fields[] = { ['s'] = &target->host,
                                    ['a'] = &target->ca,
                                    ['c'] = &target->certificate,
                                    ['k'] = &target->key,
                                    ['p'] = &target->subprotocol };
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == '?')
            return false;
        *fields[c] = optarg;
    }
    char *colon = target->host == NULL ? NULL : strrchr(target->host, ':');
    if (colon == NULL || target->ca == NULL)
        return false;
    *colon = '\0';
    target->port = colon + 1;
    return true;
}

int main(int argc, char **argv)
{
    struct ws_target target = { .subprotocol = RPC_SUBPROTOCOL };
    struct raw raw = { .ws.fd = -1 };
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdin, NULL, _IONBF, 0); /* poll() knows what is there */
    if (!read_options(argc, argv, &target))
        return usage();
    enum err e = run_all(&raw, &target);
    if (e != ERR_OK)
        say_failure(&raw, e);
    peer_event_free(&raw.kept);
    peer_free(raw.peer);
    ws_close(&raw.ws);
    return EX_OK;
}

// SPDX-License-Identifier: MIT
// call: one call of ours, unary or streaming, from its REQUEST to its RESPONSE.
'use strict';

const proto = require('./proto');

class StatusError extends Error {
    constructor(status, code, words) {
        super(words);
        this.status = status;
        this.code = code;
    }
}

class Call {
    // options: timeoutMs, clientTimeoutMs, window (false: grant no credit for what is read).
    constructor(connection, stream, method, options) {
        this.connection = connection;
        this.stream = stream;
        this.options = options;
        this.shape = proto.hasMethod(method) ? proto.method(method) : {};
        this.in = { sequence: 0, ...connection.granted };
        this.out = { sequence: 0, ...connection.allowed };
        this.messages = []; // received and not yet read
        this.readers = []; // waiting for one
        this.unsent = []; // written, waiting for credit
        this.done = new Promise((resolve, reject) => {
            this.resolve = resolve;
            this.reject = reject;
        });
        this.done.catch(() => {});
    }

    startTimer(ms) {
        this.timer = setTimeout(() => this.cancel('deadline exceeded', 4), ms);
    }

    end(settle) {
        clearTimeout(this.timer);
        this.connection.calls.delete(this.stream);
        this.over = true;
        settle();
        this.unsent = [];
        for (const wake of this.readers.splice(0)) wake();
    }

    fail(error) {
        this.end(() => this.reject(error));
    }

    // Give it up: CANCEL is sent, and no answer is awaited.
    cancel(reason = 'given up', status = 1) {
        if (this.over) return;
        const open = this.connection.ws.readyState === 1;
        if (open) this.connection.send({ cancel: { stream: this.stream, reason } });
        this.fail(new StatusError(status, 0, reason));
        const unread = this.messages.splice(0).reduce((bytes, { length }) => bytes + length, 0);
        if (open && unread > 0 && this.options.window !== false) this.grant(0, unread);
    }

    response(response) {
        const { status, code, message, payload, trailers, retryAfterMs } = response;
        this.trailers = Object.fromEntries(trailers.map(({ key, value }) => [key, Buffer.from(value)]));
        if (status !== 0)
            return this.fail(Object.assign(new StatusError(status, code, message), { trailers: this.trailers, retryAfterMs }));
        let answer;
        try {
            answer = this.shape.serverStreams ? undefined : proto.decode(this.shape.response, payload);
        } catch (error) {
            return this.fail(error);
        }
        return this.end(() => this.resolve(answer));
    }

    // ---- receiving ----

    data({ sequence, payload, endStream }) {
        const all = this.connection.granted;
        this.in.messages--;
        this.in.bytes -= payload.length;
        all.connectionBytes -= payload.length;
        if (sequence !== this.in.sequence++ || this.in.messages < 0 || this.in.bytes < 0 || all.connectionBytes < 0)
            this.connection.emit('fault', new Error(`DATA ${sequence} out of sequence or beyond the credit`));
        this.messages.push(payload);
        this.in.ended = endStream;
        for (const wake of this.readers.splice(0)) wake();
    }

    // The next message; undefined after the last one of a call that went well.
    async read() {
        while (this.messages.length === 0) {
            if (this.over) {
                await this.done;
                return undefined;
            }
            await new Promise((resolve) => { this.readers.push(resolve); });
        }
        const payload = this.messages.shift();
        if (this.options.window !== false) this.grant(1, payload.length);
        return proto.decode(this.shape.response, payload);
    }

    // Credit for so many more messages and bytes, on the stream and on the connection.
    grant(messages, bytes) {
        this.connection.granted.connectionBytes += bytes;
        this.connection.send({ credit: { bytes } });
        if (this.over) return;
        this.in.messages += messages;
        this.in.bytes += bytes;
        this.connection.send({ credit: { stream: this.stream, messages, bytes } });
    }

    // ---- sending ----

    // Resolves when the credit let it go.
    write(fields, endStream = false) {
        const payload = Buffer.isBuffer(fields) ? fields : proto.encode(this.shape.request, fields);
        return new Promise((resolve) => {
            this.unsent.push({ payload, endStream, resolve });
            this.pump();
        });
    }

    credit({ messages, bytes }) {
        this.out.messages += messages;
        this.out.bytes += bytes;
        this.pump();
    }

    mayBeSent({ payload }) {
        return this.out.messages > 0 && payload.length <= this.out.bytes &&
            payload.length <= this.connection.allowed.connectionBytes;
    }

    pump() {
        while (this.unsent.length > 0 && this.mayBeSent(this.unsent[0])) {
            const { payload, endStream, resolve } = this.unsent.shift();
            this.out.messages--;
            this.out.bytes -= payload.length;
            this.connection.allowed.connectionBytes -= payload.length;
            this.connection.send({ data: { stream: this.stream, sequence: this.out.sequence++, payload, endStream } });
            resolve();
        }
    }
}

module.exports = { Call, StatusError };

// SPDX-License-Identifier: MIT
// connection: one end of the wire, as common/rpc/README.md specifies it: HELLO first, then
// calls both ways over one mutually authenticated WebSocket.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const { EventEmitter } = require('events');
const WebSocket = require('ws');
const proto = require('./proto');
const { within } = require('./checks');
const { Call, StatusError } = require('./call');

const SUBPROTOCOL = 'v1.rpc.hallmark';
const HELLO = {
    version: 1,
    software: 'tests/interop/rpc',
    maxMessage: 4 << 20,
    maxStreams: 64,
    features: 1,
    creditMessages: 16,
    creditBytes: 1 << 20,
    connectionCreditBytes: 8 << 20,
};
const TIMEOUT_DEFAULT_MS = 30000;

function tlsOptions(who) {
    const read = (file) => (file ? fs.readFileSync(file) : undefined);
    return {
        ca: read(who.ca),
        cert: read(who.cert),
        key: read(who.key),
        maxVersion: who.maxVersion,
        minVersion: who.maxVersion || 'TLSv1.3',
    };
}

class Connection extends EventEmitter {
    // who: {url, ca, cert, key}. options: serve (methods by full name), hello (its fields, or
    // null: send none), subprotocol, deflate.
    constructor(who, options = {}) {
        super();
        this.options = options;
        this.serving = options.serve || {};
        const limits = { ...HELLO, ...options.hello };
        this.granted = creditOf(limits); // to the server
        this.allowed = { messages: 0, bytes: 0, connectionBytes: 0 }; // by the server
        this.nextStream = 1;
        this.calls = new Map();
        this.ws = new WebSocket(who.url, options.subprotocol === undefined ? SUBPROTOCOL : options.subprotocol, {
            perMessageDeflate: options.deflate || false,
            maxPayload: HELLO.maxMessage,
            ...tlsOptions(who),
        });
        this.opened = new Promise((resolve, reject) => {
            this.ws.once('open', resolve);
            this.ws.once('error', reject);
        });
        this.opened.catch(() => {});
        this.helloed = new Promise((resolve) => { this.once('hello', resolve); });
        this.closed = new Promise((resolve) => {
            this.ws.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
        });
        this.closed.then(({ code, reason }) => this.failCalls(code, reason));
        this.ws.on('error', () => {});
        this.ws.on('message', (data, binary) => this.receive(data, binary));
    }

    // Both HELLOs have been exchanged.
    static async open(who, options = {}) {
        const connection = new Connection(who, options);
        await connection.opened;
        connection.hello();
        const first = await within(10000, Promise.race([connection.helloed, connection.closed]), 'HELLO');
        if (first.code !== undefined) throw new Error(`closed with ${first.code}: ${first.reason}`);
        return connection;
    }

    hello() {
        if (this.options.hello !== null) this.send({ hello: { ...HELLO, ...this.options.hello } });
    }

    send(frame) {
        this.sendBytes(proto.encode('Frame', frame));
    }

    sendBytes(bytes) {
        this.ws.send(bytes, { binary: true });
    }

    receive(data, binary) {
        if (!binary) return this.emit('fault', new Error('a text message from the server'));
        const frame = proto.decode('Frame', data);
        this.emit('frame', frame);
        return this.take(frame);
    }

    take(frame) {
        switch (frame.kind) {
        case 'hello':
            this.peer = frame.hello;
            this.allowed = creditOf(frame.hello);
            return this.emit('hello', frame.hello);
        case 'request':
            return this.serve(frame.request);
        case 'goAway':
            return this.emit('goAway', frame.goAway);
        case 'credit':
            return this.credit(frame.credit);
        case 'response':
            return this.forCall(frame.response.stream, (call) => call.response(frame.response));
        case 'data':
            return this.data(frame.data);
        default:
            return this.emit('cancel', frame.cancel);
        }
    }

    forCall(stream, tell) {
        const call = this.calls.get(stream);
        if (call) return tell(call);
        return this.emit('stray', stream); // it crossed the end of its call
    }

    // The connection's credit belongs to all its calls: DATA that crossed the end of one gives it back.
    data(data) {
        if (this.calls.has(data.stream)) return this.calls.get(data.stream).data(data);
        this.send({ credit: { bytes: data.payload.length } });
        return this.emit('stray', data.stream);
    }

    credit(credit) {
        if (credit.stream !== 0) return this.forCall(credit.stream, (call) => call.credit(credit));
        this.allowed.connectionBytes += credit.bytes;
        return this.calls.forEach((call) => call.pump());
    }

    // A call: its REQUEST is sent. A stream of requests follows by call.write(). options: timeoutMs,
    // key (true: a fresh one), metadata, run; endStream false: more will follow whatever the method.
    start(method, fields = {}, options = {}) {
        const call = new Call(this, this.nextStream, method, options);
        const payload = Buffer.isBuffer(fields) ? fields : proto.encode(call.shape.request, fields);
        const endStream = options.endStream === undefined ? !call.shape.clientStreams : options.endStream;
        this.nextStream += 2;
        this.calls.set(call.stream, call);
        this.send({ request: {
            stream: call.stream,
            method,
            timeoutMs: options.timeoutMs || 0,
            metadata: metadataOf(options),
            idempotencyKey: options.key === true ? crypto.randomBytes(16) : options.key,
            payload: payload.length > 0 ? payload : undefined,
            endStream,
        } });
        call.startTimer(options.clientTimeoutMs || options.timeoutMs || TIMEOUT_DEFAULT_MS);
        return call;
    }

    // A unary call's answer, decoded; a StatusError when it is refused.
    call(method, fields, options) {
        return this.start(method, fields, options).done;
    }

    async serve(request) {
        const handler = this.serving[request.method];
        const answer = { stream: request.stream };
        this.emit('called', request);
        try {
            if (!handler) throw new StatusError(12, 0, `nobody serves ${request.method}`);
            const { request: input, response } = proto.method(request.method);
            const out = await handler(proto.decode(input, request.payload), request);
            if (out === undefined) return; // the test answers by itself
            answer.payload = proto.encode(response, out);
        } catch (error) {
            answer.status = error.status || 2;
            answer.message = error.message;
        }
        this.send({ response: answer });
    }

    failCalls(code, reason) {
        for (const call of [...this.calls.values()]) call.fail(new StatusError(14, 0, `closed with ${code}: ${reason}`));
    }

    async close(code = 1000) {
        this.ws.close(code);
        return within(5000, this.closed, 'the close');
    }
}

function creditOf(hello) {
    return {
        messages: hello.creditMessages, bytes: hello.creditBytes, connectionBytes: hello.connectionCreditBytes,
    };
}

function metadataOf(options) {
    const metadata = Object.entries(options.metadata || {}).map(([key, value]) => ({ key, value: Buffer.from(value) }));
    if (options.run) metadata.push({ key: 'run-bin', value: options.run });
    return metadata;
}

module.exports = { Connection, StatusError, HELLO, SUBPROTOCOL };

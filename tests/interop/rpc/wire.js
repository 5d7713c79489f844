// SPDX-License-Identifier: MIT
// What is said on a connection against the rules: the right close code for each, and no harm.
'use strict';

const assert = require('assert');
const { check, within, exitCode } = require('./lib/checks');
const { Connection } = require('./lib/connection');
const proto = require('./lib/proto');
const { auditor, using } = require('./lib/system');

const v1 = (name) => `hallmark.v1.${name}`;
const MESSAGE_MAX = 4 << 20;
const HELLO_TIMEOUT_MS = 5000;

const health = (stream, fields = {}) => ({ request: { stream, method: v1('Health/Check'), endStream: true, ...fields } });

// Runs say on a fresh connection; the server must close it with that code.
function closes(name, code, say, options = {}) {
    return check(`${name}: closed with ${code}`, () => using(auditor(), options, async (c) => {
        await say(c);
        const closed = await within(10000, c.closed, 'the close');
        assert.strictEqual(closed.code, code, `closed with ${closed.code}: ${closed.reason}`);
        assert.notStrictEqual(closed.reason, '');
    }));
}

// What is sent is a request numbered 1: it gets that status, and the connection stays.
function answered(name, status, say) {
    return check(`${name}: answered with status ${status}`, () => using(auditor(), {}, async (c) => {
        const answer = new Promise((resolve) => { c.once('frame', resolve); });
        c.nextStream = 3;
        await say(c);
        const { response } = await within(10000, answer, 'the answer');
        assert.strictEqual(response.stream, 1);
        assert.strictEqual(response.status, status, response.message);
        await c.call(v1('Health/Check'));
    }));
}

function stays(name, say, options = {}) {
    return check(`${name}: the connection stays`, () => using(auditor(), options, async (c) => {
        await say(c);
        await c.call(v1('Health/Check'));
    }));
}

async function hello() {
    await check('HELLO names version 1, its limits and its software', () => using(auditor(), {}, async (c) => {
        assert.strictEqual(c.peer.version, 1);
        assert.strictEqual(c.peer.maxMessage, MESSAGE_MAX);
        assert.ok(c.peer.maxStreams >= 64);
        assert.match(c.peer.software, /^oem-server /);
        assert.strictEqual(c.ws.protocol, 'v1.rpc.hallmark');
        assert.strictEqual(c.ws.extensions, '');
    }));
    await closes('a second HELLO', 1002, (c) => c.hello());
    const before = { request: health(1), cancel: { cancel: { stream: 1 } }, credit: { credit: { bytes: 1 } } };
    for (const [kind, frame] of Object.entries(before))
        await check(`${kind} before HELLO: closed with 1002`, () => unfit({ hello: null }, (c) => c.send(frame)));
    await check('a HELLO of version 2: closed with 1002', () => unfit({ hello: { version: 2 } }));
    await check('a HELLO that takes no message: closed with 1002', () => unfit({ hello: { maxMessage: 0 } }));
    await check('a HELLO that takes no call: closed with 1002', () => unfit({ hello: { maxStreams: 0 } }));
    await check('no HELLO within 5 s: closed with 1013', async () => {
        const start = Date.now();
        await unfit({ hello: null }, () => {}, 1013);
        const took = Date.now() - start;
        assert.ok(took > HELLO_TIMEOUT_MS - 500 && took < HELLO_TIMEOUT_MS + 3000, `after ${took} ms`);
    });
}

// A connection that its own HELLO, or none, spoils.
async function unfit(options, say = () => {}, code = 1002) {
    const c = new Connection(auditor(), options);
    await c.opened;
    c.hello();
    say(c);
    const closed = await within(10000, c.closed, 'the close');
    assert.strictEqual(closed.code, code, `closed with ${closed.code}: ${closed.reason}`);
}

async function messages() {
    await closes('a text message', 1003, (c) => c.ws.send('hello'));
    await closes('an empty text message', 1003, (c) => c.ws.send(''));
    await closes('bytes that are no Frame', 1007, (c) => c.sendBytes(Buffer.from('ffffffffff', 'hex')));
    await closes('a Frame cut short', 1007, (c) => c.sendBytes(proto.encode('Frame', health(1)).subarray(0, -3)));
    await closes('64 zero bytes', 1007, (c) => c.sendBytes(Buffer.alloc(64)));
    await closes('a message of 4 MiB and a byte', 1009, (c) => c.sendBytes(Buffer.alloc(MESSAGE_MAX + 1)));
    await closes('the same in pieces', 1009, (c) => inPieces(c, Buffer.alloc(MESSAGE_MAX + 1), 1 << 20));
    await closes('a message that never ends', 1009, async (c) => {
        for (let i = 0; i < 80 && c.ws.readyState === 1; i++) c.ws.send(Buffer.alloc(1 << 16), { binary: true, fin: false });
    });
    await closes('a method that is no UTF-8', 1007, (c) => c.sendBytes(Buffer.from('120608011202fffe', 'hex')));
    await closes('a method with a NUL', 1007, (c) => c.send(health(1, { method: `${v1('Health/Check')}\0junk` })));
    await answered('a message of 4 MiB', 3, (c) => c.send(health(1, { payload: fill() })));
    await answered('a message in pieces of a byte', 0, (c) => inPieces(c, proto.encode('Frame', health(1)), 1));
    await stays('an empty message', (c) => c.sendBytes(Buffer.alloc(0)));
    await stays('a kind of frame from the future', (c) => c.sendBytes(Buffer.from('7a020801', 'hex')));
    await stays('a field from the future', (c) => c.call(v1('Health/Check'), Buffer.from('f80601', 'hex')));
    await stays('a ping', async (c) => {
        c.ws.ping('are you there');
        const data = await within(5000, new Promise((resolve) => { c.ws.once('pong', resolve); }), 'the pong');
        assert.strictEqual(data.toString(), 'are you there');
    });
    await stays('permessage-deflate offered, and not taken', (c) => assert.strictEqual(c.ws.extensions, ''),
        { deflate: true });
}

// A payload that makes the whole Frame of request 1 4 MiB: no CheckRequest, but within the limit.
function fill() {
    const rest = proto.encode('Frame', health(1, { payload: Buffer.alloc(MESSAGE_MAX / 2) })).length - MESSAGE_MAX / 2;
    const payload = Buffer.alloc(MESSAGE_MAX - rest, 0xff);
    assert.strictEqual(proto.encode('Frame', health(1, { payload })).length, MESSAGE_MAX);
    return payload;
}

function inPieces(c, bytes, size) {
    for (let at = 0; at < bytes.length; at += size)
        c.ws.send(bytes.subarray(at, at + size), { binary: true, fin: at + size >= bytes.length });
}

async function streams() {
    await closes('a stream number used again', 1002, async (c) => {
        c.send(health(1));
        c.send(health(1));
    });
    await closes('a stream number used again when its call is over', 1002, async (c) => {
        await c.call(v1('Health/Check'));
        c.send(health(1));
    });
    await closes('a stream number that goes back', 1002, (c) => { c.send(health(9)); c.send(health(7)); });
    await closes('an even stream number', 1002, (c) => c.send(health(2)));
    await closes('stream 0', 1002, (c) => c.send(health(0)));
    await closes('an answer to no call', 1002, (c) => c.send({ response: { stream: 2 } }));
    await closes('an answer to its own call', 1002, (c) => c.send({ response: { stream: 1 } }));
    await closes('an answer on stream 0', 1002, (c) => c.send({ response: {} }));
    await closes('CANCEL of a call never made', 1002, (c) => c.send({ cancel: { stream: 7 } }));
    await closes('CANCEL of stream 0', 1002, (c) => c.send({ cancel: {} }));
    await closes('DATA on no stream', 1002, (c) => c.send({ data: { stream: 5 } }));
    await closes('CREDIT on no stream', 1002, (c) => c.send({ credit: { stream: 5, messages: 1 } }));
    await closes('CREDIT without end', 1002, (c) => c.send({ credit: { bytes: 0xffffffff } }));
    await closes('DATA after the end of a request', 1002, (c) => {
        c.send({ request: { stream: 1, method: v1('Log/Follow'), endStream: true } });
        c.send({ data: { stream: 1, sequence: 0 } });
    });
    await stays('numbers that leave some out', (c) => { c.nextStream = 4001; });
    await check('the largest number is a number', () => using(auditor(), {}, (c) => {
        c.nextStream = 0xffffffff;
        return c.call(v1('Health/Check'));
    }));
    await check('GOAWAY by the client: calls under way are finished', () => using(auditor(), {}, async (c) => {
        const call = c.start(v1('Log/GetEntries'), {});
        c.send({ goAway: { reason: 'going home' } });
        await call.done;
        await c.call(v1('Health/Check'));
    }));
}

// A frame of RFC 6455, 5.2, as the client's library would never send it.
function raw(c, first, second, payload = Buffer.alloc(0)) {
    const mask = Buffer.alloc(second & 0x80 ? 4 : 0);
    c.ws._socket.write(Buffer.concat([Buffer.from([first, second]), mask, payload]));
}

// What is no frame at all ends the connection, with 1002 if anything is said. (libwebsockets
// 4.1.6 takes frames without a mask, though RFC 6455, 5.1, says to close.)
async function frames() {
    const cases = {
        'a reserved bit': [0xc2, 0x81, Buffer.alloc(1)],
        'a reserved data opcode': [0x83, 0x81, Buffer.alloc(1)],
        'a reserved control opcode': [0x8b, 0x80],
        'a ping of 126 bytes': [0x89, 0xfe, Buffer.concat([Buffer.from([0, 126]), Buffer.alloc(126)])],
        'a ping in pieces': [0x09, 0x80],
        'a continuation of nothing': [0x80, 0x81, Buffer.alloc(1)],
    };
    for (const [name, [first, second, payload]] of Object.entries(cases))
        await check(`${name} ends the connection`, () => using(auditor(), {}, async (c) => {
            raw(c, first, second, payload);
            const { code } = await within(10000, c.closed, 'the close');
            assert.ok(code === 1002 || code === 1006, `closed with ${code}`);
            await using(auditor(), {}, (other) => other.call(v1('Health/Check')));
        }));
}

async function upgrade() {
    for (const [name, subprotocol] of [['another subprotocol', 'v2.rpc.hallmark'], ['no subprotocol', []]])
        await check(`${name} is refused`, async () => {
            const c = new Connection(auditor(), { subprotocol });
            await assert.rejects(within(10000, c.opened, 'a refusal'), (e) => !/within/.test(e.message));
            c.ws.terminate();
        });
}

async function main() {
    await upgrade();
    await hello();
    await messages();
    await frames();
    await streams();
    process.exit(exitCode());
}

main();

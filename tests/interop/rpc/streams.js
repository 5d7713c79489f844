// SPDX-License-Identifier: MIT
// Streaming in both directions: order, credit, cancellation, and what must not hold up others.
'use strict';

const assert = require('assert');
const crypto = require('crypto');
const proto = require('./lib/proto');
const { check, refuses, within, exitCode } = require('./lib/checks');
const { Connection } = require('./lib/connection');
const { auditor, operator, using, digest } = require('./lib/system');

const v1 = (name) => `hallmark.v1.${name}`;
const FOLLOW = v1('Log/Follow');
const RELEASE = v1('Firmware/Release');
const QUIET_MS = 700; // in which the server would have sent what it may not
const PIECE = 256 * 1024;
const FIRMWARE = 1; // IMAGE_KIND_FIRMWARE

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// An image that may be released and that nobody released before: the vector table of one that the
// boot ROM takes (oem-server/image/README.md), then noise.
function freshImage(size = 64 * 1024) {
    const mark = 0x4c42754e;
    const fwinfo = 0xf0000;
    const image = crypto.randomBytes(size);
    [0x20008000, 0x41, 0x41, 0x41, mark, fwinfo, 0, (fwinfo - mark) >>> 0]
        .forEach((word, i) => image.writeUInt32LE(word, 4 * i));
    return image;
}

function pieces(image, size) {
    return [...Array(Math.ceil(image.length / size)).keys()].map((i) => image.subarray(i * size, (i + 1) * size));
}

async function upload(c, image, options = {}) {
    const call = c.start(RELEASE, {}, { key: true, ...options });
    const chunks = pieces(image, options.piece || 1000);
    for (const [i, chunk] of chunks.entries()) {
        const first = i === 0 ? { kind: FIRMWARE, version: options.version || 'interop' } : {};
        const sent = call.write({ ...first, chunk }, i + 1 === chunks.length);
        await Promise.race([sent, call.done]);
    }
    return call.done;
}

async function entriesOf(c) {
    const { entries } = await c.call(v1('Log/GetEntries'), {});
    return entries.map((entry) => Buffer.from(entry));
}

let orders = 0;

async function logGrows() {
    const order = {
        name: `grows-${process.pid}-${orders++}`, quantity: 1, stations: ['line-1'], lockLevel: 3, bootKeyScope: 1,
        notAfter: 4e9, firmwareSha256: digest('FIRMWARE'), devauthSha256: digest('DEVAUTH'),
    };
    await using(operator(), {}, (o) => o.call(v1('Orders/Create'), { order }, { key: true }));
}

async function following() {
    await check('Log.Follow gives what is there, in order', () => using(auditor(), {}, async (c) => {
        const want = await entriesOf(c);
        const call = c.start(FOLLOW, { start: 0 });
        const got = [];
        while (got.length < want.length) {
            const { start, entries } = await call.read();
            assert.strictEqual(Number(start), got.length);
            got.push(...entries.map((entry) => Buffer.from(entry)));
        }
        assert.deepStrictEqual(got.slice(0, want.length), want);
        call.cancel();
    }));
    await check('and then each entry as it comes', () => using(auditor(), {}, async (c) => {
        const { length } = await entriesOf(c);
        const call = c.start(FOLLOW, { start: length });
        const next = call.read();
        await logGrows();
        assert.strictEqual(Number((await within(5000, next, 'the new entry')).start), length);
        call.cancel();
    }));
    await check('until the deadline: DEADLINE_EXCEEDED by the server', () => using(auditor(), {}, async (c) => {
        const call = c.start(FOLLOW, { start: (await entriesOf(c)).length }, { timeoutMs: 300, clientTimeoutMs: 9000 });
        const readsOn = async () => { for (;;) await call.read(); }; // the server has entries of its own
        await refuses(readsOn(), 4);
    }));
    await check('a start beyond the log is OUT_OF_RANGE', () => using(auditor(), {}, (c) =>
        refuses(c.start(FOLLOW, { start: 1e9 }).read(), 11)));
    await check('CANCEL ends it: a hundred one after the other fit in 64 places', () =>
        using(auditor(), {}, async (c) => {
            for (let i = 0; i < 100; i++) {
                const call = c.start(FOLLOW, { start: 0 });
                if (await call.read().catch((error) => error.status) === 8) await pause(100); // too fast
                call.cancel();
            }
            await c.call(v1('Health/Check'));
        }));
}

// The hello grants so much; then it is up to the test.
async function starve(hello, body) {
    await using(auditor(), { hello }, async (c) => {
        const faults = [];
        c.on('fault', (error) => faults.push(error));
        await body(c, c.start(FOLLOW, { start: 0 }, { window: false }));
        assert.deepStrictEqual(faults, []);
    });
}

// A place in the server, as soon as there is one.
async function followAtEnd(c, start) {
    for (;;) {
        const call = c.start(FOLLOW, { start });
        await c.call(v1('Health/Check'));
        if (!call.over) return call;
        await refuses(call.done, 8);
        await pause(5);
    }
}

async function places() {
    await check('CANCEL of one that waits for an entry gives its place back at once', () => using(auditor(), {}, async (c) => {
        const start = (await entriesOf(c)).length;
        const rounds = async () => {
            for (let i = 0; i < 20; i++) {
                const calls = [];
                for (let k = 0; k < 8; k++) calls.push(await followAtEnd(c, start));
                calls.forEach((call) => call.cancel());
            }
        };
        await within(4000, rounds(), 'the last of 160');
    }));
}

async function keepGrowing(times) {
    for (let i = 0; i < times; i++) await logGrows();
}

async function credit() {
    await check('a reader that grants nothing gets what HELLO granted, and no more', () =>
        starve({ creditMessages: 2 }, async (c, call) => {
            await call.read();
            await logGrows();
            await call.read();
            await keepGrowing(3);
            await pause(QUIET_MS);
            assert.strictEqual(call.messages.length, 0);
            await c.call(v1('Health/Check'));
            const next = call.read();
            call.grant(1, 1 << 20);
            await within(3000, next, 'the message');
        }));
    await check('one message\'s credit is one message', () => starve({ creditMessages: 1 }, async (c, call) => {
        for (let i = 0; i < 5; i++) {
            await within(3000, call.read(), `message ${i}`);
            await logGrows();
            await pause(50);
            assert.strictEqual(call.messages.length, 0);
            call.grant(1, 1 << 20);
        }
    }));
    await check('no credit at all: nothing is sent, and the deadline still ends it', () =>
        using(auditor(), { hello: { creditMessages: 0 } }, async (c) => {
            const call = c.start(FOLLOW, { start: 0 }, { timeoutMs: 800, clientTimeoutMs: 9000, window: false });
            await refuses(call.read(), 4);
            assert.strictEqual(call.in.sequence, 0);
        }));
    await check('the connection\'s credit holds all its streams, and a grant frees them', () =>
        starve({ connectionCreditBytes: 0 }, async (c, call) => {
            await pause(QUIET_MS);
            assert.strictEqual(call.messages.length, 0);
            await c.call(v1('Health/Check'));
            const next = call.read();
            call.grant(0, 1 << 20);
            await within(3000, next, 'the message');
        }));
    await check('a peer that offers no streaming is sent no DATA', () =>
        using(auditor(), { hello: { features: 0 } }, async (c) => {
            const call = c.start(FOLLOW, { start: 0 }, { timeoutMs: 800, clientTimeoutMs: 9000 });
            await call.done.catch(() => {});
            assert.strictEqual(call.in.sequence, 0);
        }));
    await check('readers that grant nothing do not hold up those on other connections', async () => {
        const stalled = await Connection.open(auditor(), { hello: { creditMessages: 0 } });
        const calls = [...Array(4).keys()].map(() => stalled.start(FOLLOW, { start: 0 }, { window: false }));
        await using(operator(), {}, async (c) => {
            await within(3000, c.start(FOLLOW, { start: 0 }).read(), 'another reader\'s message');
            await within(3000, c.call(v1('Health/Check')), 'a unary answer');
        });
        calls.forEach((call) => call.cancel());
        stalled.ws.terminate();
    });
}

// Small readers get small messages: all the log, whatever they grant at a time.
async function smallReaders() {
    const limits = [['credit for 2,000 bytes', { creditBytes: 2000 }], ['messages of 4,096 bytes', { maxMessage: 4096 }],
        ['connection credit for 3,000 bytes', { connectionCreditBytes: 3000 }]];
    for (const [name, hello] of limits) {
        await check(`${name}: Log.Follow and Log.GetEntries give the log in as many as it takes`, () =>
            using(auditor(), { hello }, async (c) => {
                const { length } = await using(auditor(), {}, entriesOf);
                const call = c.start(FOLLOW, { start: 0 });
                for (let n = 0; n < length;) n += (await within(3000, call.read(), `entry ${n}`)).entries.length;
                call.cancel();
                let n = 0;
                while (n < length) n += (await c.call(v1('Log/GetEntries'), { start: n, count: 1000 })).entries.length;
            }));
    }
    await check('no credit in HELLO, all of it by CREDIT', () =>
        starve({ creditMessages: 0, creditBytes: 0, connectionCreditBytes: 0 }, async (c, call) => {
            await pause(QUIET_MS);
            assert.strictEqual(call.messages.length, 0);
            const next = call.read();
            call.grant(2, 4000);
            assert.ok((await within(3000, next, 'the message')).entries.length > 1);
        }));
}

async function uploads() {
    await check('Firmware.Release takes an image in pieces and gives its digest', () =>
        using(operator(), {}, async (c) => {
            const image = freshImage();
            const { sha256 } = await upload(c, image);
            assert.deepStrictEqual(Buffer.from(sha256), crypto.createHash('sha256').update(image).digest());
        }));
    await check('in one piece, and in pieces as large as the credit', () => using(operator(), {}, async (c) => {
        for (const piece of [900000, 300000, 4096]) await upload(c, freshImage(900000), { piece });
    }));
    await check('the same bytes twice is ALREADY_EXISTS', () => using(operator(), {}, async (c) => {
        const image = freshImage();
        await upload(c, image);
        await refuses(upload(c, image), 6);
    }));
    await check('a stream\'s key and the same messages again get the same answer, on another connection too', async () => {
        const key = crypto.randomBytes(16);
        const image = freshImage();
        const answers = [];
        for (let i = 0; i < 3; i++) await using(operator(), {}, async (c) => answers.push(await upload(c, image, { key })));
        const want = crypto.createHash('sha256').update(image).digest();
        answers.forEach(({ sha256 }) => assert.deepStrictEqual(Buffer.from(sha256), want));
    });
    await check('both at once do it once', async () => {
        const key = crypto.randomBytes(16);
        const image = freshImage();
        const one = () => using(operator(), {}, (c) => upload(c, image, { key }));
        const [a, b] = await Promise.all([one(), one()]);
        assert.deepStrictEqual(a, b);
    });
    await check('that key with other messages is INVALID_ARGUMENT, and releases nothing', () => using(operator(), {}, async (c) => {
        const key = crypto.randomBytes(16);
        const other = freshImage();
        await upload(c, freshImage(), { key });
        await refuses(upload(c, other, { key }), 3, /key/);
        await refuses(c.call(v1('Orders/Create'), {}, { key }), 3, /key/);
        await upload(c, other);
    }));
    await check('a failure is not stored: the key may be used again', () => using(operator(), {}, async (c) => {
        const key = crypto.randomBytes(16);
        await refuses(upload(c, crypto.randomBytes(5000), { key }), 3);
        await upload(c, freshImage(), { key });
    }));
    await check('a stream that changes something needs a key', () => using(operator(), {}, (c) =>
        refuses(upload(c, freshImage(), { key: undefined }), 3, /key/)));
    await check('a stream without a message is INVALID_ARGUMENT', () => using(operator(), {}, (c) =>
        refuses(c.start(RELEASE, {}, { key: true, endStream: true }).done, 3)));
    await check('what is no image is refused, and the connection stays', () => using(operator(), {}, async (c) => {
        await refuses(upload(c, crypto.randomBytes(5000)), 3);
        await upload(c, freshImage());
    }));
    await check('a message that is no ReleaseRequest is INVALID_ARGUMENT', () => using(operator(), {}, async (c) => {
        const call = c.start(RELEASE, {}, { key: true });
        call.write(Buffer.from('ffffff', 'hex'), true);
        await refuses(call.done, 3);
    }));
    await check('an auditor may not release', () => using(auditor(), {}, (c) => refuses(upload(c, freshImage()), 7)));
    await check('CANCEL in the middle releases nothing', () => using(operator(), {}, async (c) => {
        const image = freshImage();
        const call = c.start(RELEASE, {}, { key: true });
        await call.write({ kind: FIRMWARE, version: 'cut', chunk: image.subarray(0, 4096) });
        call.cancel();
        await upload(c, image);
    }));
    await check('a writer that stops meets its deadline', () => using(operator(), {}, async (c) => {
        const call = c.start(RELEASE, {}, { key: true, timeoutMs: 500, clientTimeoutMs: 9000 });
        await call.write({ kind: FIRMWARE, version: 'slow', chunk: Buffer.alloc(64) });
        await refuses(call.done, 4);
    }));
    await check('DATA for a call that takes one message is refused, not queued', () =>
        using(auditor(), {}, async (c) => {
            const call = c.start(v1('Health/Check'), {}, { endStream: false });
            await refuses(call.done, 3, /stream/);
            await c.call(v1('Health/Check'));
        }));
}

// DATA that is still under way when its call is refused: its credit must come back.
async function creditComesBack() {
    await check('refused uploads do not eat up the connection\'s credit', () => using(operator(), {}, async (c) => {
        for (let i = 0; i < 20; i++) {
            const call = c.start(RELEASE, {}, { key: true });
            for (let k = 0; k < 4; k++) call.write({ kind: FIRMWARE, chunk: Buffer.alloc(PIECE - 64) });
            await refuses(call.done, 3);
        }
        await within(5000, upload(c, freshImage()), 'an upload after 20 MB of refused ones');
        const full = c.peer.connectionCreditBytes;
        for (let i = 0; i < 100 && c.allowed.connectionBytes !== full; i++) await pause(20);
        assert.strictEqual(c.allowed.connectionBytes, full);
    }));
}

// A writer that does not keep to its credit or to the order of its messages. All in one piece; if
// the handler ends the call before it all the same, the rest is dropped, and it is done again.
async function breach(say) {
    const c = await Connection.open(operator());
    const call = c.start(RELEASE, {}, { key: true });
    c.ws._socket.cork();
    say(call.stream, (fields) => c.send({ data: { stream: call.stream, ...fields } }), c);
    c.ws._socket.uncork();
    const over = call.done.then(() => pause(500), () => pause(500));
    const end = await within(10000, Promise.race([c.closed, over]), 'the close');
    c.ws.terminate();
    return end;
}

function closes(name, say) {
    return check(`${name}: closed with 1002`, async () => {
        let end;
        for (let i = 0; i < 10 && end === undefined; i++) end = await breach(say);
        assert.ok(end, 'the call was always over before');
        assert.strictEqual(end.code, 1002, `closed with ${end.code}: ${end.reason}`);
    });
}

async function breaches() {
    // One that its handler takes, and waits for the next.
    const payload = proto.encode('ReleaseRequest', { kind: FIRMWARE, version: 'twice', chunk: Buffer.alloc(64) });
    await closes('DATA with a number left out', (stream, data) => { data({ sequence: 1 }); });
    await closes('DATA with a number twice', (stream, data) => {
        data({ sequence: 0, payload });
        data({ sequence: 0, payload });
    });
    await closes('DATA after the last', (stream, data) => {
        data({ sequence: 0, payload, endStream: true });
        data({ sequence: 1, payload });
    });
    await closes('more bytes than a stream\'s credit', (stream, data, c) =>
        data({ sequence: 0, payload: Buffer.alloc(c.peer.creditBytes + 1) }));
    await closes('more messages than a stream\'s credit', (stream, data, c) => {
        // The handler reads the first ones: what it grants anew is not waited for.
        for (let i = 0; i < 100 * c.peer.creditMessages; i++) data({ sequence: i, payload });
    });
    await closes('CREDIT without end for a stream', (stream, data, c) =>
        c.send({ credit: { stream, messages: 0xffffffff } }));
}

async function main() {
    await following();
    await places();
    await credit();
    await smallReaders();
    await uploads();
    await creditComesBack();
    await breaches();
    process.exit(exitCode());
}

main();

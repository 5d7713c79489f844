// SPDX-License-Identifier: MIT
// Calls by stations, operators and auditors, and what is refused to each.
'use strict';

const assert = require('assert');
const crypto = require('crypto');
const fs = require('fs');
const { check, refuses, exitCode } = require('./lib/checks');
const proto = require('./lib/proto');
const { Connection } = require('./lib/connection');
const { station, auditor, operator, using, openRequest, digest, file } = require('./lib/system');

const v1 = (name) => `hallmark.v1.${name}`;
const OK_REQUEST = { key: true };

async function roles() {
    for (const [name, who] of [['station', station()], ['operator', operator()], ['auditor', auditor()]]) {
        await check(`${name}: Health.Check is answered`, () => using(who, {}, async (c) => {
            const health = await c.call(v1('Health/Check'));
            assert.match(health.version, /^\d+\.\d+/);
            assert.ok(health.connections >= 1);
        }));
    }
    await check('operator: Orders.Show', () => using(operator(), {}, async (c) => {
        const { order } = await c.call(v1('Orders/Show'), { name: 'interop' });
        assert.deepStrictEqual(order.stations, ['line-1', 'line-2', 'line-3']);
        assert.deepStrictEqual(Buffer.from(order.firmwareSha256), digest('FIRMWARE'));
    }));
    await check('auditor: Orders.Show', () => using(auditor(), {}, async (c) => {
        const { order } = await c.call(v1('Orders/Show'), { name: 'interop' });
        assert.strictEqual(order.name, 'interop');
    }));
}

async function refusals() {
    const denied = [
        [station(), 'Orders/Show', { name: 'interop' }],
        [station(), 'Firmware/Release', { version: 'x' }],
        [station(), 'SecureBoot/SignFirmware', {}],
        [auditor(), 'Orders/Create', {}],
        [operator(), 'Runs/Open', openRequest('interop')],
    ];
    for (const [who, method, fields] of denied)
        await check(`${method} by the wrong role is PERMISSION_DENIED`, () => using(who, {}, (c) =>
            refuses(c.call(v1(method), fields, OK_REQUEST), 7, /may not call/)));
    await check('an order that is not there is NOT_FOUND', () => using(operator(), {}, (c) =>
        refuses(c.call(v1('Orders/Show'), { name: 'nothing' }), 5)));
    await check('only methods with a caller are served to anyone', servedOnly);
}

// Every method of the .proto files, asked by a station without anything: refused in order, and
// never with INTERNAL or UNKNOWN.
async function servedOnly() {
    await using(station('line-2'), {}, async (c) => {
        for (const method of proto.methods()) {
            const status = await c.call(method, Buffer.alloc(0), OK_REQUEST).then(() => 0, (e) => e.status);
            assert.ok([0, 3, 5, 7, 9, 12].includes(status), `${method}: status ${status}`);
        }
    });
}

// The limits of a request, and each of them exceeded. All are answers, and the connection stays.
async function limits() {
    const metadata = (count, size) => Object.fromEntries(
        [...Array(count).keys()].map((i) => [`k${i}-bin`, Buffer.alloc(size)]));
    const rows = [
        ['an unknown method', 12, v1('Health/Invent'), {}],
        ['an unknown service', 12, 'elsewhere.v1.Thing/Do', {}],
        ['a method without a service', 12, 'Check', {}],
        ['an empty method', 12, '', {}],
        ['a method of 81 bytes', 3, `hallmark.v1.${'x'.repeat(63)}/Check`, {}],
        ['a method with a space', 3, 'hallmark.v1.Health/ Check', {}],
        ['an idempotency key of 15 bytes', 3, v1('Health/Check'), { key: Buffer.alloc(15) }],
        ['metadata with a capital letter in its key', 3, v1('Health/Check'), { metadata: { 'Key-bin': Buffer.alloc(1) } }],
        ['metadata without a key', 3, v1('Health/Check'), { metadata: { '': Buffer.from('x') } }],
        ['metadata of bytes that says it is text', 3, v1('Health/Check'), { metadata: { key: Buffer.from([1]) } }],
        ['17 entries of metadata', 3, v1('Health/Check'), { metadata: metadata(17, 1) }],
        ['metadata of more than 16 KiB', 3, v1('Health/Check'), { metadata: metadata(16, 1024) }],
        ['a change without an idempotency key', 3, v1('Runs/Open'), {}],
    ];
    await using(station(), {}, async (c) => {
        for (const [name, status, method, options] of rows)
            await check(`${name} is refused with ${status}`, () =>
                refuses(c.call(method, Buffer.alloc(0), options), status));
        await check('a payload that is no such message is INVALID_ARGUMENT', () =>
            refuses(c.call(v1('Health/Check'), Buffer.from('ffffff', 'hex')), 3));
        await check('a text with a NUL in a payload is INVALID_ARGUMENT, and so is one that is no UTF-8', () =>
            using(auditor(), {}, async (a) => {
                await refuses(a.call(v1('Orders/Show'), { name: 'interop\0' }), 3);
                await refuses(a.call(v1('Orders/Show'), Buffer.from('0a02c328', 'hex')), 3);
            }));
        await check('16 entries of metadata are taken', () =>
            c.call(v1('Health/Check'), {}, { metadata: metadata(16, 1000) }));
    });
}

async function idempotency() {
    const key = crypto.randomBytes(16);
    const request = openRequest('interop');
    let first;
    await check('a call with its idempotency key again gets the same answer', () =>
        using(station(), {}, async (c) => {
            first = await c.call(v1('Runs/Open'), request, { key });
            const again = await c.call(v1('Runs/Open'), request, { key });
            assert.deepStrictEqual(again, first);
        }));
    await check('and on another connection too, and nothing runs twice', () =>
        using(station(), {}, async (c) => {
            const called = [];
            c.on('called', (call) => called.push(call.method));
            assert.deepStrictEqual(await c.call(v1('Runs/Open'), request, { key }), first);
            await c.call(v1('Health/Check'));
            assert.deepStrictEqual(called, []);
        }));
    await using(station(), {}, async (c) => {
        await check('that key with another request is INVALID_ARGUMENT', () =>
            refuses(c.call(v1('Runs/Open'), openRequest('interop'), { key }), 3, /key/));
        await check('that key with another method is INVALID_ARGUMENT', () =>
            refuses(c.call(v1('Runs/Report'), {}, { key, run: first.runId }), 3, /key/));
    });
    await check('another station\'s same key is a call of its own', () =>
        using(station('line-2'), {}, async (c) => {
            const other = await c.call(v1('Runs/Open'), openRequest('interop'), { key });
            assert.notDeepStrictEqual(other.runId, first.runId);
        }));
    await check('a failure is not stored: the key may be used again', failureIsNotStored);
}

// The same call, byte for byte: refused while its order is not there, answered when it is.
// The same call again while the first one is still at work: on eight connections at once.
async function madeAtOnce(who, method, fields) {
    const all = await Promise.all([...Array(8)].map(() => Connection.open(who)));
    try {
        for (let round = 0; round < 20; round++) {
            const key = crypto.randomBytes(16);
            const request = fields(round);
            const answers = await Promise.all(all.map((c) => c.call(v1(method), request, { key })));
            answers.forEach((answer) => assert.deepStrictEqual(answer, answers[0]));
        }
    } finally {
        all.forEach((c) => c.ws.terminate());
    }
}

async function repeatedAtOnce() {
    const order = (round) => ({ order: {
        name: `once-${process.pid}-${round}`, quantity: 1, stations: ['line-1'], lockLevel: 3, bootKeyScope: 1,
        notAfter: 4e9, firmwareSha256: digest('FIRMWARE'), devauthSha256: digest('DEVAUTH'),
    } });
    const csr = fs.readFileSync(file('line-9.csr.der'));
    const added = (round) => ({ role: 1, name: `once-${process.pid}-${round}`, csr });
    const cases = [[operator(), 'Orders/Create', order], [operator(), 'Registry/Add', added],
        [station(), 'Runs/Open', () => openRequest('interop')]];
    for (const [who, method, fields] of cases)
        await check(`${method} with one key on eight connections at once: one answer`, () =>
            madeAtOnce(who, method, fields));
}

async function failureIsNotStored() {
    const key = crypto.randomBytes(16);
    const name = `later-${process.pid}`;
    const request = openRequest(name);
    const order = {
        name, quantity: 1, stations: ['line-1'], lockLevel: 3, bootKeyScope: 1, notAfter: 4e9,
        firmwareSha256: digest('FIRMWARE'), devauthSha256: digest('DEVAUTH'),
    };
    await using(station(), {}, async (c) => {
        await refuses(c.call(v1('Runs/Open'), request, { key }), 5);
        await using(operator(), {}, (o) => o.call(v1('Orders/Create'), { order }, { key: true }));
        const { runId } = await c.call(v1('Runs/Open'), request, { key });
        assert.strictEqual(runId.length, 16);
    });
}

// Answers that take the server a while, asked for by many calls at once.
function slowCalls(c, count, options) {
    return [...Array(count).keys()].map(() => c.start(v1('Log/GetEntries'), { count: 1000 }, options));
}

async function concurrency() {
    await check('64 calls at once are all answered', () => using(auditor(), {}, async (c) => {
        const answers = await Promise.all(slowCalls(c, 64).map((call) => call.done));
        assert.ok(answers.every((answer) => answer.entries.length > 0));
    }));
    await check('of 100 calls at once, those over 64 are RESOURCE_EXHAUSTED, the others answered', () =>
        using(auditor(), {}, async (c) => {
            const results = await Promise.allSettled(slowCalls(c, 100).map((call) => call.done));
            const bad = results.filter((r) => r.status === 'rejected').map((r) => r.reason.status);
            assert.ok(results.length - bad.length >= 64, `${bad.length} refused`);
            assert.ok(bad.every((status) => status === 8), `statuses ${bad}`);
        }));
}

async function cancelAndDeadline() {
    await check('a cancelled call gives its place back, and is not answered later', () =>
        using(auditor(), {}, async (c) => {
            const calls = slowCalls(c, 60);
            calls.forEach((call) => call.cancel());
            for (const call of calls) await refuses(call.done, 1);
            await Promise.all(slowCalls(c, 60).map((call) => call.done));
        }));
    await check('CANCEL of a call that is over is ignored', () => using(auditor(), {}, async (c) => {
        const call = c.start(v1('Health/Check'));
        await call.done;
        c.send({ cancel: { stream: call.stream } });
        await c.call(v1('Health/Check'));
    }));
    await check('the server answers a missed deadline with DEADLINE_EXCEEDED', () =>
        using(auditor(), {}, async (c) => {
            const calls = slowCalls(c, 60, { timeoutMs: 1, clientTimeoutMs: 15000 });
            const results = await Promise.allSettled(calls.map((call) => call.done));
            const late = results.filter((r) => r.status === 'rejected');
            assert.ok(late.length > 0, 'every call was answered within 1 ms');
            assert.ok(late.every((r) => r.reason.status === 4));
        }));
    await check('a caller enforces its own deadline, and its CANCEL does no harm', () =>
        using(auditor(), {}, async (c) => {
            const calls = slowCalls(c, 60, { timeoutMs: 60000, clientTimeoutMs: 1 });
            const results = await Promise.allSettled(calls.map((call) => call.done));
            assert.ok(results.some((r) => r.status === 'rejected' && r.reason.status === 4));
            await c.call(v1('Health/Check'));
        }));
}

let orders = 0;

// An order, asked for behind so many calls that it waits for its turn: give up meanwhile.
async function neverRuns(giveUp) {
    const name = `given-up-${process.pid}-${orders++}`;
    const order = {
        name, quantity: 1, stations: ['line-1'], lockLevel: 3, bootKeyScope: 1, notAfter: 4e9,
        firmwareSha256: digest('FIRMWARE'), devauthSha256: digest('DEVAUTH'),
    };
    await using(operator(), {}, async (c) => {
        const ahead = [...Array(60).keys()].map((i) => // each writes to the disk
            c.start(v1('Orders/Create'), { order: { ...order, name: `${name}-${i}` } }, { key: true }));
        await giveUp(c, (options) => c.start(v1('Orders/Create'), { order }, { key: true, ...options }), ahead);
        if (c.ws.readyState === 1) await Promise.all(ahead.map((call) => call.done));
    });
    await using(operator(), {}, async (c) => {
        await refuses(c.call(v1('Orders/Show'), { name }), 5);
        await c.call(v1('Orders/Create'), { order }, { key: true });
    });
}

async function givenUp() {
    await check('a call that is cancelled while it waits does not run', () => neverRuns((c, create) => create().cancel()));
    await check('nor does one whose deadline passes, which is answered at once', () => neverRuns(async (c, create, ahead) => {
        let done = 0;
        ahead.forEach((call) => call.done.then(() => { done++; }));
        await refuses(create({ timeoutMs: 1, clientTimeoutMs: 15000 }).done, 4);
        assert.ok(done < ahead.length, 'its answer waited for all that were ahead of it');
    }));
    await check('nor one whose connection is lost', () => neverRuns(async (c, create, ahead) => {
        create();
        await ahead[0].done;
        c.ws.terminate();
    }));
}

async function images() {
    await check('Runs.FetchImage gives the order\'s image, by pieces, with its digest', () =>
        using(station(), { serve: answerAll }, async (c) => {
            const opened = await c.call(v1('Runs/Open'), openRequest('interop'), OK_REQUEST);
            const hash = crypto.createHash('sha256');
            let offset = 0;
            while (offset < opened.firmware.size) {
                const { chunk, size } = await c.call(v1('Runs/FetchImage'),
                    { sha256: opened.firmware.sha256, offset }, { run: opened.runId });
                assert.strictEqual(size, opened.firmware.size);
                assert.ok(chunk.length > 0 && chunk.length <= 256 * 1024);
                hash.update(chunk);
                offset += chunk.length;
            }
            assert.deepStrictEqual(hash.digest(), digest('FIRMWARE'));
            await refuses(c.call(v1('Runs/FetchImage'), { sha256: Buffer.alloc(32) },
                { run: opened.runId }), 7);
        }));
}

const answerAll = { [v1('Station/PutWebServerCertificate')]: () => ({}) };

async function main() {
    await roles();
    await refusals();
    await limits();
    await idempotency();
    await repeatedAtOnce();
    await concurrency();
    await cancelAndDeadline();
    await givenUp();
    await images();
    process.exit(exitCode());
}

main();

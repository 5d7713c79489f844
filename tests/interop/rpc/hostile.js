// SPDX-License-Identifier: MIT
// Many hostile peers at once. Each attack runs while a healthy client goes on calling.
'use strict';

const assert = require('assert');
const net = require('net');
const tls = require('tls');
const fs = require('fs');
const { check, refuses, within, say, exitCode } = require('./lib/checks');
const { Connection } = require('./lib/connection');
const proto = require('./lib/proto');
const { station, auditor, operator, using, digest, serverMemory, serverPid, url } = require('./lib/system');

const v1 = (name) => `hallmark.v1.${name}`;
const { hostname, port } = new URL(url);
const HALF_OPEN = 10000;
const EACH = 256; // connections that one caller may have
const SPARE_FILES = 500;
const ANSWER_MS = 2000; // what a healthy client may wait while others attack
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

function filesOf(pid) {
    const line = fs.readFileSync(`/proc/${pid}/limits`, 'utf8').split('\n').find((l) => l.startsWith('Max open files'));
    return Number(line.trim().split(/\s+/)[3]);
}

// As many as were asked for, or as this machine's limit on open files lets both ends have.
function bounded(count) {
    const files = Math.min(filesOf('self'), filesOf(serverPid)) - SPARE_FILES;
    if (files >= count) return count;
    say(`    ${files} connections, not ${count}: the limit on open files is ${files + SPARE_FILES} (ulimit -n)`);
    return files;
}

// In a flood of connections the server refuses one in a row of many: a client tries again.
async function connects(times) {
    try {
        await using(operator(), {}, (o) => o.call(v1('Health/Check')));
    } catch (error) {
        if (times <= 1 || error.status !== undefined) throw error;
        await pause(100);
        await connects(times - 1);
    }
}

// A healthy client: calls on a connection that stands and, now and then, on a new one.
async function healthy() {
    const c = await Connection.open(station('line-2'));
    const told = { count: 0, call: 0, connect: 0 };
    let running = true;
    const once = async (what, work) => {
        const start = Date.now();
        await work();
        told[what] = Math.max(told[what], Date.now() - start);
        told.count++;
    };
    const loop = (async () => {
        while (running) {
            await once('call', () => c.call(v1('Health/Check')));
            if (told.count % 20 === 0)
                await once('connect', () => connects(3));
            await pause(20);
        }
    })();
    loop.catch(() => {});
    return async () => {
        running = false;
        await loop.finally(() => c.ws.terminate());
        return told;
    };
}

// AddressSanitizer keeps what was freed, for a while: up to 256 MiB of it.
const KEPT_MIB = fs.readFileSync(`/proc/${serverPid}/maps`, 'utf8').includes('libasan') ? 400 : 0;

const mib = (kib) => Math.round(kib / 1024);

// Runs attack beside a healthy client; tells of the server's memory, which may grow by so much.
function attack(name, growthMax, body) {
    return check(name, async () => {
        const before = serverMemory();
        let peak = before;
        const stop = await healthy();
        const watch = setInterval(() => { peak = Math.max(peak, serverMemory()); }, 20);
        const told = await body().then(stop, async (error) => { await stop(); throw error; })
            .finally(() => clearInterval(watch));
        say(`    server: ${mib(before)} MiB, ${mib(peak - before)} more at most, ${mib(serverMemory() - before)} more after; `
            + `healthy client: ${told.count} calls, slowest ${told.call} ms, slowest new connection ${told.connect} ms`);
        assert.ok(mib(peak - before) <= growthMax + KEPT_MIB, `${mib(peak - before)} MiB more, limit ${growthMax}`);
        assert.ok(told.call <= ANSWER_MS, `a healthy client waited ${told.call} ms for an answer`);
    });
}

const closedOf = (socket) => new Promise((resolve) => { socket.once('close', resolve); });

// ---- half-open connections ----

function tcp(say) {
    return new Promise((resolve, reject) => {
        const socket = net.connect(port, hostname, () => {
            socket.on('error', () => {});
            if (say) socket.write(say);
            resolve(socket);
        });
        socket.once('error', reject);
    });
}

function tlsOf(who, bytes) {
    const read = (name) => fs.readFileSync(name);
    const socket = tls.connect({ host: hostname, port, servername: hostname, ca: read(who.ca), cert: read(who.cert), key: read(who.key) },
        () => { if (bytes) socket.write(bytes); });
    socket.on('error', () => {});
    return new Promise((resolve) => { socket.once('secureConnect', () => resolve(socket)); });
}

async function many(count, batch, make) {
    const made = [];
    while (made.length < count)
        made.push(...await Promise.all([...Array(Math.min(batch, count - made.length))].map(make)));
    return made;
}

async function halfOpen() {
    const count = bounded(HALF_OPEN);
    const hello = Buffer.from('16030100c8010000c40303', 'hex'); // a ClientHello that goes no further
    await attack(`${count} connections that never finish their handshake are dropped in time`, 150, async () => {
        const start = Date.now();
        const sockets = await many(count, 200, (_, i) => tcp(i % 2 ? hello : undefined));
        const took = Date.now() - start;
        await within(40000, Promise.all(sockets.map((s) => (s.destroyed ? 0 : closedOf(s)))), 'the last close');
        say(`    opened in ${took} ms, all dropped ${Date.now() - start} ms after the first`);
    });
    await attack('200 that pass TLS and ask for nothing, or for no WebSocket, are dropped too', 200, async () => {
        const sockets = await many(200, 20, (_, i) => tlsOf(auditor(), i % 2 ? 'GET / HTTP/1.1\r\nHost: a\r\n' : undefined));
        await within(30000, Promise.all(sockets.map((s) => (s.destroyed ? 0 : closedOf(s)))), 'the last close');
    });
}

// ---- peers that do not read ----

// Requests whose answers are large, for as long as the connection takes them.
async function flood(c, open = () => true) {
    for (let stream = 1; c.ws.readyState === 1 && open(stream); stream += 2) {
        c.send({ request: { stream, method: v1('Log/GetEntries'), endStream: true } });
        if (stream % 64 === 1) await pause(20);
        if (c.ws.bufferedAmount > 1 << 20) await pause(50);
    }
}

async function fillLog() {
    const rows = [...Array(200).keys()].map((i) => `no-such-order-${i}-${'x'.repeat(40)}`);
    const order = { quantity: 1, stations: ['line-1'], lockLevel: 3, bootKeyScope: 1, notAfter: 4e9,
        firmwareSha256: digest('FIRMWARE'), devauthSha256: digest('DEVAUTH') };
    await using(operator(), {}, async (o) => {
        for (const name of rows) await o.call(v1('Orders/Create'), { order: { ...order, name } }, { key: true });
    });
}

async function neverReads() {
    await attack('a peer that asks and never reads: its answers stop at 16 MiB, then it is closed with 1008', 120, async () => {
        const c = await Connection.open(auditor());
        c.ws.pause();
        let full = false;
        const asking = flood(c, () => !full);
        const start = Date.now();
        for (let last = -1; Date.now() - start < 8000;) {
            await pause(500);
            const now = serverMemory();
            if (now === last && Date.now() - start > 3000) break;
            last = now;
        }
        full = true;
        await asking;
        c.ws.resume();
        const { code, reason } = await within(20000, c.closed, 'the close');
        assert.strictEqual(code, 1008, `closed with ${code}: ${reason}`);
        assert.match(reason, /does not read/);
    });
}

// Each stays below its connection's limit: together they meet their caller's.
async function neverReadMany() {
    await attack('12 peers of one caller that never read: 64 MiB of answers wait for them, the rest is RESOURCE_EXHAUSTED', 140, async () => {
        const peers = await many(12, 12, () => Connection.open(auditor()));
        let last = 0;
        let full = false;
        const refused = peers.map((c) => new Promise((resolve) => {
            c.on('frame', ({ kind, response }) => {
                if (kind === 'response' && response.status !== 0) resolve(response);
            });
        }));
        peers.forEach((c) => c.ws.pause());
        const asking = peers.map((c) => flood(c, () => !full));
        for (let i = 0; i < 40 && !full; i++) {
            await pause(250);
            const now = serverMemory();
            full = i > 8 && now === last;
            last = now;
        }
        full = true;
        await Promise.all(asking);
        peers.forEach((c) => c.ws.resume());
        const { status, message } = await within(10000, Promise.race(refused), 'a refusal');
        assert.strictEqual(status, 8, `refused with ${status}: ${message}`);
        peers.forEach((c) => c.ws.terminate());
    });
}

// Never reads, and never will: pings go unanswered. Its own end cannot see that it was dropped, so
// the server is asked how many connections there are.
async function staysDeaf() {
    const start = Date.now();
    const c = await Connection.open(auditor());
    c.ws.pause();
    await flood(c, (stream) => stream < 2000);
    return () => check('a peer that does not read at all is dropped within 50 s', async () => {
        const count = () => using(operator(), {}, (o) => o.call(v1('Health/Check')));
        for (let now = await count(); now.connections > 1; now = await count()) {
            assert.ok(Date.now() - start < 50000, `${now.connections} connections after ${Date.now() - start} ms`);
            await pause(500);
        }
        say(`    after ${Date.now() - start} ms at most`);
        c.ws.terminate();
    });
}

// As many connections as one caller may have, and one more.
async function connectionsTaken() {
    await attack('a caller\'s 257th connection is closed with 1013, another caller\'s is not', 200, async () => {
        const peers = await many(EACH, 16, () => Connection.open(auditor()));
        const more = new Connection(auditor());
        await more.opened;
        const { code, reason } = await within(10000, more.closed, 'the close');
        assert.strictEqual(code, 1013, `closed with ${code}: ${reason}`);
        assert.match(reason, /connections of one principal/);
        await using(operator(), {}, (o) => o.call(v1('Health/Check')));
        await peers.pop().close();
        await using(auditor(), {}, (c) => c.call(v1('Health/Check')));
        peers.forEach((c) => c.ws.terminate());
    });
}

// Thirty connections full of calls: they get half of the server's places, and turns with others.
async function queueTaken() {
    await attack('a caller with 1920 calls on 30 connections gets half of the queue, and is told so', 200, async () => {
        const peers = await many(30, 15, () => Connection.open(auditor()));
        const told = await Promise.all(peers.flatMap((c) => [...Array(64)].map(() =>
            c.call(v1('Log/GetEntries'), {}, { timeoutMs: 30000 }).then(() => '', (error) => {
                assert.strictEqual(error.status, 8, `${error.status}: ${error.message}`);
                return error.message;
            }))));
        const refusals = told.filter((words) => words !== '');
        say(`    ${told.length - refusals.length} answered, ${refusals.length} refused`);
        assert.ok(refusals.length < told.length, 'nothing was answered');
        refusals.forEach((words) => assert.match(words, /this principal.*wait for answers/));
        peers.forEach((c) => c.ws.terminate());
    });
}

async function readsSlowly() {
    await attack('20 peers that read 4 KiB at a time hold up nobody', 250, async () => {
        const peers = await Promise.all([...Array(20)].map(() => Connection.open(auditor())));
        let reading = true;
        for (const c of peers) {
            c.ws.pause();
            flood(c, (stream) => stream < 128);
        }
        const sip = async (c) => {
            while (reading) {
                c.ws._socket.read(4096);
                await pause(50);
            }
        };
        peers.forEach(sip);
        await pause(3000);
        reading = false;
        peers.forEach((c) => c.ws.terminate());
    });
}

async function writesSlowly() {
    await attack('100 peers that send a message of 4 MiB a byte at a time hold up nobody', 60, async () => {
        const peers = await many(100, 20, () => Connection.open(auditor()));
        for (let i = 0; i < 20; i++) {
            for (const c of peers) c.ws.send(Buffer.alloc(1), { binary: true, fin: false });
            await pause(100);
        }
        peers.forEach((c) => c.ws.terminate());
    });
    await attack('50 peers that send all but the end of one: no more than what they sent', 400, async () => {
        const peers = await many(50, 10, () => Connection.open(auditor()));
        for (const c of peers) c.ws.send(Buffer.alloc(4 << 20), { binary: true, fin: false });
        await pause(3000);
        peers.forEach((c) => c.ws.terminate());
    });
}

// ---- messages made to swell, and places taken ----

// Two bytes of an empty field, two million times: unpacked they would be 200 MiB.
function swollen(field) {
    const inner = Buffer.alloc((4 << 20) - 64, Buffer.from([field << 3 | 2, 0]));
    const head = proto.encode('FrameRequest', { stream: 1, method: v1('Health/Check'), endStream: true });
    const length = Buffer.alloc(4);
    for (let i = 0; i < 4; i++) length[i] = ((inner.length + head.length) >> (7 * i) & 0x7f) | (i < 3 ? 0x80 : 0);
    return Buffer.concat([Buffer.from([0x12]), length, head, inner]);
}

async function swelling() {
    for (const [name, field] of [['metadata', 4], ['fields from the future', 15]])
        await attack(`4 MiB of empty ${name}, from ten peers: closed with 1007, and nothing swells`, 80, async () => {
            const peers = await Promise.all([...Array(10)].map(() => Connection.open(auditor())));
            for (const c of peers) c.sendBytes(swollen(field));
            for (const c of peers) {
                const { code } = await within(10000, c.closed, 'the close');
                assert.strictEqual(code, 1007, `closed with ${code}`);
            }
        });
    await attack('a payload of two million empty fields is INVALID_ARGUMENT', 80, () => using(auditor(), {}, (c) =>
        refuses(c.call(v1('Health/Check'), Buffer.alloc(4 << 20, Buffer.from('7a00', 'hex')).subarray(256)), 3)));
}

async function streamsTaken() {
    await attack('an auditor with 64 streams open leaves room for others\' streams', 100, async () => {
        await using(auditor(), {}, async (hog) => {
            const calls = [...Array(64)].map(() => hog.start(v1('Log/Follow'), { start: 0 }, { window: false }));
            await refuses(calls[63].done, 8);
            await using(operator(), {}, async (c) => {
                const call = c.start(v1('Log/Follow'), { start: 0 }, { timeoutMs: 5000 });
                await within(3000, call.read(), 'an operator\'s stream');
            });
        });
    });
}

async function main() {
    const attacks = { streamsTaken, neverReads, neverReadMany, connectionsTaken, queueTaken, readsSlowly, writesSlowly, swelling, halfOpen };
    const names = process.argv.slice(2);
    await fillLog();
    const dropped = names.length === 0 ? await staysDeaf() : () => {};
    for (const [name, run] of Object.entries(attacks))
        if (names.length === 0 || names.includes(name)) await run();
    await dropped();
    process.exit(exitCode());
}

main();

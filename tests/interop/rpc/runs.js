// SPDX-License-Identifier: MIT
// Being called: the server calls the station in the midst of a run, and the run's end.
'use strict';

const assert = require('assert');
const crypto = require('crypto');
const fs = require('fs');
const proto = require('./lib/proto');
const { check, refuses, within, exitCode } = require('./lib/checks');
const { StatusError } = require('./lib/connection');
const { station, operator, using, openRequest, file } = require('./lib/system');

const v1 = (name) => `hallmark.v1.${name}`;
const PUT_CERTIFICATE = v1('Station/PutWebServerCertificate');
const END = v1('RunControl/End');

// What a station that takes part serves: each call is kept, with the frame it came in.
function stationThat(answers = {}) {
    const calls = {};
    const serve = {};
    for (const method of [PUT_CERTIFICATE, END]) {
        calls[method] = new Promise((resolve) => {
            serve[method] = (message, request) => {
                resolve({ message, request });
                if (answers[method]) throw answers[method];
                return {};
            };
        });
    }
    return { serve, called: (method) => within(10000, calls[method], method) };
}

function runOf(request) {
    const entry = request.metadata.find(({ key }) => key === 'run-bin');
    return entry && Buffer.from(entry.value);
}

async function opensRun(c) {
    const opened = await c.call(v1('Runs/Open'), openRequest('interop'), { key: true });
    assert.strictEqual(opened.runId.length, 16);
    assert.strictEqual(opened.serverNonce.length, 32);
    return { ...opened, runId: Buffer.from(opened.runId) };
}

function report(c, run, fields) {
    return c.call(v1('Runs/Report'), { reports: [{
        requestSha256: crypto.randomBytes(32),
        responseSha256: crypto.randomBytes(32),
        ...fields,
    }] }, { key: true, run });
}

async function arrowThree() {
    await check('after Runs.Open the server calls the station, on even numbers, with run-bin', () => {
        const us = stationThat();
        return using(station(), { serve: us.serve }, async (c) => {
            const { runId } = await opensRun(c);
            const { request } = await us.called(PUT_CERTIFICATE);
            assert.strictEqual(request.stream % 2, 0);
            assert.strictEqual(request.endStream, true);
            assert.deepStrictEqual(runOf(request), runId);
        });
    });
    await check('what it puts is its own certificate, which leads to the root', () => {
        const us = stationThat();
        return using(station(), { serve: us.serve }, async (c) => {
            await opensRun(c);
            const { message } = await us.called(PUT_CERTIFICATE);
            const leaf = new crypto.X509Certificate(message.certificate);
            const issuer = new crypto.X509Certificate(message.issuer);
            const root = new crypto.X509Certificate(fs.readFileSync(file('desk/root.pem')));
            assert.ok(leaf.verify(issuer.publicKey) && issuer.verify(root.publicKey));
            const inUse = c.ws._socket.getPeerCertificate();
            assert.strictEqual(leaf.fingerprint256, inUse.fingerprint256);
        });
    });
}

async function reportedFailure() {
    await check('arrow 4 reported as failed ends the run, and the server says so', () => {
        const us = stationThat();
        return using(station(), { serve: us.serve }, async (c) => {
            const { runId } = await opensRun(c);
            await us.called(PUT_CERTIFICATE);
            const failure = { arrow: 4, status: 15, code: 44, message: 'flash read back differs' };
            await report(c, runId, failure);
            const { message, request } = await us.called(END);
            assert.deepStrictEqual(runOf(request), runId);
            assert.strictEqual(message.status, 15);
            assert.match(message.message, /flash read back differs/);
            await refuses(report(c, runId, { arrow: 5 }), 5);
        });
    });
}

// What the refusal says for programs.
function expects(refusal, arrow, method) {
    const details = proto.decode('ErrorDetails', refusal.trailers['details-bin']);
    assert.deepStrictEqual([details.expectedArrow, details.expectedMethod], [arrow, v1(method)]);
    assert.match(refusal.trailers['log-index'].toString(), /^\d+$/);
    assert.strictEqual(refusal.retryAfterMs, 0);
}

async function outOfOrder() {
    await check('an arrow out of turn is FAILED_PRECONDITION and names the one expected', () => {
        const us = stationThat();
        // Refusals are rationed for each station, and this one has none but these: each has its entry.
        return using(station('line-3'), { serve: us.serve }, async (c) => {
            const { runId } = await opensRun(c);
            await us.called(PUT_CERTIFICATE);
            for (const method of ['Ca/RequestCertificate', 'SecureBoot/RequestKey', 'KeyAgreement/PutTargetPublicKey'])
                expects(await refuses(c.call(v1(method), {}, { key: true, run: runId }), 9, /arrow 4/),
                    4, 'Board/ProgramWebServerCertificate');
            await refuses(c.call(v1('Runs/Finish'), {}, { key: true, run: runId }), 9, /arrow 4/);
        });
    });
    await check('a report of an arrow out of turn is FAILED_PRECONDITION', () => {
        const us = stationThat();
        return using(station(), { serve: us.serve }, async (c) => {
            const { runId } = await opensRun(c);
            await us.called(PUT_CERTIFICATE);
            await refuses(report(c, runId, { arrow: 6 }), 9, /arrow 4/);
        });
    });
    await check('an arrow without a run is INVALID_ARGUMENT, of another station\'s NOT_FOUND', () =>
        using(station(), {}, async (mine) => {
            const { runId } = await opensRun(mine);
            await using(station('line-2'), {}, async (c) => {
                await refuses(c.call(v1('SecureBoot/RequestKey'), {}, { key: true }), 3, /run-bin/);
                await refuses(c.call(v1('SecureBoot/RequestKey'), {}, { key: true, run: runId }), 5);
            });
        }));
}

async function poorStations() {
    await check('a station that refuses the call ends its run with its own status and words', () => {
        const us = stationThat({ [PUT_CERTIFICATE]: new StatusError(14, 0, 'no board in the socket') });
        return using(station(), { serve: us.serve }, async (c) => {
            await opensRun(c);
            const { message } = await us.called(END);
            assert.strictEqual(message.status, 14);
            assert.match(message.message, /no board in the socket/);
        });
    });
    await check('a client that serves nothing ends its run, and may go on calling', () =>
        using(station(), {}, async (c) => {
            const ended = new Promise((resolve) => {
                c.on('called', ({ method }) => { if (method === END) resolve(); });
            });
            await opensRun(c);
            await within(10000, ended, END);
            await c.call(v1('Health/Check'));
        }));
    await check('an answer with bytes that are no such message ends its run, and is of no harm to others', () => {
        const us = stationThat();
        const serve = { ...us.serve, [PUT_CERTIFICATE]: () => undefined };
        return using(station(), { serve }, async (c) => {
            const called = new Promise((resolve) => { c.once('called', resolve); });
            await opensRun(c);
            const { stream } = await within(10000, called, PUT_CERTIFICATE);
            c.send({ response: { stream, payload: Buffer.from('ffffff', 'hex') } });
            const { message } = await us.called(END);
            assert.deepStrictEqual([message.status, message.code], [13, 34]);
            await using(station('line-2'), {}, (other) => other.call(v1('Health/Check')));
            await c.call(v1('Health/Check'));
        });
    });
    await check('a station that leaves in the midst of a run gives its unit back', async () => {
        const before = await using(operator(), {}, (c) => c.call(v1('Orders/Show'), { name: 'interop' }));
        await using(station(), {}, async (c) => {
            const us = c.call(v1('Runs/Open'), openRequest('interop'), { key: true });
            await us;
        });
        await using(operator(), {}, async (c) => {
            for (let underWay = Infinity; underWay > before.counts.underWay;)
                ({ counts: { underWay } } = await c.call(v1('Orders/Show'), { name: 'interop' }));
        });
    });
}

async function main() {
    await arrowThree();
    await reportedFailure();
    await outOfOrder();
    await poorStations();
    process.exit(exitCode());
}

main();

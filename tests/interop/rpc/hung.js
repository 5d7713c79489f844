// SPDX-License-Identifier: MIT
// The HSM hangs: who waits, for how long, and who does not.
'use strict';

const assert = require('assert');
const fs = require('fs');
const { check, refuses, within, exitCode } = require('./lib/checks');
const { Connection } = require('./lib/connection');
const { station, auditor, operator, using, serverPid, file } = require('./lib/system');

const v1 = (name) => `hallmark.v1.${name}`;
const WORKERS = 4; // oem-server's default
const SIGN_MS = 2000; // what its I/O thread waits for a TLS signature
const HUNG_MS = 5000; // when a call is said to hang
const STOP_MS = 15000; // its time for a stop
const LOOK_MS = 1500; // it looks every second
const csr = fs.readFileSync(file('any.csr.der'));
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

const hang = () => fs.writeFileSync(process.env.P11SHIM_HANG, '');
const comeBack = () => fs.unlinkSync(process.env.P11SHIM_HANG);

// Needs a signature of the issuing token.
function add(c, name, options) {
    return c.call(v1('Registry/Add'), { role: 1, name, csr }, { key: true, ...options });
}

async function timed(promise) {
    const start = Date.now();
    await promise;
    return Date.now() - start;
}

function isGone() {
    try {
        return fs.readFileSync(`/proc/${serverPid}/stat`, 'utf8').split(') ')[1].startsWith('Z');
    } catch (error) {
        return true;
    }
}

async function whileItHangs(writers, reader) {
    const start = Date.now();
    hang();
    const calls = writers.map((c, i) => add(c, `hung-${i}`, { timeoutMs: 2000, clientTimeoutMs: 20000 }));
    await check('calls that hang in the HSM get DEADLINE_EXCEEDED in time, those behind them too', async () => {
        for (const call of calls) await refuses(call, 4);
        assert.ok(Date.now() - start < 3500, `after ${Date.now() - start} ms`);
    });
    await check('others are served, though more calls hang than there are workers', async () => {
        const took = await timed(refuses(reader.call(v1('Orders/Show'), { name: 'none' }), 5));
        assert.ok(took < 2500, `after ${took} ms`);
    });
    await check('a new connection fails, and holds up nobody for longer than one signature', async () => {
        const fresh = using(station(), {}, () => {}).then(() => 'opened', () => 'refused');
        const took = await timed(refuses(reader.call(v1('Orders/Show'), { name: 'none' }), 5));
        assert.ok(took < SIGN_MS + 1000, `after ${took} ms`);
        assert.strictEqual(await within(SIGN_MS + 3000, fresh, 'its failure'), 'refused');
        const again = using(station(), {}, () => {}).then(() => 'opened', () => 'refused');
        const next = await timed(refuses(reader.call(v1('Orders/Show'), { name: 'none' }), 5));
        assert.ok(next < 1000, `the second signature was waited for, too: ${next} ms`);
        assert.strictEqual(await within(3000, again, 'its failure'), 'refused');
    });
    await check('Health.Check tells of it', async () => {
        await pause(Math.max(0, start + HUNG_MS + LOOK_MS - Date.now()));
        await refuses(reader.call(v1('Health/Check')), 14, /HSM is unresponsive: C_Sign/);
    });
}

async function afterIt(writers, reader) {
    comeBack();
    await check('when it comes back all is well, and what missed its deadline was not done', async () => {
        for (const [i, c] of writers.entries()) await add(c, `hung-${i}`);
        await reader.call(v1('Health/Check'));
        await using(station(), {}, (c) => c.call(v1('Health/Check')));
        await pause(LOOK_MS); // and it says so
    });
}

async function stops(c) {
    await check('SIGTERM ends it all the same', async () => {
        hang();
        const call = add(c, 'last', { timeoutMs: 60000, clientTimeoutMs: 60000 }).catch(() => {});
        await pause(200);
        const start = Date.now();
        process.kill(serverPid, 'SIGTERM');
        const { code } = await within(STOP_MS, c.closed, 'the close');
        assert.strictEqual(code, 1001);
        while (!isGone()) {
            assert.ok(Date.now() - start < STOP_MS + 3000, 'it is still there');
            await pause(100);
        }
        await call;
    });
}

async function main() {
    const writers = [];
    for (let i = 0; i < WORKERS + 2; i++) writers.push(await Connection.open(operator()));
    const reader = await Connection.open(auditor());
    await whileItHangs(writers, reader);
    await afterIt(writers, reader);
    await stops(writers[0]);
    process.exit(exitCode());
}

main();

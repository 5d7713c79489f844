// SPDX-License-Identifier: MIT
// The server is stopped while calls and streams are under way. The last of all: it is gone then.
'use strict';

const assert = require('assert');
const { check, refuses, within, exitCode } = require('./lib/checks');
const { Connection } = require('./lib/connection');
const { auditor, station, openRequest, serverPid } = require('./lib/system');

const v1 = (name) => `hallmark.v1.${name}`;

async function main() {
    const c = await Connection.open(auditor());
    const other = await Connection.open(station());
    const away = new Promise((resolve) => { c.once('goAway', resolve); });
    const follow = c.start(v1('Log/Follow'), { start: 0 });
    await follow.read();
    const slow = [...Array(40)].map(() => c.start(v1('Log/GetEntries'), {}));
    const answers = Promise.allSettled(slow.map((call) => call.done));
    await slow[0].done;
    process.kill(serverPid, 'SIGTERM');
    await check('GOAWAY comes first, with a reason', async () => {
        const { reason } = await within(5000, away, 'GOAWAY');
        assert.match(reason, /stopping/);
    });
    // At once: the server closes a connection on which nothing is under way.
    await check('a new call is UNAVAILABLE, to be made again later', async () => {
        const refusal = await refuses(
            within(5000, other.call(v1('Runs/Open'), openRequest('interop'), { key: true }), 'a refusal'), 14);
        assert.ok(refusal.retryAfterMs > 0);
    });
    await check('calls under way are answered, later ones UNAVAILABLE, none is forgotten', async () => {
        const results = await within(5000, answers, 'every answer');
        assert.ok(results.some((r) => r.status === 'fulfilled' && r.value.entries.length > 0));
        assert.ok(results.every((r) => r.status === 'fulfilled' || /draining/.test(r.reason.message)));
    });
    await check('a stream ends with UNAVAILABLE', async () => {
        await assert.rejects(within(5000, (async () => { while (await follow.read() !== undefined); })(), 'its end'),
            (error) => error.status === 14);
    });
    await check('then the connections are closed with 1001', async () => {
        for (const one of [c, other]) {
            const { code, reason } = await within(10000, one.closed, 'the close');
            assert.strictEqual(code, 1001, `closed with ${code}: ${reason}`);
        }
    });
    process.exit(exitCode());
}

main();

// SPDX-License-Identifier: MIT
// Who may connect, as Node's TLS sees it; and a certificate revoked while it is in use.
'use strict';

const assert = require('assert');
const tls = require('tls');
const fs = require('fs');
const { check, within, say, exitCode } = require('./lib/checks');
const { Connection } = require('./lib/connection');
const { station, operator, credentials, using, file } = require('./lib/system');

const v1 = (name) => `hallmark.v1.${name}`;
const ALERT_WAIT_MS = 10000;

// RFC 8446, 6: what the server says in the handshake. Under TLS 1.3 it comes with the first read.
async function alertOf(who) {
    const url = new URL(who.url);
    const read = (name) => (name ? fs.readFileSync(name) : undefined);
    const socket = tls.connect({
        host: url.hostname, port: url.port, servername: url.hostname, ca: read(who.ca),
        cert: read(who.cert), key: read(who.key), maxVersion: who.maxVersion,
    });
    const error = await within(ALERT_WAIT_MS, new Promise((resolve, reject) => {
        socket.once('error', resolve);
        socket.once('close', () => reject(new Error('closed without an alert')));
    }), 'an alert');
    socket.destroy();
    const found = /SSL alert number (\d+)/.exec(error.message);
    assert.ok(found, `no alert: ${error.message}`);
    return Number(found[1]);
}

function alerts(name, number, who) {
    return check(`${name}: TLS alert ${number}`, async () => {
        assert.strictEqual(await alertOf(who), number);
        const c = new Connection(who);
        await assert.rejects(within(ALERT_WAIT_MS, c.opened, 'a refusal'), (e) => !/within/.test(e.message));
    });
}

async function handshakes() {
    const mine = station();
    const with_ = (cert) => ({ ...mine, cert: file(cert) });
    await alerts('no certificate', 116, { ...mine, cert: undefined, key: undefined });
    await alerts('a foreign CA\'s certificate', 48, with_('other.pem'));
    await alerts('an expired certificate', 45, with_('expired.pem'));
    await alerts('TLS 1.2', 70, { ...mine, maxVersion: 'TLSv1.2' });
    await check('TLS 1.3, and no session ticket', () => using(mine, {}, async (c) => {
        let tickets = 0;
        c.ws._socket.on('session', () => { tickets++; });
        await c.call(v1('Health/Check'));
        assert.strictEqual(c.ws._socket.getProtocol(), 'TLSv1.3');
        assert.strictEqual(tickets, 0);
    }));
    await check('a server of another name or CA is refused by the client', async () => {
        const c = new Connection({ ...mine, ca: file('other-ca.pem') });
        await assert.rejects(c.opened, /certificate|issuer/);
    });
}

async function refusedWith(who, words) {
    const c = new Connection(who);
    await c.opened;
    c.hello();
    const { code, reason } = await within(ALERT_WAIT_MS, c.closed, 'the close');
    assert.strictEqual(code, 1008, `closed with ${code}: ${reason}`);
    assert.match(reason, words);
}

async function registry() {
    const mine = station();
    await check('a certificate of this CA that is not registered: closed with 1008', () =>
        refusedWith({ ...mine, cert: file('unknown.pem') }, /regist/));
    await check('a registered name\'s other certificate: closed with 1008', () =>
        refusedWith({ ...mine, cert: file('twin.pem') }, /regist/));
    await check('revoked while connected: closed with 1008, calls under way fail', async () => {
        const name = 'line-9';
        const { certificate } = await using(operator(), {}, (o) => o.call(v1('Registry/Add'),
            { role: 1, name, csr: fs.readFileSync(file('line-9.csr.der')) }, { key: true }));
        writePem(file('line-9.pem'), certificate, file('desk/issuing.pem'));
        const who = credentials(file('line-9'));
        const c = await Connection.open(who);
        await c.call(v1('Health/Check'));
        const revoked = await using(operator(), {}, (o) => o.call(v1('Registry/Revoke'),
            { role: 1, name, reason: 'stolen' }, { key: true }));
        assert.strictEqual(revoked.connectionsClosed, 1);
        const { code, reason } = await within(ALERT_WAIT_MS, c.closed, 'the close');
        assert.strictEqual(code, 1008);
        assert.match(reason, /revoked/);
        await refusedWith(who, /revoked/);
    });
}

const CALLERS = 12;
const READ_LATE_MS = 500;
const LINGER_MS = 15000; // in which a peer that takes no close is dropped

// A station's connections that go on sending, and do not read while body revokes it.
async function floodAndRevoke(name, body) {
    const { certificate } = await using(operator(), {}, (o) => o.call(v1('Registry/Add'),
        { role: 1, name, csr: fs.readFileSync(file('line-9.csr.der')) }, { key: true }));
    writePem(file(`${name}.pem`), certificate, file('desk/issuing.pem'));
    const who = { ...credentials(file(name)), key: file('line-9.key') };
    const callers = await Promise.all([...Array(CALLERS)].map(() => Connection.open(who)));
    const timers = callers.map((c) => setInterval(() => {
        for (let i = 0; i < 8 && c.ws.readyState === 1; i++)
            c.send({ request: { stream: c.nextStream, method: v1('Health/Check'), endStream: true } }, c.nextStream += 2);
    }, 1));
    callers.forEach((c) => c.ws.pause());
    await using(operator(), {}, (o) => o.call(v1('Registry/Revoke'), { role: 1, name, reason: 'stolen' }, { key: true }));
    await body(callers).finally(() => timers.forEach(clearInterval));
    callers.forEach((c) => c.ws.terminate());
}

// Requests in flight when the server closes: it must read them to the end, or the client's system
// would throw the close frame away with the rest (RFC 9293, 3.10.7.1).
async function refusedInFlight() {
    await check(`${CALLERS} connections that go on sending are told why they are closed`, () =>
        floodAndRevoke('line-10', async (callers) => {
            await new Promise((resolve) => { setTimeout(resolve, READ_LATE_MS); });
            callers.forEach((c) => c.ws.resume());
            const ends = await within(ALERT_WAIT_MS, Promise.all(callers.map((c) => c.closed)), 'the closes');
            assert.deepStrictEqual(ends.filter(({ code }) => code !== 1008), []);
        }));
    await check('those that never read it are gone all the same', () =>
        floodAndRevoke('line-11', () => using(operator(), {}, async (o) => {
            const start = Date.now();
            for (let now = await o.call(v1('Health/Check')); now.connections > 1; now = await o.call(v1('Health/Check'))) {
                assert.ok(Date.now() - start < LINGER_MS, `${now.connections} connections after ${LINGER_MS} ms`);
                await new Promise((resolve) => { setTimeout(resolve, 100); });
            }
            say(`    after ${Date.now() - start} ms`);
        })));
}

function writePem(name, der, issuer) {
    const lines = Buffer.from(der).toString('base64').match(/.{1,64}/g).join('\n');
    fs.writeFileSync(name, `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n${fs.readFileSync(issuer)}`);
}

async function main() {
    await handshakes();
    await registry();
    await refusedInFlight();
    process.exit(exitCode());
}

main();

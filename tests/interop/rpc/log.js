// SPDX-License-Identifier: MIT
// The event log, read by an auditor who trusts nothing but the log's public key.
'use strict';

const assert = require('assert');
const { check, refuses, exitCode } = require('./lib/checks');
const proto = require('./lib/proto');
const tlog = require('./lib/tlog');
const { auditor, operator, station, using, digest, verifierText } = require('./lib/system');

const v1 = (name) => `hallmark.v1.${name}`;

async function checkpoint(c, verifier, oldSize = 0) {
    const answer = await c.call(v1('Log/GetCheckpoint'), { oldSize });
    return { ...tlog.openCheckpoint(Buffer.from(answer.checkpoint), verifier), consistency: answer.consistency };
}

async function entries(c, size) {
    const all = [];
    while (all.length < size) {
        const answer = await c.call(v1('Log/GetEntries'), { start: all.length, count: size - all.length });
        assert.ok(answer.entries.length > 0, `no entry ${all.length} of ${size}`);
        all.push(...answer.entries.map((entry) => Buffer.from(entry)));
    }
    return all.slice(0, size);
}

function rootOf(list) {
    const tree = new tlog.Tree();
    list.forEach((entry) => tree.add(entry));
    return tree.root();
}

function knownAnswers() {
    const hex = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
    const list = hex.map((text) => Buffer.from(text, 'hex'));
    assert.strictEqual(rootOf(list.slice(0, 1)).toString('hex'),
        '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
    assert.strictEqual(rootOf(list).toString('hex'),
        '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328');
}

const sampleKey = 'log.example/factory+fc0f40ee+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs';
const sample = `log.example/factory
40
Wzz6bsCzMemyyYTQtkOMyjGRcHq7r/gY4Hs2scCticE=

— log.example/factory /A9A7sSRVZxc36k/0gvkhFImd4rdeCpm9/qQtp7YEAkEW/3iHhsH2Uy2uRcAnzC/QOfZKeGBdQuHctWxFzM5+AQIZAI=
`;

async function eventOf(c, trailers) {
    const start = Number(trailers['log-index'].toString());
    const { entries: [entry] } = await c.call(v1('Log/GetEntries'), { start, count: 1 });
    return proto.decode('Event', entry);
}

async function namesItsEntry(c) {
    const order = {
        name: `named-${process.pid}`, quantity: 1, stations: ['line-1'], lockLevel: 3, bootKeyScope: 1, notAfter: 4e9,
        firmwareSha256: digest('FIRMWARE'), devauthSha256: digest('DEVAUTH'),
    };
    await using(operator(), {}, async (o) => {
        const made = o.start(v1('Orders/Create'), { order }, { key: true });
        await made.done;
        const event = await eventOf(c, made.trailers);
        assert.deepStrictEqual([event.method, event.status], [v1('Orders/Create'), 0]);
        const refusal = await refuses(o.call(v1('Orders/Create'), { order }, { key: true }), 6);
        const refused = await eventOf(c, refusal.trailers);
        assert.deepStrictEqual([refused.kind, refused.status], ['refusal', 6]);
        const asked = o.start(v1('Orders/Show'), { name: order.name });
        await asked.done;
        assert.deepStrictEqual(asked.trailers, {});
    });
}

// What a caller can cause at will is rationed: 20 entries at once, then one a second, and one for the rest.
async function floods(c) {
    const before = await sizeOf(c);
    const { count, took } = await using(station('line-2'), {}, async (s) => {
        const start = Date.now();
        const denied = [...Array(50)].map(() => refuses(s.call(v1('Orders/Show'), { name: 'interop' }), 7));
        await Promise.all(denied);
        const away = { status: 9, message: 'x'.repeat(400), probe: 'interop' };
        const told = [...Array(10)].map(() => s.call(v1('Bench/TurnAway'), away, { key: true }).catch((error) => error.status));
        assert.deepStrictEqual([...new Set(await Promise.all(told))], [8]);
        return { count: 60, took: Date.now() - start };
    });
    let got = [];
    for (let told = 0; told < count;) { // or more: what was left out earlier is told of now
        await new Promise((resolve) => { setTimeout(resolve, 200); });
        got = (await entries(c, await sizeOf(c))).slice(before).map((entry) => proto.decode('Event', entry))
            .filter((e) => e.actor.endsWith('/line-2'));
        told = got.reduce((n, e) => n + Number((/^(\d+) more refusals of this principal, last: /.exec(e.message) || [0, 1])[1]), 0);
    }
    assert.ok(got.length <= 21 + 2 * Math.ceil(took / 1000), `${got.length} entries`);
}

async function sizeOf(c) {
    const { checkpoint: note } = await c.call(v1('Log/GetCheckpoint'));
    return Number(Buffer.from(note).toString().split('\n')[1]);
}

async function main() {
    const verifier = tlog.verifierKey(verifierText());
    await check('this verifier: the check values of the specification', knownAnswers);
    await check('this verifier: the note of the specification', () => {
        const key = tlog.verifierKey(sampleKey);
        assert.strictEqual(tlog.openCheckpoint(Buffer.from(sample), key).size, 40);
        assert.throws(() => tlog.openCheckpoint(Buffer.from(sample.replace('40', '41')), key));
    });
    await using(auditor(), {}, async (c) => {
        let old;
        await check('the checkpoint is signed by the log\'s key', async () => {
            old = await checkpoint(c, verifier);
            assert.ok(old.size > 0);
        });
        await check('another key\'s name or bytes do not open it', async () => {
            const { checkpoint: note } = await c.call(v1('Log/GetCheckpoint'));
            assert.throws(() => tlog.openCheckpoint(Buffer.from(note), tlog.verifierKey(sampleKey)));
        });
        await check('all entries hash to the root that was signed', async () => {
            assert.deepStrictEqual(rootOf(await entries(c, old.size)), old.root);
        });
        await check('every entry is an Event; one changed byte is another root', async () => {
            const list = await entries(c, old.size);
            const events = list.map((entry) => proto.decode('Event', entry));
            assert.ok(events.some((e) => e.kind === 'arrow' && e.arrow === 1));
            list[0] = Buffer.concat([list[0], Buffer.from([0])]);
            assert.notDeepStrictEqual(rootOf(list), old.root);
        });
        await check('an answer names its entry in the log, a refusal too, a question not', () => namesItsEntry(c));
        await check('receipts of the first, a middle and the last entry hold', async () => {
            const list = await entries(c, old.size);
            for (const index of [0, old.size >> 1, old.size - 1]) {
                const { proof } = await c.call(v1('Log/GetProof'), { index });
                assert.strictEqual(tlog.openReceipt(Buffer.from(proof), list[index], verifier), index);
                assert.throws(() => tlog.openReceipt(Buffer.from(proof), Buffer.from('other'), verifier));
            }
        });
        await check('the log only grows: consistency with the checkpoint kept', async () => {
            await using(operator(), {}, (o) => refuses(o.call(v1('Orders/Show'), { name: 'none' }), 5));
            const now = await checkpoint(c, verifier, old.size);
            assert.ok(now.size > old.size, 'the refusal made no entry');
            tlog.checkConsistency(old, now, now.consistency.map((hash) => Buffer.from(hash)));
        });
        await check('refusals and turned-away boards of one caller are rationed, and none is forgotten', () => floods(c));
        await check('a size beyond the log is OUT_OF_RANGE', async () => {
            await refuses(c.call(v1('Log/GetCheckpoint'), { oldSize: 1e9 }), 11);
            await refuses(c.call(v1('Log/GetProof'), { index: 1e9 }), 11);
            for (const start of [1e9, 2 ** 63])
                await refuses(c.call(v1('Log/GetEntries'), { start }), 11, /^log: there is no entry/);
        });
    });
    process.exit(exitCode());
}

main();

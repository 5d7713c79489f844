// SPDX-License-Identifier: MIT
// tlog: the event log's tree, notes and receipts, checked as oem-server/tlog/README.md says.
'use strict';

const assert = require('assert');
const crypto = require('crypto');

const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex'); // RFC 8410, section 4

function sha256(...parts) {
    const hash = crypto.createHash('sha256');
    for (const part of parts) hash.update(part);
    return hash.digest();
}

function leafHash(entry) {
    return sha256(Buffer.from([0]), entry);
}

function nodeHash(left, right) {
    return sha256(Buffer.from([1]), left, right);
}

// One hash for each 1 bit of the count so far; the root is the fold from the lowest bit up.
class Tree {
    constructor() {
        this.edge = [];
        this.size = 0;
    }

    add(entry) {
        let hash = leafHash(entry);
        let bit = 0;
        for (; this.edge[bit]; bit++) {
            hash = nodeHash(this.edge[bit], hash);
            this.edge[bit] = undefined;
        }
        this.edge[bit] = hash;
        this.size++;
    }

    root() {
        const hashes = this.edge.filter(Boolean);
        return hashes.length === 0 ? sha256() : hashes.reduce((right, left) => nodeHash(left, right));
    }
}

// "name+hash+key"
function verifierKey(text) {
    const [name, id, ...key] = text.trim().split('+'); // base64 has a + of its own
    const bytes = Buffer.from(key.join('+'), 'base64');
    assert.strictEqual(bytes.length, 33, 'verifier key: not 33 bytes');
    assert.strictEqual(bytes[0], 1, 'verifier key: not Ed25519');
    const made = sha256(Buffer.from(`${name}\n`), bytes).subarray(0, 4).toString('hex');
    assert.strictEqual(id, made, 'verifier key: its ID is another');
    const spki = Buffer.concat([ED25519_SPKI, bytes.subarray(1)]);
    return { name, id, key: crypto.createPublicKey({ key: spki, format: 'der', type: 'spki' }) };
}

// The checkpoint's origin, size and root, once a signature by the verifier's key holds.
function openCheckpoint(note, verifier) {
    const words = note.toString('utf8');
    const at = words.lastIndexOf('\n\n');
    const text = words.slice(0, at + 1);
    const signed = words.slice(at + 2).split('\n').filter(Boolean).some((line) => {
        const [dash, name, blob] = line.split(' ');
        assert.strictEqual(dash, '—', 'signature line: no em dash');
        const bytes = Buffer.from(blob, 'base64');
        if (name !== verifier.name || bytes.subarray(0, 4).toString('hex') !== verifier.id) return false;
        const good = crypto.verify(null, Buffer.from(text), verifier.key, bytes.subarray(4));
        assert.ok(good, 'checkpoint: the signature is false');
        return true;
    });
    assert.ok(signed, 'checkpoint: not signed by this key');
    const [origin, size, root] = text.split('\n');
    assert.strictEqual(origin, verifier.name, 'checkpoint: another origin');
    return { origin, size: Number(size), root: Buffer.from(root, 'base64') };
}

// RFC 9162, 2.1.3.2
function rootOfInclusion(hash, index, size, path) {
    let [i, s, r] = [index, size - 1, hash];
    for (const p of path) {
        assert.notStrictEqual(s, 0, 'proof: too long');
        if (i % 2 === 1 || i === s) {
            r = nodeHash(p, r);
            while (i % 2 === 0 && i !== 0) [i, s] = [i >> 1, s >> 1];
        } else {
            r = nodeHash(r, p);
        }
        [i, s] = [i >> 1, s >> 1];
    }
    assert.strictEqual(s, 0, 'proof: too short');
    return r;
}

// A receipt of an entry: what it is good for is that it needs nothing else but the key.
function openReceipt(receipt, entry, verifier) {
    const words = receipt.toString('utf8');
    const at = words.indexOf('\n\n');
    const [title, ...lines] = words.slice(0, at).split('\n');
    assert.strictEqual(title, 'c2sp.org/tlog-proof@v1');
    if (lines[0].startsWith('extra ')) lines.shift();
    const index = Number(lines.shift().replace(/^index /, ''));
    const checkpoint = openCheckpoint(Buffer.from(words.slice(at + 2)), verifier);
    const path = lines.map((line) => Buffer.from(line, 'base64'));
    const root = rootOfInclusion(leafHash(entry), index, checkpoint.size, path);
    assert.deepStrictEqual(root, checkpoint.root, 'receipt: leads to another root');
    return index;
}

// RFC 9162, 2.1.4.2: the log of the new size continues that of the old one.
function checkConsistency(old, now, proof) {
    const path = [...proof];
    if ((old.size & (old.size - 1)) === 0) path.unshift(old.root);
    let [fn, sn] = [old.size - 1, now.size - 1];
    while (fn % 2 === 1) [fn, sn] = [fn >> 1, sn >> 1];
    let [fr, sr] = [path[0], path[0]];
    for (const c of path.slice(1)) {
        assert.notStrictEqual(sn, 0, 'consistency: too long');
        if (fn % 2 === 1 || fn === sn) {
            [fr, sr] = [nodeHash(c, fr), nodeHash(c, sr)];
            while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn >> 1, sn >> 1];
        } else {
            sr = nodeHash(sr, c);
        }
        [fn, sn] = [fn >> 1, sn >> 1];
    }
    assert.strictEqual(sn, 0, 'consistency: too short');
    assert.deepStrictEqual(fr, old.root, 'consistency: the old root is another');
    assert.deepStrictEqual(sr, now.root, 'consistency: the new root is another');
}

module.exports = { Tree, verifierKey, openCheckpoint, openReceipt, checkConsistency };

// SPDX-License-Identifier: MIT
// system: the server under test and who may speak to it, as the script that started it says.
'use strict';

const fs = require('fs');
const path = require('path');
const { Connection } = require('./connection');

const folder = process.env.INTEROP_DIR;
const url = process.env.INTEROP_SERVER;
const serverPid = Number(process.env.INTEROP_SERVER_PID);

function file(...parts) {
    return path.join(folder, ...parts);
}

// Certificates that oemctl made: NAME.pem, NAME.key of a folder.
function credentials(base, key = base) {
    return { url, ca: file('desk/root.pem'), cert: `${base}.pem`, key: `${key}.key` };
}

const station = (name = 'line-1') => credentials(file('station', name));
const auditor = () => credentials(file('auditor/carol'));
const operator = () => credentials(file('desk', 'operator'));

// Runs body on a connection of its own, which is closed whatever happens.
async function using(who, options, body) {
    const connection = await Connection.open(who, options);
    try {
        return await body(connection);
    } finally {
        connection.ws.terminate();
    }
}

let units = 0;

// A board's UID that no other test has.
function freshUid() {
    const uid = Buffer.alloc(12, 0xa5);
    uid.writeUInt32BE(process.pid, 0);
    uid.writeUInt32BE(units++, 8);
    return uid;
}

function openRequest(order, uid = freshUid()) {
    return { order, uid, pdid: 0x235400, probe: 'interop', software: 'node' };
}

function verifierText() {
    return fs.readFileSync(file('desk/log.vkey'), 'utf8');
}

function digest(name) {
    return Buffer.from(process.env[`INTEROP_${name}_SHA256`], 'hex');
}

// Resident memory of the server, KiB.
function serverMemory() {
    const status = fs.readFileSync(`/proc/${serverPid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)[1]);
}

module.exports = {
    station, auditor, operator, credentials, using, freshUid, openRequest, verifierText, digest,
    serverMemory, serverPid, file, url,
};

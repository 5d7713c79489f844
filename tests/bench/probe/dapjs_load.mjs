// SPDX-License-Identifier: MIT
// dapjs writes FILE to SRAM at 0x20000000. Prints what that took in simulated time, in the form of
// bench_probe. usage: node dapjs_load.mjs PORT CONTROL FILE TRANSPORT_MODULE
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

const [port, control, file, module] = process.argv.slice(2);
const { CortexM, TcpTransport } = await import(module);
const WINDOW = 1024; // dapjs writes TAR once a block, and it wraps here

function now() {
    return new Promise((done, failed) => {
        let text = '';
        const socket = connect({ path: control }, () => socket.end('time 0\n'));
        socket.on('data', (data) => { text += data; });
        socket.on('end', () => done(JSON.parse(text)));
        socket.on('error', failed);
    });
}

const core = new CortexM(new TcpTransport(port), 1, 24000000);
const bytes = readFileSync(file);
await core.connect();
await core.halt();
await core.writeMem32(0x40000204, (await core.readMem32(0x40000204)) | 7 << 20); // SRAM's clocks
const before = await now();
for (let at = 0; at < bytes.length; at += WINDOW) {
    const part = new Uint8Array(bytes.subarray(at, at + WINDOW));
    await core.writeBlock(0x20000000 + at, new Uint32Array(part.buffer));
}
const after = await now();
await core.disconnect();
console.log(`dapjs_us=${after.us - before.us} dapjs_packets=${after.packets - before.packets}`);

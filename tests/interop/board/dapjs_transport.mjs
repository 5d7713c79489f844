// SPDX-License-Identifier: MIT
// dapjs's way to a probe over TCP: OpenOCD's framing of CMSIS-DAP, "DAP\0", length, 1 (request) or 2
// (response), 0. One packet under way at a time: dapjs knows no more.
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { resolve } from 'node:path';

// The package is where the program runs, not where this file lies.
export const { CortexM } = createRequire(resolve('package.json'))('dapjs');

export class TcpTransport {
    packetSize = 512;
    #socket;
    #received = Buffer.alloc(0);
    #wake = () => {};
    #closed = false;

    constructor(port) {
        this.port = Number(port);
    }

    open() {
        return new Promise((done, failed) => {
            this.#socket = connect({ host: '127.0.0.1', port: this.port, noDelay: true }, done);
            this.#socket.once('error', failed);
            this.#socket.on('data', (data) => {
                this.#received = Buffer.concat([this.#received, data]);
                this.#wake();
            });
            this.#socket.on('close', () => {
                this.#closed = true;
                this.#wake();
            });
        });
    }

    async close() {
        this.#socket.end();
    }

    async write(data) {
        const body = Buffer.from(data.buffer ?? data);
        const head = Buffer.from([0x44, 0x41, 0x50, 0, body.length & 255, body.length >> 8, 1, 0]);
        this.#socket.write(Buffer.concat([head, body]));
    }

    async read() {
        const whole = () => this.#received.length >= 8 && this.#received.length >= 8 + this.#received.readUInt16LE(4);
        while (!whole()) {
            if (this.#closed) throw new Error('connection closed');
            await new Promise((wake) => { this.#wake = wake; });
        }
        const end = 8 + this.#received.readUInt16LE(4);
        const body = new Uint8Array(this.#received.subarray(8, end)); // a buffer of its own
        this.#received = this.#received.subarray(end);
        return new DataView(body.buffer);
    }
}

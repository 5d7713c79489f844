// SPDX-License-Identifier: MIT
// dapjs against virtual-board: over TCP, by a transport of a few lines. Prints a line "ok NAME" or
// "not ok NAME: why" per check.
// usage: node dapjs.mjs PORT open|closed|erase-only CLIENT FOLDER DEVAUTH BREAK_ADDRESS
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { CortexM, TcpTransport } from './dapjs_transport.mjs';

const [port, level, client, folder, devauth, breakText] = process.argv.slice(2);
const breakAddress = Number(breakText);

const DHCSR = 0xe000edf0, DEMCR = 0xe000edfc, AIRCR = 0xe000ed0c, CPUID = 0xe000ed00, VTOR = 0xe000ed08;
const FP_CTRL = 0xe0002000, FP_COMP0 = 0xe0002008;
const STEP = 0xa05f0005, HALT = 0xa05f0003;
const REGISTER_MSP = 17, REGISTER_PSR = 16, REGISTER_PC = 15, REGISTER_LR = 14, REGISTER_SP = 13;
const PAGE = 1024; // dapjs writes TAR once a call: it must not cross what TAR wraps in

const hex = (value) => '0x' + (value >>> 0).toString(16).padStart(8, '0');
let failures = 0;

async function check(name, body) {
    try {
        await body();
        console.log(`ok ${client}: ${name}`);
    } catch (error) {
        failures++;
        console.log(`not ok ${client}: ${name}: ${String(error.message ?? error).replace(/\s+/g, ' ')}`);
        await core.writeDP(0, 0x1e).catch(() => {}); // sticky errors, for the next check
    }
}

function want(what, got, wanted) {
    if (!isDeepStrictEqual(got, wanted)) throw new Error(`${what} is ${got}, not ${wanted}`);
}

async function wantWord(address, wanted) {
    want(hex(address), hex(await core.readMem32(address)), hex(wanted));
}

async function wantRegister(number, wanted) {
    want(`register ${number}`, hex(await core.readCoreRegister(number)), hex(wanted));
}

async function wantRefused(body) {
    let refused = false;
    await body().catch(() => { refused = true; });
    await core.writeDP(0, 0x1e);
    if (!refused) throw new Error('it was done');
}

async function put(address, bytes) {
    const padded = Buffer.alloc((bytes.length + 3) & ~3);
    bytes.copy(padded);
    for (let at = 0; at < padded.length; at += PAGE) {
        const part = new Uint8Array(padded.subarray(at, at + PAGE));
        await core.writeBlock(address + at, new Uint32Array(part.buffer));
    }
}

async function get(address, length) {
    const parts = [];
    for (let at = 0; at < length; at += PAGE)
        parts.push(Buffer.from((await core.readBlock(address + at, Math.min(PAGE, length - at) / 4)).buffer));
    return Buffer.concat(parts);
}

async function awaitHalt() {
    for (let i = 0; i < 2000; i++)
        if (await core.isHalted()) return;
    throw new Error('it does not halt');
}

async function step() {
    await core.writeMem32(DHCSR, STEP);
    await awaitHalt();
}

async function loadDevauth() {
    const image = readFileSync(devauth);
    await core.halt();
    await put(0x20000000, image);
    await core.writeCoreRegister(REGISTER_MSP, image.readUInt32LE(0));
    await core.writeCoreRegister(REGISTER_PC, image.readUInt32LE(4) & ~1);
    await core.writeCoreRegister(REGISTER_PSR, 0x01000000);
    await core.writeMem32(VTOR, 0x20000000);
    return image;
}

async function stopTwiceAtBreak() {
    for (let i = 0; i < 2; i++) {
        await core.resume(false);
        await awaitHalt();
        await wantRegister(REGISTER_PC, breakAddress);
        if (i === 0) await stepOver();
    }
}

let stepOver = async () => {};

async function open() {
    await check('finds a Cortex-M23', () => wantWord(CPUID, 0x411cd200));
    await check('halts', async () => {
        await core.halt();
        want('halted', await core.isHalted(), true);
    });
    await check('writes and reads core registers', async () => {
        const numbers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, REGISTER_LR, REGISTER_SP];
        for (const n of numbers) await core.writeCoreRegister(n, 0x20000100 + 0x1010 * n);
        for (const n of numbers) await wantRegister(n, 0x20000100 + 0x1010 * n);
    });
    await check('an SRAM bank without its clock keeps nothing', async () => {
        await core.writeMem32(0x20008000, 0x12345678);
        await wantWord(0x20008000, 0);
    });
    await check('128 KiB to SRAM and back', async () => {
        const bytes = readFileSync(`${folder}/in.bin`);
        await core.writeMem32(0x40000204, (await core.readMem32(0x40000204)) | 7 << 20);
        await put(0x20000000, bytes);
        want('what was written', Buffer.compare(await get(0x20000000, bytes.length), bytes), 0);
    });
    await check('half words', async () => {
        await core.writeMem32(0x20000100, 0x11223344);
        await core.writeMem16(0x20000102, 0xaabb);
        await wantWord(0x20000100, 0xaabb3344);
    });
    await check('steps', async () => {
        await put(0x20000000, Buffer.from('072001300146fee7', 'hex'));
        await core.writeCoreRegister(REGISTER_PC, 0x20000000);
        await core.writeCoreRegister(REGISTER_PSR, 0x01000000);
        await step();
        await wantRegister(0, 7);
        await step();
        await wantRegister(0, 8);
        await step();
        await wantRegister(1, 8);
        await wantRegister(REGISTER_PC, 0x20000006);
    });
    await check('a software breakpoint in DevAuth', async () => {
        await loadDevauth();
        const word = await core.readMem32(breakAddress & ~3);
        const insert = () => core.writeMem16(breakAddress, 0xbe00);
        stepOver = async () => {
            await core.writeMem32(breakAddress & ~3, word);
            await step();
            await insert();
        };
        await insert();
        await stopTwiceAtBreak();
    });
    await check('a hardware breakpoint in DevAuth', async () => {
        await loadDevauth();
        stepOver = async () => {
            await core.writeMem32(FP_COMP0, 0);
            await step();
            await core.writeMem32(FP_COMP0, breakAddress | 1);
        };
        await core.writeMem32(FP_CTRL, 3);
        await core.writeMem32(FP_COMP0, breakAddress | 1);
        await stopTwiceAtBreak();
    });
    await check('DevAuth runs on: its mailbox is ready', async () => {
        await core.writeMem32(FP_COMP0, 0);
        const image = await loadDevauth();
        await core.resume();
        for (let i = 0; await core.readMem32(image.readUInt32LE(24)) !== 0x584d4d48; i++)
            if (i === 2000) throw new Error('no magic word');
        await core.halt();
    });
    await check('reads flash', async () => {
        const bytes = readFileSync(`${folder}/flash.bin`);
        want('what is there', Buffer.compare(await get(0, bytes.length), bytes), 0);
    });
    await check('a store to flash faults, and the next access does not', async () => {
        const before = await core.readMem32(0x800);
        await wantRefused(() => core.writeMem32(0x800, 0));
        await wantWord(0x800, before);
    });
    await check('a reset with vector catch stops before the first instruction', async () => {
        await core.writeMem32(DEMCR, 1);
        await core.writeMem32(AIRCR, 0x05fa0004);
        await awaitHalt();
        await core.writeMem32(DEMCR, 0);
        await wantRegister(REGISTER_PC, 8);
        await step();
        await wantRegister(0, 1);
    });
    await check('arms the lock; it is open until the next reset', async () => {
        await core.writeMem32(0x4002f600, 0x5a000002); // DPM_CTL: key, LOCK
        await core.writeMem32(0x4002f650, 0x5a000002); // DPM_NSCTL
        await wantWord(CPUID, 0x411cd200);
    });
}

async function locked() {
    const places = { SRAM: 0x20000000, flash: 0, KeyStore: 0x40035000, CPUID };
    await check(`${level}: the debug port still names itself`,
        async () => want('DPIDR', hex(await core.readDP(0)), '0x0bf11477'));
    for (const [what, address] of Object.entries(places)) {
        await check(`${level}: reading ${what} is refused`, () => wantRefused(() => core.readMem32(address)));
        await check(`${level}: writing ${what} is refused`, () => wantRefused(() => core.writeMem32(address, 0)));
    }
    await check(`${level}: the core cannot be halted`, () => wantRefused(() => core.writeMem32(DHCSR, HALT)));
    if (level === 'erase-only')
        await check(`${level}: SYS can be read, to find the part that is to be erased`,
            () => wantWord(0x40000000, 0xa1735440));
    else
        await check(`${level}: SYS cannot be read either`, () => wantRefused(() => core.readMem32(0x40000000)));
}

const core = new CortexM(new TcpTransport(port), 1, 4000000);
await core.connect();
await (level === 'open' ? open() : locked());
await core.disconnect();
process.exitCode = failures === 0 ? 0 : 1;

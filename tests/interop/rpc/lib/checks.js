// SPDX-License-Identifier: MIT
// checks: named checks, a line each: "ok NAME" or "not ok NAME: why".
'use strict';

const assert = require('assert');

const CHECK_TIMEOUT_MS = 60000;
let failed = 0;

// A program that stops before process.exit(exitCode()) has failed, whatever it had checked.
process.exitCode = 1;

function say(line) {
    process.stdout.write(`${line}\n`);
}

function oneLine(error) {
    const words = error && error.message ? error.message : String(error);
    return words.split('\n').filter((line) => line.trim() !== '').slice(0, 6).join(' ');
}

// A promise that nobody waits for any more, because its check has failed at another.
process.on('unhandledRejection', (error) => say(`    ${oneLine(error)}`));

function within(ms, promise, what) {
    let timer;
    const late = new Promise((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms} ms`)), ms);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Runs one check to its end; nothing that it throws ends the others.
async function check(name, body) {
    try {
        await within(CHECK_TIMEOUT_MS, Promise.resolve().then(body), 'its end');
        say(`ok ${name}`);
    } catch (error) {
        failed++;
        say(`not ok ${name}: ${oneLine(error)}`);
    }
}

// The call must fail with that status, and with such words if any are given.
async function refuses(call, status, words) {
    const error = await call.then(
        () => { throw new Error(`was answered, not refused with status ${status}`); },
        (refusal) => refusal);
    if (error.status === undefined) throw error;
    assert.strictEqual(error.status, status, `status ${error.status} (${error.message}), not ${status}`);
    if (words) assert.match(error.message, words);
    return error;
}

function exitCode() {
    return failed === 0 ? 0 : 1;
}

module.exports = { check, refuses, within, say, exitCode };
